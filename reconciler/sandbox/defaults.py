"""What a real API server fills in when it stores an object of a built-in kind.

Bodies are changed in place: each is the caller's own. The values are those of Kubernetes' `defaults.go` and of the
strategies of its registry, as the real control plane answers them (tests/contracts).
"""

from collections.abc import Callable

from reconciler.model import document, ids
from reconciler.sandbox import podspecs, services

Json = document.Json


def fill(body: Json) -> None:
    """The defaults of the body's kind, before anybody owns anything."""
    known = _KINDS.get((document.text(body, "apiVersion").partition("/")[0], document.text(body, "kind")))
    if known is not None:
        known(body)


def _deployment(body: Json) -> None:
    spec = podspecs.within(body, "spec")
    podspecs.template(spec)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = podspecs.within(spec, "strategy")
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = podspecs.within(strategy, "rollingUpdate")
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")


def _replica_set(body: Json) -> None:
    spec = podspecs.within(body, "spec")
    podspecs.template(spec)
    spec.setdefault("replicas", 1)


def _replication_controller(body: Json) -> None:
    _replica_set(body)
    spec = podspecs.within(body, "spec")
    labels = document.mapping(spec, "template", "metadata", "labels")
    if labels:
        spec.setdefault("selector", dict(labels))
        podspecs.within(body, "metadata").setdefault("labels", dict(labels))


def _stateful_set(body: Json) -> None:
    spec = podspecs.within(body, "spec")
    podspecs.template(spec)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = podspecs.within(spec, "updateStrategy")
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        podspecs.within(strategy, "rollingUpdate").setdefault("partition", 0)
    retention = podspecs.within(spec, "persistentVolumeClaimRetentionPolicy")
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    for claim in podspecs.mappings(spec, "volumeClaimTemplates"):
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")
        _claim(claim)
        podspecs.within(claim, "status").setdefault("phase", "Pending")


def _daemon_set(body: Json) -> None:
    spec = podspecs.within(body, "spec")
    podspecs.template(spec)
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = podspecs.within(spec, "updateStrategy")
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = podspecs.within(strategy, "rollingUpdate")
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)


def _job_spec(spec: Json) -> None:
    podspecs.template(spec)
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 2**31 - 1 if "backoffLimitPerIndex" in spec else 6)
    for rule in podspecs.mappings(spec, "podFailurePolicy", "rules"):
        for condition in podspecs.mappings(rule, "onPodConditions"):
            condition.setdefault("status", "True")
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")


def _job(body: Json) -> None:
    spec = podspecs.within(body, "spec")
    _job_spec(spec)
    spec.setdefault("manualSelector", False)
    if labels := document.mapping(spec, "template", "metadata", "labels"):
        podspecs.within(body, "metadata").setdefault("labels", dict(labels))


def select_job(body: Json) -> None:
    """A new Job's selector and its pods' labels are made from its UID, and nobody owns them."""
    spec, uid = podspecs.within(body, "spec"), document.text(body, "metadata", "uid")
    if spec.get("manualSelector") is True:
        return
    name = document.text(body, "metadata", "name")
    labels = podspecs.within(podspecs.within(podspecs.within(spec, "template"), "metadata"), "labels")
    shared = document.at(body, "metadata", "labels") in (None, labels)
    labels["controller-uid"] = labels["batch.kubernetes.io/controller-uid"] = uid
    labels["job-name"] = labels["batch.kubernetes.io/job-name"] = name
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    if shared:  # they were defaulted to the template's
        podspecs.within(body, "metadata")["labels"] = dict(labels)


def _cron_job(body: Json) -> None:
    spec = podspecs.within(body, "spec")
    _job_template_spec(podspecs.within(podspecs.within(spec, "jobTemplate"), "spec"))
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)


def _job_template_spec(spec: Json) -> None:
    """A CronJob's Jobs get their own defaults when they are made; only their pods' come now."""
    podspecs.template(spec)


def _secret(body: Json) -> None:
    body.setdefault("type", "Opaque")


def _autoscaler(body: Json) -> None:
    spec = podspecs.within(body, "spec")
    spec.setdefault("minReplicas", 1)
    if document.text(body, "apiVersion") == "autoscaling/v2" and not spec.get("metrics"):
        target: Json = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    if isinstance(behavior := spec.get("behavior"), dict):
        everything: Json = {"type": "Percent", "value": 100, "periodSeconds": 15}
        up, down = podspecs.within(behavior, "scaleUp"), podspecs.within(behavior, "scaleDown")
        up.setdefault("stabilizationWindowSeconds", 0)
        up.setdefault("policies", [{"type": "Pods", "value": 4, "periodSeconds": 15}, everything])
        down.setdefault("policies", [dict(everything)])
        for rules in (up, down):
            rules.setdefault("selectPolicy", "Max")


