"""What is filled in, owned and counted when an object of each kind is stored: a first apply, the same again, somebody
else's edit, and ours once more. An eternal difference between desired and live would show here."""

from typing import Any

import pytest

from tests.contracts import twins, workloads
from tests.contracts.twins import Side, apply, edit, object_of
from tests.contracts.worlds import Json

pytestmark = pytest.mark.cluster

RBAC, ADMISSION = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
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

NAMESPACED: list[workloads.Case] = [
    ("config-map", "v1", "ConfigMap", {"data": {"a": "1"}, "binaryData": {"b": "YQ=="}}),
    ("config-map-empty", "v1", "ConfigMap", {"data": {}}),
    ("config-map-immutable", "v1", "ConfigMap", {"data": {"a": "1"}, "immutable": True}),
    ("secret", "v1", "Secret", {"data": {"a": "YQ=="}}),
    ("secret-typed", "v1", "Secret", {"type": "example.com/kind", "data": {"a": "YQ=="}}),
    ("service-account", "v1", "ServiceAccount", {}),
    ("service-account-quiet", "v1", "ServiceAccount", {"automountServiceAccountToken": False}),
    ("service", "v1", "Service", {"spec": {"selector": workloads.LABELS, "ports": [PORT]}}),
    (
        "service-headless",
        "v1",
        "Service",
        {
            "spec": {
                "clusterIP": "None",
                "selector": workloads.LABELS,
                "ports": [{"port": 80, "name": "a", "targetPort": "web"}],
            }
        },
    ),
    ("service-node-port", "v1", "Service", {"spec": {"type": "NodePort", "ports": [PORT]}}),
    ("service-load-balancer", "v1", "Service", {"spec": {"type": "LoadBalancer", "ports": [PORT]}}),
    ("service-headless-without-selector", "v1", "Service", {"spec": {"clusterIP": "None", "ports": [PORT]}}),
    (
        "service-local",
        "v1",
        "Service",
        {"spec": {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [PORT]}},
    ),
    (
        "service-balanced-without-ports-of-nodes",
        "v1",
        "Service",
        {"spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": [PORT]}},
    ),
    ("service-external", "v1", "Service", {"spec": {"type": "ExternalName", "externalName": "a.example.com"}}),
    ("service-sticky", "v1", "Service", {"spec": {"ports": [PORT], "sessionAffinity": "ClientIP"}}),
    ("role", f"{RBAC}/v1", "Role", {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
    ("role-empty", f"{RBAC}/v1", "Role", {"rules": []}),
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
        {"spec": {"minAvailable": "50%", "selector": workloads.SELECTOR}},
    ),
    ("claim", "v1", "PersistentVolumeClaim", {"spec": workloads.CLAIM}),
    ("quota", "v1", "ResourceQuota", {"spec": {"hard": {"pods": "1000", "requests.cpu": "0.5"}}}),
    (
        "autoscaler-rich",
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        {
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "minReplicas": 2,
                "maxReplicas": 9,
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1024Mi"}},
                    },
                    {
                        "type": "Pods",
                        "pods": {
                            "metric": {"name": "requests", "selector": workloads.SELECTOR},
                            "target": {"type": "AverageValue", "averageValue": "0.5"},
                        },
                    },
                    {
                        "type": "External",
                        "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": 30}},
                    },
                ],
                "behavior": {
                    "scaleDown": {
                        "stabilizationWindowSeconds": 60,
                        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
                    },
                    "scaleUp": {"selectPolicy": "Disabled"},
                },
            }
        },
    ),
    (
        "ingress-rich",
        "networking.k8s.io/v1",
        "Ingress",
        {
            "spec": {
                "ingressClassName": "nginx",
                "defaultBackend": {"resource": {"apiGroup": "x.io", "kind": "Bucket", "name": "static"}},
                "tls": [{"hosts": ["a.b", "*.a.b"], "secretName": "certificate"}, {"hosts": ["c.d"]}],
                "rules": [
                    {
                        "host": "*.a.b",
                        "http": {
                            "paths": [
                                {"pathType": "ImplementationSpecific", "backend": BACKEND},
                                {
                                    "path": "/x",
                                    "pathType": "Exact",
                                    "backend": {"service": {"name": "web", "port": {"name": "web"}}},
                                },
                            ]
                        },
                    },
                    {"host": "c.d"},
                ],
            }
        },
    ),
    (
        "network-policy-rich",
        "networking.k8s.io/v1",
        "NetworkPolicy",
        {
            "spec": {
                "podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]},
                "policyTypes": ["Egress"],
                "egress": [
                    {
                        "to": [
                            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
                            {"namespaceSelector": {}, "podSelector": workloads.SELECTOR},
                        ],
                        "ports": [{"port": 53, "protocol": "UDP"}, {"port": 8000, "endPort": 8100}, {}],
                    }
                ],
            }
        },
    ),
    (
        "disruption-budget-most",
        "policy/v1",
        "PodDisruptionBudget",
        {"spec": {"maxUnavailable": 1, "selector": workloads.SELECTOR, "unhealthyPodEvictionPolicy": "AlwaysAllow"}},
    ),
    (
        "claim-rich",
        "v1",
        "PersistentVolumeClaim",
        {
            "spec": {
                "accessModes": ["ReadOnlyMany"],
                "storageClassName": "",
                "volumeMode": "Block",
                "selector": workloads.SELECTOR,
                "resources": {"requests": {"storage": "1.5Gi"}},
            }
        },
    ),
    (
        "limits",
        "v1",
        "LimitRange",
        {
            "spec": {
                "limits": [
                    {"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "64Mi"}},
                    {"type": "PersistentVolumeClaim", "max": {"storage": "1Ti"}},
                ]
            }
        },
    ),
    ("lease", "coordination.k8s.io/v1", "Lease", {"spec": {"holderIdentity": "a"}}),
    *workloads.CASES,
]
WIDE: list[workloads.Case] = [
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


def named(cases: list[workloads.Case]) -> Any:
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
