"""What the server stores in other words than Git has it is no difference: applied, changed and applied again, a second
look costs nothing (facts §13)."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.model import records
from tests.support import audit, site

pytestmark = pytest.mark.xdist_group("second-pass")

Json = dict[str, Any]


def service(*ports: Json, **spec: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x"},
        "spec": {"selector": {"app": "x"}, "ports": list(ports), **spec},
    }


def secret(**content: Any) -> Json:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, **content}


def workload(**container: Any) -> Json:
    found = site.deployment("x", replicas=1)
    found["spec"]["template"]["spec"]["containers"][0] |= container
    return found


def limits(cpu: Any, memory: Any) -> Json:
    return workload(resources={"limits": {"cpu": cpu, "memory": memory}})


def environment(*pairs: tuple[str, str]) -> Json:
    return workload(env=[{"name": name, "value": value} for name, value in pairs])


HTTP, METRICS = {"name": "http", "port": 80}, {"name": "metrics", "port": 9090}
CASES: dict[str, tuple[Json, Json]] = {
    "port-changed": (service(HTTP), service(HTTP | {"port": 81})),
    "port-renamed": (service(HTTP), service(HTTP | {"name": "web"})),
    "port-added": (service(HTTP), service(HTTP, METRICS)),
    "port-removed": (service(HTTP, METRICS), service(METRICS)),
    "port-order": (service(HTTP, METRICS), service(METRICS, HTTP)),
    "port-protocol": (
        service({"name": "dns", "port": 53, "protocol": "TCP"}),
        service({"name": "dns", "port": 53, "protocol": "UDP"}),
    ),
    "target-port-word": (service(HTTP | {"targetPort": 8080}), service(HTTP | {"targetPort": "http"})),
    "node-port": (service(HTTP, type="NodePort"), service(HTTP | {"port": 81}, type="NodePort")),
    "to-node-port": (service(HTTP), service(HTTP, type="NodePort")),
    "list-key-renamed": (environment(("A", "1"), ("B", "2")), environment(("A", "1"), ("C", "2"))),
    "list-reordered": (environment(("A", "1"), ("B", "2")), environment(("B", "2"), ("A", "1"))),
    "cpu-decimal": (limits("0.1", "1Gi"), limits("0.2", "1Gi")),
    "cpu-same": (limits("0.1", "1024Mi"), limits("100m", "1Gi")),
    "memory-bytes": (limits(1, "1Gi"), limits(2, 1073741824)),
    "null-values": (
        workload(command=None, args=["a"]),
        workload(command=["b"], args=None),
    ),
    "null-key": (
        site.config_map("x", a="1") | {"data": {"a": "1", "b": None}},
        site.config_map("x", a="1") | {"data": {"a": "2", "b": None}},
    ),
    "string-data": (secret(stringData={"a": "1", "b": "2"}), secret(stringData={"a": "3"})),
    "string-data-to-data": (secret(stringData={"a": "1"}), secret(data={"a": "MQ=="})),
    "empty-and-absent": (site.config_map("x"), site.config_map("x") | {"binaryData": {}}),
}


def named(name: str, manifest: Json) -> Json:
    made = copy.deepcopy(manifest)
    made["metadata"]["name"] = name
    return made


@pytest.fixture(scope="module")
def shared(sites: Callable[[str], site.Site]) -> site.Site:
    """One application a case, installed and then changed; one daemon."""
    made = sites("second-pass")
    for version in (0, 1):
        for name, case in CASES.items():
            made.application(name, [named(name, case[version])])
        revision = made.commit(f"version {version}")
        if version == 0:
            made.start()
        for name in CASES:
            made.wait_good(revision, name)
            made.wait_in_sync(name)
    return made


@pytest.mark.parametrize("name", CASES)
@pytest.mark.row("YML-15")
def test_the_second_pass_costs_nothing(shared: site.Site, name: str) -> None:
    begin = shared.cluster.audit_mark()
    for _ in range(2):
        shared.ask(records.RequestKind.SYNC, name)
    shared.wait_in_sync(name)
    calls = shared.calls(audit.Call.COUNTED, audit.Call.DRY_RUN, after=begin)
    assert [call["requestURI"] for call in calls if call["objectRef"]["name"] == name] == []


def test_what_the_server_gave_a_service_it_keeps(shared: site.Site) -> None:
    """A port that changes its number keeps its node port by name as little as Kubernetes lets it; the address stays."""
    found = shared.live("services", "port-changed", group="v1")
    assert found and found["spec"]["ports"][0]["port"] == 81
    before = found["spec"]["clusterIP"]
    shared.application("port-changed", [named("port-changed", service(HTTP | {"port": 82}))])
    shared.wait_good(shared.commit("once more"), "port-changed")
    found = shared.live("services", "port-changed", group="v1")
    assert found and found["spec"]["clusterIP"] == before and found["spec"]["ports"][0]["port"] == 82


def test_a_secret_s_dropped_key_is_gone(shared: site.Site) -> None:
    found = shared.live("secrets", "string-data", group="v1")
    assert found and found["data"] == {"a": "Mw=="}
