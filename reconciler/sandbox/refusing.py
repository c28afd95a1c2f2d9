"""What a real API server does not store, and how it says so: names, required and immutable fields, values out of
range. The most common of its rules; what the schemas say is checked before."""

import re
from collections.abc import Iterable, Iterator

from reconciler.model import document, ids, live
from reconciler.sandbox import immutable, podspecs, shapes

Json = document.Json


LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
VALUE = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
KEY = re.compile(r"[-._a-zA-Z0-9]+")
LABELLED = {("", "Service"), ("", "Namespace")}
"""Kinds whose names are one DNS label; those of roles may hold anything, all others are subdomains."""


def invalid(key: ids.ObjectKey, body: Json, *, before: Json | None, shape: shapes.Shape) -> live.Refused | None:
    """The server's 422, naming every complaint."""
    complaints = [*_metadata(key, body, before), *_values(body, shape)]
    if check := _CHECKS.get((key.group, key.kind)):
        missing = {found.field for found in complaints}
        complaints += [found for found in check(body) if found.field not in missing]
    if before is not None and not complaints:
        complaints += immutable.changes(key, before, body)
    if not complaints:
        return None
    said = str(complaints[0]) if len(complaints) == 1 else f"[{', '.join(map(str, complaints))}]"
    if key.kind == "Secret":  # the server quotes values
        said = ", ".join(sorted({found.field for found in complaints}))
    kind = f"{key.kind}.{key.group}" if key.group else key.kind
    fields = tuple(dict.fromkeys(found.field for found in complaints))
    return live.Refused(key, live.Why.INVALID, f'{kind} "{key.name}" is invalid: {said}', status=422, fields=fields)


def _metadata(key: ids.ObjectKey, body: Json, before: Json | None) -> Iterator[immutable.Complaint]:
    if before is None:
        label = (key.group, key.kind) in LABELLED
        pattern, longest = (LABEL, 63) if label else (SUBDOMAIN, 253)
        if key.group == "rbac.authorization.k8s.io":
            pattern = re.compile(r"[^/%]+")
        if not pattern.fullmatch(key.name) or len(key.name) > longest:
            yield immutable.Complaint("metadata.name", f'Invalid value: "{key.name}": is no name of this kind')
    metadata = document.mapping(body, "metadata")
    for name, value in document.mapping(metadata, "labels").items():
        if not isinstance(value, str) or (value and not VALUE.fullmatch(value)) or len(value) > 63:
            yield immutable.Complaint(
                "metadata.labels", f'Invalid value: "{value}": a valid label must be an alphanumeric word'
            )
        if not _qualified(name):
            yield immutable.Complaint("metadata.labels", f'Invalid value: "{name}": is no qualified name')
    for name in document.mapping(metadata, "annotations"):
        if not _qualified(name.lower()):
            yield immutable.Complaint("metadata.annotations", f'Invalid value: "{name}": is no qualified name')
    if before is not None and "deletionTimestamp" in document.mapping(before, "metadata"):
        added = {str(name) for name in document.items(metadata, "finalizers")} - {
            str(name) for name in document.items(before, "metadata", "finalizers")
        }
        if added:
            because = "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers"
            yield immutable.Complaint("metadata.finalizers", f"{because} {sorted(added)}")


def _qualified(name: str) -> bool:
    prefix, slash, word = name.rpartition("/")
    return bool(VALUE.fullmatch(word)) and len(word) <= 63 and (not slash or bool(SUBDOMAIN.fullmatch(prefix)))


def _values(value: document.JsonValue, shape: shapes.Shape, path: str = "") -> Iterator[immutable.Complaint]:
    """What the schema says beside types: required fields, enums, and of custom resources limits and nulls."""
    if isinstance(value, dict) and shape.what is shapes.What.MAP:
        for name in shape.required:
            its = shape.field(name)
            if value.get(name) is None and its is not None and not its.optional:
                yield immutable.Complaint(f"{path}.{name}".removeprefix("."), "Required value")
        for name, below in value.items():
            its = shape.value(name)
            if its is not None and not (path == "" and name in ("metadata", "status")):
                yield from _values(below, its, f"{path}.{name}")
    elif isinstance(value, list) and shape.what is shapes.What.LIST:
        for place, item in enumerate(value):
            yield from _values(item, shape.item(), f"{path}[{place}]")
        if because := shape.refuses(value):
            yield immutable.Complaint(path.removeprefix("."), because)
    elif shape.limited and (because := shape.refuses(value)):
        yield immutable.Complaint(path.removeprefix("."), because)


