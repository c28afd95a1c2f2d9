"""Planning against the fake: what is asked of the server, and what the answers become."""

from dataclasses import replace
from typing import Any, cast

import pytest

from reconciler import errors, ports
from reconciler.model import fields, ids, live, manifests, outcomes, plans, records, rollouts
from reconciler.pipeline import planning
from reconciler.render import left
from tests.support import planned
from tests.support.fake_cluster import FakeCluster

Action = plans.Action
Reason = outcomes.HoldReason


class Bench:
    """One target on one fake cluster, with its inventory."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.rows: dict[ids.ObjectKey, records.InventoryRow] = {}
        self.target = planned.target(cluster_kinds=(ids.KindKey("", "Namespace"),))

    def applied(self, *sent: manifests.Manifest, **more: bool) -> None:
        """As if an earlier rollout had applied these and heard the answers."""
        for manifest in sent:
            self.rows[manifest.key] = planned.row(self.cluster.land(manifest, **more), manifest)

    async def plan(
        self, *wanted: manifests.Manifest, purpose: rollouts.Purpose = rollouts.Purpose.RELEASE
    ) -> planning.Planned:
        self.cluster.calls.clear()
        return await planning.make(
            cast(ports.Cluster, self.cluster),
            target=self.target,
            installation=planned.INSTALLATION,
            manifest_set=planned.manifest_set(*wanted),
            rows=tuple(self.rows.values()),
            purpose=purpose,
        )

    async def carried_out(self, *wanted: manifests.Manifest) -> planning.Planned:
        """Plan, apply and record, as the rollout does, and plan again."""
        made = await self.plan(*wanted)
        assert not made.holds
        for change in made.plan.writes:
            if change.manifest:
                self.applied(change.manifest, force=change.force)
        return await self.plan(*wanted)

    def edit(self, kind: str, name: str, **fields: Any) -> None:
        api_version = "apps/v1" if kind == "Deployment" else "v1"
        metadata = {"name": name, "namespace": "web"}
        self.cluster.seed({"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields})

    def scale(self, count: int, *, manager: str = "kube-controller-manager") -> None:
        metadata = {"name": "web", "namespace": "web"}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"replicas": count}}
        self.cluster.seed(body, manager=manager, sub="scale")

    def replicas(self) -> int:
        found = self.cluster.objects[planned.key("Deployment", "web", group="apps")].body["spec"]["replicas"]
        assert isinstance(found, int)
        return found


@pytest.fixture
def bench() -> Bench:
    return Bench()


def actions(made: planning.Planned) -> dict[str, Action]:
    return {f"{change.key.kind}/{change.key.name}": change.action for change in made.plan.changes}


def only(made: planning.Planned) -> plans.Change:
    (change,) = made.plan.changes
    return change


def reasons(made: planning.Planned) -> list[Reason]:
    return [hold.reason for hold in made.holds]


def sent_replicas(change: plans.Change) -> object:
    assert change.manifest is not None
    spec = change.manifest.document()["spec"]
    assert isinstance(spec, dict)
    return spec.get("replicas")


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


# -- replicas ------------------------------------------------------------------------------------------------------


async def test_an_autoscaler_of_ours_keeps_its_number(bench: Bench) -> None:
    wanted = (planned.deployment(replicas=3), planned.autoscaler())
    assert not (await bench.carried_out(*wanted)).plan.writes
    bench.scale(5)
    made = await bench.carried_out(*wanted)
    assert not made.plan.writes and bench.replicas() == 5
    bench.rows |= {row.key: row for row in made.learnt}
    assert not (await bench.plan(*wanted)).plan.writes
    assert bench.cluster.calls == []


async def test_git_cannot_reset_what_only_we_own_under_an_autoscaler(bench: Bench) -> None:
    """`replicas` leaves Git the day the autoscaler comes: dropping it at once would fall to 1."""
    bench.applied(planned.deployment(replicas=5))
    made = await bench.plan(planned.deployment(), planned.autoscaler())
    assert actions(made)["Deployment/web"] is Action.UNCHANGED
    made = await bench.plan(planned.deployment(image="b"), planned.autoscaler())
    change = next(change for change in made.plan.writes if change.key.kind == "Deployment")
    assert sent_replicas(change) == 5 and "replicas stay 5" in change.because
    await bench.carried_out(planned.deployment(image="b"), planned.autoscaler())
    assert bench.replicas() == 5
    bench.scale(6)
    await bench.carried_out(planned.deployment(image="c"), planned.autoscaler())
    assert bench.replicas() == 6


async def test_an_image_change_under_an_autoscaler_leaves_its_number(bench: Bench) -> None:
    await bench.carried_out(planned.deployment(replicas=3), planned.autoscaler())
    bench.scale(7)
    made = await bench.plan(planned.deployment(image="b", replicas=3), planned.autoscaler())
    (change,) = made.plan.writes
    assert sent_replicas(change) is None and not change.force
    assert [field.path for field in change.fields] == ["spec.template.spec.containers[web].image"]


async def test_a_foreign_autoscaler_is_recognised_by_its_work(bench: Bench) -> None:
    bench.applied(planned.deployment(replicas=3))
    bench.scale(5)
    made = await bench.plan(planned.deployment(replicas=3))
    change = only(made)
    assert change.action is Action.UNCHANGED and "autoscaler" in change.because


async def test_a_person_who_scales_without_an_autoscaler_drifts(bench: Bench) -> None:
    bench.applied(planned.deployment(replicas=3))
    bench.scale(5, manager="kubectl")
    change = only(await bench.plan(planned.deployment(replicas=3)))
    assert change.action is Action.CONFIGURED and change.force
    assert 'kubectl with subresource "scale"' in change.because


async def test_pruning_the_autoscaler_gives_the_number_back_to_git(bench: Bench) -> None:
    await bench.carried_out(planned.deployment(replicas=3), planned.autoscaler())
    bench.scale(7)
    learnt = await bench.plan(planned.deployment(replicas=3), planned.autoscaler())
    bench.rows |= {row.key: row for row in learnt.learnt}
    made = await bench.plan(planned.deployment(replicas=3))
    changed, pruned = made.plan.changes
    assert pruned.action is Action.PRUNED and pruned.key.kind == "HorizontalPodAutoscaler"
    assert changed.action is Action.CONFIGURED and changed.force and sent_replicas(changed) == 3


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


# -- fields that are left to the cluster ---------------------------------------------------------------------------


def generated(password: str, *, keep: bool) -> manifests.Manifest:
    """A Secret whose password is another one at every render."""
    rule = fields.Rule(ids.KindKey("", "Secret"), "*", "*", ("data", "password"), keep, "")
    made = planned.manifest("Secret", "a", data={"password": password, "user": "app"})
    return left.taken_out(planned.manifest_set(made), (rule,)).manifests[0]


@pytest.mark.parametrize("keep", [True, False])
async def test_a_generated_value_is_made_once_and_then_costs_nothing(bench: Bench, keep: bool) -> None:
    again = await bench.carried_out(generated("Mg==", keep=keep))
    key = only(again).key
    assert bench.cluster.objects[key].body["data"] == {"password": "Mg==", "user": "app"}
    assert not again.plan.writes and bench.cluster.calls == []
    later = await bench.plan(generated("Mw==", keep=keep))
    assert not later.plan.writes and bench.cluster.calls == [], "another render, the same digest"
    bench.rows[key] = replace(bench.rows[key], drifted=True)
    later = await bench.plan(generated("NA==", keep=keep))
    assert only(later).action is Action.UNCHANGED, "also at a closer look"
    assert bench.cluster.objects[key].body["data"]["password"] == "Mg=="


@pytest.mark.parametrize(("keep", "writes"), [(True, 1), (False, 0)])
async def test_a_value_that_somebody_else_sets_stays(bench: Bench, keep: bool, writes: int) -> None:
    """Kept: one write of the value that is there makes it ours again, so that it cannot get lost. Ignored: none."""
    await bench.carried_out(generated("Mg==", keep=keep))
    bench.edit("Secret", "a", data={"password": "dGhlaXJz"})
    made = await bench.plan(generated("Mw==", keep=keep))
    assert len(made.plan.writes) == writes
    assert only(made).fields == ()
    again = await bench.carried_out(generated("NA==", keep=keep))
    assert not again.plan.writes
    assert bench.cluster.objects[only(made).key].body["data"]["password"] == "dGhlaXJz"