def _network_policy(body: Json) -> None:
    spec = podspecs.within(body, "spec")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rule in [*podspecs.mappings(spec, "ingress"), *podspecs.mappings(spec, "egress")]:
        for port in podspecs.mappings(rule, "ports"):
            port.setdefault("protocol", "TCP")


def _endpoints(body: Json) -> None:
    for port in podspecs.mappings(body, "ports"):
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def _limits(body: Json) -> None:
    for limit in podspecs.mappings(body, "spec", "limits"):
        if limit.get("type") == "Container":
            default, request = podspecs.within(limit, "default"), podspecs.within(limit, "defaultRequest")
            for into, values in ((default, limit.get("max")), (request, default), (request, limit.get("min"))):
                for name, value in values.items() if isinstance(values, dict) else ():
                    into.setdefault(name, value)


def _claim(body: Json) -> None:
    podspecs.within(body, "spec").setdefault("volumeMode", "Filesystem")


def _volume(body: Json) -> None:
    spec = podspecs.within(body, "spec")
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    if isinstance(path := spec.get("hostPath"), dict):
        path.setdefault("type", "")


def _storage_class(body: Json) -> None:
    body.setdefault("reclaimPolicy", "Delete")
    body.setdefault("volumeBindingMode", "Immediate")


def _priority_class(body: Json) -> None:
    body.setdefault("preemptionPolicy", "PreemptLowerPriority")


def _binding(body: Json) -> None:
    group = "rbac.authorization.k8s.io"
    reference = podspecs.within(body, "roleRef")
    reference["apiGroup"] = reference.get("apiGroup") or group
    for subject in podspecs.mappings(body, "subjects"):
        if subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = subject.get("apiGroup") or group


def _webhooks(body: Json) -> None:
    for hook in podspecs.mappings(body, "webhooks"):
        hook.setdefault("failurePolicy", "Fail")
        hook.setdefault("matchPolicy", "Equivalent")
        hook.setdefault("namespaceSelector", {})
        hook.setdefault("objectSelector", {})
        hook.setdefault("timeoutSeconds", 10)
        if body["kind"] == "MutatingWebhookConfiguration":
            hook.setdefault("reinvocationPolicy", "Never")
        for rule in podspecs.mappings(hook, "rules"):
            rule.setdefault("scope", "*")
        if isinstance(service := document.at(hook, "clientConfig", "service"), dict):
            service.setdefault("port", 443)


def _admission_policy(body: Json) -> None:
    spec = podspecs.within(body, "spec")
    spec.setdefault("failurePolicy", "Fail")
    if isinstance(constraints := spec.get("matchConstraints"), dict):
        _match(constraints)


def _admission_binding(body: Json) -> None:
    if isinstance(constraints := document.at(body, "spec", "matchResources"), dict):
        _match(constraints)


def _match(constraints: Json) -> None:
    constraints.setdefault("matchPolicy", "Equivalent")
    constraints.setdefault("namespaceSelector", {})
    constraints.setdefault("objectSelector", {})
    for rule in podspecs.mappings(constraints, "resourceRules"):
        rule.setdefault("scope", "*")


def _definition(body: Json) -> None:
    spec = podspecs.within(body, "spec")
    podspecs.within(spec, "conversion").setdefault("strategy", "None")
    names = podspecs.within(spec, "names")
    kind = document.text(names, "kind")
    names.setdefault("singular", kind.lower())
    names.setdefault("listKind", f"{kind}List")


def _namespace(body: Json) -> None:
    metadata = podspecs.within(body, "metadata")
    podspecs.within(metadata, "labels")["kubernetes.io/metadata.name"] = metadata.get("name")


def _api_service(body: Json) -> None:
    if isinstance(service := document.at(body, "spec", "service"), dict):
        service.setdefault("port", 443)


