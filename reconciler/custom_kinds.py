"""How the status of well-known custom resources is to be read, in one table: data, without code for any kind.

Sources: each project's API reference; where projects agree with the conditions that custom resources share (`Ready`,
kstatus' `Reconciling` and `Stalled`) they need no line. A failure is the release's only where its controller says that
trying again will not help; what an outside system may have caused is the world's.
"""

from dataclasses import dataclass

from reconciler.model import ids

ANY = "*"
"""As a kind: every kind of the group that has no line of its own. At the start of a group: every group ending so."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A condition that decides. Without `reasons` any reason does."""

    condition: str
    status: str = "True"
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        because = f" because of {' or '.join(self.reasons)}" if self.reasons else ""
        return f"`{self.condition}` is {self.status}{because}"


@dataclass(frozen=True, slots=True)
class ByConditions:
    """Healthy when each of `ready` is True. Looked at in this order: suspended, failed, troubled, ready."""

    ready: tuple[str, ...] = ("Ready",)
    suspended: tuple[Sign, ...] = ()
    failed: tuple[Sign, ...] = ()
    troubled: tuple[Sign, ...] = ()
    parents: str = ""
    """The list in the status whose items have the conditions, each for one of `spec.parentRefs`; '': the status itself
    has them."""


@dataclass(frozen=True, slots=True)
class ByWord:
    """One word of the status decides; words that are not listed are progress."""

    path: tuple[str, ...]
    well: tuple[str, ...]
    failed: tuple[str, ...] = ()
    troubled: tuple[str, ...] = ()
    message: tuple[str, ...] = ("status", "message")


@dataclass(frozen=True, slots=True)
class Silent:
    """It is there: no controller says in it how it does."""


Rule = ByConditions | ByWord | Silent

_PHASE = ("status", "phase")
_MONITORING, _GATEWAY, _ARGO = "monitoring.coreos.com", "gateway.networking.k8s.io", "argoproj.io"
_CERTIFICATES, _EXTERNAL, _KAFKA = "cert-manager.io", "external-secrets.io", "kafka.strimzi.io"

_ACCEPTED = ByConditions(ready=("Accepted",))
_ROUTE = ByConditions(ready=("Accepted", "ResolvedRefs"), parents="parents")
_AVAILABLE = ByConditions(ready=("Available", "Reconciled"))
_KNATIVE = ByConditions(failed=(Sign("Ready", "False"),))
_CROSSPLANE = ByConditions(ready=("Synced", "Ready"))
_EXTERNAL_SECRET = ByConditions(troubled=(Sign("Ready", "False", ("SecretSyncedError",)),))
_SECRET_STORE = ByConditions(
    failed=(Sign("Ready", "False", ("InvalidStoreConfiguration",)),),
    troubled=(Sign("Ready", "False", ("ValidationFailed", "InvalidProviderConfig")),),
)
_STRIMZI = ByConditions(
    suspended=(Sign("ReconciliationPaused"),),
    failed=(Sign("NotReady", reasons=("InvalidResourceException", "InvalidConfigurationException")),),
)
_TEKTON_RUN = ByConditions(ready=("Succeeded",), failed=(Sign("Succeeded", "False"),))
_READY = ByConditions()

