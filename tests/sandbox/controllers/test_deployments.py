"""Deployments in virtual time: what a contract would have to wait for."""

import pytest

from reconciler.model import document
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import deployments, world
from tests.sandbox.controllers import laboratory

QUARTERS: document.Json = {
    "type": "RollingUpdate",
    "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
}


def deployed(image: str = "web:v1", *, replicas: int = 5, **spec: document.JsonValue) -> laboratory.Laboratory:
    """A laboratory in which a Deployment has been made and time has passed."""
    made = laboratory.Laboratory()
    whole: document.Json = {
        **laboratory.workload(image, replicas=replicas),
        "strategy": QUARTERS,
        "progressDeadlineSeconds": 600,
        "revisionHistoryLimit": 10,
        **spec,
    }
    made.create(deployments.KIND, spec=whole)
    made.passes(10)
    return made


def counts(made: laboratory.Laboratory) -> tuple[int, ...]:
    words = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return tuple(document.number(made.status(deployments.KIND), word) for word in words)


def progress(made: laboratory.Laboratory) -> str:
    said = document.items(made.status(deployments.KIND), "conditions")
    return next(document.text(one, "reason") for one in said if isinstance(one, dict) and one["type"] == "Progressing")


def images(made: laboratory.Laboratory) -> set[str]:
    return {
        document.text(container, "image")
        for pod in made.objects.of_kind(world.POD)
        for container in document.items(pod.body, "spec", "containers")
        if isinstance(container, dict)
    }


def test_a_rollout_goes_through_and_then_nothing_moves() -> None:
    made = deployed()
    made.edit(deployments.KIND, laboratory.set_image("web:v2"))
    assert made.passes(10) > 0
    assert (counts(made), progress(made), images(made)) == ((5, 5, 5, 5), "NewReplicaSetAvailable", {"web:v2"})
    assert made.passes(10_000) == 0


def test_the_same_steps_have_the_same_history_byte_for_byte() -> None:
    def history() -> bytes:
        made = deployed()
        made.edit(deployments.KIND, laboratory.set_image("web:v2-crash-loop"))
        made.passes(700)
        made.edit(deployments.KIND, laboratory.set_image("web:v1"))
        made.passes(10)
        return made.history()

    assert history() == history()


def test_a_stuck_rollout_costs_nothing_until_its_deadline_and_nothing_after_it() -> None:
    made = deployed()
    made.edit(deployments.KIND, laboratory.set_image("web:v2-never-ready"))
    made.passes(5)
    assert (counts(made), progress(made)) == ((7, 3, 4, 4), "ReplicaSetUpdated")
    assert made.passes(580) == 0
    assert made.passes(100) == 2  # the deadline itself, and a look at what it wrote
    assert progress(made) == "ProgressDeadlineExceeded"
    assert made.passes(10_000) == 0


def test_refused_pods_are_tried_again_after_longer_and_longer_pauses() -> None:
    made = laboratory.Laboratory()
    quota: document.Json = {"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"pods": "1"}}}
    quota["metadata"] = {"name": "small", "namespace": laboratory.NAMESPACE}
    kept = made.objects.create(quota, manager="somebody")
    assert isinstance(kept, objects.Stored)
    made.create(deployments.KIND, spec={**laboratory.workload("web:v1"), "progressDeadlineSeconds": 7200})
    made.passes(10)
    assert made.passes(3600) < 20
    assert len(made.objects.of_kind(world.POD)) == 1
    made.objects.delete(kept.key)
    made.passes(2000)
    assert counts(made) == (2, 2, 2, 2)


FOREVER = 2**31 - 1


def hold(spec: document.Json, image: str, surge: int) -> None:
    """New pods become ready and never available, so that the controller makes `surge` of them and stops."""
    rolling: document.Json = {"maxSurge": surge, "maxUnavailable": 0}
    spec |= {
        "template": laboratory.template(image),
        "minReadySeconds": FOREVER - 1,
        "progressDeadlineSeconds": FOREVER,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
    }


def release(spec: document.Json, image: str) -> None:
    spec |= {"template": laboratory.template(image), "minReadySeconds": 0, "progressDeadlineSeconds": 600}


def sets(made: laboratory.Laboratory) -> dict[str, int]:
    """The sizes of the ReplicaSets by their image."""
    found = {}
    for one in made.objects.of_kind(world.REPLICA_SET):
        containers = document.items(one.body, "spec", "template", "spec", "containers")
        first = containers[0] if isinstance(containers[0], dict) else {}
        found[document.text(first, "image")] = document.number(one.body, "spec", "replicas")
    return found


@pytest.mark.parametrize(("replicas", "surge"), [(1, 1), (3, 1), (10, 3), (10, 10), (37, 5)])
def test_a_held_rollout_stops_at_its_surge_and_an_abort_makes_no_pod(replicas: int, surge: int) -> None:
    """As seen on the real control plane."""
    made = deployed(replicas=replicas)
    made.edit(deployments.KIND, lambda spec: hold(spec, "web:v2", surge))
    made.passes(600)
    assert sets(made) == {"web:v1": replicas, "web:v2": surge}
    assert counts(made) == (replicas + surge, surge, replicas + surge, replicas)
    before = len(made.heard)
    made.edit(deployments.KIND, lambda spec: release(spec, "web:v1"))
    made.passes(600)
    assert sets(made) == {"web:v1": replicas, "web:v2": 0}
    born = [one for _, one in made.heard[before:] if one.stored.key.kind_key == world.POD and one.before is None]
    assert born == []


def test_a_held_rollout_is_scaled_as_a_real_one() -> None:
    made = deployed(replicas=10)
    made.edit(deployments.KIND, lambda spec: hold(spec, "web:v2", 3))
    made.passes(600)
    for replicas, old, new in ((20, 18, 5), (5, 5, 3)):
        made.edit(deployments.KIND, lambda spec, replicas=replicas: spec.update(replicas=replicas))
        made.passes(600)
        assert sets(made) == {"web:v1": old, "web:v2": new}
