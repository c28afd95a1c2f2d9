"""StatefulSets and DaemonSets, which never fail by themselves."""

from typing import Any

import pytest

from reconciler.model import health
from tests.verify import examples

STATE = health.State


def stateful_set(strategy: examples.Doc | None = None, spec: examples.Doc | None = None, **status: Any) -> examples.Doc:
    """Three ready pods, complete unless told otherwise."""
    said = {
        "observedGeneration": 1,
        "replicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "updatedReplicas": 3,
        "currentRevision": "new",
        "updateRevision": "new",
    }
    wanted = {
        "replicas": 3,
        "selector": {"matchLabels": examples.LABELS},
        "updateStrategy": strategy or {"type": "RollingUpdate"},
        **(spec or {}),
    }
    return examples.found("apps/v1", "StatefulSet", spec=wanted, status=said | status)


def daemon_set(strategy: str = "RollingUpdate", **status: Any) -> examples.Doc:
    said = {
        "observedGeneration": 1,
        "desiredNumberScheduled": 3,
        "currentNumberScheduled": 3,
        "updatedNumberScheduled": 3,
        "numberAvailable": 3,
    }
    return examples.found(
        "apps/v1",
        "DaemonSet",
        metadata={"annotations": {"deprecated.daemonset.template.generation": "2"}},
        spec={"selector": {"matchLabels": examples.LABELS}, "updateStrategy": {"type": strategy}},
        status=said | status,
    )


def labelled(made: examples.Doc, **labels: str) -> examples.Doc:
    made["metadata"]["labels"] |= {word.replace("_", "-"): value for word, value in labels.items()}
    return made


def partition(number: int) -> examples.Doc:
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": number}}


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (stateful_set(), STATE.HEALTHY),
        (stateful_set(observedGeneration=0), STATE.PROGRESSING),
        (stateful_set(readyReplicas=2), STATE.PROGRESSING),
        (stateful_set(availableReplicas=2), STATE.PROGRESSING),
        (stateful_set(replicas=4), STATE.PROGRESSING),
        (stateful_set(currentRevision="old"), STATE.PROGRESSING),
        (stateful_set(partition(2), currentRevision="old", updatedReplicas=1), STATE.HEALTHY),
        (stateful_set(partition(2), currentRevision="old", updatedReplicas=0), STATE.PROGRESSING),
        (stateful_set(partition(9), currentRevision="old", updatedReplicas=0), STATE.HEALTHY),
        (stateful_set({"type": "OnDelete"}, currentRevision="old", updatedReplicas=0), STATE.HEALTHY),
        (stateful_set({"type": "OnDelete"}, readyReplicas=2), STATE.PROGRESSING),
        (stateful_set(spec={"replicas": 0}, replicas=0, readyReplicas=0, availableReplicas=0), STATE.HEALTHY),
        (daemon_set(), STATE.HEALTHY),
        (daemon_set(observedGeneration=0), STATE.PROGRESSING),
        (daemon_set(updatedNumberScheduled=2), STATE.PROGRESSING),
        (daemon_set(currentNumberScheduled=2), STATE.PROGRESSING),
        (daemon_set(numberAvailable=2), STATE.PROGRESSING),
        (daemon_set("OnDelete", updatedNumberScheduled=0), STATE.HEALTHY),
        (daemon_set("OnDelete", numberAvailable=2), STATE.PROGRESSING),
        (
            daemon_set(desiredNumberScheduled=0, currentNumberScheduled=0, updatedNumberScheduled=0, numberAvailable=0),
            STATE.HEALTHY,
        ),
    ],
)
def test_the_counts(found: examples.Doc, state: health.State) -> None:
    assert examples.reported([found]).state is state


def test_a_status_that_was_never_written_is_not_complete() -> None:
    for fresh in (stateful_set(), daemon_set()):
        del fresh["status"]
        assert examples.reported([fresh]).state is STATE.PROGRESSING


def test_only_pods_of_the_newest_revision_fail_a_stateful_set() -> None:
    rolling = stateful_set(readyReplicas=2, currentRevision="old", updatedReplicas=1)
    serving = labelled(examples.pod(rolling, "web-0"), controller_revision_hash="old")
    broken = examples.pod(rolling, "web-2", **examples.crashed(3))
    report = examples.reported([rolling], serving, labelled(broken, controller_revision_hash="new"))
    assert (report.state, report.blame) == (STATE.DEGRADED, health.Blame.RELEASE)
    report = examples.reported([rolling], serving, labelled(broken, controller_revision_hash="old"))
    assert report.state is STATE.PROGRESSING


def test_a_pod_that_ordered_ready_never_replaces_is_named() -> None:
    reverting = stateful_set(readyReplicas=2, currentRevision="old", updatedReplicas=0)
    broken = labelled(examples.pod(reverting, "web-2", **examples.unready()), controller_revision_hash="failed")
    because = "pod web-2 of another version is not ready and is not replaced until it is deleted"
    assert because in examples.reported([reverting], broken).because
    reverting["spec"]["podManagementPolicy"] = "Parallel"
    assert because not in examples.reported([reverting], broken).because


def test_only_pods_of_the_newest_template_fail_a_daemon_set() -> None:
    rolling = daemon_set(updatedNumberScheduled=1, numberAvailable=2)
    newest = {"pod_template_generation": "2", "controller_revision_hash": "new"}
    kept = {"pod_template_generation": "1", "controller_revision_hash": "new"}  # from before a revert to this template
    old = {"pod_template_generation": "1", "controller_revision_hash": "old"}
    serving = labelled(examples.pod(rolling, "a"), **old)
    marker = labelled(examples.pod(rolling, "b"), **newest)

    def report(labels: dict[str, str]) -> health.Report:
        return examples.reported(
            [rolling], serving, marker, labelled(examples.pod(rolling, "c", **examples.crashed(3)), **labels)
        )

    assert report(newest).blame is health.Blame.RELEASE
    assert report(kept).blame is health.Blame.RELEASE
    assert report(old).because == "DaemonSet web: 1 of 3 new pods are ready"


def test_a_daemon_set_says_how_far_it_is() -> None:
    rolling = daemon_set(updatedNumberScheduled=1, numberAvailable=2)
    pod = labelled(examples.pod(rolling, "a", **examples.waiting("ContainerCreating")), pod_template_generation="2")
    assert examples.reported([rolling], pod).because == (
        "DaemonSet web: 0 of 3 new pods are ready (pod a is waiting: container app: ContainerCreating)"
    )