_TABLE: tuple[tuple[str, tuple[str, ...], Rule], ...] = (
    (
        _CERTIFICATES,
        ("Certificate",),
        ByConditions(troubled=(Sign("Issuing", "False", ("Failed",)),)),
    ),
    (
        _CERTIFICATES,
        ("CertificateRequest",),
        ByConditions(failed=(Sign("InvalidRequest"), Sign("Denied")), troubled=(Sign("Ready", "False", ("Failed",)),)),
    ),
    (_CERTIFICATES, ("Issuer", "ClusterIssuer"), _READY),
    (_MONITORING, ("Prometheus", "PrometheusAgent", "Alertmanager", "ThanosRuler"), _AVAILABLE),
    (
        _MONITORING,
        ("ServiceMonitor", "PodMonitor", "Probe", "ScrapeConfig", "PrometheusRule", "AlertmanagerConfig"),
        Silent(),
    ),
    (_GATEWAY, ("GatewayClass",), _ACCEPTED),
    (
        _GATEWAY,
        ("Gateway",),
        ByConditions(
            ready=("Accepted", "Programmed"), failed=(Sign("Accepted", "False", ("Invalid", "InvalidParameters")),)
        ),
    ),
    (_GATEWAY, ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"), _ROUTE),
    (_GATEWAY, ("ReferenceGrant",), Silent()),
    (
        _ARGO,
        ("Rollout",),
        ByWord(_PHASE, well=("Healthy",), failed=("Degraded",), troubled=("Paused",)),
    ),
    (
        _ARGO,
        ("Application",),
        ByWord(
            ("status", "health", "status"),
            well=("Healthy",),
            failed=("Degraded",),
            troubled=("Suspended", "Unknown"),
            message=("status", "health", "message"),
        ),
    ),
    (_ARGO, ("Workflow",), ByWord(_PHASE, well=("Succeeded",), failed=("Failed", "Error"))),
    (
        _ARGO,
        ("AnalysisTemplate", "ClusterAnalysisTemplate", "AppProject", "WorkflowTemplate", "ClusterWorkflowTemplate"),
        Silent(),
    ),
    ("serving.knative.dev", ("Service", "Revision", "Route", "Configuration"), _KNATIVE),
    ("eventing.knative.dev", ("Broker", "Trigger"), _KNATIVE),
    ("*.crossplane.io", ("ProviderConfig", "ClusterProviderConfig", "StoreConfig"), Silent()),
    ("*.crossplane.io", (ANY,), _CROSSPLANE),
    ("*.upbound.io", ("ProviderConfig", "ClusterProviderConfig", "StoreConfig"), Silent()),
    ("*.upbound.io", (ANY,), _CROSSPLANE),
    ("pkg.crossplane.io", ("Provider", "Configuration", "Function"), ByConditions(ready=("Installed", "Healthy"))),
    ("pkg.crossplane.io", (ANY,), Silent()),
    ("apiextensions.crossplane.io", ("CompositeResourceDefinition",), ByConditions(ready=("Established",))),
    ("apiextensions.crossplane.io", (ANY,), Silent()),
    (
        "bitnami.com",
        ("SealedSecret",),
        ByConditions(ready=("Synced",), failed=(Sign("Synced", "False"),)),
    ),
    (_EXTERNAL, ("ExternalSecret", "ClusterExternalSecret", "PushSecret"), _EXTERNAL_SECRET),
    (_EXTERNAL, ("SecretStore", "ClusterSecretStore"), _SECRET_STORE),
    ("keda.sh", ("ScaledObject", "ScaledJob"), ByConditions(suspended=(Sign("Paused"),))),
    ("keda.sh", ("TriggerAuthentication", "ClusterTriggerAuthentication"), Silent()),
    ("postgresql.cnpg.io", ("Cluster",), _READY),
    ("postgresql.cnpg.io", ("Backup",), ByWord(_PHASE, well=("completed",), troubled=("failed",))),
    (
        _KAFKA,
        ("Kafka", "KafkaConnect", "KafkaConnector", "KafkaBridge", "KafkaMirrorMaker2", "KafkaTopic", "KafkaUser"),
        _STRIMZI,
    ),
    (_KAFKA, ("KafkaNodePool",), Silent()),
    ("rabbitmq.com", ("RabbitmqCluster",), ByConditions(ready=("AllReplicasReady", "ReconcileSuccess"))),
    (
        "elasticsearch.k8s.elastic.co",
        ("Elasticsearch",),
        ByWord(_PHASE, well=("Ready",), failed=("Invalid",)),
    ),
    ("mongodbcommunity.mongodb.com", ("MongoDBCommunity",), ByWord(_PHASE, well=("Running",), failed=("Failed",))),
    ("tekton.dev", ("PipelineRun", "TaskRun"), _TEKTON_RUN),
    ("tekton.dev", ("Pipeline", "Task"), Silent()),
    ("velero.io", ("BackupStorageLocation",), ByWord(_PHASE, well=("Available",), troubled=("Unavailable",))),
    ("velero.io", ("Schedule",), ByWord(_PHASE, well=("Enabled",), failed=("FailedValidation",))),
    ("networking.istio.io", (ANY,), Silent()),
    ("security.istio.io", (ANY,), Silent()),
)

RULES = {ids.KindKey(group, kind): rule for group, kinds, rule in _TABLE for kind in kinds}


def of(key: ids.ObjectKey) -> Rule | None:
    """The rule of an object's kind; None for one we know nothing of. A group of its own comes before an ending."""
    groups = [key.group, *(f"*{key.group[at:]}" for at, letter in enumerate(key.group) if letter == ".")]
    candidates = (ids.KindKey(group, kind) for group in groups for kind in (key.kind, ANY))
    return next((RULES[one] for one in candidates if one in RULES), None)
