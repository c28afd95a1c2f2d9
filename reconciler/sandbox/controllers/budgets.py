"""PodDisruptionBudgets: how many pods may be missing now (pkg/controller/disruption). Nobody drains nodes here, so only
the status is kept."""

from collections.abc import Iterable, Sequence

from reconciler.model import document, ids
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import conditions, owning, pods, sizes, world

KIND = ids.KindKey("policy", "PodDisruptionBudget")
SCALABLE = {"ReplicaSet", "StatefulSet"}


def reconcile(key: ids.ObjectKey, cluster: world.World) -> None:
    found = cluster.kept.get(key)
    if found is None or "selector" not in document.mapping(found.body, "spec"):
        return
    selector = document.mapping(found.body, "spec", "selector")
    chosen = [
        pod
        for pod in cluster.kept.of_kind(world.POD, key.namespace)
        if owning.matches(selector, world.labels(pod.body))
    ]
    expected, desired = _wanted(cluster, found, chosen)
    healthy = sum(1 for pod in chosen if pods.active(pod.body) and pods.ready(pod.body))
    allowed = max(0, healthy - desired) if expected else 0
    generation = document.number(found.body, "metadata", "generation")
    said: document.Json = {
        "type": "DisruptionAllowed",
        "status": "True" if allowed else "False",
        "observedGeneration": generation,
        "lastTransitionTime": cluster.stamp(),
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
    }
    counts: document.Json = {
        "observedGeneration": generation,
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "conditions": conditions.put(document.items(found.body, "status", "conditions"), said),
    }
    cluster.status(found, counts)


def wakes(happened: objects.Happened, cluster: world.World) -> Iterable[ids.ObjectKey]:
    """A pod came, changed or went: the budgets of its namespace."""
    if happened.stored.key.kind_key != world.POD:
        return ()
    return [one.key for one in cluster.kept.of_kind(KIND, happened.stored.key.namespace)]


def _wanted(cluster: world.World, found: objects.Stored, chosen: Sequence[objects.Stored]) -> tuple[int, int]:
    """How many pods there should be, and how many of them must be healthy."""
    most, least = (document.at(found.body, "spec", word) for word in ("maxUnavailable", "minAvailable"))
    if isinstance(least, int):
        return len(chosen), least
    scale = _scale(cluster, chosen)
    if most is not None:
        return scale, max(0, scale - sizes.scaled(most, scale, up=True))
    return scale, sizes.scaled(least, scale, up=True)


def _scale(cluster: world.World, chosen: Sequence[objects.Stored]) -> int:
    """What the controllers of these pods want together: a Deployment where there is one above the ReplicaSet."""
    found: dict[ids.ObjectKey, int] = {}
    for pod in chosen:
        top = pod
        while (owner := owning.controller(top.body)) is not None:
            group = str(owner.get("apiVersion")).rpartition("/")[0]
            key = ids.ObjectKey(group, str(owner.get("kind")), pod.key.namespace, str(owner.get("name")))
            above = cluster.kept.get(key)
            if above is None:
                break
            top = above
        if top is not pod:
            found[top.key] = sizes.wanted(top.body)
    return sum(found.values())
