"""ReplicaSets: as many pods of the template as wanted (pkg/controller/replicaset)."""

from collections.abc import Sequence

from reconciler.model import document, ids, live
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import conditions, owning, pods, world

KIND = world.REPLICA_SET


def reconcile(key: ids.ObjectKey, cluster: world.World) -> float | None:
    found = cluster.kept.get(key)
    if found is None:
        return None
    own = owning.claim(cluster, found, world.POD)
    active = [pod for pod in own if pods.active(pod.body)]
    terminating = [pod for pod in own if world.deleting(pod) and not pods.finished(pod.body)]
    refused = None if world.deleting(found) else _manage(cluster, found, active)
    counts = pods.counts(active, found.body, cluster.now())
    cluster.status(found, _status(found, active, len(terminating), counts, refused, cluster.stamp()))
    if refused:
        return world.AGAIN
    return pods.next_available(active, found.body, cluster.now())


def _manage(cluster: world.World, found: objects.Stored, active: Sequence[objects.Stored]) -> str:
    """Make the missing pods or delete those too many. What refused a pod, or ''."""
    missing = document.number(found.body, "spec", "replicas") - len(active)
    for _ in range(missing):
        made = pods.create(cluster, found, prefix=f"{found.key.name}-")
        if isinstance(made, live.Refused):
            return made.message
    if missing < 0:
        for pod in sorted(active, key=lambda pod: pods.dispensable(pod, cluster.now()))[:-missing]:
            cluster.delete(pod)
    return ""


def _status(
    found: objects.Stored,
    active: Sequence[objects.Stored],
    terminating: int,
    counts: pods.Counts,
    refused: str | None,
    stamp: str,
) -> document.Json:
    labels = document.mapping(found.body, "spec", "template", "metadata", "labels").items()
    labelled = sum(1 for pod in active if labels <= world.labels(pod.body).items())
    said = conditions.without(document.items(found.body, "status", "conditions"), "ReplicaFailure")
    failed = conditions.find(document.items(found.body, "status", "conditions"), "ReplicaFailure")
    if refused:
        new: document.Json = {
            "type": "ReplicaFailure",
            "status": "True",
            "lastTransitionTime": stamp,
            "reason": "FailedCreate",
            "message": refused,
        }
        said.append(failed or new)
    status: document.Json = {
        "fullyLabeledReplicas": labelled,
        "readyReplicas": counts.ready,
        "availableReplicas": counts.available,
        "conditions": said or None,
    }
    return world.shed(status) | {
        "replicas": len(active),
        "terminatingReplicas": terminating,
        "observedGeneration": document.number(found.body, "metadata", "generation"),
    }
