"""Planning against the fake: what is asked of the server, and what the answers become."""

from dataclasses import replace

import pytest

from reconciler import errors
from reconciler.model import ids, live, outcomes, plans, records, rollouts
from reconciler.pipeline import planning
from tests.pipeline.bench import Bench, actions, only, reasons
from tests.support import planned

Action = plans.Action
Reason = outcomes.HoldReason


@pytest.fixture
def bench() -> Bench:
    return Bench()


# -- nothing, something, everything --------------------------------------------------------------------------------


async def test_a_first_deployment_creates_everything(bench: Bench) -> None:
    made = await bench.plan(planned.config("a", x="1"), planned.deployment())
    assert actions(made) == {"ConfigMap/a": Action.CREATED, "Deployment/web": Action.CREATED}
    assert made.holds == () and made.learnt == () and made.forget == ()
    assert all(change.manifest is not None and not change.force for change in made.plan.changes)


async def test_what_did_not_change_costs_no_call(bench: Bench) -> None:
    wanted = [planned.config(f"c{number}", x="1") for number in range(20)]
    bench.applied(*wanted)
    made = await bench.plan(*wanted)
    assert set(actions(made).values()) == {Action.UNCHANGED}
    assert bench.cluster.calls == []


async def test_status_and_foreign_additions_cost_no_call(bench: Bench) -> None:
    bench.applied(planned.deployment(), planned.config("a", x="1"))
    bench.cluster.set_status(planned.key("Deployment", "web", group="apps"), {"readyReplicas": 1})
    bench.edit("ConfigMap", "a", data={"foreign": "y"})
    made = await bench.plan(planned.deployment(), planned.config("a", x="1"))
    assert not made.plan.writes
    assert bench.cluster.calls == []


async def test_only_what_changed_is_asked_about(bench: Bench) -> None:
    bench.applied(planned.config("a", x="1"), planned.config("b", x="1"))
    made = await bench.plan(planned.config("a", x="2"), planned.config("b", x="1"))
    assert actions(made) == {"ConfigMap/a": Action.CONFIGURED, "ConfigMap/b": Action.UNCHANGED}
    assert {key.name for _, key in bench.cluster.calls} == {"a"}
    (change,) = made.plan.writes
    assert change.fields == (plans.FieldChange("data.x", '"1"', '"2"'),)
    assert change.because == "its manifest changed"
    assert not change.force


async def test_a_lost_answer_is_learnt_by_reading_and_costs_nothing_from_then_on(bench: Bench) -> None:
    wanted = planned.config("a", x="1")
    bench.cluster.land(wanted)
    bench.rows[wanted.key] = records.InventoryRow(wanted.key, "", wanted.digest, "", "", "r7")
    made = await bench.plan(wanted)
    assert only(made).action is Action.UNCHANGED
    (row,) = made.learnt
    assert row.uid and row.entry and row.rollout == "r7"
    bench.rows[wanted.key] = row
    assert (await bench.plan(wanted)).learnt == ()
    assert bench.cluster.calls == []


async def test_without_a_row_our_own_mark_is_enough(bench: Bench) -> None:
    """The journal was lost: what carries our mark is ours."""
    wanted = planned.config("a", x="1")
    bench.cluster.land(wanted)
    made = await bench.plan(wanted)
    assert only(made).action is Action.UNCHANGED
    assert [row.key for row in made.learnt] == [wanted.key]


async def test_a_watch_that_lags_behind_our_own_write_costs_one_look_and_no_write(bench: Bench) -> None:
    wanted = planned.config("a", x="1")
    bench.applied(wanted)
    bench.cluster.stale.add(wanted.key)
    assert only(await bench.plan(wanted)).action is Action.UNCHANGED


async def test_an_object_deleted_by_hand_is_created_again(bench: Bench) -> None:
    bench.applied(planned.config("a", x="1"))
    del bench.cluster.objects[planned.key("ConfigMap", "a")]
    made = await bench.plan(planned.config("a", x="1"))
    assert only(made).action is Action.CREATED


