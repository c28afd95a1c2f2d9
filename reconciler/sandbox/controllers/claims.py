"""PersistentVolumeClaims: bound at once where the cluster has a StorageClass that the sandbox serves, else pending.

The real control plane of the tests has nobody who makes volumes, so a claim there stays pending; here somebody is, when
a StorageClass names him. Volumes themselves are not made.
"""

from collections.abc import Iterable

from reconciler.model import document, ids
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import placing, world

KIND = placing.CLAIM
CLASS = ids.KindKey("storage.k8s.io", "StorageClass")
PROVISIONER = "sandbox.reconciler.dev"
PROTECTION = "kubernetes.io/pvc-protection"
ENDED = ("Succeeded", "Failed")
DEFAULT = "storageclass.kubernetes.io/is-default-class"


def reconcile(key: ids.ObjectKey, cluster: world.World) -> None:
    found = cluster.kept.get(key)
    if found is not None and world.deleting(found):
        _let_go(cluster, found)
        return
    if found is None or document.text(found.body, "status", "phase") == "Bound":
        return
    if not _served(cluster, found):
        cluster.status(found, {**document.mapping(found.body, "status"), "phase": "Pending"})
        return
    spec = {**document.mapping(found.body, "spec"), "volumeName": f"pvc-{world.uid(found)}"}
    found = cluster.change(found, {"spec": spec})
    bound: document.Json = {
        "phase": "Bound",
        "accessModes": document.items(spec, "accessModes"),
        "capacity": document.mapping(spec, "resources", "requests"),
    }
    cluster.status(found, bound)


def wakes(happened: objects.Happened, cluster: world.World) -> Iterable[ids.ObjectKey]:
    """A StorageClass may be what claims wait for, the end of a pod what their own end waits for."""
    key = happened.stored.key
    if key.kind_key == CLASS:
        return [one.key for one in cluster.kept.of_kind(KIND)]
    if key.kind_key == world.POD:
        return [one.key for one in cluster.kept.of_kind(KIND, key.namespace) if world.deleting(one)]
    return ()


def _let_go(cluster: world.World, found: objects.Stored) -> None:
    """A claim that is being deleted goes when no pod uses it any more."""
    key = found.key
    if PROTECTION not in found.finalizers or any(
        key.name in placing.claimed(pod.body) and document.text(pod.body, "status", "phase") not in ENDED
        for pod in cluster.kept.of_kind(world.POD, key.namespace)
    ):
        return
    kept = [name for name in found.finalizers if name != PROTECTION]
    cluster.change(found, {"metadata": {**found.metadata, "finalizers": kept}})


def _served(cluster: world.World, found: objects.Stored) -> bool:
    wanted = document.at(found.body, "spec", "storageClassName")
    return any(
        document.text(one.body, "provisioner") == PROVISIONER
        and (one.key.name == wanted or (wanted is None and world.annotations(one.body).get(DEFAULT) == "true"))
        for one in cluster.kept.of_kind(CLASS)
    )
