"""What is not stored, and how it is refused: the reason, the status and the conflicts are the same on both."""

from typing import Any

import pytest

from tests.contracts import twins
from tests.contracts.twins import SHOP, Side, Step, apply, object_of
from tests.contracts.worlds import Json, config_map, deployment

pytestmark = pytest.mark.cluster

LABELS = {"app": "web"}
TEMPLATE: Json = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "web", "image": "web:v1"}]}}
ONCE: Json = {"spec": {"restartPolicy": "Never", "containers": [{"name": "work", "image": "work:v1"}]}}
CLAIM: Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


def web(**spec: Any) -> Json:
    return deployment(SHOP, **spec)


def pod(**fields: Any) -> Json:
    found = web()
    found["spec"]["template"]["spec"] |= fields
    return found


def container(**fields: Any) -> Json:
    found = web()
    found["spec"]["template"]["spec"]["containers"][0] |= fields
    return found


def noted(**metadata: Any) -> Json:
    found = config_map(SHOP, a="1")
    found["metadata"] |= metadata
    return found


def relabelled() -> Json:
    labels = {"app": "other"}
    template = TEMPLATE | {"metadata": {"labels": labels}}
    return web(selector={"matchLabels": labels}, template=template)


def stateful(**spec: Any) -> Json:
    whole = {"selector": {"matchLabels": LABELS}, "template": TEMPLATE, "serviceName": "web"} | spec
    return object_of("apps/v1", "StatefulSet", namespace=SHOP, spec=whole)


def mounting(**spec: Any) -> Json:
    """A StatefulSet whose container mounts `data`: the volume of a claim, or of nothing."""
    found = stateful(**spec)
    (container,) = found["spec"]["template"]["spec"]["containers"]
    mounts = [{"name": "data", "mountPath": "/data"}]
    template = TEMPLATE | {"spec": {"containers": [container | {"volumeMounts": mounts}]}}
    return stateful(template=template, **spec)


def daemons(labels: Json) -> Json:
    template = TEMPLATE | {"metadata": {"labels": labels}}
    return object_of(
        "apps/v1", "DaemonSet", namespace=SHOP, spec={"selector": {"matchLabels": labels}, "template": template}
    )


def job(image: str = "work:v1", **spec: Any) -> Json:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "work", "image": image}]}}
    return object_of("batch/v1", "Job", namespace=SHOP, spec={"template": template} | spec)


def secret(kind: str = "Opaque", **fields: Any) -> Json:
    return object_of("v1", "Secret", namespace=SHOP, type=kind, **({"data": {"a": "YQ=="}} | fields))


def frozen(value: str = "1", *, immutable: bool = True) -> Json:
    return config_map(SHOP, a=value) | {"immutable": immutable}


def service(**spec: Any) -> Json:
    return object_of("v1", "Service", namespace=SHOP, spec={"ports": [{"port": 80}]} | spec)


def claim(**spec: Any) -> Json:
    return object_of("v1", "PersistentVolumeClaim", namespace=SHOP, spec=CLAIM | spec)


def binding(role: str) -> Json:
    group = "rbac.authorization.k8s.io"
    reference = {"apiGroup": group, "kind": "Role", "name": role}
    return object_of(f"{group}/v1", "RoleBinding", namespace=SHOP, roleRef=reference)


def storage(provisioner: str) -> Json:
    return object_of("storage.k8s.io/v1", "StorageClass", "refused", provisioner=provisioner)


def priority(value: int) -> Json:
    return object_of("scheduling.k8s.io/v1", "PriorityClass", "refused", value=value)


def ingress_class(controller: str) -> Json:
    return object_of("networking.k8s.io/v1", "IngressClass", "refused", spec={"controller": controller})


def scaler(**spec: Any) -> Json:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    whole = {"scaleTargetRef": target, "maxReplicas": 4} | spec
    return object_of("autoscaling/v2", "HorizontalPodAutoscaler", namespace=SHOP, spec=whole)


