"""What is filled in, owned and counted when an object of each kind is stored: a first apply, the same again, somebody
else's edit, and ours once more. An eternal difference between desired and live would show here."""

from typing import Any

import pytest

from tests.contracts import twins
from tests.contracts.test_cluster import Json
from tests.contracts.twins import Side, apply, edit, object_of

pytestmark = pytest.mark.cluster

RBAC, ADMISSION = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
LABELS = {"app": "web"}
SELECTOR = {"matchLabels": LABELS}
CONTAINER: Json = {"name": "web", "image": "web:v1"}


def template(spec: Json | None = None, *, labels: Json | None = LABELS) -> Json:
    return {"metadata": {"labels": labels} if labels else {}, "spec": spec or {"containers": [CONTAINER]}}


ONCE: Json = {"restartPolicy": "Never", "containers": [CONTAINER]}
CLAIM: Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}
RULE: Json = {"apiGroups": ["x.io"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["things"]}
HOOK: Json = {
    "name": "a.example.com",
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
    "clientConfig": {"service": {"name": "a", "namespace": "b"}},
    "rules": [RULE],
}
BACKEND: Json = {"service": {"name": "web", "port": {"number": 80}}}
PORT: Json = {"port": 80}

NAMESPACED: list[tuple[str, str, str, Json]] = [
    ("config-map", "v1", "ConfigMap", {"data": {"a": "1"}, "binaryData": {"b": "YQ=="}}),
    ("config-map-empty", "v1", "ConfigMap", {"data": {}}),
    ("config-map-immutable", "v1", "ConfigMap", {"data": {"a": "1"}, "immutable": True}),
    ("secret", "v1", "Secret", {"data": {"a": "YQ=="}}),
    ("secret-typed", "v1", "Secret", {"type": "example.com/kind", "data": {"a": "YQ=="}}),
    ("service-account", "v1", "ServiceAccount", {}),
    ("service-account-quiet", "v1", "ServiceAccount", {"automountServiceAccountToken": False}),
    ("deployment", "apps/v1", "Deployment", {"spec": {"selector": SELECTOR, "template": template()}}),
    (
        "deployment-recreate",
        "apps/v1",
        "Deployment",
        {"spec": {"selector": SELECTOR, "template": template(), "replicas": 0, "strategy": {"type": "Recreate"}}},
    ),
    (
        "deployment-surge",
        "apps/v1",
        "Deployment",
        {
            "spec": {
                "selector": SELECTOR,
                "template": template(),
                "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            }
        },
    ),
    ("replica-set", "apps/v1", "ReplicaSet", {"spec": {"selector": SELECTOR, "template": template()}}),
    (
        "stateful-set",
        "apps/v1",
        "StatefulSet",
        {
            "spec": {
                "selector": SELECTOR,
                "template": template(),
                "serviceName": "web",
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": CLAIM}],
            }
        },
    ),
    ("daemon-set", "apps/v1", "DaemonSet", {"spec": {"selector": SELECTOR, "template": template()}}),
    ("replication-controller", "v1", "ReplicationController", {"spec": {"template": template()}}),
    ("job", "batch/v1", "Job", {"spec": {"template": template(ONCE)}}),
    ("job-without-labels", "batch/v1", "Job", {"spec": {"template": template(ONCE, labels=None), "parallelism": 2}}),
    (
        "cron-job",
        "batch/v1",
        "CronJob",
        {"spec": {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": template(ONCE)}}}},
    ),
    ("service", "v1", "Service", {"spec": {"selector": LABELS, "ports": [PORT]}}),
    (
        "service-headless",
        "v1",
        "Service",
        {"spec": {"clusterIP": "None", "selector": LABELS, "ports": [{"port": 80, "name": "a", "targetPort": "web"}]}},
    ),
    ("service-node-port", "v1", "Service", {"spec": {"type": "NodePort", "ports": [PORT]}}),
    ("service-load-balancer", "v1", "Service", {"spec": {"type": "LoadBalancer", "ports": [PORT]}}),
    ("service-external", "v1", "Service", {"spec": {"type": "ExternalName", "externalName": "a.example.com"}}),
    ("service-sticky", "v1", "Service", {"spec": {"ports": [PORT], "sessionAffinity": "ClientIP"}}),
    ("role", f"{RBAC}/v1", "Role", {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
    (
        "role-binding",
        f"{RBAC}/v1",
        "RoleBinding",
        {
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "it"},
            "subjects": [{"kind": "ServiceAccount", "name": "a", "namespace": "b"}, {"kind": "User", "name": "u"}],
        },
    ),
    (
        "autoscaler",
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        {"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 4}},
    ),
    (
        "ingress",
        "networking.k8s.io/v1",
        "Ingress",
        {
            "spec": {
                "rules": [{"host": "a.b", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]}}]
            }
        },
    ),
    (
        "network-policy",
        "networking.k8s.io/v1",
        "NetworkPolicy",
        {"spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}], "egress": [{}]}},
    ),
    (
        "disruption-budget",
        "policy/v1",
        "PodDisruptionBudget",
        {"spec": {"minAvailable": "50%", "selector": SELECTOR}},
    ),
    ("claim", "v1", "PersistentVolumeClaim", {"spec": CLAIM}),
    ("quota", "v1", "ResourceQuota", {"spec": {"hard": {"pods": "1000", "requests.cpu": "0.5"}}}),
    ("lease", "coordination.k8s.io/v1", "Lease", {"spec": {"holderIdentity": "a"}}),
]
WIDE: list[tuple[str, str, str, Json]] = [
    ("namespace", "v1", "Namespace", {}),
    ("cluster-role", f"{RBAC}/v1", "ClusterRole", {"rules": [{"nonResourceURLs": ["/x"], "verbs": ["get"]}]}),
    (
        "cluster-role-binding",
        f"{RBAC}/v1",
        "ClusterRoleBinding",
        {
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "x"},
            "subjects": [{"kind": "Group", "name": "g"}],
        },
    ),
    ("ingress-class", "networking.k8s.io/v1", "IngressClass", {"spec": {"controller": "example.com/a"}}),
    (
        "volume",
        "v1",
        "PersistentVolume",
        {"spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/x"}}},
    ),
    ("storage-class", "storage.k8s.io/v1", "StorageClass", {"provisioner": "example.com/disk"}),
    ("priority-class", "scheduling.k8s.io/v1", "PriorityClass", {"value": 5}),
    ("validating-webhook", f"{ADMISSION}/v1", "ValidatingWebhookConfiguration", {"webhooks": [HOOK]}),
    ("mutating-webhook", f"{ADMISSION}/v1", "MutatingWebhookConfiguration", {"webhooks": [HOOK]}),
    (
        "admission-policy",
        f"{ADMISSION}/v1",
        "ValidatingAdmissionPolicy",
        {"spec": {"matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": "true"}]}},
    ),
    ("runtime-class", "node.k8s.io/v1", "RuntimeClass", {"handler": "a"}),
]