def _pod(body: Json) -> None:
    spec = podspecs.within(body, "spec")
    podspecs.fill(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in podspecs.containers(spec):
        if spec.get("hostNetwork") is True:
            for port in podspecs.mappings(container, "ports"):
                port.setdefault("hostPort", port.get("containerPort"))
        limits = document.mapping(container, "resources", "limits")
        if limits:
            requests = podspecs.within(podspecs.within(container, "resources"), "requests")
            for name, value in limits.items():
                requests.setdefault(name, value)


_APPS, _BATCH, _RBAC, _ADMISSION = "apps", "batch", "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
_KINDS: dict[tuple[str, str], Callable[[Json], None]] = {
    ("v1", "LimitRange"): _limits,
    ("v1", "Namespace"): _namespace,
    ("v1", "Pod"): _pod,
    ("v1", "PodTemplate"): podspecs.template,
    ("v1", "PersistentVolume"): _volume,
    ("v1", "PersistentVolumeClaim"): _claim,
    ("v1", "ReplicationController"): _replication_controller,
    ("v1", "Secret"): _secret,
    ("v1", "Service"): services.fill,
    (_APPS, "DaemonSet"): _daemon_set,
    (_APPS, "Deployment"): _deployment,
    (_APPS, "ReplicaSet"): _replica_set,
    (_APPS, "StatefulSet"): _stateful_set,
    (_BATCH, "CronJob"): _cron_job,
    (_BATCH, "Job"): _job,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("discovery.k8s.io", "EndpointSlice"): _endpoints,
    ("networking.k8s.io", "NetworkPolicy"): _network_policy,
    ("storage.k8s.io", "StorageClass"): _storage_class,
    ("scheduling.k8s.io", "PriorityClass"): _priority_class,
    (_RBAC, "RoleBinding"): _binding,
    (_RBAC, "ClusterRoleBinding"): _binding,
    (_ADMISSION, "ValidatingWebhookConfiguration"): _webhooks,
    (_ADMISSION, "MutatingWebhookConfiguration"): _webhooks,
    (_ADMISSION, "ValidatingAdmissionPolicy"): _admission_policy,
    (_ADMISSION, "ValidatingAdmissionPolicyBinding"): _admission_binding,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io", "APIService"): _api_service,
}


def born(body: Json, key: ids.ObjectKey, *, now: str) -> None:
    """What the registry adds to a new object after its defaults; nobody owns it."""
    if status := _STATUS.get((key.group, key.kind)):
        body["status"] = dict(status)
    match key.group, key.kind:
        case "", "Namespace":
            podspecs.within(body, "spec").setdefault("finalizers", ["kubernetes"])
        case "", "Pod":
            body["status"] = {"phase": "Pending", "qosClass": podspecs.quality(podspecs.within(body, "spec"))}
        case "batch", "Job":
            select_job(body)
        case "", "PersistentVolumeClaim":
            _finalized(body, "kubernetes.io/pvc-protection")
        case "", "PersistentVolume":
            _finalized(body, "kubernetes.io/pv-protection")
            body["status"] = {"phase": "Pending", "lastPhaseTransitionTime": now}
        case "apps", "DaemonSet":
            notes = podspecs.within(podspecs.within(body, "metadata"), "annotations")
            notes["deprecated.daemonset.template.generation"] = "1"
        case "apiextensions.k8s.io", "CustomResourceDefinition":
            stored = [one["name"] for one in podspecs.mappings(body, "spec", "versions") if one.get("storage") is True]
            body["status"] = {"acceptedNames": {"kind": "", "plural": ""}, "conditions": None, "storedVersions": stored}


_STATUS: dict[tuple[str, str], Json] = {
    ("", "Namespace"): {"phase": "Active"},
    ("", "PersistentVolumeClaim"): {"phase": "Pending"},
    ("", "ReplicationController"): {"replicas": 0},
    ("apps", "DaemonSet"): {
        "currentNumberScheduled": 0,
        "desiredNumberScheduled": 0,
        "numberMisscheduled": 0,
        "numberReady": 0,
    },
    ("apps", "ReplicaSet"): {"replicas": 0},
    ("apps", "StatefulSet"): {"availableReplicas": 0, "replicas": 0},
    ("autoscaling", "HorizontalPodAutoscaler"): {"currentMetrics": None, "desiredReplicas": 0},
    ("policy", "PodDisruptionBudget"): {
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "disruptionsAllowed": 0,
        "expectedPods": 0,
    },
}
"""Counts that are always shown."""


def _finalized(body: Json, name: str) -> None:
    metadata = podspecs.within(body, "metadata")
    present = document.items(metadata, "finalizers")
    metadata["finalizers"] = present if name in present else [*present, name]
