"""Deployments: the strict rule, the sentence of `kubectl rollout status`, its own deadline."""

from typing import Any

import pytest

from reconciler.model import health
from tests.verify import examples

STATE = health.State
UPDATED = ("True", "ReplicaSetUpdated")


@pytest.mark.parametrize(
    ("how", "state", "because"),
    [
        ({}, STATE.HEALTHY, "1 object is healthy"),
        ({"want": 0, "updated": 0, "total": 0, "available": 0}, STATE.HEALTHY, "1 object is healthy"),
        ({"observed": 2}, STATE.PROGRESSING, "Deployment web: its controller has seen generation 2 of 3"),
        ({"progressing": UPDATED}, STATE.PROGRESSING, "Deployment web: 0 of 2 new pods are ready"),
        ({"updated": 1}, STATE.PROGRESSING, "Deployment web: 0 of 2 new pods are ready"),
        ({"total": 3}, STATE.PROGRESSING, "Deployment web: 0 of 2 new pods are ready"),
        ({"available": 1}, STATE.PROGRESSING, "Deployment web: 0 of 2 new pods are ready"),
        (
            {"progressing": UPDATED, "spec": {"progressDeadlineSeconds": 2**31 - 1}},
            STATE.HEALTHY,
            "1 object is healthy",
        ),
        (
            {"spec": {"paused": True}, "updated": 1},
            STATE.SUSPENDED,
            "Deployment web: is paused: nothing rolls out until `spec.paused` goes",
        ),
        (
            {"available": 1, "progressing": ("False", "ProgressDeadlineExceeded")},
            STATE.DEGRADED,
            "Deployment web: 0 of 2 new pods are ready, and nothing has moved for 600 s",
        ),
    ],
)
def test_the_strict_rule(how: dict[str, Any], state: health.State, because: str) -> None:
    report = examples.reported([examples.deployment(**how)])
    assert (report.state, report.because) == (state, because)
    assert report.blame is (health.Blame.RELEASE if state is STATE.DEGRADED else None)


def test_a_deployment_nobody_has_looked_at_is_not_complete() -> None:
    fresh = examples.deployment()
    del fresh["status"]
    assert examples.reported([fresh]).state is STATE.PROGRESSING


def test_the_sentence_counts_the_newest_pods() -> None:
    owner = examples.deployment(want=5, updated=5, total=7, available=2, progressing=UPDATED)
    new_set, old_set = examples.replica_set(owner, 2), examples.replica_set(owner, 1)
    ready = [examples.pod(new_set, f"new-{number}") for number in range(2)]
    starting = examples.pod(new_set, "new-9", **examples.waiting("ContainerCreating"))
    old = [examples.pod(old_set, f"old-{number}") for number in range(2)]
    foreign = examples.pod(None, "foreign", **examples.crashed(9))
    report = examples.reported([owner], new_set, old_set, *ready, *old, starting, foreign)
    assert report.because == (
        "Deployment web: 2 of 5 new pods are ready (pod new-9 is waiting: container app: ContainerCreating)"
    )


def test_old_pods_that_are_left_are_waited_for() -> None:
    owner = examples.deployment(want=1, updated=1, total=2, available=2, progressing=UPDATED)
    new_set = examples.replica_set(owner, 2)
    report = examples.reported([owner], new_set, examples.pod(new_set))
    assert report.because == "Deployment web: 1 old pod still to go"


def test_failures_of_the_previous_version_or_of_finished_pods_do_not_count() -> None:
    owner = examples.deployment(updated=1, total=2, available=1, progressing=UPDATED)
    new_set, old_set = examples.replica_set(owner, 2), examples.replica_set(owner, 1)
    others = [
        examples.pod(new_set, "new-1"),
        examples.pod(new_set, "evicted", phase="Failed", reason="Evicted", conditions=[]),
        examples.pod(old_set, "old-1", **examples.crashed(9)),
        examples.pod(new_set, "going", **examples.crashed(9)) | {},
    ]
    others[-1]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert examples.reported([owner], new_set, old_set, *others).state is STATE.PROGRESSING


def test_its_own_deadline_is_the_world_s_where_the_previous_version_does_not_serve_either() -> None:
    owner = examples.deployment(updated=1, total=2, available=0, progressing=("False", "ProgressDeadlineExceeded"))
    new_set, old_set = examples.replica_set(owner, 2), examples.replica_set(owner, 1)
    new, old = (examples.pod(one, f"{word}-1", **examples.unready()) for one, word in ((new_set, "n"), (old_set, "o")))
    assert examples.reported([owner], new_set, old_set, new, old).blame is health.Blame.WORLD
    assert examples.reported([owner], new_set, old_set, new, examples.pod(old_set)).blame is health.Blame.RELEASE


def test_a_replica_set_of_its_own() -> None:
    alone = examples.found(
        "apps/v1",
        "ReplicaSet",
        spec={"replicas": 2, "selector": {"matchLabels": examples.LABELS}},
        status={"observedGeneration": 1, "replicas": 2, "readyReplicas": 2, "availableReplicas": 2},
    )
    assert examples.reported([alone]).state is STATE.HEALTHY
    alone["status"]["readyReplicas"] = 1
    assert examples.reported([alone]).because == "ReplicaSet web: 1 of 2 pods are ready"
    failing = examples.pod(alone, **examples.crashed(3))
    assert examples.reported([alone], failing).blame is health.Blame.RELEASE
