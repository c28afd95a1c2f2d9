"""Health on the real control plane: the real objects of real controllers, judged as the daemon judges them."""

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from reconciler.edges.kubernetes import objects
from reconciler.model import document, health, ids, live, manifests, targets
from reconciler.verify import report, scope
from tests.clusterkit import access

pytestmark = pytest.mark.cluster

STATE = health.State
RELEASE, WORLD = health.Blame.RELEASE, health.Blame.WORLD
VERIFICATION = targets.Verification(progress_deadline=600.0, observe=60.0, restarts=3, probes=())
LABELS = {"app": "web"}


@dataclass
class Release:
    """Objects that were applied, and the reports on what became of them."""

    cluster: access.ClusterAccess
    namespace: str
    wanted: dict[ids.ObjectKey, manifests.Manifest] = field(default_factory=dict)

    def apply(self, api_version: str, kind: str, *, name: str = "web", **body: Any) -> None:
        metadata = {"name": name, "namespace": self.namespace}
        made = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}
        self.cluster.apply(made, manager="reconciler")
        group, slash, _ = api_version.rpartition("/")
        key = ids.ObjectKey(group if slash else "", kind, self.namespace, name)
        self.wanted[key] = manifests.Manifest(key, api_version, document.encode(made), manifests.Origin("web.yaml", 1))

    def deployment(self, image: str, *, replicas: int = 2, **spec: Any) -> None:
        self.apply("apps/v1", "Deployment", spec={"replicas": replicas, **workload(image), **spec})

    def look(self, *, spent: float = 30.0, observing: bool = False) -> health.Report:
        """The report on what is live now."""
        wanted = tuple(self.wanted.values())
        held = {one.meta.key: one for place in scope.followed(wanted) for one in self._held(*place)}
        return report.report(wanted, held, verification=VERIFICATION, spent=spent, samples=(), observing=observing)

    def wait(self, right: Callable[[health.Report], bool], **how: Any) -> health.Report:
        """The first report that is right."""

        seen: list[health.Report] = []

        def found() -> health.Report | None:
            seen.append(self.look(**how))
            return seen[-1] if right(seen[-1]) else None

        try:
            return self.cluster.wait_for(found, what="the report")
        except TimeoutError:
            raise AssertionError(f"last report: {seen[-1].state.value}: {seen[-1].because}") from None

    def wait_state(self, state: health.State, **how: Any) -> health.Report:
        return self.wait(lambda seen: seen.state is state, **how)

    def _held(self, kind: ids.KindKey, namespace: str) -> list[live.LiveObject]:
        version = {"autoscaling": "v2"}.get(kind.group, "v1")
        resource = live.ResourceType(kind, version, access.plural(kind.kind), bool(namespace), frozenset({"list"}))
        path = access.path_of(resource.api_version, kind.kind, namespace=namespace)
        return [objects.whole(found, resource) for found in self.cluster.items(path)]


@pytest.fixture
def release(control_plane: access.ClusterAccess, namespace: str) -> Release:
    return Release(control_plane, namespace)


def workload(image: str, **pod: Any) -> dict[str, Any]:
    containers = [{"name": "app", "image": f"registry.example/{image}", **pod.pop("container", {})}]
    return {
        "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": {"containers": containers, **pod}},
    }


def behaving(image: str, **how: str) -> dict[str, Any]:
    """A workload with the words of `kwok.yaml` as annotations of its pods."""
    made = workload(image)
    words = {f"sandbox.reconciler.dev/{word.replace('_', '-')}": value for word, value in how.items()}
    made["template"]["metadata"] = {"labels": LABELS, "annotations": words}
    return made


def job(image: str, **spec: Any) -> dict[str, Any]:
    template = workload(image, restartPolicy="Never")["template"]
    return {"backoffLimit": 0, "template": template, **spec}


@pytest.mark.parametrize(
    ("word", "because"),
    [
        ("crash-loop", r"container app has restarted [345] times, last with exit code 1"),
        ("image-pull-error", r"container app: ImagePullBackOff: Back-off pulling image"),
    ],
)
def test_a_failing_upgrade_is_the_release_s_long_before_the_progress_deadline(
    release: Release, word: str, because: str
) -> None:
    release.deployment("web:v1")
    release.wait_state(STATE.HEALTHY)
    release.deployment(f"web:v2-{word}")
    seen = release.wait_state(STATE.DEGRADED)
    assert seen.blame is RELEASE
    assert re.fullmatch(rf"Deployment web: pod web-\S+: {because}", seen.because)


def test_never_ready_says_how_far_it_is(release: Release) -> None:
    release.deployment("web:v1")
    release.wait_state(STATE.HEALTHY)
    release.deployment("web:v2-never-ready")
    seen = release.wait(lambda report: "running, not ready" in report.because)
    assert seen.state is STATE.PROGRESSING
    assert seen.because.startswith("Deployment web: 0 of 2 new pods are ready (pod web-")


def test_its_own_progress_deadline_is_honoured(release: Release) -> None:
    release.deployment("web:v1-never-ready", progressDeadlineSeconds=1)
    seen = release.wait_state(STATE.DEGRADED)
    assert seen.blame is RELEASE
    assert "nothing has moved for 1 s" in seen.because


