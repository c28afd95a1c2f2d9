"""StatefulSets: pods with a number and a name that stays (pkg/controller/statefulset).

With OrderedReady a pod that is not ready stops everything, also its own replacement by a newer template: that is what
the real one does, and why a revert waits for ever:
https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback
"""

from dataclasses import dataclass

from reconciler.model import document, ids, live
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import history, owning, pods, world

KIND = ids.KindKey("apps", "StatefulSet")
CLAIM = ids.KindKey("", "PersistentVolumeClaim")
REVISION = "controller-revision-hash"
POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"


@dataclass(slots=True)
class Set:
    """A StatefulSet in the middle of one look at it. `replicas` are its pods by place, None where one is missing;
    `condemned` those with a higher number than is wanted, highest first."""

    stored: objects.Stored
    current: history.Version
    update: history.Version
    replicas: list[objects.Stored | None]
    condemned: list[objects.Stored]
    given_up: int = 0
    """Pods of the current version deleted for the update in this look."""

    @property
    def ordered(self) -> bool:
        return document.text(self.stored.body, "spec", "podManagementPolicy") != "Parallel"

    @property
    def partition(self) -> int | None:
        found = document.at(self.stored.body, "spec", "updateStrategy", "rollingUpdate")
        return document.number(found, "partition") if isinstance(found, dict) else None

    @property
    def on_delete(self) -> bool:
        return document.text(self.stored.body, "spec", "updateStrategy", "type") == "OnDelete"

    @property
    def all(self) -> list[objects.Stored]:
        return [*(one for one in self.replicas if one is not None), *reversed(self.condemned)]


def reconcile(key: ids.ObjectKey, cluster: world.World) -> float | None:
    found = cluster.kept.get(key)
    if found is None:
        return None
    known = history.versions(cluster, found)
    if not known:
        return world.AGAIN
    one = _read(cluster, found, known)
    seen = one.all
    refused = None if world.deleting(found) else _work(cluster, one)
    cluster.status(found, _status(one, seen, cluster))
    used = {one.current.name, one.update.name, *(_revision(pod) for pod in seen)}
    history.truncate(cluster, found, known, used)
    if refused:
        return world.AGAIN
    return pods.next_available(seen, found.body, cluster.now())


def _read(cluster: world.World, found: objects.Stored, known: list[history.Version]) -> Set:
    wanted = document.text(found.body, "status", "currentRevision")
    current = next((one for one in known if one.name == wanted), known[-1])
    start, count = document.number(found.body, "spec", "ordinals", "start"), replica_count(found.body)
    replicas: list[objects.Stored | None] = [None] * count
    condemned: list[tuple[int, objects.Stored]] = []
    for pod in owning.claim(cluster, found, world.POD):
        number = _ordinal(found, pod)
        if number is None:
            continue
        if start <= number < start + count:
            replicas[number - start] = pod
        else:
            condemned.append((number, pod))
    condemned.sort(key=lambda pair: pair[0], reverse=True)
    return Set(found, current, known[-1], replicas, [pod for _, pod in condemned])


def replica_count(body: document.Json) -> int:
    """`spec.replicas`, 1 where it does not say."""
    wanted = document.at(body, "spec", "replicas")
    return wanted if isinstance(wanted, int) else 1


def _work(cluster: world.World, one: Set) -> bool:
    """Pods that are missing, then pods too many, then the update; in order, each waits for the one before. Whether
    a pod was refused."""
    for place in range(len(one.replicas)):
        waits, refused = _keep(cluster, one, place)
        if refused or (waits and one.ordered):
            return refused
    unhealthy = _first_unavailable(cluster, one)
    for pod in one.condemned:
        if _condemn(cluster, one, pod, unhealthy) and one.ordered:
            return False
    if not one.on_delete:
        _update(cluster, one)
    return False


def _keep(cluster: world.World, one: Set, place: int) -> tuple[bool, bool]:
    """See to one place. Whether what comes after it must wait, and whether its pod was refused."""
    pod = one.replicas[place]
    if pod is not None and pods.finished(pod.body):
        if not world.deleting(pod):
            cluster.delete(pod)
        return True, False
    if pod is None:
        made = _create(cluster, one, place)
        if isinstance(made, live.Refused):
            return True, True
        one.replicas[place] = made
        return True, False
    return world.deleting(pod) or not _available(cluster, one, pod), False


def _condemn(cluster: world.World, one: Set, pod: objects.Stored, unhealthy: objects.Stored | None) -> bool:
    """Delete a pod too many, unless an unhealthy one goes before it. Whether the next must wait."""
    if world.deleting(pod):
        return True
    if one.ordered and not _available(cluster, one, pod) and pod is not unhealthy:
        return True
    cluster.delete(pod)
    return True


