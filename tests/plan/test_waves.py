"""What must exist before what."""

from reconciler.model import ids, manifests, plans
from reconciler.plan import waves
from tests.support import planned

CREATED = plans.Action.CREATED


def change(manifest: manifests.Manifest, action: plans.Action = CREATED) -> plans.Change:
    return plans.Change(action, manifest.key, "", manifest=manifest)


def names(plan: plans.Plan) -> list[list[str]]:
    return [[f"{found.key.kind}/{found.key.name}" for found in wave] for wave in plan.waves]


def assembled(*found: manifests.Manifest, made: waves.Made) -> plans.Plan:
    return waves.assemble(planned.TARGET, [change(one) for one in found], digest="d", made=made)


NEW = planned.manifest("Namespace", "new", namespace="")
INSIDE = planned.manifest("ConfigMap", "a", namespace="new")
WIDGETS = planned.manifest(
    "CustomResourceDefinition",
    "widgets.example.com",
    api_version="apiextensions.k8s.io/v1",
    namespace="",
    spec={"group": "example.com", "names": {"kind": "Widget"}},
)
WIDGET = planned.manifest("Widget", "w", api_version="example.com/v1")


def test_one_wave_by_kind_then_name() -> None:
    found = assembled(
        planned.deployment(), planned.config("b"), planned.config("a"), planned.autoscaler(), made=waves.Made()
    )
    assert names(found) == [["ConfigMap/a", "ConfigMap/b", "Deployment/web", "HorizontalPodAutoscaler/web"]]


def test_a_namespace_that_nobody_waits_for_needs_no_wave_of_its_own() -> None:
    assert names(assembled(NEW, planned.config("a"), made=waves.made([NEW]))) == [["Namespace/new", "ConfigMap/a"]]


def test_two_waves_where_somebody_waits() -> None:
    found = assembled(INSIDE, NEW, WIDGET, WIDGETS, planned.config("b"), made=waves.made([NEW, WIDGETS]))
    assert names(found) == [
        ["Namespace/new", "CustomResourceDefinition/widgets.example.com"],
        ["ConfigMap/a", "ConfigMap/b", "Widget/w"],
    ]


def test_nothing_makes_no_wave() -> None:
    assert assembled(made=waves.Made()).waves == ()


def test_what_a_plan_makes() -> None:
    made = waves.made([NEW, WIDGETS])
    assert made.holds_up(INSIDE.key) == "its namespace is created by this plan"
    assert made.holds_up(WIDGET.key) == "its kind is defined by this plan"
    assert made.holds_up(NEW.key) == ""
    assert made.holds_up(planned.key("ConfigMap", "a")) == ""


def test_a_definition_that_names_no_kind_makes_nothing() -> None:
    empty = planned.manifest("CustomResourceDefinition", "x", api_version="apiextensions.k8s.io/v1", namespace="")
    assert waves.made([empty]).holds_up(ids.ObjectKey("", "ConfigMap", "web", "a")) == ""
    assert [opener.key for opener in waves.opens([empty, planned.config("a")])] == [empty.key]
