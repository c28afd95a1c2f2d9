"""What is said of definitions, namespaces and budgets."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from reconciler import errors
from reconciler.model import ids
from tests.contracts.release import APPLICATION, LABELS, Json, Release, plain
from tests.contracts.waiting import until
from tests.contracts.worlds import World

DEFINITION = ids.KindKey("apiextensions.k8s.io", "CustomResourceDefinition")
BUDGET = ids.KindKey("policy", "PodDisruptionBudget")


@pytest.fixture
def release(world: World) -> Release:
    return Release(world)


def definition(group: str, plural: str) -> Json:
    names = {"plural": plural, "kind": "Thing"}
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


async def conditions(world: World, manifest: Json) -> dict[str, Any]:
    """The definition's conditions, once whether it is established has been decided."""
    key = ids.ObjectKey(DEFINITION.group, DEFINITION.kind, "", manifest["metadata"]["name"])

    def decided() -> dict[str, Any]:
        found = world.cluster.followed(APPLICATION).get(key)
        seen = plain(found.document()).get("status", {}).get("conditions") if found else None
        return seen if seen and seen.get("Established", {}).get("reason") not in (None, "Installing") else {}

    await world.cluster.follow(APPLICATION, [(DEFINITION, "")], woken=lambda: None)
    return await until(lambda: retried(decided), what="whether it is established")


def retried(look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return look()
    except errors.Transient:
        return {}


async def test_a_definition_is_established_and_its_names_are_its_own(world: World) -> None:
    group = f"{uuid.uuid4().hex[:8]}.example.com"
    first, second = definition(group, "things"), definition(group, "thingies")
    world.outside.apply(first)
    try:
        accepted = "the initial names have been accepted"
        assert await conditions(world, first) == {
            "NamesAccepted": {"status": "True", "reason": "NoConflicts", "message": "no conflicts found"},
            "Established": {"status": "True", "reason": "InitialNamesAccepted", "message": accepted},
        }
        world.outside.apply(second)
        taken = '"ThingList" is already in use'
        assert await conditions(world, second) == {
            "NamesAccepted": {"status": "False", "reason": "ListKindConflict", "message": taken},
            "Established": {"status": "False", "reason": "NotAccepted", "message": "not all names are accepted"},
        }
    finally:
        for manifest in (first, second):
            world.outside.remove(manifest)


async def test_a_namespace_is_active(world: World) -> None:
    found = await world.cluster.read(ids.ObjectKey("", "Namespace", "", world.namespace))
    assert found is not None
    assert found.document()["status"]["phase"] == "Active"


@pytest.mark.parametrize(
    ("spec", "desired", "allowed"),
    [({"maxUnavailable": 1}, 3, 1), ({"minAvailable": 3}, 3, 1), ({"minAvailable": "100%"}, 4, 0)],
    ids=["one-may-be-missing", "three-must-be-there", "all-must-be-there"],
)
async def test_a_budget_counts_its_pods(release: Release, spec: Json, desired: int, allowed: int) -> None:
    await release.apply("policy/v1", "PodDisruptionBudget", spec={"selector": {"matchLabels": LABELS}, **spec})
    await release.deployment("web:v1", replicas=4)
    said = {
        "status": "True" if allowed else "False",
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
    }
    wanted = {
        "currentHealthy": 4,
        "desiredHealthy": desired,
        "disruptionsAllowed": allowed,
        "expectedPods": 4,
        "conditions": {"DisruptionAllowed": said},
    }
    await release.until(lambda: plain(release.status(BUDGET)) == wanted, f"{wanted}")
