"""Drift on the real API server: what is ours is healed, what is not ours stays (M1).

One daemon and one application per case, so that each case's first healing is the immediate one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from reconciler.model import ids, records
from tests.clusterkit import access
from tests.support import site

pytestmark = pytest.mark.xdist_group("drift")

Json = dict[str, Any]
STRIPPED = {"metadata": {"managedFields": [{}]}}
RULE = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}


@dataclass(frozen=True, slots=True)
class Case:
    """`edits` are merge patches on the first manifest of the application, None deletes it; `under` is appended to its
    path. `right` says of the live object that it is as wanted again."""

    name: str
    manifests: tuple[Json, ...]
    edits: tuple[Json | None, ...]
    right: Callable[[Json], bool]
    under: str = ""


def secret(name: str) -> Json:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"password": "hunter2"}}


def service(name: str) -> Json:
    spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def role(name: str) -> Json:
    version = "rbac.authorization.k8s.io/v1"
    return {"apiVersion": version, "kind": "Role", "metadata": {"name": name}, "rules": [RULE]}


def image(found: Json) -> str:
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def ours(found: Json) -> Json:
    """The fields that our entry in managedFields owns."""
    entries = found["metadata"].get("managedFields", [])
    return next((dict(one["fieldsV1"]) for one in entries if one["manager"] == "reconciler"), {})


def edited(**data: str | None) -> Json:
    return {"data": data}


def containers(**change: Any) -> Json:
    return {"spec": {"template": {"spec": {"containers": [{"name": "app", **change}]}}}}


HEALED = (
    Case(
        "value-edited", (site.config_map("value-edited", a="1"),), (edited(a="2"),), lambda o: o["data"] == {"a": "1"}
    ),
    Case(
        "key-removed",
        (site.config_map("key-removed", a="1", b="2"),),
        (edited(a=None),),
        lambda o: o["data"] == {"a": "1", "b": "2"},
    ),
    Case("deleted", (site.config_map("deleted", a="1"),), (None,), lambda o: o["data"] == {"a": "1"}),
    Case(
        "secret-edited",
        (secret("secret-edited"),),
        (edited(password="Zm9yZWlnbg=="),),
        lambda o: o["data"] == {"password": "aHVudGVyMg=="},
    ),
    Case(
        "changed-and-back",
        (site.config_map("changed-and-back", a="1"),),
        (edited(a="2"), edited(a="1")),
        lambda o: o["data"] == {"a": "1"} and "f:a" in ours(o).get("f:data", {}),
    ),
    Case(
        "managed-fields-stripped",
        (site.config_map("managed-fields-stripped", a="1"),),
        (STRIPPED,),
        lambda o: "f:a" in ours(o).get("f:data", {}),
    ),
    Case(
        "stripped-and-edited",
        (site.config_map("stripped-and-edited", a="1"),),
        ({**STRIPPED, **edited(a="2")},),
        lambda o: o["data"] == {"a": "1"} and "f:a" in ours(o).get("f:data", {}),
    ),
    Case(
        "mark-removed",
        (site.config_map("mark-removed", a="1"),),
        ({"metadata": {"annotations": {ids.MARK: None}}},),
        lambda o: ids.MARK in o["metadata"].get("annotations", {}),
    ),
    Case(
        "image-edited",
        (site.deployment("image-edited"),),
        (containers(image="registry.example/web:v9"),),
        lambda o: image(o) == "registry.example/web:v1",
    ),
    Case(
        "scaled-by-hand",
        (site.deployment("scaled-by-hand"),),
        ({"spec": {"replicas": 4}},),
        lambda o: o["spec"]["replicas"] == 2,
        under="/scale",
    ),
    Case(
        "port-edited",
        (service("port-edited"),),
        ({"spec": {"ports": [{"name": "http", "port": 80, "targetPort": 9999}]}},),
        lambda o: [port["targetPort"] for port in o["spec"]["ports"]] == [8080],
    ),
    Case("rules-emptied", (role("rules-emptied"),), ({"rules": []},), lambda o: o["rules"] == [RULE]),
)


@pytest.fixture(scope="module")
def drifting(sites: Callable[[str], site.Site]) -> site.Site:
    """One application per case, installed; one daemon."""
    made = sites("drift")
    for case in HEALED:
        made.application(case.name, case.manifests)
    good = made.commit("everything")
    made.start()
    for case in HEALED:
        made.wait_good(good, case.name)
        made.wait_in_sync(case.name)
    return made


def path(a_site: site.Site, manifest: Json) -> str:
    return access.path_of(
        manifest["apiVersion"], manifest["kind"], namespace=a_site.namespace, name=manifest["metadata"]["name"]
    )


@pytest.mark.parametrize("case", HEALED, ids=lambda case: case.name)
def test_what_is_ours_is_healed_at_once(drifting: site.Site, case: Case) -> None:
    at = path(drifting, case.manifests[0])
    begin = drifting.cluster.audit_mark()

    for edit in case.edits:
        if edit is None:
            drifting.cluster.delete(at)
        else:
            drifting.cluster.patch(f"{at}{case.under}", edit)

    drifting.wait(lambda: case.right(drifting.cluster.get(at) or {"data": {}}), what=f"{case.name} being healed")
    ledger = drifting.wait_in_sync(case.name)
    assert drifting.events(records.EventKind.DRIFT_HEALED, case.name)
    assert ledger.last_good
    calls = drifting.counted_calls(after=begin)
    assert len(calls) <= len(case.edits)
    assert {call["objectRef"]["name"] for call in calls} == {case.name}
