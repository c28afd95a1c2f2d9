"""What stands between a failed release and the old template: what still moves, and what nothing else would move."""

from typing import Any

import pytest

from reconciler.model import document, ids, live, manifests
from reconciler.rollout import quiet, scaling, stuck

Doc = dict[str, Any]
WEB = ids.ObjectKey("apps", "Deployment", "web", "web")
SET = ids.ObjectKey("apps", "StatefulSet", "web", "web")


def held(*found: Doc) -> dict[ids.ObjectKey, live.LiveObject]:
    """What the watches hold."""
    made = {}
    for body in found:
        group = body["apiVersion"].rpartition("/")[0]
        metadata = body["metadata"]
        key = ids.ObjectKey(group, body["kind"], "web", metadata["name"])
        deleting = "deletionTimestamp" in metadata
        meta = live.LiveMeta(key, metadata["uid"], "1", "", "", controlled=False, deleting=deleting)
        made[key] = live.LiveObject(meta, document.encode(body))
    return made


def owned(uid: str) -> Doc:
    return {"ownerReferences": [{"uid": uid, "controller": True}]}


def deployment(*, observed: int = 2, updated: int = 3, available: int = 10, paused: bool = True) -> Doc:
    status = {
        "observedGeneration": observed,
        "replicas": 13,
        "updatedReplicas": updated,
        "availableReplicas": available,
    }
    spec = {"replicas": 10, "paused": True} if paused else {"replicas": 10}
    metadata = {"name": "web", "uid": "d", "generation": 2}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec, "status": status}


def replica_set(name: str, wanted: int, has: int, *, terminating: int = 0, refused: bool = False) -> Doc:
    status: Doc = {"replicas": has, "terminatingReplicas": terminating}
    if refused:
        status["conditions"] = [{"type": "ReplicaFailure", "status": "True"}]
    metadata = {"name": name, "uid": name, **owned("d")}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": metadata,
        "spec": {"replicas": wanted},
        "status": status,
    }


OLD, NEW = replica_set("old", 10, 10), replica_set("new", 3, 3)


@pytest.mark.parametrize(
    ("objects", "paused", "moves"),
    [
        ((), False, False),  # it has gone: there is nothing to stop
        ((deployment(), OLD, NEW), False, True),
        ((deployment(), OLD, NEW), True, False),
        ((deployment(observed=1), OLD, NEW), True, True),
        ((deployment(paused=False), OLD, NEW), True, True),
        ((deployment(), OLD, replica_set("new", 3, 1)), True, True),
        ((deployment(), OLD, replica_set("new", 3, 5)), True, True),
        ((deployment(), OLD, replica_set("new", 3, 3, terminating=1)), True, True),
        ((deployment(), OLD, replica_set("new", 3, 0, refused=True)), True, False),  # by a quota: it never gets them
        ((deployment(), OLD, replica_set("new", 3, 5, refused=True)), True, True),
        ((deployment(updated=13, available=13),), False, False),  # complete: nothing moves
    ],
)
def test_what_moves(objects: tuple[Doc, ...], paused: bool, moves: bool) -> None:
    found = quiet.moving((WEB,), held(*objects), paused=frozenset({WEB} if paused else ()))
    assert found == ((WEB,) if moves else ())


def test_only_the_named_deployments_are_paused() -> None:
    other = ids.ObjectKey("apps", "Deployment", "web", "api")
    paused = quiet.paused(wanted(WEB, other), (WEB,), good=wanted(WEB, other))
    bodies = [manifest.document()["spec"] for manifest in paused.manifests]
    assert bodies == [{"replicas": 2, "paused": True}, {"replicas": 2}]


@pytest.mark.parametrize(
    ("good", "failed", "stopped"),
    [
        ({"replicas": 2}, {"replicas": 3}, {"replicas": 2}),
        ({"replicas": 3}, {"replicas": 2}, {"replicas": 2}),  # more come with the old template
        ({}, {"replicas": 3}, {"replicas": 3}),
        ({"replicas": 2}, {}, {}),  # somebody else may say how many
        (None, {"replicas": 3}, {"replicas": 3}),  # the failed release brought it
    ],
)
def test_a_pause_keeps_no_more_pods_than_are_wanted_back(good: Doc | None, failed: Doc, stopped: Doc) -> None:
    found = quiet.paused(said(WEB, failed), (WEB,), good=wanted() if good is None else said(WEB, good))
    assert found.manifests[0].document()["spec"] == {**stopped, "paused": True}


def test_without_pods_and_without_autoscalers() -> None:
    job = ids.ObjectKey("batch", "Job", "web", "migrate")
    autoscaler = ids.ObjectKey("autoscaling", "HorizontalPodAutoscaler", "web", "web")
    down = scaling.down(wanted(WEB, SET, job, autoscaler))
    found = {manifest.key: manifest.document()["spec"] for manifest in down.manifests}
    assert found == {WEB: {"replicas": 0}, SET: {"replicas": 0}, job: {"replicas": 2}}


def wanted(*keys: ids.ObjectKey) -> manifests.ManifestSet:
    return manifests.ManifestSet(tuple(manifest for key in keys for manifest in said(key, {"replicas": 2}).manifests))


def said(key: ids.ObjectKey, spec: Doc) -> manifests.ManifestSet:
    body, origin = document.encode({"spec": spec}), manifests.Origin("web.yaml", 1)
    return manifests.ManifestSet((manifests.Manifest(key, "v1", body, origin),))


def stateful(*, observed: int = 3, policy: str = "OrderedReady") -> Doc:
    status = {"observedGeneration": observed, "updateRevision": "web-old"}
    metadata = {"name": "web", "uid": "s", "generation": 3}
    spec = {"podManagementPolicy": policy}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec, "status": status}


def pod(version: str = "web-failed", *, ready: str = "False", owner: str = "s", **metadata: Any) -> Doc:
    made = {"name": "web-2", "uid": "p", "labels": {"controller-revision-hash": version}, **owned(owner), **metadata}
    status = {"conditions": [{"type": "Ready", "status": ready}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "status": status}


@pytest.mark.parametrize(
    ("found", "pods", "deleted"),
    [
        (stateful(), pod(), True),
        (stateful(observed=2), pod(), False),  # the old template is not seen yet
        (stateful(policy="Parallel"), pod(), False),  # not stuck
        (stateful(), pod(ready="True"), False),  # it serves: the controller replaces it in its turn
        (stateful(), pod("web-old"), False),
        (stateful(), pod(""), False),
        (stateful(), pod(owner="another"), False),
        (stateful(), pod(deletionTimestamp="2026-01-01T00:00:00Z"), False),
    ],
)
def test_which_pod_of_a_stateful_set_is_deleted(found: Doc, pods: Doc, deleted: bool) -> None:
    changes = stuck.stuck((SET,), held(found, pods))
    assert [(change.key.name, change.uid) for change in changes] == ([("web-2", "p")] if deleted else [])


def test_a_stateful_set_that_is_not_ours_is_not_looked_at() -> None:
    assert stuck.stuck((WEB,), held(stateful(), pod())) == ()
