"""Who belongs below whom, where the reason is, and which logs tell it."""

from typing import Any

import pytest

from reconciler.model import document, health, ids, live, metadata
from reconciler.verify import branches, judgement
from tests.verify import examples

OVER = judgement.Patience(restarts=3, spent=600.0, deadline=600.0, observing=True)
POD, REPLICA_SET = ids.KindKey("", "Pod"), ids.KindKey("apps", "ReplicaSet")
DEPLOYMENT = examples.found("apps/v1", "Deployment", spec={"replicas": 1}, status={"observedGeneration": 1})
SET = examples.found("apps/v1", "ReplicaSet", "web-1", metadata=examples.owned(DEPLOYMENT), spec={"replicas": 1})
WEB = ids.ObjectKey("apps", "Deployment", "web", "web")


def pod(name: str = "web-1-a", *, owner: dict[str, Any] = SET, **status: Any) -> dict[str, Any]:
    return examples.found("v1", "Pod", name, metadata=examples.owned(owner), status=status)


def live_object(body: dict[str, Any]) -> live.LiveObject:
    group, slash, _ = body["apiVersion"].rpartition("/")
    return live.LiveObject(
        metadata.meta(body, ids.KindKey(group if slash else "", body["kind"])), document.encode(body)
    )


def found(*bodies: dict[str, Any], unread: Any = None, unlisted: Any = None) -> branches.Found:
    objects = [live_object(body) for body in bodies]
    return branches.Found({one.meta.key: one for one in objects}, unread or {}, unlisted or {})


def container(name: str = "web", **more: Any) -> dict[str, Any]:
    return {"name": name, "ready": False, "restartCount": 0, **more}


def test_pods_stand_below_their_replica_set_below_its_deployment() -> None:
    stranger = examples.found("v1", "Pod", "other")
    (node,) = branches.grow([WEB], found(DEPLOYMENT, SET, pod(), stranger), patience=OVER)
    (below,) = node.children
    (leaf,) = below.children
    assert [one.key.name for one in (node, below, leaf)] == ["web", "web-1", "web-1-a"]
    assert [one.key for one in branches.leaves([node])] == [leaf.key]


def test_a_failing_object_above_healthy_ones_is_the_leaf() -> None:
    well = pod(phase="Running", conditions=examples.conditions(Ready="True"))
    own = examples.found("batch/v1", "Job", "web", status={"conditions": examples.conditions(Failed=("True", "Why"))})
    key = ids.ObjectKey("batch", "Job", "web", "web")
    (node,) = branches.grow([key], found(own, pod(owner=own) | {"status": well["status"]}), patience=OVER)
    assert [one.key for one in branches.leaves([node])] == [key]


def test_what_is_missing_and_what_could_not_be_read_differ() -> None:
    nodes = branches.grow(
        [WEB, ids.ObjectKey("", "ConfigMap", "web", "a"), ids.ObjectKey("", "Secret", "web", "b")],
        found(
            DEPLOYMENT,
            unread={ids.ObjectKey("", "Secret", "web", "b"): "forbidden"},
            unlisted={(POD, "web"): "pods may not be listed"},
        ),
        patience=OVER,
    )
    assert [node.state for node in nodes[1:]] == [health.State.MISSING, health.State.UNKNOWN]
    assert [node.unread for node in nodes] == [("pods may not be listed",), (), ("forbidden",)]


def test_a_kind_without_health_is_well_when_it_is_there() -> None:
    key = ids.ObjectKey("", "ConfigMap", "web", "settings")
    (node,) = branches.grow([key], found(examples.found("v1", "ConfigMap", "settings")), patience=OVER)
    assert (node.state, node.because) == (health.State.HEALTHY, "exists")


def test_only_what_has_children_is_listed_beside() -> None:
    assert branches.spans([WEB, ids.ObjectKey("", "ConfigMap", "shop", "a")]) == ((POD, "web"), (REPLICA_SET, "web"))


ENDED = {"terminated": {"exitCode": 1}}


@pytest.mark.parametrize(
    ("statuses", "asked"),
    [
        ([], []),
        ([container(ready=True)], []),
        ([container(state={"waiting": {"reason": "ImagePullBackOff"}})], []),
        ([container(state={"running": {}})], [("web", False)]),
        ([container(state=ENDED)], [("web", False)]),
        ([container(state={"terminated": {"exitCode": 0}})], []),
        ([container(state={"waiting": {"reason": "CrashLoopBackOff"}}, restartCount=2)], [("web", True)]),
        ([container(state={"waiting": {"reason": "CrashLoopBackOff"}}, lastState=ENDED)], [("web", True)]),
        ([container(state={"running": {}}, restartCount=2, lastState=ENDED)], [("web", False)]),
        ([container("a", state=ENDED), container("b", ready=True)], [("a", False)]),
    ],
)
def test_the_logs_that_are_asked_for(statuses: list[dict[str, Any]], asked: list[tuple[str, bool]]) -> None:
    its = pod(containerStatuses=statuses, initContainerStatuses=[container("first", ready=True)])
    assert [(one.container, one.previous) for one in branches.questions(its)] == asked
