"""What a revert does to those who are served: it stops what moves first, and never goes below the floor (I23)."""

import threading
from typing import Any

import pytest

from reconciler.model import records
from tests.support import endings, site

Step = records.GitStep
REPLICAS = 10
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}
STEADY: dict[str, Any] = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 3}}}


class Floor:
    """Counts the ready endpoints of the Service again and again, from when there are `expected` until `close`."""

    def __init__(self, where: site.Site, expected: int) -> None:
        self._where = where
        self._over = threading.Event()
        self.seen: list[int] = []
        # the endpoints follow their pods, later than the Deployment's status does
        where.wait(lambda: self._ready() == expected, what=f"{expected} ready endpoints")
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _ready(self) -> int:
        path = f"/apis/discovery.k8s.io/v1/namespaces/{self._where.namespace}/endpointslices"
        endpoints = (end for one in self._where.cluster.items(path) for end in one.get("endpoints") or ())
        return sum(bool(end["conditions"].get("ready")) for end in endpoints)

    def _look(self) -> None:
        while not self._over.wait(0.02):
            self.seen.append(self._ready())

    def close(self) -> None:
        self._over.set()
        self._thread.join()


@pytest.mark.parametrize("version", ["v2-crash-loop", "v2-never-ready"])
def test_a_revert_stops_what_moves_and_stays_above_the_floor(a_site: site.Site, version: str) -> None:
    a_site.settings["environments"][site.ENVIRONMENT]["verify"]["progressDeadline"] = "3s"
    a_site.configure()
    steady = site.deployment(replicas=REPLICAS, **STEADY)
    a_site.application("web", [steady, SERVICE])
    good = a_site.commit("web v1")
    a_site.start()
    a_site.wait_good(good)
    before = a_site.cluster.audit_mark()
    floor = Floor(a_site, REPLICAS)
    try:
        a_site.application("web", [site.deployment(image=endings.image(version), replicas=REPLICAS, **STEADY), SERVICE])
        bad = a_site.commit("web v2")
        endings.wait_back(a_site, Step.PUSHED, failed=bad, also=endings.at_rest)
    finally:
        floor.close()

    assert min(floor.seen) == REPLICAS
    assert len(floor.seen) > 10
    calls = a_site.counted_calls(after=before)
    assert [call["objectRef"]["name"] for call in calls] == ["web"] * 3  # the release, the pause, the old template
    intents = a_site.rows("SELECT operation FROM intents WHERE verb = 'apply' ORDER BY at")
    assert [call["auditID"] for call in calls] == [operation for (operation,) in intents[-3:]]
    phases = endings.events(a_site, records.EventKind.PHASE_ENTERED)
    assert "applying: nothing of the failed release moves any more" in phases
    found = a_site.live("deployments", "web") or {}
    assert "paused" not in found["spec"]
    sets = a_site.cluster.items(f"/apis/apps/v1/namespaces/{a_site.namespace}/replicasets")
    assert sorted(one["spec"]["replicas"] for one in sets) == [0, REPLICAS]


@pytest.mark.only_kubernetes("an autoscaler scales")
def test_a_pause_leaves_the_replicas_of_an_autoscaler_alone(a_site: site.Site) -> None:
    """Git says 2 and an autoscaler said 6: stopping the failed release with Git's number would take 4 pods away."""
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "minReplicas": 6,
            "maxReplicas": 8,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        },
    }
    a_site.application("web", [site.deployment(**STEADY), SERVICE, autoscaler])
    a_site.commit("web v1")
    a_site.start()

    def scaled() -> bool:
        found = a_site.live("deployments", "web") or {}
        return bool(found.get("status", {}).get("readyReplicas") == 6)

    a_site.wait(scaled, what="the autoscaler's 6 pods", timeout=45)
    a_site.wait_ledger(endings.at_rest, what="being well")
    floor = Floor(a_site, 6)
    try:
        broken = site.deployment(image=endings.image("v2-crash-loop"), **STEADY)
        a_site.application("web", [broken, SERVICE, autoscaler])
        bad = a_site.commit("web v2")
        endings.wait_back(a_site, Step.PUSHED, failed=bad, also=endings.at_rest)
    finally:
        floor.close()
    assert min(floor.seen) == 6
    assert (a_site.live("deployments", "web") or {})["spec"]["replicas"] == 6


