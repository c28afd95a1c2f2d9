"""Defaults of pods and their templates, and of what all defaults are made with."""

from collections.abc import Iterator

from reconciler.model import document

Json = document.Json


def within(body: Json, name: str) -> Json:
    """The mapping of that name, made when it is absent."""
    found = body.get(name)
    if not isinstance(found, dict):
        found = body[name] = {}
    return found


def mappings(body: Json, *path: str) -> list[Json]:
    """The mappings in the list at `path`."""
    return [found for found in document.items(body, *path) if isinstance(found, dict)]


def template(spec: Json) -> None:
    """The pod template of a workload's spec."""
    fill(within(within(spec, "template"), "spec"))


def containers(spec: Json) -> Iterator[Json]:
    for name in ("initContainers", "containers", "ephemeralContainers"):
        yield from mappings(spec, name)


def fill(spec: Json) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    within(spec, "securityContext")
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for container in containers(spec):
        _container(container)
    for volume in mappings(spec, "volumes"):
        _volume(volume)


def _container(container: Json) -> None:
    container.setdefault("imagePullPolicy", _pull_policy(document.text(container, "image")))
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    for port in mappings(container, "ports"):
        port.setdefault("protocol", "TCP")
    for variable in mappings(container, "env"):
        _reference(document.mapping(variable, "valueFrom"))
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(probe := container.get(name), dict):
            _probe(probe)
    for name in ("postStart", "preStop"):
        if isinstance(handler := document.at(container, "lifecycle", name), dict):
            _handler(handler)


def _pull_policy(image: str) -> str:
    """Always for `latest`, written or meant."""
    name, _, digest = image.partition("@")
    tag = name.rsplit("/", 1)[-1].partition(":")[2]
    return "Always" if tag == "latest" or not (tag or digest) else "IfNotPresent"


def _probe(probe: Json) -> None:
    for name, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        probe.setdefault(name, value)
    _handler(probe)


def _handler(handler: Json) -> None:
    if isinstance(request := handler.get("httpGet"), dict):
        request.setdefault("path", "/")
        request.setdefault("scheme", "HTTP")
    if isinstance(call := handler.get("grpc"), dict):
        call.setdefault("service", "")


FILE_MODE = 0o644


def _volume(volume: Json) -> None:
    if len(volume) == 1:
        volume["emptyDir"] = {}
    for name in ("secret", "configMap", "downwardAPI", "projected"):
        if isinstance(source := volume.get(name), dict):
            source.setdefault("defaultMode", FILE_MODE)
            for item in mappings(source, "items"):
                _reference(item)
            for one in mappings(source, "sources"):
                if isinstance(token := one.get("serviceAccountToken"), dict):
                    token.setdefault("expirationSeconds", 3600)
                for item in mappings(one, "downwardAPI", "items"):
                    _reference(item)
    if isinstance(claim := document.at(volume, "ephemeral", "volumeClaimTemplate", "spec"), dict):
        claim.setdefault("volumeMode", "Filesystem")
    if isinstance(path := volume.get("hostPath"), dict):
        path.setdefault("type", "")


def _reference(item: Json) -> None:
    if isinstance(reference := item.get("fieldRef"), dict):
        reference.setdefault("apiVersion", "v1")
    if isinstance(resource := item.get("resourceFieldRef"), dict):
        resource.setdefault("divisor", "0")


def quality(spec: Json) -> str:
    """The pod's class of service."""
    wanted = [document.mapping(container, "resources") for container in containers(spec)]
    if not any(found.get("requests") or found.get("limits") for found in wanted):
        return "BestEffort"
    for found in wanted:
        limits, requests = document.mapping(found, "limits"), document.mapping(found, "requests")
        if not {"cpu", "memory"} <= limits.keys() or any(requests.get(name) != limits[name] for name in requests):
            return "Burstable"
    return "Guaranteed"
