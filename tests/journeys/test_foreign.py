"""What others add to our objects is not ours: it stays, costs nothing, and survives an upgrade (M1, Drift)."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from reconciler.model import outcomes, records
from tests.clusterkit import access
from tests.support import audit, site

pytestmark = pytest.mark.xdist_group("foreign")

Json = dict[str, Any]
V1, V2 = "registry.example/web:v1", "registry.example/web:v2"


@dataclass(frozen=True, slots=True)
class Case:
    """`change` is merged by `manager` into the Deployment (into its scale where `under` says so) or, with `made`, an
    object that somebody creates. `there` says of the live Deployment that the foreign part is in it."""

    name: str
    there: Callable[[Json], bool]
    change: Json | None = None
    made: Json | None = None
    manifests: tuple[Json, ...] = ()


def autoscaler(name: str, *, least: int) -> Json:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {"scaleTargetRef": reference, "minReplicas": least, "maxReplicas": 5},
    }


def template(**change: Any) -> Json:
    return {"spec": {"template": change}}


def container(found: Json) -> Json:
    return dict(found["spec"]["template"]["spec"]["containers"][0])


SIDECAR = {"name": "proxy", "image": "registry.example/proxy:v1"}
STAYS = (
    Case(
        "annotation-and-label",
        lambda o: o["metadata"]["annotations"].get("team") == "blue" and o["metadata"]["labels"].get("tier") == "web",
        change={"metadata": {"annotations": {"team": "blue"}, "labels": {"tier": "web"}}},
    ),
    Case(
        "restarted-by-hand",
        lambda o: "restarted" in o["spec"]["template"]["metadata"].get("annotations", {}),
        change=template(metadata={"annotations": {"restarted": "now"}}),
    ),
    Case(
        "sidecar",
        lambda o: SIDECAR["name"] in [one["name"] for one in o["spec"]["template"]["spec"]["containers"]],
        change=template(spec={"containers": [{"name": "app", "image": V1}, SIDECAR]}),
    ),
    Case(
        "environment",
        lambda o: container(o).get("env") == [{"name": "A", "value": "1"}],
        change=template(spec={"containers": [{"name": "app", "image": V1, "env": [{"name": "A", "value": "1"}]}]}),
    ),
    Case(
        "status-of-another-controller",
        lambda o: "example.com/checked" in [one["type"] for one in o["status"]["conditions"]],
    ),
    Case(
        "autoscaler-of-others", lambda o: o["spec"]["replicas"] == 3, made=autoscaler("autoscaler-of-others", least=3)
    ),
    Case(
        "autoscaler-of-ours",
        lambda o: o["spec"]["replicas"] == 4,
        manifests=(autoscaler("autoscaler-of-ours", least=4),),
    ),
)


def manifests(case: Case, image: str) -> list[Json]:
    return [site.deployment(case.name, image=image), *copy.deepcopy(case.manifests)]


@pytest.fixture(scope="module")
def shared(sites: Callable[[str], site.Site]) -> site.Site:
    """One application per case, installed; one daemon."""
    made = sites("foreign")
    for case in STAYS:
        made.application(case.name, manifests(case, V1))
    good = made.commit("everything")
    made.start()
    for case in STAYS:
        made.wait_good(good, case.name)
        made.wait_in_sync(case.name)
    return made


SCALED = pytest.mark.only_kubernetes("an autoscaler scales")


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.name, marks=[SCALED] * case.name.startswith("autoscaler")) for case in STAYS],
)
def test_what_is_not_ours_stays(shared: site.Site, case: Case) -> None:
    begin = shared.cluster.audit_mark()
    interfere(shared, case)
    shared.wait(lambda: case.there(shared.live("deployments", case.name) or {}), what="the foreign part")
    shared.wait(
        lambda: (found := shared.live("deployments", case.name)) and settled(shared, found), what="the pods following"
    )

    shared.ask(records.RequestKind.SYNC, case.name)
    shared.wait_in_sync(case.name)
    assert of(case, shared.counted_calls(after=begin)) == []
    assert shared.ledger(case.name).outcome is outcomes.Outcome.UNCHANGED

    shared.application(case.name, manifests(case, V2))
    shared.wait_good(shared.commit(f"{case.name} v2"), case.name)
    after = shared.live("deployments", case.name)
    assert after and case.there(after)
    assert container(after)["image"] == V2
    shared.wait_in_sync(case.name)
    assert len(of(case, shared.counted_calls(after=begin))) == 1

    # And it is quiet again: the next look costs not even a dry-run.
    begin = shared.cluster.audit_mark()
    shared.ask(records.RequestKind.SYNC, case.name)
    shared.ask(records.RequestKind.SYNC, case.name)
    assert of(case, shared.calls(audit.Call.COUNTED, audit.Call.DRY_RUN, after=begin)) == []


def interfere(shared: site.Site, case: Case) -> None:
    """Do what somebody else does."""
    at = access.path_of("apps/v1", "Deployment", namespace=shared.namespace, name=case.name)
    if case.change:
        shared.cluster.patch(at, case.change, manager="injector")
    elif case.made:
        metadata = case.made["metadata"] | {"namespace": shared.namespace}
        shared.cluster.create({**case.made, "metadata": metadata})
    elif not case.manifests:
        found = shared.cluster.get(at) or {}
        conditions = [*found["status"]["conditions"], {"type": "example.com/checked", "status": "True"}]
        shared.cluster.patch(f"{at}/status", {"status": {"conditions": conditions}}, manager="checker")


def settled(shared: site.Site, found: Json) -> bool:
    return shared.cluster.deployment_available(
        shared.namespace, found["metadata"]["name"], replicas=found["spec"]["replicas"]
    )


def of(case: Case, calls: list[Json]) -> list[Json]:
    return [call for call in calls if call["objectRef"]["name"] == case.name]