CASES: dict[str, list[Step]] = {
    # what no schema knows
    "unknown-field": [apply(web(bogus=1))],
    "unknown-field-within-an-item": [apply(container(bogus=1))],
    "unknown-field-of-metadata": [apply(noted(bogus="x"))],
    "unknown-top-level-field": [apply(config_map(SHOP) | {"spec": {}})],
    "a-word-for-a-number": [apply(web(replicas="three"))],
    "a-number-for-a-word": [apply(config_map(SHOP, a=1))],  # type: ignore[arg-type]  # that is the point
    "a-number-for-a-label": [apply(noted(labels={"a": 1}))],
    "a-word-for-a-boolean": [apply(web(paused="yes"))],
    "a-mapping-for-a-list": [apply(pod(containers={"name": "a"}))],
    "a-list-for-a-mapping": [apply(web(template=[]))],
    "the-same-key-twice": [apply(container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]))],
    "an-item-without-its-key": [
        apply(container(env=[{"value": "1"}])),
        apply(container(ports=[{"name": "web"}])),
        apply(pod(containers=[{"image": "web:v1"}])),
        apply(pod(volumes=[{"emptyDir": {}}])),
        apply(pod(imagePullSecrets=[{}])),
        apply(pod(hostAliases=[{"hostnames": ["a"]}])),
        apply(service(ports=[{"targetPort": 80}])),
    ],
    "managed-fields-in-a-manifest": [apply(noted(managedFields=[]))],
    # values
    "replicas-below-zero": [apply(web(replicas=-1))],
    "a-selector-that-selects-another": [apply(web(selector={"matchLabels": {"app": "another"}}))],
    "an-empty-selector": [apply(web(selector={}))],
    "no-containers": [apply(pod(containers=[]))],
    "no-image": [apply(pod(containers=[{"name": "a"}]))],
    "an-unknown-policy": [apply(container(imagePullPolicy="Sometimes"))],
    "a-port-out-of-range": [apply(container(ports=[{"containerPort": 70_000}]))],
    "a-mount-of-a-claim": [
        apply(mounting(replicas=0, volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": CLAIM}]))
    ],
    "a-mount-of-no-claim": [apply(mounting(replicas=0))],
    "a-mount-of-nothing": [apply(container(volumeMounts=[{"name": "x", "mountPath": "/x"}]))],
    "a-restart-policy-of-jobs": [apply(pod(restartPolicy="Never"))],
    "a-job-that-restarts-always": [apply(object_of("batch/v1", "Job", namespace=SHOP, spec={"template": TEMPLATE}))],
    "a-rolling-update-with-recreate": [apply(web(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}))],
    "a-rollout-that-cannot-move": [apply(web(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}))],
    "a-surge-below-zero": [apply(web(strategy={"rollingUpdate": {"maxSurge": -1}}))],
    "a-negative-unavailability": [apply(web(strategy={"rollingUpdate": {"maxUnavailable": -1}}))],
    "a-deadline-before-readiness": [apply(web(progressDeadlineSeconds=5, minReadySeconds=10))],
    "a-service-without-ports": [apply(object_of("v1", "Service", namespace=SHOP, spec={}))],
    "a-service-with-nameless-ports": [apply(service(ports=[{"port": 80}, {"port": 81}]))],
    "a-bad-name": [apply(noted(name="Capital"))],
    "a-bad-name-of-a-service": [apply(service() | {"metadata": {"name": "1.a", "namespace": SHOP}})],
    "a-bad-label": [apply(noted(labels={"a": "not valid!"}))],
    "a-bad-annotation": [apply(noted(annotations={"not valid!": "x"}))],
    "a-bad-key": [apply(config_map(SHOP, **{"a/b": "1"}))],
    "a-bad-schedule": [
        apply(
            object_of(
                "batch/v1",
                "CronJob",
                namespace=SHOP,
                spec={"schedule": "x", "jobTemplate": {"spec": {"template": ONCE}}},
            )
        )
    ],
    "fewer-at-most-than-at-least": [apply(scaler(minReplicas=5))],
    "no-most": [apply(scaler(maxReplicas=0))],
    "both-budgets": [
        apply(
            object_of("policy/v1", "PodDisruptionBudget", namespace=SHOP, spec={"minAvailable": 1, "maxUnavailable": 1})
        )
    ],
    # what is not there
    "an-absent-namespace": [apply(config_map("no-such-namespace", a="1"))],
    "an-absent-kind": [apply(config_map(SHOP) | {"apiVersion": "example.com/v1", "kind": "Nothing"})],
    "an-absent-version": [apply(web() | {"apiVersion": "apps/v9"})],
    "an-unknown-kind-of-a-known-group": [apply(config_map(SHOP) | {"kind": "Nothing"})],
    "a-namespace-where-none-belongs": [apply(object_of("v1", "Namespace", namespace=SHOP))],
    "no-namespace-where-one-belongs": [apply(object_of("v1", "ConfigMap"))],
    # conditions in the manifest
    "a-uid-of-nothing": [apply(noted(uid="00000000-0000-4000-8000-000000000000"))],
    "another-uid": [apply(noted()), apply(noted(uid="00000000-0000-4000-8000-000000000000"))],
    "an-old-version": [apply(noted()), apply(noted(resourceVersion="1"))],
    # what may not change
    "deployment-selector": [apply(web()), apply(relabelled())],
    "daemon-set-selector": [apply(daemons({"a": "1"})), apply(daemons({"a": "2"}))],
    "stateful-set-service": [apply(stateful()), apply(stateful(serviceName="other"))],
    "stateful-set-policy": [apply(stateful()), apply(stateful(podManagementPolicy="Parallel"))],
    "stateful-set-replicas": [apply(stateful()), apply(stateful(replicas=2))],
    "job-template": [apply(job()), apply(job("work:v2"))],
    "job-completions": [apply(job(completions=1)), apply(job(completions=2))],
    "job-parallelism": [apply(job()), apply(job(parallelism=2))],
    "config-map-data": [apply(frozen()), apply(frozen("2"))],
    "config-map-thaw": [apply(frozen()), apply(frozen(immutable=False))],
    "secret-type": [apply(secret()), apply(secret("example.com/other"))],
    "secret-data": [apply(secret(immutable=True)), apply(secret(immutable=True, data={"a": "Yg=="}))],
    "service-headless-later": [apply(service()), apply(service(clusterIP="None"))],
    "service-type": [
        apply(service()),
        apply(service(type="NodePort")),
        apply(service(type="LoadBalancer")),
        apply(service(type="NodePort", ports=[{"port": 80}, {"port": 81, "name": "b"}])),
        apply(service(type="ClusterIP")),
        apply(service(type="ExternalName", externalName="a.example.com")),
        apply(service()),
        apply(service(type="NodePort")),
        apply(service()),
    ],
    "claim-mode": [apply(claim()), apply(claim(accessModes=["ReadWriteMany"]))],
    "claim-class": [apply(claim(storageClassName="a")), apply(claim(storageClassName="b"))],
    "role-of-a-binding": [apply(binding("a")), apply(binding("b"))],
    "provisioner": [apply(storage("a.b/c")), apply(storage("a.b/d"))],
    "priority": [apply(priority(1)), apply(priority(2))],
    "controller-of-ingresses": [apply(ingress_class("a.b/c")), apply(ingress_class("a.b/d"))],
}


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_refusals(sides: tuple[Side, Side], case: str) -> None:
    await twins.alike(sides, *CASES[case])