# -- drift and ownership -------------------------------------------------------------------------------------------


async def test_an_edit_is_taken_back_by_a_planned_force_that_names_the_editor(bench: Bench) -> None:
    bench.applied(planned.config("a", x="1"))
    bench.edit("ConfigMap", "a", data={"x": "9"})
    change = only(await bench.plan(planned.config("a", x="1")))
    assert change.action is Action.CONFIGURED and change.force
    assert ".data.x" in change.because and "kubectl-create" in change.because
    assert change.fields == (plans.FieldChange("data.x", '"9"', '"1"'),)
    healed = await bench.carried_out(planned.config("a", x="1"))
    assert not healed.plan.writes and bench.cluster.calls == []


async def test_a_removed_field_comes_back_without_force(bench: Bench) -> None:
    bench.applied(planned.config("a", x="1"))
    bench.cluster.strip(planned.key("ConfigMap", "a"), "data", "x")
    change = only(await bench.plan(planned.config("a", x="1")))
    assert change.action is Action.CONFIGURED and not change.force


async def test_edited_and_set_back_is_written_once_so_that_we_hear_of_the_next_edit(bench: Bench) -> None:
    """Equal content, but no longer ours: without a write we would be blind to that field for ever."""
    bench.applied(planned.config("a", x="1"))
    bench.edit("ConfigMap", "a", data={"x": "9"})
    bench.edit("ConfigMap", "a", data={"x": "1"})
    change = only(await bench.plan(planned.config("a", x="1")))
    assert change.action is Action.CONFIGURED and change.fields == () and not change.force
    assert not (await bench.carried_out(planned.config("a", x="1"))).plan.writes
    bench.edit("ConfigMap", "a", data={"x": "8"})
    assert only(await bench.plan(planned.config("a", x="1"))).action is Action.CONFIGURED


async def test_another_applier_is_held_and_named_never_forced(bench: Bench) -> None:
    bench.applied(planned.config("a", x="1"))
    metadata = {"name": "a", "namespace": "web"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"x": "2"}}
    bench.cluster.seed(body, manager="flux", operation="Apply")
    made = await bench.plan(planned.config("a", x="1"))
    assert reasons(made) == [Reason.FOREIGN_MANAGER]
    assert "flux" in made.holds[0].because and ".data.x" in made.holds[0].because


async def test_an_unmanaged_object_is_never_adopted_silently(bench: Bench) -> None:
    bench.edit("ConfigMap", "a", data={"x": "1"})
    made = await bench.plan(planned.config("a", x="1"))
    assert reasons(made) == [Reason.UNMANAGED]
    assert ("dry-run", planned.key("ConfigMap", "a")) not in bench.cluster.calls


@pytest.mark.parametrize(
    ("target", "installation", "named"),
    [
        (ids.TargetKey("production", "other"), planned.INSTALLATION, "production/other"),
        (planned.TARGET, "99999999-bbbb", "99999999-bbbb"),
    ],
)
async def test_an_object_of_another_owner_is_held_naming_both(
    bench: Bench, target: ids.TargetKey, installation: str, named: str
) -> None:
    bench.cluster.land(planned.manifest("ConfigMap", "a", target=target, installation=installation, data={"x": "1"}))
    made = await bench.plan(planned.config("a", x="1"))
    assert reasons(made) == [Reason.OTHER_OWNER]
    assert named in made.holds[0].because and "production/web" in made.holds[0].because


async def test_an_object_being_deleted_is_waited_for(bench: Bench) -> None:
    bench.applied(planned.config("a", x="1"))
    bench.cluster.terminate(planned.key("ConfigMap", "a"))
    change = only(await bench.plan(planned.config("a", x="1")))
    assert change.action is Action.SKIPPED
    assert "being deleted" in change.because


