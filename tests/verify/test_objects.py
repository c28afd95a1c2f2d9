"""The order of kstatus, the kinds that workloads stand on, and custom resources (cli-utils, pkg/kstatus)."""

from typing import Any

import pytest

from reconciler import kinds
from reconciler.model import health
from reconciler.verify import objects, report
from tests.verify import examples

STATE = health.State
RELEASE, WORLD = health.Blame.RELEASE, health.Blame.WORLD


def custom(generation: int = 2, **status: Any) -> examples.Doc:
    return examples.found("example.com/v1", "Backup", metadata={"generation": generation}, status=status)


def conditions(**states: Any) -> examples.Doc:
    return {"conditions": examples.conditions(**states)}


def going(made: examples.Doc) -> examples.Doc:
    made["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return made


def ready_of(generation: int) -> list[examples.Doc]:
    return [{"type": "Ready", "status": "True", "observedGeneration": generation}]


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (custom(), STATE.SUSPENDED),
        (custom(**conditions(Synced="False")), STATE.PROGRESSING),
        (custom(**conditions(Synced="True")), STATE.HEALTHY),
        (custom(**conditions(Synced="True", Ready="False")), STATE.PROGRESSING),
        (custom(**conditions(Synced="False", Ready="True")), STATE.PROGRESSING),
        (custom(**conditions(Ready="True")), STATE.HEALTHY),
        (custom(**conditions(Ready="False")), STATE.PROGRESSING),
        (custom(**conditions(Ready="Unknown")), STATE.PROGRESSING),
        (custom(observedGeneration=1, **conditions(Ready="True")), STATE.PROGRESSING),
        (custom(observedGeneration=2, **conditions(Ready="True")), STATE.HEALTHY),
        (custom(conditions=ready_of(1)), STATE.PROGRESSING),
        (custom(conditions=ready_of(2)), STATE.HEALTHY),
        (custom(**conditions(Reconciling="True", Ready="True")), STATE.PROGRESSING),
        (custom(**conditions(Stalled="True", Ready="True")), STATE.DEGRADED),
        (custom(**conditions(Reconciling="True", Stalled="True")), STATE.PROGRESSING),
        (custom(observedGeneration=1, **conditions(Stalled="True")), STATE.PROGRESSING),
        (going(custom(**conditions(Stalled="True"))), STATE.PROGRESSING),
        (going(examples.deployment()), STATE.PROGRESSING),
        (custom(conditions="none", observedGeneration="latest"), STATE.SUSPENDED),  # nobody keeps a status to its shape
        (custom(conditions=["Ready", {"type": "Ready"}]), STATE.PROGRESSING),
    ],
)
def test_generic_conditions_in_the_order_of_kstatus(found: examples.Doc, state: health.State) -> None:
    seen = examples.reported([found])
    assert seen.state is state
    assert seen.blame is (RELEASE if state is STATE.DEGRADED else None)


def resizing(word: str) -> examples.Doc:
    return {"allocatedResourceStatuses": {"storage": word}}


CRD, HPA = ("apiextensions.k8s.io/v1", "CustomResourceDefinition"), ("autoscaling/v2", "HorizontalPodAutoscaler")
SERVICE, CLAIM, VOLUME = ("v1", "Service"), ("v1", "PersistentVolumeClaim"), ("v1", "PersistentVolume")
BUDGET, API = ("policy/v1", "PodDisruptionBudget"), ("apiregistration.k8s.io/v1", "APIService")
CONTROLLER, RUNNING = ("v1", "ReplicationController"), {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1}
BALANCER = {"type": "LoadBalancer"}
SERVED = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}
NO_METRICS = conditions(AbleToScale="True", ScalingActive=("False", "FailedGetResourceMetric"))


