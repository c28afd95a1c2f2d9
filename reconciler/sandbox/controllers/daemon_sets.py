"""DaemonSets: a pod on every node, of which there is one (pkg/controller/daemon)."""

from reconciler.model import document, ids, live
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import history, owning, placing, pods, sizes, world

KIND = ids.KindKey("apps", "DaemonSet")
REVISION = "controller-revision-hash"
TEMPLATE = "pod-template-generation"
TEMPLATE_OF_SET = "deprecated.daemonset.template.generation"


def reconcile(key: ids.ObjectKey, cluster: world.World) -> float | None:
    found = cluster.kept.get(key)
    if found is None:
        return None
    known = history.versions(cluster, found)
    if not known:
        return world.AGAIN
    newest = known[-1]
    found = _numbered(cluster, found, newest)
    wanted = 0 if placing.unfit(document.mapping(found.body, "spec", "template")) else 1
    own = owning.claim(cluster, found, world.POD)
    refused = False if world.deleting(found) else _work(cluster, found, newest, own, wanted)
    cluster.status(found, _status(cluster, found, newest, own, wanted))
    hashes = {world.labels(pod.body).get(REVISION) for pod in own}
    history.truncate(cluster, found, known, {newest.name, *(one.name for one in known if one.hash in hashes)})
    return world.AGAIN if refused else pods.next_available(own, found.body, cluster.now())


def _numbered(cluster: world.World, found: objects.Stored, newest: history.Version) -> objects.Stored:
    """The API server counts the changes of the template in an annotation; here the history does."""
    notes = world.annotations(found.body)
    if notes.get(TEMPLATE_OF_SET) == str(newest.number):
        return found
    metadata = document.mapping(found.body, "metadata")
    new = {**metadata, "annotations": {**notes, TEMPLATE_OF_SET: str(newest.number)}}
    return cluster.change(found, {"metadata": new})


def _work(
    cluster: world.World, found: objects.Stored, newest: history.Version, own: list[objects.Stored], wanted: int
) -> bool:
    """Make the pod, or replace it. Whether it was refused."""
    active = [pod for pod in own if pods.active(pod.body)]
    for pod in own:
        if pods.finished(pod.body) and not world.deleting(pod):
            cluster.delete(pod)
    old = [pod for pod in active if not _is_of(pod, newest)]
    new = [pod for pod in active if _is_of(pod, newest)]
    old_serves = any(_available(cluster, found, pod) for pod in old)
    outdated = old if _rolls(found) else []
    if _surges(found) and old_serves and not any(_available(cluster, found, pod) for pod in new):
        outdated = []  # until the new one serves
    if unwanted := active if not wanted else outdated:
        for pod in unwanted:
            cluster.delete(pod)
        return False
    room = all(pods.finished(pod.body) for pod in own) or (_surges(found) and not new)
    if not wanted or not room:
        return False
    labels: document.Json = {REVISION: newest.hash, TEMPLATE: str(newest.number)}
    made = pods.create(cluster, found, prefix=f"{found.key.name}-", labels=labels)
    return isinstance(made, live.Refused)


def _status(
    cluster: world.World, found: objects.Stored, newest: history.Version, own: list[objects.Stored], wanted: int
) -> document.Json:
    """One node: the number of nodes with such a pod, not the number of pods."""
    alive = [pod for pod in own if pods.active(pod.body)]
    available = min(1, sum(1 for pod in alive if _available(cluster, found, pod))) if wanted else 0
    status: document.Json = {
        "currentNumberScheduled": min(len(alive), wanted),
        "numberMisscheduled": 0 if wanted else min(len(alive), 1),
        "desiredNumberScheduled": wanted,
        "numberReady": min(1, sum(1 for pod in alive if pods.ready(pod.body))) if wanted else 0,
        "observedGeneration": document.number(found.body, "metadata", "generation"),
    }
    updated = min(1, sum(1 for pod in alive if _is_of(pod, newest))) if wanted else 0
    more: document.Json = {
        "updatedNumberScheduled": updated,
        "numberAvailable": available,
        "numberUnavailable": wanted - available,
    }
    return status | world.shed(more)


def _is_of(pod: objects.Stored, version: history.Version) -> bool:
    return world.labels(pod.body).get(REVISION) == version.hash


def _available(cluster: world.World, found: objects.Stored, pod: objects.Stored) -> bool:
    min_ready = document.number(found.body, "spec", "minReadySeconds")
    return pods.available_in(pod.body, min_ready, cluster.now()) == 0


def _rolls(found: objects.Stored) -> bool:
    return document.text(found.body, "spec", "updateStrategy", "type") != "OnDelete"


def _surges(found: objects.Stored) -> bool:
    surge = document.at(found.body, "spec", "updateStrategy", "rollingUpdate", "maxSurge")
    return _rolls(found) and sizes.scaled(surge, 1, up=True) > 0
