"""What must exist before what."""

from dataclasses import replace

import pytest

from reconciler.model import ids, manifests, plans
from reconciler.plan import waves
from tests.support import planned

CREATED = plans.Action.CREATED


def change(manifest: manifests.Manifest, action: plans.Action = CREATED) -> plans.Change:
    return plans.Change(action, manifest.key, "", manifest=manifest)


def names(plan: plans.Plan) -> list[list[str]]:
    return [[f"{found.key.kind}/{found.key.name}" for found in wave] for wave in plan.waves]


def assembled(*found: manifests.Manifest, made: waves.Made) -> plans.Plan:
    wanted = planned.manifest_set(*found)
    return waves.assemble(planned.TARGET, [change(one) for one in found], wanted=wanted, made=made)


NEW = planned.manifest("Namespace", "new", namespace="")
INSIDE = planned.manifest("ConfigMap", "a", namespace="new")
WIDGETS = planned.definition("widgets.example.com", group="example.com", kind="Widget")
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


def in_wave(wave: int, manifest: manifests.Manifest) -> manifests.Manifest:
    return replace(manifest, wave=wave)


def webhook(name: str, service: str = "web") -> manifests.Manifest:
    hooks = [{"name": "a.example.com", "clientConfig": {"service": {"namespace": "web", "name": service}}}]
    version = "admissionregistration.k8s.io/v1"
    return manifest_of("ValidatingWebhookConfiguration", name, version, webhooks=hooks)


def manifest_of(kind: str, name: str, api_version: str, **body: object) -> manifests.Manifest:
    return planned.manifest(kind, name, api_version=api_version, namespace="", **body)


def server() -> manifests.Manifest:
    template = {"metadata": {"labels": {"app": "hooks", "tier": "back"}}}
    return planned.manifest("Deployment", "hooks", api_version="apps/v1", spec={"template": template})


HOOKS = planned.manifest("Service", "hooks", spec={"selector": {"app": "hooks"}})
API = manifest_of(
    "APIService", "v1.x.io", "apiregistration.k8s.io/v1", spec={"service": {"namespace": "web", "name": "hooks"}}
)


def test_waves_by_number_then_kind() -> None:
    found = assembled(
        in_wave(2, planned.config("late")),
        in_wave(-1, planned.deployment()),
        planned.config("middle"),
        in_wave(-1, planned.config("early")),
        made=waves.Made(),
    )
    assert names(found) == [["ConfigMap/early", "Deployment/web"], ["ConfigMap/middle"], ["ConfigMap/late"]]
    assert [wave[0].place.wave for wave in found.waves] == [-1, 0, 2]


def test_what_intercepts_requests_comes_last_in_its_wave() -> None:
    found = assembled(webhook("w"), planned.deployment(), API, in_wave(1, planned.config("late")), made=waves.Made())
    assert names(found) == [
        ["Deployment/web"],
        ["APIService/v1.x.io", "ValidatingWebhookConfiguration/w"],
        ["ConfigMap/late"],
    ]


@pytest.mark.parametrize(
    ("interceptor", "others", "wave"),
    [
        pytest.param(webhook("w", "hooks"), [HOOKS, in_wave(3, server())], 3, id="its workload is in a later wave"),
        pytest.param(webhook("w", "hooks"), [in_wave(2, HOOKS), server()], 2, id="its Service is in a later wave"),
        pytest.param(in_wave(5, webhook("w", "hooks")), [HOOKS, server()], 5, id="it is in a later wave itself"),
        pytest.param(webhook("w", "other"), [HOOKS, in_wave(3, server())], 0, id="another Service answers it"),
        pytest.param(webhook("w", "hooks"), [in_wave(3, server())], 0, id="its Service is not in the set"),
        pytest.param(API, [HOOKS, in_wave(3, server())], 3, id="an aggregated API"),
    ],
)
def test_a_webhook_waits_for_the_workload_that_answers_it(
    interceptor: manifests.Manifest, others: list[manifests.Manifest], wave: int
) -> None:
    """In place before, it would refuse the very pods that are to serve it."""
    assert waves.places([interceptor, *others])[interceptor.key] == plans.Place(wave, 2)


@pytest.mark.parametrize(
    ("opener", "user"), [pytest.param(NEW, INSIDE, id="namespace"), pytest.param(WIDGETS, WIDGET, id="definition")]
)
def test_an_opener_comes_with_its_first_user_at_the_latest(
    opener: manifests.Manifest, user: manifests.Manifest
) -> None:
    assert waves.places([in_wave(4, opener), in_wave(-2, user)])[opener.key] == plans.Place(-2, 0)
    assert waves.places([in_wave(-4, opener), in_wave(-2, user)])[opener.key] == plans.Place(-4, 0)


def test_what_must_be_healthy_before_the_next_wave() -> None:
    wanted = planned.manifest_set(in_wave(1, planned.config("b")), planned.config("a"), webhook("w"))
    kept = waves.up_to(wanted, plans.Place(0, 1)).manifests
    assert [manifest.key.name for manifest in kept] == ["a"]