def _update(cluster: world.World, one: Set) -> None:
    """Delete the highest pod of another version, when those above it are available."""
    for pod in reversed(one.replicas[one.partition or 0 :]):
        if pod is None:
            return
        if _revision(pod) != one.update.name and not world.deleting(pod):
            cluster.delete(pod)
            one.given_up += 1
            return
        if world.deleting(pod) or not _available(cluster, one, pod):
            return


def _first_unavailable(cluster: world.World, one: Set) -> objects.Stored | None:
    return next((pod for pod in one.all if world.deleting(pod) or not _available(cluster, one, pod)), None)


def _available(cluster: world.World, one: Set, pod: objects.Stored) -> bool:
    min_ready = document.number(one.stored.body, "spec", "minReadySeconds")
    return pods.phase(pod.body) == "Running" and pods.available_in(pod.body, min_ready, cluster.now()) == 0


def _create(cluster: world.World, one: Set, place: int) -> objects.Stored | live.Refused:
    """Below the partition a lost pod comes back in the version that it had."""
    stored = one.stored
    number = document.number(stored.body, "spec", "ordinals", "start") + place
    kept = one.partition if one.partition is not None else document.number(stored.body, "status", "currentReplicas")
    version = one.current if not one.on_delete and place < kept else one.update
    name = f"{stored.key.name}-{number}"
    template = version.template
    spec = {
        **document.mapping(template, "spec"),
        "hostname": name,
        "subdomain": document.text(stored.body, "spec", "serviceName"),
    }
    if volumes := _claims(cluster, stored, name):
        named = {document.text(volume, "name") for volume in volumes}
        held = [one for one in document.items(spec, "volumes") if document.text(_as_json(one), "name") not in named]
        spec["volumes"] = [*held, *volumes]
    return pods.create(
        cluster,
        stored,
        name=name,
        template={**template, "spec": spec},
        labels={REVISION: version.name, POD_NAME: name, POD_INDEX: str(number)},
    )


def _claims(cluster: world.World, stored: objects.Stored, pod: str) -> list[document.Json]:
    """The volumes that stand for the claim templates; their claims are made when they are not there."""
    volumes: list[document.Json] = []
    for claim in document.items(stored.body, "spec", "volumeClaimTemplates"):
        template = _as_json(claim)
        word = document.text(template, "metadata", "name")
        name = f"{word}-{pod}"
        if cluster.kept.get(world.key_of(CLAIM, stored.key.namespace, name)) is None:
            selector = document.mapping(stored.body, "spec", "selector", "matchLabels")
            labels = {**world.labels(template), **selector}
            metadata: document.Json = {"name": name, "namespace": stored.key.namespace, "labels": labels}
            spec = dict(document.mapping(template, "spec"))
            cluster.create({"apiVersion": "v1", "kind": CLAIM.kind, "metadata": metadata, "spec": spec})
        volumes.append({"name": word, "persistentVolumeClaim": {"claimName": name}})
    return volumes


def _status(one: Set, seen: list[objects.Stored], cluster: world.World) -> document.Json:
    """Of the pods as they were found; those just made are counted when they are seen."""
    body, alive = one.stored.body, [pod for pod in seen if not world.deleting(pod)]
    ready = [pod for pod in seen if pods.phase(pod.body) == "Running" and pods.ready(pod.body)]
    available = sum(1 for pod in ready if _available(cluster, one, pod))
    current = sum(1 for pod in alive if _revision(pod) == one.current.name) - one.given_up
    updated = sum(1 for pod in alive if _revision(pod) == one.update.name)
    revision, want = one.current.name, replica_count(body)
    if not one.on_delete and updated == want == len(ready) == len(seen):
        current, revision = updated, one.update.name
    counts: document.Json = {
        "readyReplicas": len(ready),
        "currentReplicas": max(0, current),
        "updatedReplicas": updated,
        "currentRevision": revision,
        "updateRevision": one.update.name,
    }
    return world.shed(counts) | {
        "observedGeneration": document.number(body, "metadata", "generation"),
        "replicas": len(seen),
        "availableReplicas": available,
        "collisionCount": 0,
    }


def _ordinal(found: objects.Stored, pod: objects.Stored) -> int | None:
    prefix, dash, number = pod.key.name.rpartition("-")
    return int(number) if dash and prefix == found.key.name and number.isdecimal() else None


def _revision(pod: objects.Stored) -> str:
    return str(world.labels(pod.body).get(REVISION) or "")


def _as_json(value: document.JsonValue) -> document.Json:
    return value if isinstance(value, dict) else {}
