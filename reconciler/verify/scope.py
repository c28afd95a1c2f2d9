"""Which live objects are followed whole while a target rolls out or is observed."""

from collections.abc import Sequence

from reconciler import kinds
from reconciler.model import ids, manifests
from reconciler.verify import family

COMPANIONS = {
    ids.KindKey("apps", "Deployment"): (family.REPLICA_SET, family.POD),
    ids.KindKey("apps", "ReplicaSet"): (family.POD,),
    ids.KindKey("", "ReplicationController"): (family.POD,),
    ids.KindKey("apps", "StatefulSet"): (family.POD,),
    ids.KindKey("apps", "DaemonSet"): (family.POD,),
    ids.KindKey("batch", "Job"): (family.POD,),
}
"""What a kind's controller makes, and what tells of a failure before the object itself does."""


def has_health(key: ids.ObjectKey) -> bool:
    """Whether there is anything to wait for: a rule of its own or, for a kind we know nothing of, the conditions
    that custom resources share."""
    kind = kinds.of(key)
    return kind is None or kind.health != "exists"


def followed(manifests: Sequence[manifests.Manifest]) -> tuple[tuple[ids.KindKey, str], ...]:
    """The kinds and namespaces ('' for cluster-scoped ones) to hold full watches on, sorted."""
    wanted: set[tuple[ids.KindKey, str]] = set()
    for manifest in manifests:
        key = manifest.key
        if has_health(key):
            wanted.add((key.kind_key, key.namespace))
            wanted.update((companion, key.namespace) for companion in COMPANIONS.get(key.kind_key, ()))
    return tuple(sorted(wanted))
