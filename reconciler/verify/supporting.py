"""Kinds that workloads stand on. What may legally never come is not waited for: a claim that no pod uses, an address
that no controller gives (cli-utils, pkg/kstatus)."""

from reconciler.model import document
from reconciler.verify import family, judgement

LOOKED_AT = 60.0
"""Seconds after which the autoscaler has looked again, four of its rounds: an older complaint may be of a workload that
was not there yet."""


def namespace(found: document.Json, _: family.Family, __: judgement.Patience) -> judgement.Judgement:
    phase = document.text(found, "status", "phase")
    return judgement.healthy("is active") if phase == "Active" else judgement.progressing(f"is {phase or 'new'}")


def custom_resource_definition(found: document.Json, _: family.Family, __: judgement.Patience) -> judgement.Judgement:
    """Established, or refused for good: names that another definition has, a schema that is none."""
    if judgement.holds(found, "NamesAccepted") is False:
        return judgement.failed(f"its names are not accepted{_of(found, 'NamesAccepted')}")
    if judgement.holds(found, "NonStructuralSchema"):
        return judgement.failed(f"its schema is not structural{_of(found, 'NonStructuralSchema')}")
    established = judgement.condition(found, "Established")
    if judgement.holds(found, "Established"):
        return judgement.healthy("is established")
    if established and established.get("status") == "False" and established.get("reason") != "Installing":
        return judgement.failed(f"cannot be established{judgement.because_of(established)}")
    return judgement.progressing("is not established yet")


def api_service(found: document.Json, _: family.Family, __: judgement.Patience) -> judgement.Judgement:
    if judgement.holds(found, "Available"):
        return judgement.healthy("is available")
    return judgement.progressing(f"is not available{_of(found, 'Available')}")


def persistent_volume(found: document.Json, _: family.Family, __: judgement.Patience) -> judgement.Judgement:
    phase = document.text(found, "status", "phase")
    if phase == "Failed":
        return judgement.troubled(f"has failed ({document.text(found, 'status', 'message') or 'no message'})")
    if phase in ("Available", "Bound", "Released"):
        return judgement.healthy(f"is {phase.lower()}")
    return judgement.progressing("is not available yet")


def persistent_volume_claim(found: document.Json, _: family.Family, __: judgement.Patience) -> judgement.Judgement:
    """A pending claim is not waited for: with WaitForFirstConsumer it is bound by its first pod, and a pod that waits
    for it says so itself."""
    match document.text(found, "status", "phase"):
        case "Bound":
            return _resized(found)
        case "Lost":
            return judgement.troubled("has lost its volume")
        case _:
            return judgement.suspended("is not bound; pods that need it wait for it")


def _resized(found: document.Json) -> judgement.Judgement:
    """A bound claim may have been asked to grow. Growing is not waited for: some volumes do so at their next mount."""
    resizing = document.text(found, "status", "allocatedResourceStatuses", "storage")
    wanted = document.text(found, "spec", "resources", "requests", "storage")
    if resizing.endswith("Infeasible"):
        return judgement.failed(f"cannot grow to {wanted}: its storage says {resizing}")
    if resizing:
        return judgement.healthy(f"is bound, and grows to {wanted} ({resizing})")
    return judgement.healthy("is bound")


def service(found: document.Json, _: family.Family, patience: judgement.Patience) -> judgement.Judgement:
    """A load balancer is waited for; that none comes is the doing of the cluster's provider."""
    if document.text(found, "spec", "type") != "LoadBalancer":
        return judgement.healthy("exists")
    if document.items(found, "status", "loadBalancer", "ingress"):
        return judgement.healthy("has its load balancer")
    said = "has no load balancer yet"
    return judgement.troubled(said) if patience.over else judgement.progressing(said)


def ingress(found: document.Json, _: family.Family, __: judgement.Patience) -> judgement.Judgement:
    """Never waited for: several controllers serve an Ingress without ever writing an address."""
    served = document.items(found, "status", "loadBalancer", "ingress")
    return judgement.healthy("has an address" if served else "exists, without an address")


def horizontal_pod_autoscaler(
    found: document.Json, _: family.Family, patience: judgement.Patience
) -> judgement.Judgement:
    """Wrong when what it scales is not there or it cannot tell the pods. Without metrics it only does not scale: that
    is the first minute of every workload, and every minute of a cluster without a metrics server."""
    able, active = judgement.condition(found, "AbleToScale"), judgement.condition(found, "ScalingActive")
    wrong = {"FailedGetScale", "FailedUpdateScale", "InvalidSelector", "AmbiguousSelector"}
    for seen in (able, active):
        if seen and seen.get("status") == "False" and seen.get("reason") in wrong:
            said = f"cannot scale{judgement.because_of(seen)}"
            return judgement.failed(said) if patience.spent >= LOOKED_AT else judgement.progressing(said)
    if active and active.get("status") == "False" and active.get("reason") != "ScalingDisabled":
        return judgement.suspended(f"does not scale{judgement.because_of(active)}")
    return judgement.healthy("scales" if active else "exists, not looked at by the autoscaler yet")


def pod_disruption_budget(found: document.Json, _: family.Family, __: judgement.Patience) -> judgement.Judgement:
    """A budget without room does its work. One that cannot be counted protects nothing, and breaks nothing."""
    for seen in document.items(found, "status", "conditions"):
        if isinstance(seen, dict) and seen.get("status") == "False" and seen.get("reason") != "InsufficientPods":
            return judgement.suspended(f"protects nothing{judgement.because_of(seen)}")
    return judgement.healthy("exists")


def _of(found: document.Json, condition: str) -> str:
    return judgement.because_of(judgement.condition(found, condition))
