"""Kinds that make pods, as people write them: little, much, and with zeros."""

from tests.contracts.worlds import Json

Case = tuple[str, str, str, Json]
"""Name, API version, kind, and the rest."""

LABELS = {"app": "web"}
SELECTOR = {"matchLabels": LABELS}
CONTAINER: Json = {"name": "web", "image": "web:v1"}


def template(spec: Json | None = None, *, labels: Json | None = LABELS) -> Json:
    return {"metadata": {"labels": labels} if labels else {}, "spec": spec or {"containers": [CONTAINER]}}


ONCE: Json = {"restartPolicy": "Never", "containers": [CONTAINER]}
CLAIM: Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}

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

CASES: list[Case] = [
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
    ("pod-template", "v1", "PodTemplate", {"template": template()}),
]
