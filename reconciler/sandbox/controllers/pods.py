"""What controllers ask of pods, and how they make them."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.model import document, live
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import conditions, limit_ranges, owning, quotas, world

PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
"""The order in which pods are given up."""

COST = "controller.kubernetes.io/pod-deletion-cost"


@dataclass(frozen=True, slots=True)
class Counts:
    ready: int
    available: int


def create(
    cluster: world.World,
    owner: objects.Stored,
    *,
    prefix: str = "",
    name: str = "",
    template: document.Json | None = None,
    labels: Mapping[str, document.JsonValue] | None = None,
    finalizers: Sequence[str] = (),
) -> objects.Stored | live.Refused:
    """A pod of the owner's template (or of `template`), under `name` or under a new name that begins with `prefix`."""
    template = template if template is not None else document.mapping(owner.body, "spec", "template")
    metadata: document.Json = {
        "namespace": owner.key.namespace,
        "labels": {**world.labels(template), **(labels or {})},
        "ownerReferences": [owning.reference(owner)],
    }
    if name:
        metadata["name"] = name
    else:
        metadata["generateName"] = prefix
    if notes := world.annotations(template):
        metadata["annotations"] = dict(notes)
    if held := [*document.items(template, "metadata", "finalizers"), *finalizers]:
        metadata["finalizers"] = held
    spec = dict(document.mapping(template, "spec"))
    refused = quotas.exceeded(cluster, owner.key.namespace) or limit_ranges.exceeded(cluster, owner.key.namespace, spec)
    if refused:
        because = f'pods "{name or prefix}" is forbidden: {refused}'
        key = world.key_of(world.POD, owner.key.namespace, name or prefix)
        return live.Refused(key, live.Why.FORBIDDEN, because, status=403)
    return cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def phase(pod: Mapping[str, document.JsonValue]) -> str:
    return document.text(pod, "status", "phase") or "Pending"


def finished(pod: Mapping[str, document.JsonValue]) -> bool:
    return phase(pod) in ("Succeeded", "Failed")


def active(pod: Mapping[str, document.JsonValue]) -> bool:
    """Whether it counts as a replica."""
    return not finished(pod) and not document.text(pod, "metadata", "deletionTimestamp")


def ready(pod: Mapping[str, document.JsonValue]) -> bool:
    return conditions.says(pod, "Ready") == "True"


def available_in(pod: Mapping[str, document.JsonValue], min_ready: int, now: datetime.datetime) -> float | None:
    """Seconds until it has been ready for `min_ready` seconds; 0 when it has, None when it is not ready."""
    if not ready(pod):
        return None
    seen = conditions.find(document.items(pod, "status", "conditions"), "Ready") or {}
    return max(0.0, min_ready - world.age(document.text(seen, "lastTransitionTime"), now)) if min_ready else 0.0


def counts(own: Sequence[objects.Stored], owner: Mapping[str, document.JsonValue], now: datetime.datetime) -> Counts:
    """How many of these are ready, and available by the owner's `minReadySeconds`."""
    min_ready = document.number(owner, "spec", "minReadySeconds")
    waits = [available_in(pod.body, min_ready, now) for pod in own]
    return Counts(sum(1 for wait in waits if wait is not None), sum(1 for wait in waits if wait == 0))


def next_available(
    own: Sequence[objects.Stored], owner: Mapping[str, document.JsonValue], now: datetime.datetime
) -> float | None:
    """Seconds until the next of these becomes available by the passing of time alone."""
    min_ready = document.number(owner, "spec", "minReadySeconds")
    return min((wait for pod in own if (wait := available_in(pod.body, min_ready, now))), default=None)


def restarts(pod: Mapping[str, document.JsonValue]) -> int:
    statuses = [one for one in document.items(pod, "status", "containerStatuses") if isinstance(one, dict)]
    return max((document.number(one, "restartCount") for one in statuses), default=0)


def dispensable(pod: objects.Stored, now: datetime.datetime) -> tuple[object, ...]:
    """Sort key: which pods go first when there are too many (`ActivePodsWithRanks`). With one node there is nobody to
    share it with less."""
    seen = conditions.find(document.items(pod.body, "status", "conditions"), "Ready") or {}
    since = document.text(seen, "lastTransitionTime")
    made = document.text(pod.body, "metadata", "creationTimestamp")
    cost = str(world.annotations(pod.body).get(COST) or "0")
    return (
        bool(document.text(pod.body, "spec", "nodeName")),
        PHASES.get(phase(pod.body), 2),
        ready(pod.body),
        int(cost) if cost.lstrip("-").isdecimal() else 0,
        world.age(since, now) if ready(pod.body) and since else 0.0,
        -restarts(pod.body),
        world.age(made, now) if made else 0.0,
        pod.key.name,
    )