# -- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", [live.Why.INVALID, live.Why.DENIED, live.Why.FORBIDDEN, live.Why.NO_NAMESPACE])
async def test_a_refusal_holds_with_the_servers_words_and_the_file(bench: Bench, why: live.Why) -> None:
    wanted = planned.config("a", x="1")
    bench.cluster.refusals[wanted.key] = live.Refused(wanted.key, why, "the server says no")
    made = await bench.plan(wanted, planned.config("b"))
    assert reasons(made) == [Reason.REFUSED]
    assert "the server says no" in made.holds[0].because and "web/a.yaml:1" in made.holds[0].because
    assert actions(made) == {"ConfigMap/b": Action.CREATED}


async def test_a_webhook_that_takes_no_dry_run_is_unknown_and_no_error(bench: Bench) -> None:
    wanted = planned.config("a", x="1")
    message = "admission webhook x does not support dry run"
    bench.cluster.refusals[wanted.key] = live.Refused(wanted.key, live.Why.NO_DRY_RUN, message)
    change = only(await bench.plan(wanted))
    assert change.action is Action.CREATED and change.unknown == message


@pytest.mark.parametrize("why", [live.Why.STALE, live.Why.UID_CHANGED])
async def test_what_changes_while_we_look_is_tried_again_later(bench: Bench, why: live.Why) -> None:
    wanted = planned.config("a", x="1")
    bench.cluster.refusals[wanted.key] = live.Refused(wanted.key, why, "modified")
    with pytest.raises(errors.Transient, match="changed while"):
        await bench.plan(wanted)


async def test_what_its_controller_notes_between_our_read_and_our_dry_run_is_no_change_of_ours(bench: Bench) -> None:
    """Seen after an edit of a Deployment: deployment.kubernetes.io/revision came in between, and was applied once."""
    bench.cluster.land(planned.deployment())  # ours by its mark, its row was lost: so it is looked at

    def note() -> None:
        metadata = {"name": "web", "namespace": "web", "annotations": {"deployment.kubernetes.io/revision": "2"}}
        bench.cluster.seed({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}, manager="controllers")

    bench.cluster.after_read = [note]
    change = only(await bench.plan(planned.deployment()))
    assert change.action is Action.UNCHANGED
    assert [call for call, _ in bench.cluster.calls] == ["read", "dry-run"] * 2


async def test_an_object_that_changes_all_the_time_is_planned_all_the_same(bench: Bench) -> None:
    bench.cluster.land(planned.deployment(image="a"))
    key = planned.deployment().key
    bench.cluster.after_read = [lambda: bench.cluster.set_status(key, {"replicas": 1})] * planning.LOOKS
    change = only(await bench.plan(planned.deployment(image="b")))
    assert change.action is Action.CONFIGURED


async def test_a_missing_right_to_read_is_not_absence(bench: Bench) -> None:
    wanted = planned.config("a", x="1")
    bench.cluster.land(wanted)
    bench.cluster.forbidden.add(wanted.key)
    made = await bench.plan(wanted)
    assert reasons(made) == [Reason.REFUSED]
    assert made.plan.changes == ()


async def test_an_absent_namespace_holds(bench: Bench) -> None:
    made = await bench.plan(planned.manifest("ConfigMap", "a", namespace="web-elsewhere"))
    assert reasons(made) == [Reason.REFUSED]


async def test_a_kind_that_is_not_served_holds_and_the_rest_is_planned(bench: Bench) -> None:
    made = await bench.plan(planned.manifest("Widget", "w", api_version="example.com/v1"), planned.config("a"))
    assert reasons(made) == [Reason.REFUSED]
    assert "does not serve Widget.example.com" in made.holds[0].because
    assert actions(made) == {"ConfigMap/a": Action.CREATED}


async def test_outside_the_limits_nothing_is_asked(bench: Bench) -> None:
    made = await bench.plan(planned.manifest("ConfigMap", "a", namespace="kube-system"))
    assert reasons(made) == [Reason.OUTSIDE_LIMITS]
    assert bench.cluster.calls == [] and bench.cluster.watched == set()