def stateful(version: str) -> dict[str, Any]:
    made = site.deployment(image=endings.image(version), replicas=3) | {"kind": "StatefulSet"}
    made["spec"]["serviceName"] = "web"
    return made


@pytest.mark.parametrize("version", ["v2-crash-loop", "v2-image-pull-error", "v2-never-ready"])
def test_a_stuck_stateful_set_is_helped_by_deleting_the_one_broken_pod(a_site: site.Site, version: str) -> None:
    """The old template alone never replaces it.
    https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback"""
    a_site.settings["environments"][site.ENVIRONMENT]["verify"]["progressDeadline"] = "3s"
    a_site.configure()
    a_site.application("web", [stateful("v1")])
    good = a_site.commit("web v1")
    a_site.start()
    a_site.wait_good(good)
    before = a_site.cluster.audit_mark()
    a_site.application("web", [stateful(version)])
    bad = a_site.commit("web v2")
    endings.wait_back(a_site, Step.PUSHED, failed=bad, also=endings.at_rest)

    deleted = [call for call in a_site.counted_calls(after=before) if call["verb"] == "delete"]
    assert [(call["objectRef"]["resource"], call["objectRef"]["name"]) for call in deleted] == [("pods", "web-2")]
    intended = a_site.rows("SELECT operation, subject FROM intents WHERE verb = 'delete'")
    assert [row[0] for row in intended] == [deleted[0]["auditID"]]
    (said,) = endings.events(a_site, records.EventKind.UNBLOCKED)
    assert said.startswith("pod web-2 deleted: of the failed version web-")
    pods = a_site.cluster.items(f"/api/v1/namespaces/{a_site.namespace}/pods")
    assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {endings.WELL}


def test_the_pods_of_a_release_that_fails_forward_are_left_alone(a_site: site.Site) -> None:
    """Only a revert of ours deletes pods: never a release, however stuck its StatefulSet is."""
    a_site.application("web", [stateful("v1")])
    good = a_site.commit("web v1")
    a_site.start()
    a_site.wait_good(good)
    before = a_site.cluster.audit_mark()
    a_site.application("web", [stateful("v2-never-ready")])
    a_site.commit("web v2")
    a_site.wait(lambda: _image(a_site, "web-2").endswith("never-ready"), what="the broken pod")
    a_site.application("web", [stateful("v3")])
    a_site.commit("web v3")
    a_site.wait_ledger(lambda ledger: "not replaced until it is deleted" in ledger.because, what="v3 being stuck")
    assert [call for call in a_site.counted_calls(after=before) if call["verb"] == "delete"] == []


def _image(where: site.Site, pod: str) -> str:
    found = where.cluster.get(f"/api/v1/namespaces/{where.namespace}/pods/{pod}") or {}
    return str(found.get("spec", {}).get("containers", [{}])[0].get("image", ""))


def test_a_daemon_set_returns_by_itself(a_site: site.Site) -> None:
    a_site.application("web", [_daemon_set("v1")])
    good = a_site.commit("web v1")
    a_site.start()
    a_site.wait_good(good)
    a_site.application("web", [_daemon_set("v2-crash-loop")])
    bad = a_site.commit("web v2")
    endings.wait_back(a_site, Step.PUSHED, failed=bad, also=endings.at_rest)
    found = a_site.live("daemonsets", "web") or {}
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == endings.WELL


def _daemon_set(version: str) -> dict[str, Any]:
    made = site.deployment(image=endings.image(version)) | {"kind": "DaemonSet"}
    del made["spec"]["replicas"]
    return made