def test_what_fails_later_loses_its_health_in_the_observation_window(release: Release) -> None:
    release.deployment("web:v1-fails-later", **behaving("web:v1-fails-later", fails_after="1s"))
    release.wait_state(STATE.HEALTHY)
    release.wait_state(STATE.PROGRESSING, observing=True)


def test_pods_of_the_previous_version_that_fail_too_clear_the_release(release: Release) -> None:
    release.deployment("web:v1-crash-loop")
    assert release.wait_state(STATE.DEGRADED).blame is RELEASE
    release.deployment("web:v2-crash-loop")
    seen = release.wait(lambda report: report.state is STATE.DEGRADED and report.blame is WORLD)
    assert "of the previous version fails too" in seen.because


def test_scaling_up_while_observed_is_no_relapse(release: Release) -> None:
    release.deployment("web:v1", replicas=1, **behaving("web:v1", ready_after="2s"))
    release.wait_state(STATE.HEALTHY)
    path = access.path_of("apps/v1", "Deployment", namespace=release.namespace, name="web")
    complete = datetime.datetime.now(datetime.UTC).replace(microsecond=0)  # the cluster's times have no fractions
    release.cluster.wait_for(lambda: (datetime.datetime.now(datetime.UTC) - complete).seconds, what="another second")
    release.cluster.patch(path, {"spec": {"replicas": 3}})
    release.wait(lambda report: report.parts[0].because == "1 pod ready, 2 more starting", observing=True)
    assert release.look(observing=False).because.startswith("Deployment web: 1 of 3 new pods are ready")
    release.wait(lambda report: report.parts[0].because == "3 of 3 pods are available", observing=True)


def test_paused_in_git_is_neutral_and_paused_by_somebody_holds(release: Release) -> None:
    release.deployment("web:v1", paused=True)
    assert release.wait_state(STATE.SUSPENDED).because.startswith("Deployment web: is paused")
    release.deployment("web:v1")
    release.wait_state(STATE.HEALTHY)
    path = access.path_of("apps/v1", "Deployment", namespace=release.namespace, name="web")
    release.cluster.patch(path, {"spec": {"paused": True}})
    assert release.wait_state(STATE.DEGRADED).blame is WORLD


def test_a_job_passes_only_when_it_is_complete(release: Release) -> None:
    release.apply("batch/v1", "Job", spec=job("migrate:v1"))
    release.wait_state(STATE.PROGRESSING)
    release.wait_state(STATE.HEALTHY)


def test_a_job_that_fails_says_how(release: Release) -> None:
    release.apply("batch/v1", "Job", spec=job("migrate:v1-job-fails"))
    seen = release.wait_state(STATE.DEGRADED)
    assert seen.blame is RELEASE
    assert "has failed: container app ended with exit code 1" in seen.because


def test_a_job_that_its_ttl_took_away_does_not_go_missing(release: Release) -> None:
    release.apply("batch/v1", "Job", spec=job("migrate:v1", ttlSecondsAfterFinished=1))
    seen = release.wait_state(STATE.SUSPENDED, observing=True)
    assert "was removed after its 1 s" in seen.because
    assert release.look(observing=False).state is STATE.MISSING  # nobody has seen how it ended


def test_a_quota_is_the_world_s(release: Release) -> None:
    hard = {"kind": "ResourceQuota", "metadata": {"name": "small", "namespace": release.namespace}}
    release.cluster.create({"apiVersion": "v1", **hard, "spec": {"hard": {"pods": "1"}}})
    release.deployment("web:v1", replicas=3)
    seen = release.wait_state(STATE.DEGRADED)
    assert seen.blame is WORLD
    assert "exceeded quota" in seen.because


def test_pods_without_a_node_are_the_world_s(release: Release) -> None:
    release.deployment("web:v1", **workload("web:v1", nodeSelector={"nobody": "has-this"}))
    assert release.wait(lambda report: "has no node" in report.because, spent=5.0).state is STATE.PROGRESSING
    assert release.look().blame is WORLD


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_the_newest_pods_fail_other_workloads_too(release: Release, kind: str) -> None:
    def spec(image: str) -> dict[str, Any]:
        return workload(image) | ({"replicas": 2, "serviceName": "web"} if kind == "StatefulSet" else {})

    release.apply("apps/v1", kind, spec=spec("web:v1"))
    release.wait_state(STATE.HEALTHY)
    release.apply("apps/v1", kind, spec=spec("web:v2-crash-loop"))
    seen = release.wait_state(STATE.DEGRADED)
    assert seen.blame is RELEASE
    assert "has restarted" in seen.because


def test_a_whole_application_is_well(release: Release) -> None:
    release.deployment("web:v1")
    release.apply("v1", "ConfigMap", data={"a": "b"})
    release.apply("v1", "Service", spec={"selector": LABELS, "ports": [{"port": 80}]})
    release.apply("policy/v1", "PodDisruptionBudget", spec={"maxUnavailable": 1, "selector": {"matchLabels": LABELS}})
    release.apply(
        "networking.k8s.io/v1",
        "Ingress",
        spec={"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
    )
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    release.apply("v1", "PersistentVolumeClaim", spec=claim)
    seen = release.wait(lambda report: report.state.well)
    assert (
        seen.because == "4 objects are healthy; PersistentVolumeClaim web: is not bound; pods that need it wait for it"
    )
