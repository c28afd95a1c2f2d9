"""Planning against the fake: what has to wait for what the same plan brings."""

import pytest

from reconciler.model import ids, live, manifests, plans
from tests.pipeline.bench import Bench, actions
from tests.support import planned

Action = plans.Action


@pytest.fixture
def bench() -> Bench:
    return Bench()


# -- waves ---------------------------------------------------------------------------------------------------------


def a_namespace(name: str) -> manifests.Manifest:
    return planned.manifest("Namespace", name, namespace="")


async def test_objects_in_a_namespace_that_the_plan_creates_wait_for_a_later_wave(bench: Bench) -> None:
    inside = planned.manifest("ConfigMap", "a", namespace="web-new")
    made = await bench.plan(a_namespace("web-new"), inside, planned.config("b"))
    first, second = made.plan.waves
    assert [change.key.kind for change in first] == ["Namespace"]
    assert {change.key.name: change.unknown for change in second} == {
        "a": "its namespace is created by this plan",
        "b": "",
    }
    assert inside.key not in {key for _, key in bench.cluster.calls}


async def test_once_the_namespace_exists_everything_is_one_wave(bench: Bench) -> None:
    inside = planned.manifest("ConfigMap", "a", namespace="web-new")
    bench.applied(a_namespace("web-new"))
    made = await bench.plan(a_namespace("web-new"), inside)
    assert len(made.plan.waves) == 1
    assert actions(made) == {"Namespace/web-new": Action.UNCHANGED, "ConfigMap/a": Action.CREATED}
    assert made.plan.writes[0].unknown == ""


DEFINITION = ids.KindKey("apiextensions.k8s.io", "CustomResourceDefinition")
DEFINING = planned.definition("widgets.example.com", group="example.com", kind="Widget")
WIDGET = planned.manifest("Widget", "w", api_version="example.com/v1")


async def test_objects_of_a_kind_that_the_plan_defines_wait_for_a_later_wave(bench: Bench) -> None:
    bench.target = planned.target(cluster_kinds=(DEFINITION,))
    made = await bench.plan(DEFINING, WIDGET)
    assert [[change.key.kind for change in wave] for wave in made.plan.waves] == [
        ["CustomResourceDefinition"],
        ["Widget"],
    ]
    assert made.holds == ()


async def test_a_definition_that_is_not_served_yet_is_waited_for_and_refuses_nothing(bench: Bench) -> None:
    """Dapr's chart brings a Configuration with its definition: discovery lists it a moment after it was applied."""
    bench.target = planned.target(cluster_kinds=(DEFINITION,))
    bench.applied(DEFINING)
    made = await bench.plan(DEFINING, WIDGET, planned.config("a", x="1"))
    found = {change.key.kind: change for change in made.plan.changes}
    assert made.holds == ()
    assert (found["Widget"].action, found["ConfigMap"].action) == (Action.SKIPPED, Action.CREATED)
    assert "does not serve it yet" in found["Widget"].because


async def test_one_api_server_of_several_that_does_not_serve_it_yet_is_waited_for(bench: Bench) -> None:
    bench.target = planned.target(cluster_kinds=(DEFINITION,))
    bench.applied(DEFINING)
    bench.cluster.served["example.com", "Widget"] = ("v1", True)
    bench.cluster.refusals[WIDGET.key] = live.Refused(WIDGET.key, live.Why.NO_KIND, "404 page not found", status=404)
    made = await bench.plan(DEFINING, WIDGET)
    assert made.holds == ()
    assert actions(made)["Widget/w"] is Action.SKIPPED


async def test_what_the_server_warns_of_is_a_note(bench: Bench) -> None:
    bench.cluster.warnings[planned.key("ConfigMap", "a")] = ("v1 ConfigMap is deprecated",)
    made = await bench.plan(planned.config("a", x="1"), planned.config("b", x="1"))
    assert made.notes == ("ConfigMap web/a (web/a.yaml:1): v1 ConfigMap is deprecated",)