def _number(body: Json, *path: str, least: int = 0) -> Iterator[immutable.Complaint]:
    found = document.at(body, *path)
    if isinstance(found, int) and found < least:
        yield immutable.Complaint(".".join(path), f"Invalid value: {found}: must be greater than or equal to {least}")


def _pods(spec: Json, path: str, *, claims: Iterable[Json] = ()) -> Iterator[immutable.Complaint]:
    """`claims`: a StatefulSet's templates of claims, whose volumes its pods can mount as well."""
    containers = podspecs.mappings(spec, "containers")
    if not containers:
        yield immutable.Complaint(f"{path}.containers", "Required value")
    names: set[str] = set()
    for place, container in enumerate(containers):
        where, name = f"{path}.containers[{place}]", document.text(container, "name")
        if not LABEL.fullmatch(name):
            yield immutable.Complaint(
                f"{where}.name", f'Invalid value: "{name}": a lowercase RFC 1123 label must be written'
            )
        if name in names:
            yield immutable.Complaint(f"{where}.name", f'Duplicate value: "{name}"')
        names.add(name)
        if not document.text(container, "image"):
            yield immutable.Complaint(f"{where}.image", "Required value")
        for at, port in enumerate(podspecs.mappings(container, "ports")):
            yield from _port(port.get("containerPort"), f"{where}.ports[{at}].containerPort")
        mounted = {document.text(volume, "name") for volume in podspecs.mappings(spec, "volumes")}
        mounted |= {document.text(claim, "metadata", "name") for claim in claims}
        for at, mount in enumerate(podspecs.mappings(container, "volumeMounts")):
            if document.text(mount, "name") not in mounted:
                yield immutable.Complaint(
                    f"{where}.volumeMounts[{at}].name", f'Not found: "{document.text(mount, "name")}"'
                )


def _port(value: document.JsonValue, path: str) -> Iterator[immutable.Complaint]:
    if not isinstance(value, int) or not 0 < value < 65_536:
        yield immutable.Complaint(path, f"Invalid value: {value}: must be between 1 and 65535, inclusive")


def _workload(body: Json) -> Iterator[immutable.Complaint]:
    yield from _number(body, "spec", "replicas")
    yield from _number(body, "spec", "minReadySeconds")
    selector = document.mapping(body, "spec", "selector")
    template = document.mapping(body, "spec", "template")
    if not selector:
        yield immutable.Complaint("spec.selector", "Required value")
    elif not _selects(selector, document.mapping(template, "metadata", "labels")):
        labels = document.encode(document.mapping(template, "metadata", "labels")).decode()
        because = "`selector` does not match template `labels`"
        yield immutable.Complaint("spec.template.metadata.labels", f"Invalid value: {labels}: {because}")
    claims = podspecs.mappings(document.mapping(body, "spec"), "volumeClaimTemplates")
    yield from _pods(document.mapping(template, "spec"), "spec.template.spec", claims=claims)
    policy = document.text(template, "spec", "restartPolicy")
    if policy != "Always":
        yield immutable.Complaint(
            "spec.template.spec.restartPolicy", f'Unsupported value: "{policy}": supported values: "Always"'
        )


def _selects(selector: Json, labels: Json) -> bool:
    for name, value in document.mapping(selector, "matchLabels").items():
        if labels.get(name) != value:
            return False
    for rule in podspecs.mappings(selector, "matchExpressions"):
        found, values = labels.get(document.text(rule, "key")), document.items(rule, "values")
        match document.text(rule, "operator"):
            case "In" if found not in values or found is None:
                return False
            case "NotIn" if found in values:
                return False
            case "Exists" if found is None:
                return False
            case "DoesNotExist" if found is not None:
                return False
    return True


