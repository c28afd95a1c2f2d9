"""Pods behave by the words of `tests/control-plane/kwok.yaml`, and say so in the words of a kubelet."""

from typing import Any

import pytest

from tests.contracts.release import POD, Json, Release, plain, pod
from tests.contracts.worlds import World


@pytest.fixture
def release(world: World) -> Release:
    return Release(world)


def state(release: Release, name: str = "web") -> Json:
    """A pod's status; its conditions by their value alone."""
    status = plain(release.status(POD, name))
    status["conditions"] = {kind: one["status"] for kind, one in status.get("conditions", {}).items()}
    return dict(status)


def conditions(*, ready: bool) -> dict[str, str]:
    last = "True" if ready else "False"
    first = dict.fromkeys(("PodScheduled", "Initialized", "PodReadyToStartContainers"), "True")
    return {**first, "ContainersReady": last, "Ready": last}


def container(image: str, **state: Any) -> Json:
    whole = {"name": "app", "image": image, "imageID": "", "ready": False, "restartCount": 0, "lastState": {}}
    return {**whole, **state}


CRASHED = {"terminated": {"exitCode": 1, "reason": "Error"}}
BACKING_OFF = {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}
PULLING = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}


@pytest.mark.parametrize(
    ("word", "phase", "ready", "status"),
    [
        ("v1", "Running", True, {"ready": True, "state": {"running": {}}}),
        ("never-ready", "Running", False, {"state": {"running": {}}}),
        ("job-fails", "Running", False, {"state": {"running": {}}}),
        ("image-pull-error", "Pending", False, {"state": {"waiting": PULLING}}),
        (
            "crash-loop",
            "Running",
            False,
            {"restartCount": 5, "state": {"waiting": BACKING_OFF}, "lastState": CRASHED},
        ),
    ],
)
async def test_what_a_pod_comes_to(release: Release, word: str, phase: str, ready: bool, status: Json) -> None:
    image = f"web:{word}"
    await release.apply("v1", "Pod", spec=pod(image))
    wanted = {
        "phase": phase,
        "conditions": conditions(ready=ready),
        "containerStatuses": [container(image, **status)],
    }
    await release.until(lambda: state(release) == wanted, f"{wanted}")
    assert ("podIP" in release.status(POD)) == (phase == "Running")


async def test_a_pod_that_fails_later_was_ready(release: Release) -> None:
    annotations = {"sandbox.reconciler.dev/fails-after": "500ms", "sandbox.reconciler.dev/behaviour": "fails-later"}
    seen: list[str] = []
    release.woken.append(lambda: seen.append(state(release)["conditions"].get("Ready", "")))
    await release.apply("v1", "Pod", metadata={"annotations": annotations}, spec=pod("web:v1-crash-loop"))
    await release.until(lambda: {"True", "False"} <= set(seen), "ready, and then not")
    assert [one for one in dict.fromkeys(seen) if one] == ["True", "False"]
    assert state(release)["containerStatuses"] == [container("web:v1-crash-loop", state={"running": {}})]


async def test_a_slow_pod_waits_for_its_time(release: Release) -> None:
    annotations = {"sandbox.reconciler.dev/ready-after": "1s"}
    await release.apply("v1", "Pod", metadata={"annotations": annotations}, spec=pod("web:v1"))
    await release.apply("v1", "Pod", name="quick", spec=pod("web:v1"))
    ready = conditions(ready=True)
    await release.until(lambda: state(release, "quick")["conditions"] == ready, "the quick one")
    assert state(release)["conditions"] == {"PodScheduled": "True"}
    await release.until(lambda: state(release)["conditions"] == ready, "the slow one")


@pytest.mark.parametrize(
    ("spec", "because"),
    [
        ({"nodeSelector": {"nobody": "has-this"}}, "1 node(s) didn't match Pod's node affinity/selector"),
        (
            {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "nothing"}}]},
            'persistentvolumeclaim "nothing" not found',
        ),
    ],
    ids=["selector", "claim"],
)
async def test_a_pod_without_a_place_says_why(release: Release, spec: Json, because: str) -> None:
    await release.apply("v1", "Pod", spec={**pod("web:v1"), **spec})
    await release.until(lambda: state(release)["conditions"] == {"PodScheduled": "False"}, "no place")
    assert state(release)["phase"] == "Pending"
    said = plain(release.status(POD))["conditions"]["PodScheduled"]
    assert said["reason"] == "Unschedulable"
    assert because in said["message"]


async def test_a_pod_that_is_deleted_is_marked_and_then_gone(release: Release) -> None:
    marked: list[bool] = []

    def look() -> None:
        found = release.one(POD)
        marked.append(found is not None and "deletionTimestamp" in found["metadata"])

    release.woken.append(look)
    await release.apply("v1", "Pod", spec=pod("web:v1"))
    await release.until(lambda: state(release)["conditions"] == conditions(ready=True), "a ready pod")
    release.remove("Pod", "web")
    await release.until(lambda: release.one(POD) is None, "its end")
    assert any(marked)