@pytest.mark.parametrize(
    ("kind", "spec", "status", "state"),
    [
        (("v1", "Namespace"), {}, {"phase": "Active"}, STATE.HEALTHY),
        (("v1", "Namespace"), {}, {}, STATE.PROGRESSING),
        (CRD, {}, {}, STATE.PROGRESSING),
        (CRD, {}, conditions(Established="True", NamesAccepted="True"), STATE.HEALTHY),
        (CRD, {}, conditions(Established=("False", "Installing")), STATE.PROGRESSING),
        (CRD, {}, conditions(Established=("False", "NotAccepted")), STATE.DEGRADED),
        (CRD, {}, conditions(NamesAccepted="False"), STATE.DEGRADED),
        (CRD, {}, conditions(NonStructuralSchema="True", Established="True"), STATE.DEGRADED),
        (API, {}, conditions(Available="True"), STATE.HEALTHY),
        (API, {}, conditions(Available="False"), STATE.PROGRESSING),
        (API, {}, {}, STATE.PROGRESSING),
        (CONTROLLER, {"replicas": 1}, {"observedGeneration": 1, "replicas": 1}, STATE.PROGRESSING),
        (CONTROLLER, {"replicas": 1}, {"observedGeneration": 1, **RUNNING}, STATE.HEALTHY),
        (CONTROLLER, {"replicas": 1}, RUNNING, STATE.PROGRESSING),
        (VOLUME, {}, {"phase": "Available"}, STATE.HEALTHY),
        (VOLUME, {}, {"phase": "Bound"}, STATE.HEALTHY),
        (VOLUME, {}, {"phase": "Pending"}, STATE.PROGRESSING),
        (CLAIM, {}, {"phase": "Bound"}, STATE.HEALTHY),
        (CLAIM, {}, {"phase": "Bound", **resizing("ControllerResizeInProgress")}, STATE.HEALTHY),
        (CLAIM, {}, {"phase": "Bound", **resizing("ControllerResizeInfeasible")}, STATE.DEGRADED),
        (CLAIM, {}, {"phase": "Pending"}, STATE.SUSPENDED),
        (SERVICE, {"type": "ClusterIP"}, {}, STATE.HEALTHY),
        (SERVICE, BALANCER, {}, STATE.PROGRESSING),
        (SERVICE, BALANCER, SERVED, STATE.HEALTHY),
        (("networking.k8s.io/v1", "Ingress"), {}, {}, STATE.HEALTHY),
        (("networking.k8s.io/v1", "Ingress"), {}, SERVED, STATE.HEALTHY),
        (HPA, {}, {}, STATE.HEALTHY),
        (HPA, {}, conditions(AbleToScale="True", ScalingActive="True", ScalingLimited="True"), STATE.HEALTHY),
        (HPA, {}, NO_METRICS, STATE.SUSPENDED),
        (HPA, {}, conditions(ScalingActive=("False", "ScalingDisabled")), STATE.HEALTHY),
        (HPA, {}, conditions(AbleToScale=("False", "FailedGetScale")), STATE.PROGRESSING),
        (BUDGET, {}, {}, STATE.HEALTHY),
        (BUDGET, {}, conditions(DisruptionAllowed=("False", "InsufficientPods")), STATE.HEALTHY),
        (BUDGET, {}, conditions(DisruptionAllowed=("False", "SyncFailed")), STATE.SUSPENDED),
        (("batch/v1", "CronJob"), {}, {}, STATE.HEALTHY),
        (("batch/v1", "CronJob"), {}, {"lastScheduleTime": "2026-01-02T00:00:00Z"}, STATE.HEALTHY),
        (("batch/v1", "CronJob"), {"suspend": True}, {}, STATE.SUSPENDED),
        (("v1", "Pod"), {}, {"phase": "Succeeded"}, STATE.HEALTHY),
        (("v1", "Pod"), {}, {"phase": "Pending"}, STATE.PROGRESSING),
        (("v1", "Pod"), {}, {"phase": "Running", **conditions(Ready="True")}, STATE.HEALTHY),
        (("v1", "Pod"), {}, {"phase": "Failed"}, STATE.DEGRADED),
    ],
)
def test_each_kind(kind: tuple[str, str], spec: examples.Doc, status: examples.Doc, state: health.State) -> None:
    seen = examples.reported([examples.found(*kind, spec=spec, status=status)])
    assert seen.state is state, seen.because
    assert seen.blame is (RELEASE if state is STATE.DEGRADED else None)


@pytest.mark.parametrize(
    ("kind", "spec", "status", "spent", "blame"),
    [
        (SERVICE, BALANCER, {}, 600.0, WORLD),
        (CLAIM, {}, {"phase": "Lost"}, 0.0, WORLD),
        (VOLUME, {}, {"phase": "Failed", "message": "recycling"}, 0.0, WORLD),
        (HPA, {}, conditions(AbleToScale=("False", "FailedGetScale")), 60.0, RELEASE),
        (HPA, {}, conditions(ScalingActive=("False", "InvalidSelector")), 60.0, RELEASE),
        (("v1", "Pod"), {}, {"phase": "Failed", "reason": "Evicted"}, 0.0, WORLD),
    ],
)
def test_whose_failure_it_is(
    kind: tuple[str, str], spec: examples.Doc, status: examples.Doc, spent: float, blame: health.Blame
) -> None:
    seen = examples.reported([examples.found(*kind, spec=spec, status=status)], spent=spent)
    assert (seen.state, seen.blame) == (STATE.DEGRADED, blame)


def test_what_is_not_there_is_missing() -> None:
    wanted = examples.manifest(examples.deployment())
    seen = report.report([wanted], {}, verification=examples.VERIFICATION, spent=1.0, samples=(), observing=False)
    assert (seen.state, seen.because) == (STATE.MISSING, "Deployment web: is not there")


def test_kinds_without_health_are_not_counted() -> None:
    config = examples.manifest(examples.found("v1", "ConfigMap"))
    seen = report.report([config], {}, verification=examples.VERIFICATION, spent=1.0, samples=(), observing=True)
    assert (seen.state, seen.because) == (STATE.HEALTHY, "nothing here has a health of its own")


@pytest.mark.parametrize("switch", ["paused", "suspend"])
def test_what_somebody_else_has_stopped_does_not_pass(switch: str) -> None:
    """`kubectl rollout pause` in the middle of a rollout: nothing has rolled out."""
    job = examples.found("batch/v1", "Job", spec={"selector": {"matchLabels": examples.LABELS}})
    made = examples.deployment() if switch == "paused" else job
    wanted = examples.manifest(made)
    made["spec"][switch] = True

    def seen(by: Any) -> health.Report:
        held = examples.held(made)
        return report.report([by], held, verification=examples.VERIFICATION, spent=1.0, samples=(), observing=False)

    assert seen(examples.manifest(made)).state is STATE.SUSPENDED
    assert (seen(wanted).state, seen(wanted).blame) == (STATE.DEGRADED, WORLD)
    assert seen(wanted).because.endswith("Git does not ask for that")


def test_every_health_word_of_the_table_of_kinds_has_its_rule() -> None:
    assert {kind.health for kind in kinds.KINDS.values()} - {"exists"} == set(objects.RULES)