def _deployment(body: Json) -> Iterator[immutable.Complaint]:
    yield from _workload(body)
    strategy = document.mapping(body, "spec", "strategy")
    if strategy.get("type") == "Recreate" and strategy.get("rollingUpdate") is not None:
        because = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        yield immutable.Complaint("spec.strategy.rollingUpdate", because)
    rolling = document.mapping(strategy, "rollingUpdate")
    for name in ("maxUnavailable", "maxSurge"):
        yield from _number(body, "spec", "strategy", "rollingUpdate", name)
    if rolling and all(rolling.get(name) in (0, "0%") for name in ("maxUnavailable", "maxSurge")):
        because = "Invalid value: 0: may not be 0 when `maxSurge` is 0"
        yield immutable.Complaint("spec.strategy.rollingUpdate.maxUnavailable", because)
    progress, ready = (document.number(body, "spec", name) for name in ("progressDeadlineSeconds", "minReadySeconds"))
    if progress <= ready:
        because = f"Invalid value: {progress}: must be greater than minReadySeconds"
        yield immutable.Complaint("spec.progressDeadlineSeconds", because)


def _job(body: Json) -> Iterator[immutable.Complaint]:
    for name in ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds"):
        yield from _number(body, "spec", name)
    template = document.mapping(body, "spec", "template", "spec")
    yield from _pods(template, "spec.template.spec")
    if template.get("restartPolicy") not in ("Never", "OnFailure"):
        policy = template.get("restartPolicy")
        because = f'Required value: valid values: "OnFailure", "Never", got "{policy}"'
        yield immutable.Complaint("spec.template.spec.restartPolicy", because)


def _cron_job(body: Json) -> Iterator[immutable.Complaint]:
    schedule = document.text(body, "spec", "schedule")
    if not schedule.startswith("@") and len(schedule.split()) != 5:
        yield immutable.Complaint("spec.schedule", f'Invalid value: "{schedule}": expected exactly 5 fields')
    yield from _pods(
        document.mapping(body, "spec", "jobTemplate", "spec", "template", "spec"), "spec.jobTemplate.spec.template.spec"
    )


def _pod(body: Json) -> Iterator[immutable.Complaint]:
    yield from _pods(document.mapping(body, "spec"), "spec")


def _service(body: Json) -> Iterator[immutable.Complaint]:
    spec = document.mapping(body, "spec")
    ports = podspecs.mappings(spec, "ports")
    if not ports and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
        yield immutable.Complaint("spec.ports", "Required value")
    for place, port in enumerate(ports):
        yield from _port(port.get("port"), f"spec.ports[{place}].port")
        if len(ports) > 1 and not port.get("name"):
            yield immutable.Complaint(f"spec.ports[{place}].name", "Required value")


def _keys(body: Json) -> Iterator[immutable.Complaint]:
    for field in ("data", "binaryData"):
        for name in document.mapping(body, field):
            if not KEY.fullmatch(name) or len(name) > 253:
                yield immutable.Complaint(
                    f"{field}[{name}]", f'Invalid value: "{name}": a valid config key must be written'
                )


def _autoscaler(body: Json) -> Iterator[immutable.Complaint]:
    spec = document.mapping(body, "spec")
    least, most = document.number(spec, "minReplicas"), document.number(spec, "maxReplicas")
    if most < 1:
        yield immutable.Complaint("spec.maxReplicas", f"Invalid value: {most}: must be greater than 0")
    elif most < least:
        because = f"Invalid value: {most}: must be greater than or equal to `minReplicas`"
        yield immutable.Complaint("spec.maxReplicas", because)


def _budget(body: Json) -> Iterator[immutable.Complaint]:
    spec = document.mapping(body, "spec")
    if "minAvailable" in spec and "maxUnavailable" in spec:
        yield immutable.Complaint("spec", "Invalid value: minAvailable and maxUnavailable cannot be both set")


def _definition(body: Json) -> Iterator[immutable.Complaint]:
    spec = document.mapping(body, "spec")
    wanted = f"{document.text(spec, 'names', 'plural')}.{document.text(spec, 'group')}"
    name = document.text(body, "metadata", "name")
    if name != wanted:
        yield immutable.Complaint("metadata.name", f'Invalid value: "{name}": must be spec.names.plural+"."+spec.group')


_CHECKS = {
    ("", "ConfigMap"): _keys,
    ("", "Pod"): _pod,
    ("", "Secret"): _keys,
    ("", "Service"): _service,
    ("apps", "DaemonSet"): _workload,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _workload,
    ("apps", "StatefulSet"): _workload,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("batch", "CronJob"): _cron_job,
    ("batch", "Job"): _job,
    ("policy", "PodDisruptionBudget"): _budget,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
}
