"""Jobs over minutes, and how their indexes are written."""

import pytest

from reconciler.model import document
from reconciler.sandbox.controllers import counting, jobs, world
from tests.sandbox.controllers import laboratory


def started(image: str, *, restart: str = "Never", **spec: document.JsonValue) -> laboratory.Laboratory:
    made = laboratory.Laboratory()
    pods = {"containers": [{"name": "app", "image": image}], "restartPolicy": restart}
    made.create(jobs.KIND, spec={"template": {"metadata": {"labels": {"job": "web"}}, "spec": pods}, **spec})
    return made


def births(made: laboratory.Laboratory) -> list[int]:
    """The seconds at which pods were made."""
    return [int(time) for time, one in made.heard if one.stored.key.kind_key == world.POD and one.before is None]


def test_failed_pods_are_replaced_after_longer_and_longer_pauses() -> None:
    made = started("job:v1-job-fails", backoffLimit=3)
    made.passes(600)
    assert births(made) == [0, 10, 30, 70]
    assert jobs.finished(made.body(jobs.KIND))
    assert document.number(made.status(jobs.KIND), "failed") == 4
    assert made.passes(100_000) == 0


def test_a_lost_pod_is_replaced_and_counts_as_failed() -> None:
    made = started("job:v1-image-pull-error")
    made.passes(5)
    (pod,) = made.objects.of_kind(world.POD)
    made.objects.delete(pod.key)
    made.passes(60)
    (other,) = made.objects.of_kind(world.POD)
    assert other.key != pod.key
    assert document.number(made.status(jobs.KIND), "failed") == 1
    assert document.number(made.status(jobs.KIND), "active") == 1


def test_the_deadline_counts_from_the_start_and_not_while_suspended() -> None:
    made = started("job:v1-never-ready", activeDeadlineSeconds=60, suspend=True)
    made.passes(600)
    assert not jobs.finished(made.body(jobs.KIND))
    made.edit(jobs.KIND, lambda spec: spec.update(suspend=False))
    made.passes(50)
    assert not jobs.finished(made.body(jobs.KIND))
    made.passes(20)
    assert jobs.finished(made.body(jobs.KIND))


def test_a_time_to_live_ends_the_job_and_its_pods() -> None:
    made = started("job:v1", ttlSecondsAfterFinished=100)
    made.passes(90)
    assert len(made.objects.of_kind(world.POD)) == 1
    made.passes(20)
    assert made.objects.of_kind(jobs.KIND) == made.objects.of_kind(world.POD) == ()


@pytest.mark.parametrize(
    ("indexes", "text"),
    [((), ""), ((0,), "0"), ((0, 1), "0,1"), ((0, 1, 2), "0-2"), ((1, 3, 4, 5, 7, 8), "1,3-5,7,8")],
)
def test_indexes_are_written_as_kubernetes_writes_them(indexes: tuple[int, ...], text: str) -> None:
    assert counting.ranges(indexes) == text
    assert counting.parsed(text) == set(indexes)
