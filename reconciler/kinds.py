"""What we know of each kind, in one table. A kind that is not in it is applied after those it may need, is never
protected and has no health rule of its own.

Ranks follow Helm's install order and Flux's stages: what others need comes first, and what
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
    namespaced: bool = True
    tier: int = 1
    """Place within a wave that the next place waits for. 0: others of the same plan cannot even be dry-run before it
    exists; 1: the rest; 2: it intercepts requests, and would lock out what is not running yet."""
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


_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_NETWORKING = "networking.k8s.io"

_TABLE = (
    Kind(ids.KindKey("", "Namespace"), 10, namespaced=False, tier=0, protected=True, stateful=True, health="namespace"),
    Kind(
        ids.KindKey("apiextensions.k8s.io", "CustomResourceDefinition"),
        20,
        namespaced=False,
        tier=0,
        protected=True,
        stateful=True,
        health="custom-resource-definition",
    ),
    Kind(ids.KindKey("scheduling.k8s.io", "PriorityClass"), 30, namespaced=False),
    Kind(ids.KindKey("node.k8s.io", "RuntimeClass"), 30, namespaced=False),
    Kind(ids.KindKey("", "ResourceQuota"), 40),
    Kind(ids.KindKey("", "LimitRange"), 40),
    Kind(ids.KindKey(_NETWORKING, "NetworkPolicy"), 50),
    Kind(ids.KindKey("", "ServiceAccount"), 60),
    Kind(ids.KindKey(_RBAC, "ClusterRole"), 70, namespaced=False),
    Kind(ids.KindKey(_RBAC, "ClusterRoleBinding"), 71, namespaced=False),
    Kind(ids.KindKey(_RBAC, "Role"), 72),
    Kind(ids.KindKey(_RBAC, "RoleBinding"), 73),
    Kind(ids.KindKey("", "Secret"), 80, secret_fields=("data", "stringData")),
    Kind(ids.KindKey("", "ConfigMap"), 81),
    Kind(ids.KindKey("storage.k8s.io", "StorageClass"), 90, namespaced=False),
    Kind(
        ids.KindKey("", "PersistentVolume"),
        91,
        namespaced=False,
        protected=True,
        stateful=True,
        health="persistent-volume",
    ),
    Kind(
        ids.KindKey("", "PersistentVolumeClaim"),
        92,
        protected=True,
        stateful=True,
        health="persistent-volume-claim",
    ),
    Kind(ids.KindKey("", "Service"), 100, stateful=True, health="service"),
    Kind(ids.KindKey("apps", "DaemonSet"), 200, health="daemon-set"),
    Kind(ids.KindKey("", "Pod"), 210, stateful=True, health="pod"),
    Kind(ids.KindKey("", "ReplicationController"), 215, replicas=True, health="replica-set"),
    Kind(ids.KindKey("apps", "ReplicaSet"), 220, replicas=True, health="replica-set"),
    Kind(ids.KindKey("apps", "Deployment"), 230, replicas=True, health="deployment"),
    Kind(ids.KindKey("apps", "StatefulSet"), 240, replicas=True, stateful=True, health="stateful-set"),
    Kind(ids.KindKey("batch", "Job"), 250, stateful=True, health="job"),
    Kind(ids.KindKey("batch", "CronJob"), 260, health="cron-job"),
    Kind(ids.KindKey("autoscaling", "HorizontalPodAutoscaler"), 300, health="horizontal-pod-autoscaler"),
    Kind(ids.KindKey("policy", "PodDisruptionBudget"), 310, health="pod-disruption-budget"),
    Kind(ids.KindKey(_NETWORKING, "IngressClass"), 400, namespaced=False),
    Kind(ids.KindKey(_NETWORKING, "Ingress"), 410, health="ingress"),
    Kind(ids.KindKey("apiregistration.k8s.io", "APIService"), 900, namespaced=False, tier=2, health="api-service"),
    Kind(ids.KindKey(_ADMISSION, "ValidatingAdmissionPolicy"), 910, namespaced=False, tier=2),
    Kind(ids.KindKey(_ADMISSION, "ValidatingAdmissionPolicyBinding"), 911, namespaced=False, tier=2),
    Kind(ids.KindKey(_ADMISSION, "MutatingWebhookConfiguration"), 920, namespaced=False, tier=2),
    Kind(ids.KindKey(_ADMISSION, "ValidatingWebhookConfiguration"), 930, namespaced=False, tier=2),
)

HEALTH = {
    "exists": "It is there. Not waited for: nothing says in it how it does.",
    "pod": "Ready, or ended well. Image, configuration and restarts beyond `restarts` fail the release; eviction, a"
    " lost node or no room for it are the world's.",
    "deployment": "All replicas updated and available, `Progressing` because of NewReplicaSetAvailable and `Available`."
    " Its newest pods fail it early. Paused in Git: suspended.",
    "replica-set": "All replicas ready and available; its pods as above.",
    "stateful-set": "All replicas up to date and ready, down to its partition; its pods as above.",
    "daemon-set": "As many updated and available pods as nodes want; its pods as above.",
    "job": "`Complete`; running proves nothing. `Failed` fails the release, unless nodes ended its pods.",
    "cron-job": "It is there: the next run may be in a month, and a failed one from before this release."
    " `spec.suspend`: suspended.",
    "namespace": "Phase Active.",
    "custom-resource-definition": "`Established`. `NamesAccepted` False and `NonStructuralSchema` True fail it.",
    "api-service": "`Available`.",
    "persistent-volume": "Phase Available, Bound or Released. Failed is the world's.",
    "persistent-volume-claim": "Phase Bound. Pending is suspended: with WaitForFirstConsumer its first pod binds it,"
    " and a pod that waits says so. Lost is the world's. A size that cannot be had fails the release.",
    "service": "A LoadBalancer has an address; none within the progress deadline is the world's. Other types: it is"
    " there.",
    "ingress": "It is there: several controllers never write an address.",
    "horizontal-pod-autoscaler": "What it scales is there and its selector fits, judged after one minute. Without"
    " metrics: suspended.",
    "pod-disruption-budget": "It is there. A budget that cannot be counted is suspended.",
}
"""What each health rule asks for, in words for people."""

KINDS = {kind.key: kind for kind in _TABLE}
_LINES: dict[tuple[str, str], Kind] = {(key.group, key.kind): kind for key, kind in KINDS.items()}
"""The same for who has the two words and need not make a key of them."""


def find(group: str, kind: str) -> Kind | None:
    """The table's line of a kind; None for one we know nothing of, as any custom resource."""
    return _LINES.get((group, kind))


def of(key: ids.ObjectKey) -> Kind | None:
    """The table's line of an object's kind."""
    return _LINES.get(key[:2])


def rank(key: ids.ObjectKey) -> int:
    """The rank in which an object is applied within its wave."""
    kind = of(key)
    return UNKNOWN_RANK if kind is None else kind.rank


def sorting(key: ids.ObjectKey) -> tuple[int, str, str, str, str]:
    """Sort key for applies: rank first, then names, so that the same set is always in the same order."""
    return (rank(key), key.kind, key.group, key.namespace, key.name)
