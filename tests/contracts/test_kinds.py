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

RICH: Json = {
    "serviceAccountName": "web",
    "automountServiceAccountToken": False,
    "imagePullSecrets": [{"name": "registry"}],
    "priorityClassName": "system-cluster-critical",
    "terminationGracePeriodSeconds": 60,
    "shareProcessNamespace": True,
    "dnsPolicy": "None",
    "dnsConfig": {"nameservers": ["10.0.0.1"], "searches": ["a.b"], "options": [{"name": "ndots", "value": "2"}]},
    "hostAliases": [{"ip": "10.0.0.2", "hostnames": ["a", "b"]}],
    "nodeSelector": {"disk": "ssd"},
    "securityContext": {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "fsGroup": 2000,
        "fsGroupChangePolicy": "OnRootMismatch",
        "supplementalGroups": [1, 2],
        "seccompProfile": {"type": "RuntimeDefault"},
        "sysctls": [{"name": "net.ipv4.ip_local_port_range", "value": "1024 65535"}],
    },
    "tolerations": [
        {"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60},
        {"key": "b", "value": "c", "effect": "NoSchedule"},
    ],
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": SELECTOR},
        {"maxSkew": 2, "topologyKey": "host", "whenUnsatisfiable": "DoNotSchedule"},
    ],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}]
            },
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 5, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}
            ],
        },
        "podAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone", "labelSelector": SELECTOR}]
        },
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": {"topologyKey": "host", "labelSelector": SELECTOR}}
            ]
        },
    },
    "volumes": [
        {"name": "config", "configMap": {"name": "web", "items": [{"key": "a", "path": "a.txt"}]}},
        {"name": "secret", "secret": {"secretName": "web", "optional": True, "defaultMode": 256}},
        {"name": "empty", "emptyDir": {}},
        {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1024Mi"}},
        {"name": "node", "hostPath": {"path": "/var/log"}},
        {"name": "claim", "persistentVolumeClaim": {"claimName": "web"}},
        {
            "name": "downward",
            "downwardAPI": {
                "items": [
                    {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
                    {"path": "cpu", "resourceFieldRef": {"containerName": "web", "resource": "limits.cpu"}},
                ]
            },
        },
        {
            "name": "projected",
            "projected": {
                "sources": [
                    {"configMap": {"name": "web"}},
                    {"secret": {"name": "web", "items": [{"key": "a", "path": "a"}]}},
                    {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
                    {"serviceAccountToken": {"path": "token", "audience": "a"}},
                ]
            },
        },
        {"name": "shares", "nfs": {"server": "a.b", "path": "/x"}},
        {"name": "driver", "csi": {"driver": "a.b"}},
        {
            "name": "fresh",
            "ephemeral": {"volumeClaimTemplate": {"metadata": {"labels": LABELS}, "spec": CLAIM}},
        },
    ],
    "initContainers": [
        {"name": "sidecar", "image": "sidecar", "restartPolicy": "Always", "startupProbe": {"tcpSocket": {"port": 1}}},
        {"name": "prepare", "image": "prepare@sha256:" + 64 * "a", "command": ["sh", "-c"], "args": ["true"]},
    ],
    "containers": [
        {
            "name": "web",
            "image": "registry.example.com:5000/web",
            "command": ["/web"],
            "args": ["--port=8080"],
            "workingDir": "/srv",
            "ports": [
                {"name": "web", "containerPort": 8080},
                {"name": "dns", "containerPort": 53, "protocol": "UDP"},
                {"containerPort": 53},
            ],
            "env": [
                {"name": "PLAIN", "value": "1"},
                {"name": "EMPTY", "value": ""},
                {"name": "NOTHING"},
                {"name": "FIELD", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
                {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                {"name": "MAP", "valueFrom": {"configMapKeyRef": {"name": "web", "key": "a"}}},
                {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "web", "key": "a", "optional": True}}},
            ],
            "envFrom": [{"configMapRef": {"name": "web"}}, {"prefix": "S_", "secretRef": {"name": "web"}}],
            "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}, "requests": {"cpu": 0.1, "memory": "64Mi"}},
            "livenessProbe": {"httpGet": {"port": "web"}, "periodSeconds": 5},
            "readinessProbe": {
                "httpGet": {"port": 8080, "path": "/ready", "httpHeaders": [{"name": "A", "value": "b"}]}
            },
            "startupProbe": {"grpc": {"port": 9000}, "failureThreshold": 30},
            "lifecycle": {
                "preStop": {"exec": {"command": ["sleep", "5"]}},
                "postStart": {"httpGet": {"port": 8080, "path": "/hello"}},
            },
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
            },
            "volumeMounts": [
                {"name": "config", "mountPath": "/config", "readOnly": True},
                {"name": "secret", "mountPath": "/secret", "subPath": "a"},
                {"name": "empty", "mountPath": "/tmp"},
            ],
            "terminationMessagePolicy": "FallbackToLogsOnError",
        },
        {
            "name": "beside",
            "image": "beside:latest",
            "livenessProbe": {"exec": {"command": ["true"]}, "terminationGracePeriodSeconds": 5},
            "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
            "stdin": True,
            "tty": True,
        },
    ],
}
"""A pod with everything that people write in one."""

ZEROS: Json = {
    "hostNetwork": False,
    "enableServiceLinks": False,
    "serviceAccountName": "",
    "restartPolicy": "",
    "terminationGracePeriodSeconds": 0,
    "volumes": [{"name": "node", "hostPath": {"path": "/x", "type": ""}}],
    "containers": [
        CONTAINER
        | {
            "tty": False,
            "env": [{"name": "A", "value": ""}],
            "livenessProbe": {"httpGet": {"port": 80, "path": ""}, "initialDelaySeconds": 0, "periodSeconds": 0},
            "securityContext": {"privileged": False, "runAsUser": 0},
            "imagePullPolicy": "",
        }
    ],
}
"""To Go some zeros are values, and others are nothing."""

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
    ("deployment-rich", "apps/v1", "Deployment", {"spec": {"selector": SELECTOR, "template": template(RICH)}}),
    (
        "deployment-with-zeros",
        "apps/v1",
        "Deployment",
        {
            "spec": {
                "selector": SELECTOR,
                "replicas": 0,
                "paused": False,
                "minReadySeconds": 0,
                "revisionHistoryLimit": 0,
                "template": template(ZEROS),
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
    (
        "stateful-set-on-delete",
        "apps/v1",
        "StatefulSet",
        {
            "spec": {
                "selector": SELECTOR,
                "template": template(),
                "serviceName": "web",
                "updateStrategy": {"type": "OnDelete"},
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"},
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
        {"spec": {"minAvailable": "50%", "selector": SELECTOR}},
    ),
    ("claim", "v1", "PersistentVolumeClaim", {"spec": CLAIM}),
    ("quota", "v1", "ResourceQuota", {"spec": {"hard": {"pods": "1000", "requests.cpu": "0.5"}}}),
    (
        "cron-job-rich",
        "batch/v1",
        "CronJob",
        {
            "spec": {
                "schedule": "@daily",
                "timeZone": "Europe/Berlin",
                "concurrencyPolicy": "Forbid",
                "startingDeadlineSeconds": 60,
                "successfulJobsHistoryLimit": 0,
                "suspend": True,
                "jobTemplate": {
                    "metadata": {"labels": LABELS},
                    "spec": {
                        "backoffLimit": 0,
                        "ttlSecondsAfterFinished": 60,
                        "activeDeadlineSeconds": 600,
                        "completions": 2,
                        "completionMode": "Indexed",
                        "template": template(ONCE),
                    },
                },
            }
        },
    ),
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
                            "metric": {"name": "requests", "selector": SELECTOR},
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
                            {"namespaceSelector": {}, "podSelector": SELECTOR},
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
        {"spec": {"maxUnavailable": 1, "selector": SELECTOR, "unhealthyPodEvictionPolicy": "AlwaysAllow"}},
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
                "selector": SELECTOR,
                "resources": {"requests": {"storage": "1.5Gi"}},
            }
        },
    ),
    (
        "stateful-set-rich",
        "apps/v1",
        "StatefulSet",
        {
            "spec": {
                "selector": SELECTOR,
                "serviceName": "",
                "podManagementPolicy": "Parallel",
                "minReadySeconds": 5,
                "ordinals": {"start": 1},
                "updateStrategy": {"rollingUpdate": {"partition": 2}},
                "template": template({"containers": [CONTAINER], "hostNetwork": True, "dnsPolicy": "Default"}),
                "volumeClaimTemplates": [
                    {"metadata": {"name": "data", "labels": LABELS}, "spec": CLAIM | {"storageClassName": "fast"}},
                    {
                        "apiVersion": "v1",
                        "kind": "PersistentVolumeClaim",
                        "metadata": {"name": "logs"},
                        "spec": CLAIM | {"volumeMode": "Filesystem"},
                    },
                ],
            }
        },
    ),
    (
        "daemon-set-rich",
        "apps/v1",
        "DaemonSet",
        {
            "spec": {
                "selector": SELECTOR,
                "updateStrategy": {"rollingUpdate": {"maxSurge": "10%", "maxUnavailable": 0}},
                "template": template(
                    {
                        "hostNetwork": True,
                        "hostPID": True,
                        "containers": [CONTAINER | {"ports": [{"containerPort": 80}]}],
                    }
                ),
            }
        },
    ),
    (
        "job-rich",
        "batch/v1",
        "Job",
        {
            "spec": {
                "parallelism": 2,
                "completions": 4,
                "completionMode": "Indexed",
                "backoffLimitPerIndex": 1,
                "maxFailedIndexes": 2,
                "podFailurePolicy": {
                    "rules": [
                        {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [42]}},
                        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
                    ]
                },
                "template": template(ONCE),
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
    ("pod-template", "v1", "PodTemplate", {"template": template()}),
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
