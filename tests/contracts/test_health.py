"""The daemon's own rules of health, over what controllers write: the same verdicts in every world."""

import re

import pytest

from reconciler.model import health
from tests.contracts.release import LABELS, Release, workload
from tests.contracts.worlds import World

STATE = health.State
RELEASE, WORLD = health.Blame.RELEASE, health.Blame.WORLD


@pytest.fixture
def release(world: World) -> Release:
    return Release(world)


async def test_a_rollout_comes_up_and_is_healthy(release: Release) -> None:
    slow = workload("web:v1", ready_after="1s")
    await release.deployment("web:v1", **slow)
    coming = r"Deployment web: 0 of 2 new pods are ready \(pod web-\S+ is starting\)"
    await release.reports(lambda seen: bool(re.fullmatch(coming, seen.because)), "pods that start")
    assert (await release.state(STATE.HEALTHY)).parts[0].because == "2 of 2 pods are available"


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
@pytest.mark.parametrize(
    ("word", "because"),
    [
        ("crash-loop", r"container app has restarted [345] times, last with exit code 1"),
        ("image-pull-error", r"container app: ImagePullBackOff: Back-off pulling image"),
    ],
)
async def test_an_upgrade_that_fails_is_the_release_s(release: Release, kind: str, word: str, because: str) -> None:
    def spec(image: str) -> dict[str, object]:
        more = {"Deployment": {"replicas": 2}, "StatefulSet": {"replicas": 2, "serviceName": "web"}, "DaemonSet": {}}
        return {**workload(image), **more[kind]}

    await release.apply("apps/v1", kind, spec=spec("web:v1"))
    await release.state(STATE.HEALTHY)
    await release.apply("apps/v1", kind, spec=spec(f"web:v2-{word}"))
    seen = await release.state(STATE.DEGRADED)
    assert seen.blame is RELEASE
    assert re.fullmatch(rf"{kind} web: pod web-\S+: {because}", seen.because)


async def test_never_ready_is_waited_for_and_then_late(release: Release) -> None:
    await release.deployment("web:v1")
    await release.state(STATE.HEALTHY)
    await release.deployment("web:v2-never-ready", progressDeadlineSeconds=2)
    said = r"Deployment web: 0 of 2 new pods are ready \(pod web-\S+ is running, not ready\)"
    await release.reports(lambda seen: bool(re.fullmatch(said, seen.because)), "pods that run and are not ready")
    seen = await release.state(STATE.DEGRADED)
    assert seen.blame is RELEASE
    assert re.fullmatch(rf"{said}, and nothing has moved for 2 s", seen.because)


async def test_what_fails_later_loses_its_health(release: Release) -> None:
    await release.deployment("web:v1", **workload("web:v1-fails-later", fails_after="1s"))
    await release.state(STATE.HEALTHY)
    await release.state(STATE.PROGRESSING, observing=True)


async def test_pods_of_the_previous_version_that_fail_too_clear_the_release(release: Release) -> None:
    await release.deployment("web:v1-crash-loop")
    assert (await release.state(STATE.DEGRADED)).blame is RELEASE
    await release.deployment("web:v2-crash-loop")
    seen = await release.reports(lambda seen: seen.blame is WORLD, "the world's failure")
    assert "of the previous version fails too" in seen.because


async def test_a_pod_without_a_node_is_the_world_s(release: Release) -> None:
    made = workload("web:v1")
    made["template"]["spec"]["nodeSelector"] = {"nobody": "has-this"}
    await release.deployment("web:v1", **made)
    seen = await release.state(STATE.DEGRADED)
    assert seen.blame is WORLD
    assert "has no node (Unschedulable: 0/1 nodes are available" in seen.because


async def test_a_paused_deployment_is_suspended(release: Release) -> None:
    await release.deployment("web:v1", paused=True)
    assert (await release.state(STATE.SUSPENDED)).because.startswith("Deployment web: is paused")


@pytest.mark.parametrize(
    ("image", "state", "because"),
    [
        ("job:v1", STATE.HEALTHY, "has completed"),
        (
            "job:v1-job-fails",
            STATE.DEGRADED,
            "has failed (BackoffLimitExceeded: Job has reached the specified backoff limit): "
            "container app ended with exit code 1",
        ),
        ("job:v1-image-pull-error", STATE.DEGRADED, "container app: ImagePullBackOff: Back-off pulling image"),
    ],
    ids=["complete", "failed", "no-image"],
)
async def test_a_job_is_judged_by_its_end(release: Release, image: str, state: health.State, because: str) -> None:
    await release.job(image, backoffLimit=0)
    seen = await release.state(state)
    assert because.split(": container")[0] in seen.parts[0].because
    assert seen.parts[0].because.endswith(because.split(": ")[-1])


async def test_a_partition_keeps_old_pods_on_purpose(release: Release) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    await release.stateful_set("web:v1", updateStrategy=strategy)
    await release.state(STATE.HEALTHY)
    await release.stateful_set("web:v2", updateStrategy=strategy)
    await release.until(lambda: len(release.pods(image="web:v2")) == 1, "the new pod")
    seen = await release.state(STATE.HEALTHY)
    assert seen.parts[0].because == "2 of 2 pods are ready, 1 kept old by the partition"


async def test_a_stuck_stateful_set_names_the_pod_to_delete(release: Release) -> None:
    await release.stateful_set("web:v1")
    await release.state(STATE.HEALTHY)
    await release.stateful_set("web:v2-never-ready")
    await release.until(lambda: len(release.pods(image="web:v2-never-ready")) == 1, "the broken pod")
    await release.stateful_set("web:v1")
    stuck = "pod web-1 of another version is not ready and is not replaced until it is deleted"
    seen = await release.reports(lambda seen: stuck in seen.because, "what is stuck")
    assert seen.state is STATE.PROGRESSING


async def test_a_whole_application_is_well(release: Release) -> None:
    await release.deployment("web:v1")
    await release.apply("v1", "ConfigMap", data={"a": "b"})
    await release.apply("v1", "Service", spec={"selector": LABELS, "ports": [{"port": 80}]})
    budget = {"maxUnavailable": 1, "selector": {"matchLabels": LABELS}}
    await release.apply("policy/v1", "PodDisruptionBudget", spec=budget)
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    await release.apply("v1", "PersistentVolumeClaim", spec=claim)
    seen = await release.reports(lambda seen: seen.state.well, "health")
    waits = "PersistentVolumeClaim web: is not bound; pods that need it wait for it"
    assert seen.because == f"3 objects are healthy; {waits}"