async def test_nothing_rendered_deletes_nothing(bench: Bench) -> None:
    bench.applied(planned.config("a", x="1"))
    made = await bench.plan()
    assert reasons(made) == [Reason.EMPTY]
    assert made.plan.changes == () and made.forget == ()


# -- prune ---------------------------------------------------------------------------------------------------------


async def test_what_left_git_is_pruned_by_uid_in_reverse_order(bench: Bench) -> None:
    bench.applied(planned.config("keep"), planned.config("old"), planned.deployment("gone"))
    made = await bench.plan(planned.config("keep"))
    assert [(change.key.kind, change.action) for change in made.plan.prunes] == [
        ("Deployment", Action.PRUNED),
        ("ConfigMap", Action.PRUNED),
    ]
    assert all(change.uid == bench.rows[change.key].uid for change in made.plan.prunes)
    assert sorted(bench.cluster.calls) == [("read", change.key) for change in reversed(made.plan.prunes)]


async def test_a_row_is_forgotten_only_when_the_server_says_that_the_object_is_gone(bench: Bench) -> None:
    bench.applied(planned.config("keep"), planned.config("gone"), planned.config("lagging"))
    del bench.cluster.objects[planned.key("ConfigMap", "gone")]
    bench.cluster.stale.add(planned.key("ConfigMap", "lagging"))
    made = await bench.plan(planned.config("keep"))
    assert made.forget == (planned.key("ConfigMap", "gone"),)
    assert [change.key.name for change in made.plan.prunes] == ["lagging"]


async def test_rows_of_a_kind_that_is_not_served_now_stay(bench: Bench) -> None:
    """Partial discovery (an aggregated API is down): unknown is not absent."""
    bench.applied(planned.config("keep"))
    lost = planned.key("Widget", "w", group="example.com")
    bench.rows[lost] = records.InventoryRow(lost, "uid-w", "d", "e", "1", "r1")
    made = await bench.plan(planned.config("keep"))
    assert made.forget == ()
    assert [change.action for change in made.plan.prunes] == [Action.SKIPPED]


async def test_a_revert_spares_protected_kinds_and_says_so(bench: Bench) -> None:
    claim = planned.manifest("PersistentVolumeClaim", "data")
    bench.applied(planned.config("keep"), claim)
    released = await bench.plan(planned.config("keep"))
    assert [change.action for change in released.plan.prunes] == [Action.PRUNED]
    reverted = await bench.plan(planned.config("keep"), purpose=rollouts.Purpose.REVERT)
    (change,) = reverted.plan.prunes
    assert change.action is Action.SKIPPED and "a revert removes no PersistentVolumeClaim" in change.because


# -- secrets -------------------------------------------------------------------------------------------------------


async def test_a_secrets_values_never_reach_the_plans_fields(bench: Bench) -> None:
    old, new = ({"password": value} for value in ("b2xkIHNlY3JldA==", "bmV3IHNlY3JldA=="))
    bench.applied(planned.manifest("Secret", "s", data=old))
    change = only(await bench.plan(planned.manifest("Secret", "s", data=new)))
    assert change.fields == (plans.FieldChange("data.password", "***", "*** (changed)"),)


async def test_the_plan_names_the_digest_of_the_set(bench: Bench) -> None:
    wanted = planned.config("a")
    made = await bench.plan(wanted)
    assert made.plan.manifest_digest == planned.manifest_set(wanted).digest


async def test_a_drifted_row_is_looked_at_whatever_its_entry_says(bench: Bench) -> None:
    wanted = planned.config("a", x="1")
    bench.applied(wanted)
    bench.rows[wanted.key] = replace(bench.rows[wanted.key], drifted=True)
    (row,) = (await bench.plan(wanted)).learnt
    assert not row.drifted
