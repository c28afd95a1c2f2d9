"""Who decides how many pods run: every case, before anything is sent."""

from typing import Any

import pytest

from reconciler.model import document, live, manifests
from reconciler.plan import replicas
from tests.support import planned

KEY = planned.key("Deployment", "web", group="apps")
FIELDS: dict[str, Any] = {"f:spec": {"f:replicas": {}}}
US = {"manager": "reconciler", "operation": "Apply", "fieldsV1": FIELDS}
US_ELSEWHERE = {"manager": "reconciler", "operation": "Apply", "fieldsV1": {"f:spec": {"f:template": {}}}}
OUR_STRATEGY_FIX = {"manager": "reconciler", "operation": "Update", "fieldsV1": FIELDS}
HPA = {"manager": "kube-controller-manager", "operation": "Update", "subresource": "scale", "fieldsV1": FIELDS}
STATUS = {"manager": "kube-controller-manager", "operation": "Update", "fieldsV1": {"f:status": {}}}
PERSON = {"manager": "kubectl", "operation": "Update", "subresource": "scale", "fieldsV1": FIELDS}


def found(count: int | None, *managers: Any) -> live.LiveObject:
    body: document.Json = {"metadata": {"managedFields": list(managers)}, "spec": {"replicas": count}}
    meta = live.LiveMeta(KEY, "u", "1", "e", "", controlled=False, deleting=False)
    return live.LiveObject(meta, document.encode(body))


def sent(manifest: manifests.Manifest) -> object:
    return document.at(manifest.document(), "spec", "replicas")


@pytest.mark.parametrize(
    ("git", "live_object", "scaled", "expected", "note"),
    [
        pytest.param(3, None, True, 3, "", id="not there yet: Git's number starts it"),
        pytest.param(3, found(5, US, STATUS), False, 3, "", id="no autoscaler: Git's number"),
        pytest.param(None, found(5, US), False, None, "", id="no autoscaler, dropped from Git: reset, as asked"),
        pytest.param(3, found(5, PERSON), False, 3, "", id="a person scaled: drift"),
        pytest.param(3, found(5, HPA), False, None, "an autoscaler", id="a foreign autoscaler at work"),
        pytest.param(3, found(5, US, HPA), False, 3, "", id="co-owned: we took the number back knowingly"),
        pytest.param(None, found(5, HPA), False, None, "", id="a foreign one, and nothing to leave out"),
        pytest.param(3, found(5, US), True, 5, "replicas stay 5", id="only ours: dropping it would reset it to 1"),
        pytest.param(None, found(5, US), True, 5, "replicas stay 5", id="the same, dropped from Git"),
        pytest.param(5, found(5, US), True, 5, "", id="only ours, the same number"),
        pytest.param(3, found(0, US), True, 3, "", id="only ours, and 0: no autoscaler leads out of that"),
        pytest.param(None, found(0, US), True, None, "", id="the same, dropped from Git: reset to 1"),
        pytest.param(3, found(5, HPA), True, None, "left to", id="handed over"),
        pytest.param(3, found(5, US, HPA), True, None, "left to", id="co-owned: the other keeps it"),
        pytest.param(3, found(5, PERSON), True, None, "left to", id="scaled by a person under an autoscaler"),
        pytest.param(3, found(5, OUR_STRATEGY_FIX), True, None, "left to", id="an Update of ours is another manager"),
        pytest.param(3, found(5, US_ELSEWHERE), True, None, "left to", id="nobody owns it: it stays by itself"),
    ],
)
def test_overlay(
    git: int | None, live_object: live.LiveObject | None, scaled: bool, expected: int | None, note: str
) -> None:
    overlaid = replicas.overlay(planned.deployment(replicas=git), live_object, scaled={KEY: "web"} if scaled else {})
    assert sent(overlaid.manifest) == expected
    assert (note in overlaid.note) if note else overlaid.note == ""


def test_what_is_not_altered_keeps_its_digest() -> None:
    wanted = planned.deployment(replicas=3)
    assert replicas.overlay(wanted, found(3, US), scaled={KEY: "web"}).manifest.digest == wanted.digest


def test_a_workload_whose_autoscaler_is_pruned_gets_gits_number() -> None:
    overlaid = replicas.overlay(planned.deployment(replicas=3), found(7, HPA), scaled={}, released={KEY})
    assert sent(overlaid.manifest) == 3


def test_other_kinds_are_not_even_parsed() -> None:
    wanted = planned.config("a")
    broken = live.LiveObject(found(1).meta, b"not json")
    assert replicas.overlay(wanted, broken, scaled={}).manifest is wanted


def test_a_custom_resource_counts_once_an_autoscaler_names_it() -> None:
    wanted = planned.manifest("Widget", "w", api_version="example.com/v1", spec={"replicas": 2})
    overlaid = replicas.overlay(wanted, found(4, HPA), scaled={wanted.key: "h"})
    assert sent(overlaid.manifest) is None


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, KEY),
        ({"apiVersion": "v1", "kind": "ReplicationController", "name": "w"}, planned.key("ReplicationController", "w")),
        ({"kind": "Deployment"}, None),
        ({}, None),
        ("nonsense", None),
    ],
)
def test_what_an_autoscaler_resizes(reference: Any, expected: object) -> None:
    assert replicas.scaled_by({"spec": {"scaleTargetRef": reference}}, namespace="web") == expected


def test_autoscalers_of_the_set_are_found() -> None:
    assert replicas.scaled_in([planned.config("a"), planned.autoscaler("h")]) == {KEY: "h"}
