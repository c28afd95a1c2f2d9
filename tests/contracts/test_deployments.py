"""Deployments roll out as Kubernetes rolls them out, and say of it what Kubernetes says."""

import re
from typing import Any

import pytest

from reconciler.model import ids, live
from tests.contracts.release import DEPLOYMENT, POD, REPLICA_SET, Json, Release, plain, saying, workload
from tests.contracts.worlds import World, operation

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"


@pytest.fixture
def release(world: World) -> Release:
    return Release(world, follow=(ids.KindKey("", "ResourceQuota"),))


def counts(release: Release) -> tuple[int, ...]:
    """Replicas, updated, ready, available; nothing while the controller has not seen the newest specification."""
    if not release.seen(DEPLOYMENT):
        return ()
    words = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return tuple(release.status(DEPLOYMENT).get(word, 0) for word in words)


async def complete(release: Release, count: int = 2) -> None:
    def done() -> bool:
        progress = saying(release.status(DEPLOYMENT), "Progressing")
        settled = release.status(DEPLOYMENT).get("terminatingReplicas") == 0
        return counts(release) == (count,) * 4 and progress == ("True", "NewReplicaSetAvailable") and settled

    await release.until(done, f"{count} replicas, updated and available")


def sets(release: Release) -> dict[str, Json]:
    """The ReplicaSets by the image of their template."""
    return {found["spec"]["template"]["spec"]["containers"][0]["image"]: found for found in release.all(REPLICA_SET)}


async def test_a_first_rollout_ends_in_the_words_of_kubernetes(release: Release) -> None:
    await release.deployment("web:v1")
    await complete(release)
    found = sets(release)["web:v1"]
    name, short = found["metadata"]["name"], found["metadata"]["labels"]["pod-template-hash"]
    assert name == f"web-{short}"
    assert re.fullmatch(r"[bcdfghjklmnpqrstvwxz2456789]{6,10}", short)
    assert plain(release.status(DEPLOYMENT)) == {
        "replicas": 2,
        "updatedReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "terminatingReplicas": 0,
        "conditions": {
            "Available": {
                "status": "True",
                "reason": "MinimumReplicasAvailable",
                "message": "Deployment has minimum availability.",
            },
            "Progressing": {
                "status": "True",
                "reason": "NewReplicaSetAvailable",
                "message": f'ReplicaSet "{name}" has successfully progressed.',
            },
        },
    }


async def test_its_replica_set_and_pods_are_marked_as_kubernetes_marks_them(release: Release) -> None:
    await release.deployment("web:v1")
    await complete(release)
    found, owner = sets(release)["web:v1"], release.one(DEPLOYMENT)
    assert owner is not None
    assert owner["metadata"]["annotations"][REVISION] == "1"
    assert found["metadata"]["annotations"] == {
        REVISION: "1",
        "deployment.kubernetes.io/desired-replicas": "2",
        "deployment.kubernetes.io/max-replicas": "3",
    }
    labels = {"app": "web", "pod-template-hash": found["metadata"]["labels"]["pod-template-hash"]}
    assert found["spec"]["selector"] == {"matchLabels": labels}
    assert plain(found["status"]) == {
        "replicas": 2,
        "fullyLabeledReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "terminatingReplicas": 0,
    }
    for child, parent in ((found, owner), *((pod, found) for pod in release.pods())):
        assert child["metadata"]["labels"] == labels
        (reference,) = child["metadata"]["ownerReferences"]
        assert reference == {
            "apiVersion": "apps/v1",
            "kind": parent["kind"],
            "name": parent["metadata"]["name"],
            "uid": parent["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }


async def test_an_old_template_takes_up_its_replica_set_again(release: Release) -> None:
    for image in ("web:v1", "web:v2", "web:v1"):
        await release.deployment(image)
        await complete(release)
    old, new = sets(release)["web:v2"], sets(release)["web:v1"]
    assert (old["metadata"]["annotations"][REVISION], old["spec"]["replicas"]) == ("2", 0)
    assert (new["metadata"]["annotations"][REVISION], new["metadata"]["annotations"][HISTORY]) == ("3", "1")
    found = release.one(DEPLOYMENT)
    assert found is not None and found["metadata"]["annotations"][REVISION] == "3"
    assert len(release.pods(image="web:v1")) == 2


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "new", "old"),
    [
        (1, "25%", "25%", 1, 1),
        (2, 1, 0, 1, 2),
        (3, "25%", "25%", 1, 3),
        (4, "25%", "25%", 2, 3),
        (4, 0, "1%", 1, 3),
        (5, 0, 2, 2, 3),
        (10, "25%", "25%", 5, 8),
        (3, "100%", 0, 3, 3),
    ],
)
async def test_a_stuck_rollout_stops_where_its_limits_are(
    release: Release, replicas: int, surge: Any, unavailable: Any, new: int, old: int
) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    await release.deployment("web:v1", replicas=replicas, strategy=strategy)
    await complete(release, replicas)
    await release.deployment("web:v2-never-ready", replicas=replicas, strategy=strategy)
    stuck = (new + old, new, old, old)
    await release.until(lambda: counts(release) == stuck, f"{new} new and {old} old pods")
    assert saying(release.status(DEPLOYMENT), "Available") == ("True", "MinimumReplicasAvailable")


