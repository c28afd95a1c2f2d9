"""A dry-run's answer beside the live object."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model import document, live, outcomes, plans, records
from reconciler.plan import fold, survey
from tests.support import planned

WANTED = planned.config("a", x="1")
ROW = records.InventoryRow(WANTED.key, "uid-1", "old-digest", "entry-1", "90", "r1")
LOOK = survey.Look(WANTED, ROW, "its manifest changed")
Action = plans.Action


def found(entry: str = "entry-1", **body: Any) -> live.LiveObject:
    meta = live.LiveMeta(WANTED.key, "uid-1", "100", entry, "mark", controlled=False, deleting=False)
    whole = {"kind": "ConfigMap", "metadata": {"name": "a", "resourceVersion": "100"}, "data": {"x": "1"}} | body
    return live.LiveObject(meta, document.encode(whole))


def answered(before: live.LiveObject | None, after: live.LiveObject, **more: str) -> plans.Change:
    return fold.answered(LOOK, before, live.Applied(after, created=before is None), sent=WANTED, **more)


def test_absent_is_created() -> None:
    change = answered(None, found())
    assert (change.action, change.uid, change.manifest) == (Action.CREATED, "", WANTED)


def test_equal_but_for_what_the_server_keeps_is_unchanged() -> None:
    before = found(
        metadata={"name": "a", "resourceVersion": "1", "generation": 1, "managedFields": [1]}, status={"a": 1}
    )
    change = answered(before, found(metadata={"name": "a", "resourceVersion": "2", "uid": "x"}, status={"a": 2}))
    assert (change.action, change.fields, change.uid) == (Action.UNCHANGED, (), "uid-1")


def test_different_content_is_configured_field_by_field() -> None:
    change = answered(found(data={"x": "0"}), found())
    assert change.action is Action.CONFIGURED
    assert change.because == "its manifest changed"
    assert change.fields == (plans.FieldChange("data.x", '"0"', '"1"'),)
    assert change.live is not None and change.live.uid == change.uid == "uid-1"


def test_equal_content_of_which_we_own_less_is_configured_without_fields() -> None:
    change = answered(found(entry="less"), found())
    assert change.action is Action.CONFIGURED and change.fields == ()
    assert "the record of the fields we own" in change.because


@pytest.mark.parametrize(
    ("fields", "action"),
    [
        pytest.param({"f:data": {"f:x": {}}}, Action.UNCHANGED, id="only its time is another"),
        pytest.param({"f:data": {}}, Action.CONFIGURED, id="it has lost a field"),
    ],
)
def test_the_time_of_our_record_alone_is_no_reason_to_write(fields: document.Json, action: Action) -> None:
    """A ValidatingAdmissionPolicy's status is noted in the very second of our apply: the next one renews the time."""

    def recorded(owned: document.Json, time: str) -> live.LiveObject:
        ours = {"manager": "reconciler", "operation": "Apply", "time": time, "fieldsV1": owned}
        status = {"manager": "reconciler", "operation": "Apply", "subresource": "status", "fieldsV1": {"f:status": {}}}
        return found(entry=time, metadata={"name": "a", "managedFields": [status, ours]})

    before = recorded(fields, "2026-01-01T00:00:01Z")
    assert answered(before, recorded({"f:data": {"f:x": {}}}, "2026-01-01T00:00:02Z")).action is action


def test_a_number_that_became_a_boolean_is_a_change() -> None:
    change = answered(found(spec={"a": 1}), found(spec={"a": True}))
    assert change.action is Action.CONFIGURED and change.fields == (plans.FieldChange("spec.a", "1", "true"),)


def test_force_and_note_are_part_of_the_reason() -> None:
    change = answered(found(data={}), found(), forced="takes back .data.x, which kubectl-edit sets", note="a note")
    assert change.force
    assert change.because == "its manifest changed; takes back .data.x, which kubectl-edit sets; a note"


@pytest.mark.parametrize(
    ("why", "before", "action", "because"),
    [
        (live.Why.TERMINATING, None, Action.SKIPPED, "namespace is being deleted"),
        (live.Why.TERMINATING, found(), Action.SKIPPED, "once it is gone"),
        (live.Why.NO_DRY_RUN, None, Action.CREATED, "does not exist"),
        (live.Why.NO_DRY_RUN, found(), Action.CONFIGURED, "manifest changed"),
    ],
)
def test_refusals_that_are_no_errors(
    why: live.Why, before: live.LiveObject | None, action: plans.Action, because: str
) -> None:
    change = fold.refused(LOOK, before, live.Refused(WANTED.key, why, "words"), sent=WANTED)
    assert isinstance(change, plans.Change) and change.action is action and because in change.because
    assert change.unknown == ("words" if why is live.Why.NO_DRY_RUN else "")


MILD = {live.Why.TERMINATING, live.Why.NO_DRY_RUN}


@pytest.mark.parametrize("why", [why for why in live.Why if why not in fold.AGAIN | MILD])
def test_every_other_refusal_holds(why: live.Why) -> None:
    hold = fold.refused(LOOK, None, live.Refused(WANTED.key, why, "the server's words"), sent=WANTED)
    right = why is live.Why.NO_RIGHT
    wanted = outcomes.HoldReason.RIGHTS_MISSING if right else outcomes.HoldReason.REFUSED
    assert isinstance(hold, outcomes.Hold) and hold.reason is wanted
    assert "the server's words" in hold.because and "web/a.yaml:1" in hold.because


def test_a_row_is_learnt_with_the_rendered_digest_and_keeps_its_maker() -> None:
    before = found()
    expected = records.InventoryRow(WANTED.key, "uid-1", WANTED.digest, "entry-1", "100", "r1")
    assert fold.learnt(LOOK, before.meta) == expected
    assert fold.learnt(replace(LOOK, row=replace(ROW, drifted=True)), before.meta) == expected
    assert fold.learnt(replace(LOOK, row=None), before.meta).rollout == ""
