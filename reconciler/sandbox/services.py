"""Services: their defaults, and the addresses and node ports that they are given, keep and lose.

Which fields a Service has depends on its type, so a change of type takes away what was given for the one before
(`pkg/registry/core/service` of Kubernetes). Bodies are changed in place.
"""

from reconciler.model import document
from reconciler.sandbox import podspecs

Json = document.Json

ADDRESSES, FIRST_NODE_PORT, LAST_NODE_PORT = "10.96", 30_000, 32_767
EXTERNAL, NODE_PORT, LOAD_BALANCER = "ExternalName", "NodePort", "LoadBalancer"
OUTSIDE = (NODE_PORT, LOAD_BALANCER)
OF_ADDRESSES = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
CHECK = "healthCheckNodePort"


def fill(body: Json) -> None:
    """The defaults."""
    spec = podspecs.within(body, "spec")
    spec.setdefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "ClientIP":
        podspecs.within(podspecs.within(spec, "sessionAffinityConfig"), "clientIP").setdefault("timeoutSeconds", 10800)
    else:
        spec.pop("sessionAffinityConfig", None)
    sort = spec.setdefault("type", "ClusterIP")
    for port in podspecs.mappings(spec, "ports"):
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port")
    if sort in OUTSIDE or spec.get("externalIPs"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if sort == LOAD_BALANCER:
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if sort == EXTERNAL:
        spec.pop("internalTrafficPolicy", None)
    else:
        spec.setdefault("internalTrafficPolicy", "Cluster")


def address(body: Json, given: int) -> int:
    """Give a Service the cluster address and the node ports that its type needs and it does not have, the next after
    `given` others. Returns how many there are now; nobody owns what is given."""
    spec = podspecs.within(body, "spec")
    if spec.get("type") == EXTERNAL:
        return given
    if "clusterIP" not in spec:
        given += 1
        spec["clusterIP"] = f"{ADDRESSES}.{given // 256}.{given % 256}"
    anything = spec["clusterIP"] == "None" and not spec.get("selector")  # its endpoints are somebody else's
    spec.setdefault("ipFamilies", ["IPv4", "IPv6"] if anything else ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "RequireDualStack" if anything else "SingleStack")
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    wanting = [(port, "nodePort") for port in podspecs.mappings(spec, "ports") if _opens_ports(spec)]
    for holder, name in [*wanting, *([(spec, CHECK)] if _is_checked(spec) else [])]:
        if name not in holder:
            given += 1
            holder[name] = FIRST_NODE_PORT + given % (LAST_NODE_PORT - FIRST_NODE_PORT)
    return given


def readdress(body: Json, before: Json, given: int) -> int:
    """What was given stays when nobody says otherwise and the type still needs it, and goes when it does not. Returns
    as `address` does."""
    spec, was = podspecs.within(body, "spec"), document.mapping(before, "spec")
    addressed = was.get("type") != EXTERNAL
    if addressed and spec.get("type") != EXTERNAL:
        for name in OF_ADDRESSES:
            if name in was:
                spec.setdefault(name, was[name])
    if _opens_ports(was) and _opens_ports(spec):
        _keep_ports(spec, was)
    if _is_checked(was) and _is_checked(spec) and CHECK in was:
        spec.setdefault(CHECK, was[CHECK])
    given = address(body, given)
    if addressed and spec.get("type") == EXTERNAL:
        same = all(spec.get(name) == was.get(name) for name in ("clusterIP", "clusterIPs"))
        _drop(spec, was, *(OF_ADDRESSES if same else OF_ADDRESSES[2:]))
    if was.get("type") in OUTSIDE and spec.get("type") not in OUTSIDE:
        _drop_ports(spec, was)
        if not spec.get("externalIPs"):
            _drop(spec, was, "externalTrafficPolicy")
    if was.get("type") == LOAD_BALANCER != spec.get("type"):
        _drop(spec, was, "allocateLoadBalancerNodePorts", "loadBalancerClass")
    if _is_checked(was) and not _is_checked(spec):
        _drop(spec, was, CHECK)
    return given


def _opens_ports(spec: Json) -> bool:
    sort = spec.get("type")
    return sort == NODE_PORT or (sort == LOAD_BALANCER and spec.get("allocateLoadBalancerNodePorts") is not False)


def _is_checked(spec: Json) -> bool:
    return spec.get("type") == LOAD_BALANCER and spec.get("externalTrafficPolicy") == "Local"


def _keep_ports(spec: Json, was: Json) -> None:
    """By the names of ports, each unless another port has taken it."""
    old = {port.get("name"): port.get("nodePort") for port in podspecs.mappings(was, "ports")}
    used = _ports(spec) & _ports(was)
    for port in podspecs.mappings(spec, "ports"):
        kept = old.get(port.get("name"))
        if "nodePort" not in port and kept is not None and kept not in used:
            port["nodePort"] = kept


def _drop_ports(spec: Json, was: Json) -> None:
    """Unless somebody asks for a new one, which is then refused."""
    if _ports(spec) <= _ports(was):
        for port in podspecs.mappings(spec, "ports"):
            port.pop("nodePort", None)


def _ports(spec: Json) -> set[int]:
    found = (port.get("nodePort") for port in podspecs.mappings(spec, "ports"))
    return {number for number in found if isinstance(number, int)}


def _drop(spec: Json, was: Json, *names: str) -> None:
    """What has not been changed at the same time."""
    for name in names:
        if spec.get(name) == was.get(name):
            spec.pop(name, None)
