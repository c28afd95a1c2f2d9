"""DaemonSets on the one node."""

import pytest

from tests.contracts.release import DAEMON_SET, Release, plain, workload
from tests.contracts.worlds import World

WELL = {
    "currentNumberScheduled": 1,
    "desiredNumberScheduled": 1,
    "numberMisscheduled": 0,
    "numberReady": 1,
    "numberAvailable": 1,
    "updatedNumberScheduled": 1,
}


@pytest.fixture
def release(world: World) -> Release:
    return Release(world)


async def apply(release: Release, image: str, **spec: object) -> None:
    await release.apply("apps/v1", "DaemonSet", spec={**workload(image), **spec})


async def becomes(release: Release, image: str, status: dict[str, int]) -> None:
    def done() -> bool:
        found = [pod["spec"]["containers"][0]["image"] for pod in release.pods()]
        return release.seen(DAEMON_SET) and found == [image] and plain(release.status(DAEMON_SET)) == status

    await release.until(done, f"one pod of {image} and {status}")


async def test_a_pod_is_replaced_also_a_broken_one(release: Release) -> None:
    await apply(release, "web:v1")
    await becomes(release, "web:v1", WELL)
    await apply(release, "web:v2-never-ready")
    broken = {name: value for name, value in WELL.items() if name != "numberAvailable"}
    await becomes(release, "web:v2-never-ready", {**broken, "numberReady": 0, "numberUnavailable": 1})
    await apply(release, "web:v1")
    await becomes(release, "web:v1", WELL)
    (pod,) = release.pods()
    found = release.one(DAEMON_SET)
    assert found is not None
    generation = found["metadata"]["annotations"]["deprecated.daemonset.template.generation"]
    assert (generation, pod["metadata"]["labels"]["pod-template-generation"]) == ("3", "3")


async def test_on_delete_the_old_pod_stays(release: Release) -> None:
    strategy = {"type": "OnDelete", "rollingUpdate": None}
    await apply(release, "web:v1", updateStrategy=strategy)
    await becomes(release, "web:v1", WELL)
    await apply(release, "web:v2", updateStrategy=strategy)
    old = {name: value for name, value in WELL.items() if name != "updatedNumberScheduled"}
    await becomes(release, "web:v1", old)
    release.remove("Pod", release.pods()[0]["metadata"]["name"])
    await becomes(release, "web:v2", WELL)