async def test_nothing_moves_past_the_progress_deadline(release: Release) -> None:
    await release.deployment("web:v1-never-ready", progressDeadlineSeconds=1)
    late = ("False", "ProgressDeadlineExceeded")
    await release.until(lambda: saying(release.status(DEPLOYMENT), "Progressing") == late, "the deadline")
    said = plain(release.status(DEPLOYMENT))["conditions"]["Progressing"]["message"]
    name = sets(release)["web:v1-never-ready"]["metadata"]["name"]
    assert said == f'ReplicaSet "{name}" has timed out progressing.'
    assert saying(release.status(DEPLOYMENT), "Available") == ("False", "MinimumReplicasUnavailable")
    await release.deployment("web:v2", progressDeadlineSeconds=60)
    await complete(release)


async def test_a_pause_holds_everything_until_it_ends(release: Release) -> None:
    await release.deployment("web:v1", paused=True)
    await release.until(lambda: counts(release) == (0, 0, 0, 0), "the pause")
    assert saying(release.status(DEPLOYMENT), "Progressing") == ("Unknown", "DeploymentPaused")
    assert (release.pods(), sets(release)) == ([], {})
    await release.deployment("web:v1", paused=False)
    await complete(release)
    await release.deployment("web:v2", paused=True)
    paused = ("Unknown", "DeploymentPaused")
    await release.until(lambda: saying(release.status(DEPLOYMENT), "Progressing") == paused, "the second pause")
    await release.until(lambda: counts(release) == (2, 0, 2, 2), "what is left of the first version")
    assert set(sets(release)) == {"web:v1"}


async def test_recreate_never_has_pods_of_two_versions(release: Release) -> None:
    strategy = {"type": "Recreate", "rollingUpdate": None}
    seen: set[tuple[str, ...]] = set()

    def look() -> None:
        images = {found["spec"]["containers"][0]["image"] for found in release.all(POD)}
        seen.add(tuple(sorted(images)))

    release.woken.append(look)
    await release.deployment("web:v1", strategy=strategy)
    await complete(release)
    await release.deployment("web:v2", strategy=strategy)
    await complete(release)
    assert seen <= {(), ("web:v1",), ("web:v2",)}
    assert {("web:v1",), ("web:v2",)} <= seen


async def test_a_pod_is_available_after_min_ready_seconds(release: Release) -> None:
    await release.deployment("web:v1", minReadySeconds=2)
    await release.until(lambda: counts(release) == (2, 2, 2, 0), "ready pods that are not available")
    assert saying(release.status(DEPLOYMENT), "Progressing") == ("True", "ReplicaSetUpdated")
    await complete(release)


@pytest.mark.parametrize("count", [0, 1, 5])
async def test_scaling_is_no_rollout(release: Release, count: int) -> None:
    await release.deployment("web:v1", replicas=3)
    await complete(release, 3)
    await release.deployment("web:v1", replicas=count)
    await complete(release, count)
    (found,) = sets(release).values()
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"] == str(count)
    assert found["metadata"]["annotations"][REVISION] == "1"


