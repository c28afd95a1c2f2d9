"""EndpointSlices of Services: where their pods answer (k8s.io/endpointslice). The older Endpoints are not made."""

from collections.abc import Iterable, Sequence

from reconciler.model import document, ids
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import owning, pods, world

KIND = ids.KindKey("", "Service")
SLICE = ids.KindKey("discovery.k8s.io", "EndpointSlice")
NAME_LABEL = "kubernetes.io/service-name"
MANAGER_LABEL = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
HEADLESS = "service.kubernetes.io/headless"
LARGEST = 100
"""Endpoints in one slice."""


def reconcile(key: ids.ObjectKey, cluster: world.World) -> None:
    service = cluster.kept.get(key)
    if service is None or world.deleting(service):
        return
    selector = document.mapping(service.body, "spec", "selector")
    if not selector or document.text(service.body, "spec", "type") == "ExternalName":
        return
    own = [one for one in cluster.kept.of_kind(SLICE, key.namespace) if _is_of(one, service)]
    chosen = [
        pod
        for pod in cluster.kept.of_kind(world.POD, key.namespace)
        if selector.items() <= world.labels(pod.body).items()
        and document.text(pod.body, "status", "podIP")
        and not pods.finished(pod.body)
    ]
    everyone = document.at(service.body, "spec", "publishNotReadyAddresses") is True
    wanted = {world.uid(pod): _endpoint(pod, everyone=everyone) for pod in chosen}
    ports = _ports(service, chosen)
    groups = _grouped(own, wanted)
    for one, group in zip(own, groups, strict=False):
        _rewrite(cluster, service, one, group, ports)
    for group in groups[len(own) :]:
        cluster.create(_slice(service, group, ports))
    for one in own[len(groups) :]:
        cluster.delete(one)


def wakes(happened: objects.Happened, cluster: world.World) -> Iterable[ids.ObjectKey]:
    """A pod came, changed or went: the Services that select it, or did."""
    if happened.stored.key.kind_key != world.POD:
        return ()
    versions = [world.labels(one.body) for one in (happened.stored, happened.before) if one]
    return [
        service.key
        for service in cluster.kept.of_kind(KIND, happened.stored.key.namespace)
        if (selector := document.mapping(service.body, "spec", "selector"))
        and any(selector.items() <= labels.items() for labels in versions)
    ]


def _is_of(one: objects.Stored, service: objects.Stored) -> bool:
    labels = world.labels(one.body)
    return (labels.get(NAME_LABEL), labels.get(MANAGER_LABEL)) == (service.key.name, MANAGER)


def _endpoint(pod: objects.Stored, *, everyone: bool) -> document.Json:
    serving, terminating = pods.ready(pod.body), world.deleting(pod)
    return {
        "addresses": [document.text(pod.body, "status", "podIP")],
        "conditions": {
            "ready": everyone or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": {
            "kind": "Pod",
            "namespace": pod.key.namespace,
            "name": pod.key.name,
            "uid": world.uid(pod),
        },
        "nodeName": document.text(pod.body, "spec", "nodeName"),
    }


def _ports(service: objects.Stored, chosen: Sequence[objects.Stored]) -> list[document.JsonValue]:
    """As the first pod has them; none while there is no pod."""
    found: list[document.JsonValue] = []
    for port in document.items(service.body, "spec", "ports"):
        if not isinstance(port, dict) or not chosen:
            continue
        target = port.get("targetPort") or port.get("port")
        number = target if isinstance(target, int) else _named(chosen[0].body, str(target))
        if number:
            protocol = document.text(port, "protocol") or "TCP"
            extra = {"appProtocol": port["appProtocol"]} if "appProtocol" in port else {}
            found.append({"name": document.text(port, "name"), "protocol": protocol, "port": number, **extra})
    return found


def _named(pod: document.Json, name: str) -> int:
    """The number of a container's port of that name; 0 when there is none."""
    for container in document.items(pod, "spec", "containers"):
        for port in document.items(container, "ports") if isinstance(container, dict) else ():
            if isinstance(port, dict) and port.get("name") == name:
                return document.number(port, "containerPort")
    return 0


def _grouped(own: Sequence[objects.Stored], wanted: dict[str, document.Json]) -> list[list[document.JsonValue]]:
    """The endpoints by slice: each stays where it is, new ones fill up what has room. One slice at least."""
    left = dict(wanted)
    groups: list[list[document.JsonValue]] = []
    for one in own:
        held = [document.text(point, "targetRef", "uid") for point in _points(one)]
        groups.append([left.pop(uid) for uid in held if uid in left])
    groups = groups or [[]]
    for point in left.values():
        room = next((group for group in groups if len(group) < LARGEST), None)
        if room is None:
            groups.append(room := [])
        room.append(point)
    return groups


def _points(one: objects.Stored) -> list[document.Json]:
    return [point for point in document.items(one.body, "endpoints") if isinstance(point, dict)]


def _rewrite(
    cluster: world.World,
    service: objects.Stored,
    one: objects.Stored,
    group: list[document.JsonValue],
    ports: list[document.JsonValue],
) -> None:
    metadata = {**document.mapping(one.body, "metadata"), "labels": _labels(service)}
    new: document.Json = {"metadata": metadata, "endpoints": group or None, "ports": ports or None}
    if any(one.body.get(name) != value for name, value in new.items()):
        cluster.change(one, new)


def _slice(service: objects.Stored, group: list[document.JsonValue], ports: list[document.JsonValue]) -> document.Json:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": SLICE.kind,
        "metadata": {
            "generateName": f"{service.key.name}-",
            "namespace": service.key.namespace,
            "labels": _labels(service),
            "ownerReferences": [owning.reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": group or None,
        "ports": ports or None,
    }


def _labels(service: objects.Stored) -> document.Json:
    headless = document.text(service.body, "spec", "clusterIP") == "None"
    return {
        **world.labels(service.body),
        **({HEADLESS: ""} if headless else {}),
        NAME_LABEL: service.key.name,
        MANAGER_LABEL: MANAGER,
    }
