"""Which changes of a plan are differences, and which are not known: never counted as equal."""

from dataclasses import replace

import pytest

from reconciler.model import differences, manifests, outcomes, plans
from reconciler.pipeline import comparing, previewing
from tests.support import planned

Action, Reason, Side = plans.Action, outcomes.HoldReason, differences.Side
COLOUR = plans.FieldChange("data.color", '"blue"', '"red"')


def change(action: plans.Action, *, manifest: manifests.Manifest | None = None, **more: object) -> plans.Change:
    made = plans.Change(action, planned.key("ConfigMap", "web"), "because", manifest=manifest)
    return replace(made, **more)  # type: ignore[arg-type]


def compared(
    *changes: plans.Change, prunes: tuple[plans.Change, ...] = (), holds: tuple[outcomes.Hold, ...] = ()
) -> differences.Comparison:
    plan = plans.Plan(planned.TARGET, "digest", (changes,), prunes)
    return comparing.compare(previewing.Preview(planned.TARGET, "a" * 40, plan, holds))


@pytest.mark.parametrize(
    ("found", "sides", "uncompared"),
    [
        (change(Action.UNCHANGED), [], ()),
        (change(Action.CONFIGURED, fields=(COLOUR,)), [Side.BOTH], ()),
        (change(Action.ADOPTED, fields=(COLOUR,)), [Side.BOTH], ()),
        (change(Action.REPLACED, fields=(COLOUR,)), [Side.BOTH], ()),
        (change(Action.CONFIGURED), [], ()),  # the record of ownership alone: no value differs
        (change(Action.CREATED, manifest=planned.config("web", color="red")), [Side.GIT], ()),
        (change(Action.CREATED, manifest=planned.config("web"), unknown="no dry-run"), [Side.GIT], ()),
        (change(Action.CONFIGURED, unknown="no dry-run"), [], ("ConfigMap web/web: no dry-run",)),
        (change(Action.SKIPPED), [], ("ConfigMap web/web: because",)),
    ],
)
def test_what_a_change_is(found: plans.Change, sides: list[differences.Side], uncompared: tuple[str, ...]) -> None:
    its = compared(found)
    assert [one.side for one in its.differences] == sides
    assert its.uncompared == uncompared


def test_what_would_be_pruned_is_in_the_cluster_alone() -> None:
    (found,) = compared(prunes=(change(Action.PRUNED),)).differences
    assert (found.side, found.fields) == (Side.CLUSTER, ())


def test_an_object_only_in_git_is_shown_by_its_fields_and_masked() -> None:
    secret = planned.manifest("Secret", "token", data={"word": "c2VjcmV0"}, type="Opaque")
    (found,) = compared(change(Action.CREATED, manifest=secret, key=secret.key)).differences
    shown = {field.path: (field.before, field.after) for field in found.fields}
    assert shown["data.word"] == (None, "***")
    assert shown["type"] == (None, '"Opaque"')
    assert shown["metadata.name"] == (None, '"token"')


@pytest.mark.parametrize(
    ("reason", "known"), [(Reason.PRUNE_LIMIT, True), (Reason.QUARANTINED, True), (Reason.REFUSED, False)]
)
def test_a_hold_hides_a_difference_only_where_it_stands_for_one(reason: outcomes.HoldReason, *, known: bool) -> None:
    its = compared(change(Action.CONFIGURED, fields=(COLOUR,)), holds=(outcomes.Hold(reason, "says so"),))
    assert len(its.differences) == 1
    assert its.uncompared == (() if known else ("says so",))


def test_no_plan_is_not_no_difference() -> None:
    assert comparing.compare(previewing.Preview(planned.TARGET, "", None)).uncompared
    hold = outcomes.Hold(Reason.RENDER_FAILED, "no such file")
    assert comparing.compare(previewing.Preview(planned.TARGET, "", None, (hold,))).uncompared == ("no such file",)