async def test_scaling_a_stuck_rollout_keeps_the_proportions(release: Release) -> None:
    await release.deployment("web:v1", replicas=4)
    await complete(release, 4)
    await release.deployment("web:v2-never-ready", replicas=4)
    await release.until(lambda: counts(release) == (5, 2, 3, 3), "a stuck rollout")
    await release.deployment("web:v2-never-ready", replicas=8)
    await release.until(lambda: counts(release) == (10, 4, 6, 6), "both sets twice as large")


async def test_history_is_kept_up_to_its_limit(release: Release) -> None:
    for image in ("web:v1", "web:v2", "web:v3"):
        await release.deployment(image, replicas=1, revisionHistoryLimit=1)
        await complete(release, 1)
    await release.until(lambda: set(sets(release)) == {"web:v2", "web:v3"}, "the first set's end")


async def test_a_pod_that_is_deleted_comes_back(release: Release) -> None:
    await release.deployment("web:v1")
    await complete(release)
    gone = release.pods()[0]["metadata"]["name"]
    release.remove("Pod", gone)
    await release.until(lambda: gone not in {found["metadata"]["name"] for found in release.all(POD)}, "its end")
    await complete(release)
    assert len(release.pods()) == 2


async def test_a_quota_refuses_pods_and_is_said_to(release: Release) -> None:
    await release.apply("v1", "ResourceQuota", name="small", spec={"hard": {"pods": "1"}})
    quota = ids.ObjectKey("", "ResourceQuota", release.world.namespace, "small")
    await release.until(lambda: quota in release.held(), "the quota")
    await release.deployment("web:v1")
    refused = ("True", "FailedCreate")
    await release.until(lambda: saying(release.status(DEPLOYMENT), "ReplicaFailure") == refused, "a refusal")
    message = plain(release.status(DEPLOYMENT))["conditions"]["ReplicaFailure"]["message"]
    said = r'pods "web-\S+" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1'
    assert re.fullmatch(said, message)
    assert len(release.pods()) == 1


@pytest.mark.parametrize(
    ("kind", "limits", "said"),
    [
        ("Container", {"cpu": "2"}, "maximum cpu usage per Container is 1, but limit is 2"),
        ("Container", {}, ""),
        ("Pod", {"cpu": "1500m"}, "maximum cpu usage per Pod is 1, but limit is 1500m"),
        ("Pod", {"memory": "1Gi"}, "maximum cpu usage per Pod is 1.  No limit is specified"),
        ("Pod", {"cpu": "500m"}, ""),
    ],
)
async def test_a_limit_range_refuses_large_pods(release: Release, kind: str, limits: Json, said: str) -> None:
    metadata = {"name": "small", "namespace": release.world.namespace}
    spec = {"limits": [{"type": kind, "max": {"cpu": "1"}}]}
    release.world.outside.apply({"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": spec})
    limited = workload("web:v1")
    limited["template"]["spec"]["containers"][0]["resources"] = {"limits": limits}
    await release.apply("apps/v1", "Deployment", spec={"replicas": 2, **limited})
    if not said:
        await complete(release)
        return
    refused = ("True", "FailedCreate")
    await release.until(lambda: saying(release.status(DEPLOYMENT), "ReplicaFailure") == refused, "a refusal")
    message = plain(release.status(DEPLOYMENT))["conditions"]["ReplicaFailure"]["message"]
    assert re.fullmatch(rf'pods "web-\S+" is forbidden: {re.escape(said)}', message)


async def test_orphans_stay_and_are_taken_in_again(release: Release) -> None:
    await release.deployment("web:v1")
    await complete(release)
    before, found = {pod["metadata"]["uid"] for pod in release.pods()}, release.one(DEPLOYMENT)
    assert found is not None
    key = ids.ObjectKey("apps", "Deployment", release.world.namespace, "web")
    uid = found["metadata"]["uid"]
    orphan = live.Propagation.ORPHAN
    await release.world.cluster.delete(key, uid=uid, operation=operation(), propagation=orphan)
    await release.until(lambda: release.one(DEPLOYMENT) is None, "its end")
    await release.until(lambda: "ownerReferences" not in sets(release)["web:v1"]["metadata"], "an orphan")
    await release.deployment("web:v1")
    await complete(release)
    assert {pod["metadata"]["uid"] for pod in release.pods()} == before
