"""EndpointSlices name the pods of a Service, and which of them are ready."""

from typing import Any

import pytest

from reconciler.model import ids
from tests.contracts.release import DEPLOYMENT, LABELS, Json, Release
from tests.contracts.worlds import World

SLICE = ids.KindKey("discovery.k8s.io", "EndpointSlice")
SERVICE = ids.KindKey("", "Service")


@pytest.fixture
def release(world: World) -> Release:
    return Release(world, follow=(SLICE,))


async def serve(release: Release, **spec: Any) -> None:
    await release.apply("v1", "Service", spec={"selector": LABELS, "ports": [{"port": 80}], **spec})


def endpoints(release: Release) -> list[Json]:
    return [point for found in release.all(SLICE) for point in found.get("endpoints") or ()]


def ready(release: Release) -> list[str]:
    """The names of the pods that are ready, sorted."""
    return sorted(point["targetRef"]["name"] for point in endpoints(release) if point["conditions"]["ready"])


async def test_a_slice_names_its_service_and_every_pod(release: Release) -> None:
    await serve(release)
    await release.deployment("web:v1")
    await release.until(lambda: len(ready(release)) == 2, "two endpoints")
    (found,) = release.all(SLICE)
    service = release.one(SERVICE)
    assert service is not None
    assert found["metadata"]["generateName"] == "web-"
    assert found["metadata"]["labels"] == {
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    (owner,) = found["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Service", service["metadata"]["uid"], True)
    assert (found["addressType"], found["ports"]) == ("IPv4", [{"name": "", "protocol": "TCP", "port": 80}])
    pods = {pod["metadata"]["name"]: pod for pod in release.pods()}
    for point in found["endpoints"]:
        pod = pods[point["targetRef"]["name"]]
        assert point == {
            "addresses": [pod["status"]["podIP"]],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": {
                "kind": "Pod",
                "namespace": release.world.namespace,
                "name": pod["metadata"]["name"],
                "uid": pod["metadata"]["uid"],
            },
        }


async def test_pods_that_are_not_ready_are_there_and_not_ready(release: Release) -> None:
    await serve(release, ports=[{"name": "web", "port": 80, "targetPort": 8080}])
    await release.deployment("web:v1-never-ready")
    await release.until(lambda: len(endpoints(release)) == 2, "two endpoints")
    assert ready(release) == []
    (found,) = release.all(SLICE)
    assert found["ports"] == [{"name": "web", "protocol": "TCP", "port": 8080}]


async def test_a_headless_service_says_so(release: Release) -> None:
    await serve(release, clusterIP="None", publishNotReadyAddresses=True)
    await release.deployment("web:v1-never-ready", replicas=1)
    await release.until(lambda: len(ready(release)) == 1, "an endpoint that is published in any case")
    (found,) = release.all(SLICE)
    assert found["metadata"]["labels"]["service.kubernetes.io/headless"] == ""


async def test_endpoints_follow_a_rollout_and_a_scaling(release: Release) -> None:
    await serve(release)
    fewest: list[int] = []
    await release.deployment("web:v1", replicas=3)
    await release.until(lambda: len(ready(release)) == 3, "three endpoints")
    release.woken.append(lambda: fewest.append(len(ready(release))))
    before = ready(release)
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    await release.deployment("web:v2", replicas=3, strategy=strategy)
    done = {"web:v2"}

    def replaced() -> bool:
        images = {pod["spec"]["containers"][0]["image"] for pod in release.pods()}
        return images == done and len(ready(release)) == 3 and not set(before) & set(ready(release))

    await release.until(replaced, "three new endpoints")
    assert min(fewest) == 3
    await release.deployment("web:v2", replicas=0, strategy=strategy)
    await release.until(lambda: release.seen(DEPLOYMENT) and not endpoints(release), "none")
    assert len(release.all(SLICE)) == 1