def named(cases: list[tuple[str, str, str, Json]]) -> Any:
    return [pytest.param(*case, id=case[0]) for case in cases]


async def through(sides: tuple[Side, Side], manifest: Json) -> None:
    label: Json = {"metadata": {"labels": {"theirs": "x"}}}
    await twins.alike(sides, apply(manifest), apply(manifest), edit(manifest, label), apply(manifest))


@pytest.mark.parametrize(("name", "version", "kind", "body"), named(NAMESPACED))
async def test_an_object_of_a_namespace(
    sides: tuple[Side, Side], name: str, version: str, kind: str, body: Json
) -> None:
    await through(sides, object_of(version, kind, name, namespace=twins.SHOP, **body))


@pytest.mark.parametrize(("name", "version", "kind", "body"), named(WIDE))
async def test_an_object_of_the_cluster(
    sides: tuple[Side, Side], name: str, version: str, kind: str, body: Json
) -> None:
    await through(sides, object_of(version, kind, f"kinds-{name}", **body))


@pytest.mark.parametrize(
    ("name", "version", "kind", "body"),
    named([case for case in NAMESPACED if case[0] in {"config-map", "deployment", "service", "secret", "role"}]),
)
async def test_what_a_maker_owns(sides: tuple[Side, Side], name: str, version: str, kind: str, body: Json) -> None:
    """An Update writer owns also the defaults."""
    manifest = object_of(version, kind, name, namespace=twins.SHOP, **body)
    await twins.alike(sides, twins.make(manifest), apply(manifest), apply(manifest))
