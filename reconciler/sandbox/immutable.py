"""Fields that may not change once they are set, and how a real API server says so."""

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.model import document, ids
from reconciler.sandbox import podspecs

Json = document.Json
IMMUTABLE = "field is immutable"


@dataclass(frozen=True, slots=True)
class Complaint:
    field: str
    because: str

    def __str__(self) -> str:
        return f"{self.field}: {self.because}"


def changes(key: ids.ObjectKey, before: Json, after: Json) -> Iterator[Complaint]:
    """Every complaint about a change of the object."""
    check = _CHANGES.get((key.group, key.kind))
    if check is not None:
        yield from check(before, after)


def _same(before: Json, after: Json, *path: str, because: str = f"Invalid value: {IMMUTABLE}") -> Iterator[Complaint]:
    if document.at(before, *path) != document.at(after, *path):
        yield Complaint(".".join(path), because)


def _selector_stays(before: Json, after: Json) -> Iterator[Complaint]:
    yield from _same(before, after, "spec", "selector")


def _set_stays(before: Json, after: Json) -> Iterator[Complaint]:
    free = {
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    }
    was, now = document.mapping(before, "spec"), document.mapping(after, "spec")
    if any(was.get(name) != now.get(name) for name in (was.keys() | now.keys()) - free):
        yield Complaint(
            "spec",
            "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template',"
            " 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and"
            " 'minReadySeconds' are forbidden",
        )


def _job_stays(before: Json, after: Json) -> Iterator[Complaint]:
    for name in ("completions", "selector", "template", "completionMode"):
        yield from _same(before, after, "spec", name)


def _service_stays(before: Json, after: Json) -> Iterator[Complaint]:
    if document.text(before, "spec", "type") == document.text(after, "spec", "type") != "ExternalName":
        was, now = document.text(before, "spec", "clusterIP"), document.text(after, "spec", "clusterIP")
        if was != now:
            yield Complaint("spec.clusterIPs[0]", f'Invalid value: ["{now}"]: may not change once set')


def _data_stays(before: Json, after: Json) -> Iterator[Complaint]:
    if before.get("immutable") is not True:
        return
    because = "Forbidden: field is immutable when `immutable` is set"
    if after.get("immutable") is not True:
        yield Complaint("immutable", because)
    for name in ("data", "binaryData"):
        yield from _same(before, after, name, because=because)


def _secret_stays(before: Json, after: Json) -> Iterator[Complaint]:
    yield from _same(before, after, "type")
    yield from _data_stays(before, after)


def _claim_stays(before: Json, after: Json) -> Iterator[Complaint]:
    was, now = document.mapping(before, "spec"), document.mapping(after, "spec")
    resources = ("resources", "volumeAttributesClassName")
    if any(was.get(name) != now.get(name) for name in (was.keys() | now.keys()) - set(resources)):
        yield Complaint(
            "spec",
            "Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName",
        )


def _storage_class_stays(before: Json, after: Json) -> Iterator[Complaint]:
    for name in ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"):
        yield from _same(before, after, name, because="Forbidden: updates to this field are forbidden.")


def _binding_stays(before: Json, after: Json) -> Iterator[Complaint]:
    yield from _same(before, after, "roleRef", because="Invalid value: cannot change roleRef")


def _ingress_class_stays(before: Json, after: Json) -> Iterator[Complaint]:
    yield from _same(before, after, "spec", "controller")


def _priority_class_stays(before: Json, after: Json) -> Iterator[Complaint]:
    for name in ("value", "preemptionPolicy"):
        yield from _same(before, after, name, because="Forbidden: may not be changed in an update.")


def _pod_stays(before: Json, after: Json) -> Iterator[Complaint]:
    free = {"activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName"}

    def fixed(body: Json) -> Json:
        spec = {name: value for name, value in document.mapping(body, "spec").items() if name not in free}
        for name in ("containers", "initContainers"):
            found = [{**one, "image": ""} for one in podspecs.mappings(spec, name)]
            spec[name] = [{key: value for key, value in one.items() if key != "resources"} for one in found]
        return spec

    if fixed(before) != fixed(after):
        yield Complaint("spec", "Forbidden: pod updates may not change fields other than `spec.containers[*].image`")


def _definition_stays(before: Json, after: Json) -> Iterator[Complaint]:
    for path in (("spec", "group"), ("spec", "scope"), ("spec", "names", "kind"), ("spec", "names", "plural")):
        yield from _same(before, after, *path)


_RBAC = "rbac.authorization.k8s.io"
_CHANGES = {
    ("", "ConfigMap"): _data_stays,
    ("", "PersistentVolumeClaim"): _claim_stays,
    ("", "Pod"): _pod_stays,
    ("", "Secret"): _secret_stays,
    ("", "Service"): _service_stays,
    ("apps", "DaemonSet"): _selector_stays,
    ("apps", "Deployment"): _selector_stays,
    ("apps", "ReplicaSet"): _selector_stays,
    ("apps", "StatefulSet"): _set_stays,
    ("batch", "Job"): _job_stays,
    ("networking.k8s.io", "IngressClass"): _ingress_class_stays,
    ("scheduling.k8s.io", "PriorityClass"): _priority_class_stays,
    ("storage.k8s.io", "StorageClass"): _storage_class_stays,
    (_RBAC, "ClusterRoleBinding"): _binding_stays,
    (_RBAC, "RoleBinding"): _binding_stays,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition_stays,
}
