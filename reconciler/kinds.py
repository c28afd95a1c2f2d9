"""What we know of each kind, in one table. A kind that is not in it is applied after those it may need, is never
protected and has no health rule of its own.

Ranks follow Helm's install order and Flux's stages (reference/peers.md §5.4): what others need comes first, and what
intercepts the requests of others (webhooks, admission policies, aggregated APIs) last. Prune runs the other way round.

Protected are the kinds whose removal destroys what Git cannot bring back: a Namespace and a CustomResourceDefinition
take every object inside with them, also objects of others; a PersistentVolume and its claim hold data. A Secret is
not: what we may prune was rendered from Git, so a commit brings it back. A StatefulSet is not: its claims outlive it.
"""

from dataclasses import dataclass

from reconciler.model import ids

UNKNOWN_RANK = 800
"""Custom resources: after everything their controllers are made of, before what intercepts requests."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One line of the table."""

    key: ids.KindKey
    rank: int
    """Place within a wave, low first."""
    namespaced: bool
    wave: int = 1
    """0: others of the same plan cannot even be dry-run before it exists; 1: the rest."""
    protected: bool = False
    """Never pruned without a person's confirmation of the very revision (I7)."""
    stateful: bool = False
    """Holds data or identity that a delete-and-create would lose: never replaced on its own."""
    replicas: bool = False
    """Has `spec.replicas` and the scale subresource: an autoscaler may own its size."""
    secret_fields: tuple[str, ...] = ()
    """Top-level fields whose values are never shown (I13)."""
    health: str = "exists"
    """The rule that verify judges it by; `exists`: there is nothing to wait for."""


def _core(kind: str, rank: int, **more: object) -> Kind:
    return _of("", kind, rank, **more)


def _of(group: str, kind: str, rank: int, **more: object) -> Kind:
    return Kind(ids.KindKey(group, kind), rank, **{"namespaced": True, **more})  # type: ignore[arg-type]


_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_NETWORKING = "networking.k8s.io"

_TABLE = (
    _core("Namespace", 10, namespaced=False, wave=0, protected=True, stateful=True, health="namespace"),
    _of(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        20,
        namespaced=False,
        wave=0,
        protected=True,
        stateful=True,
        health="custom-resource-definition",
    ),
    _of("scheduling.k8s.io", "PriorityClass", 30, namespaced=False),
    _of("node.k8s.io", "RuntimeClass", 30, namespaced=False),
    _core("ResourceQuota", 40),
    _core("LimitRange", 40),
    _of(_NETWORKING, "NetworkPolicy", 50),
    _core("ServiceAccount", 60),
    _of(_RBAC, "ClusterRole", 70, namespaced=False),
    _of(_RBAC, "ClusterRoleBinding", 71, namespaced=False),
    _of(_RBAC, "Role", 72),
    _of(_RBAC, "RoleBinding", 73),
    _core("Secret", 80, secret_fields=("data", "stringData")),
    _core("ConfigMap", 81),
    _of("storage.k8s.io", "StorageClass", 90, namespaced=False),
    _core("PersistentVolume", 91, namespaced=False, protected=True, stateful=True, health="persistent-volume"),
    _core(
        "PersistentVolumeClaim",
        92,
        protected=True,
        stateful=True,
        health="persistent-volume-claim",
    ),
    _core("Service", 100, stateful=True, health="service"),
    _of("apps", "DaemonSet", 200, health="daemon-set"),
    _core("Pod", 210, stateful=True, health="pod"),
    _core("ReplicationController", 215, replicas=True),
    _of("apps", "ReplicaSet", 220, replicas=True, health="replica-set"),
    _of("apps", "Deployment", 230, replicas=True, health="deployment"),
    _of("apps", "StatefulSet", 240, replicas=True, stateful=True, health="stateful-set"),
    _of("batch", "Job", 250, stateful=True, health="job"),
    _of("batch", "CronJob", 260, health="cron-job"),
    _of("autoscaling", "HorizontalPodAutoscaler", 300, health="horizontal-pod-autoscaler"),
    _of("policy", "PodDisruptionBudget", 310, health="pod-disruption-budget"),
    _of(_NETWORKING, "IngressClass", 400, namespaced=False),
    _of(_NETWORKING, "Ingress", 410, health="ingress"),
    _of("apiregistration.k8s.io", "APIService", 900, namespaced=False, health="api-service"),
    _of(_ADMISSION, "ValidatingAdmissionPolicy", 910, namespaced=False),
    _of(_ADMISSION, "ValidatingAdmissionPolicyBinding", 911, namespaced=False),
    _of(_ADMISSION, "MutatingWebhookConfiguration", 920, namespaced=False),
    _of(_ADMISSION, "ValidatingWebhookConfiguration", 930, namespaced=False),
)

KINDS = {kind.key: kind for kind in _TABLE}


def find(group: str, kind: str) -> Kind | None:
    """The table's line of a kind; None for one we know nothing of, as any custom resource."""
    return KINDS.get(ids.KindKey(group, kind))


def of(key: ids.ObjectKey) -> Kind | None:
    """The table's line of an object's kind."""
    return KINDS.get(key.kind_key)


def rank(key: ids.ObjectKey) -> int:
    """The rank in which an object is applied within its wave."""
    kind = of(key)
    return UNKNOWN_RANK if kind is None else kind.rank


def sorting(key: ids.ObjectKey) -> tuple[int, str, str, str, str]:
    """Sort key for applies: rank first, then names, so that the same set is always in the same order."""
    return (rank(key), key.kind, key.group, key.namespace, key.name)
