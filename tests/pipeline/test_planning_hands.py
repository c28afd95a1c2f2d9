"""Planning against the fake: whose objects are taken over, replaced, handed on and left behind."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from reconciler.model import document, ids, live, manifests, outcomes, plans, records, rollouts, targets
from reconciler.pipeline import planning
from reconciler.plan import replacing
from tests.pipeline.bench import Bench, only, reasons
from tests.support import planned

Action = plans.Action
Reason = outcomes.HoldReason
OTHER = ids.TargetKey("production", "other")
STILL = "production/other renders it still"


class Hands:
    """The other targets: what `OTHER` keeps, has claimed and takes."""

    def __init__(self, *, keeps: str = "", claimed: str = "", takes: Sequence[ids.ObjectKey] = ()) -> None:
        self.kept = keeps
        self.claims = claimed
        self.takes = takes

    async def keeps(self, giver: ids.TargetKey, key: ids.ObjectKey) -> str:
        assert giver == OTHER
        return self.kept

    async def claimed(self, keys: Sequence[ids.ObjectKey]) -> dict[ids.ObjectKey, str]:
        return dict.fromkeys(keys, self.claims) if self.claims else {}

    async def has(self, key: ids.ObjectKey, owner: ids.TargetKey | None) -> ids.TargetKey | None:
        return OTHER if owner in (None, OTHER) and STILL in (self.kept, self.claims) else None

    async def takers(self, keys: Sequence[ids.ObjectKey]) -> dict[ids.ObjectKey, plans.Taker]:
        taker = plans.Taker("it changes hands: production/other renders it now")
        return {key: taker for key in keys if key in self.takes}


class Handed(Bench):
    """A bench with neighbours."""

    hands = Hands()

    async def plan(
        self, *wanted: manifests.Manifest, purpose: rollouts.Purpose = rollouts.Purpose.RELEASE
    ) -> planning.Planned:
        self.cluster.calls.clear()
        return await planning.make(
            self.cluster,  # type: ignore[arg-type] - as far as a plan asks one
            target=self.target,
            installation=planned.INSTALLATION,
            manifest_set=planned.manifest_set(*wanted),
            rows=tuple(self.rows.values()),
            purpose=purpose,
            hands=self.hands,
        )


@pytest.fixture
def bench() -> Handed:
    return Handed()


async def test_another_targets_object_is_taken_when_it_lets_go(bench: Handed) -> None:
    theirs = planned.manifest("ConfigMap", "a", target=OTHER, data={"x": "1"})
    bench.cluster.land(theirs)
    bench.hands = Hands(keeps="production/other renders it still")
    held = await bench.plan(planned.config("a", x="1"))
    assert reasons(held) == [Reason.OTHER_OWNER]
    assert "production/other" in held.holds[0].because and "production/web" in held.holds[0].because
    bench.hands = Hands()
    change = only(await bench.plan(planned.config("a", x="1")))
    assert change.action is Action.ADOPTED and change.handover is None
    assert "changes hands from production/other" in change.because


BACK = [rollouts.Purpose.REVERT, rollouts.Purpose.HEAL]


@pytest.mark.parametrize("purpose", BACK)
@pytest.mark.parametrize("row", [True, False])
async def test_a_return_leaves_what_was_given_away_to_its_taker(
    bench: Handed, purpose: rollouts.Purpose, row: bool
) -> None:
    wanted, mended = planned.config("a", x="1"), planned.config("b", x="1")
    bench.applied(wanted, mended)
    bench.cluster.land(planned.manifest("ConfigMap", "a", target=OTHER, data={"x": "1"}))
    bench.cluster.land(planned.config("b", x="broken"))
    if not row:
        del bench.rows[wanted.key]
    bench.hands = Hands(keeps=STILL)
    made = await bench.plan(wanted, mended, purpose=purpose)
    actions = {change.key.name: change.action for wave in made.plan.waves for change in wave}
    assert made.holds == () and actions == {"a": Action.UNCHANGED, "b": Action.CONFIGURED}
    assert made.forget == ((wanted.key,) if row else ()) and made.learnt == ()
    assert any("production/other has it now; a return leaves it there" in note for note in made.notes)


@pytest.mark.parametrize("purpose", BACK)
async def test_a_return_leaves_what_its_taker_is_just_making(bench: Handed, purpose: rollouts.Purpose) -> None:
    bench.hands = Hands(claimed=STILL)
    change = only(await bench.plan(planned.config("a", x="1"), purpose=purpose))
    assert change.action is Action.UNCHANGED and "production/other has it now" in change.because


@pytest.mark.parametrize(
    ("keeps", "actions", "holds"),
    [
        pytest.param("what it wants cannot be told", [], [Reason.OTHER_OWNER], id="unknown is not passed"),
        pytest.param("", [Action.ADOPTED], [], id="it has let go: taken back"),
    ],
)
async def test_a_return_takes_back_what_nobody_renders(
    bench: Handed, keeps: str, actions: list[Action], holds: list[Reason]
) -> None:
    bench.cluster.land(planned.manifest("ConfigMap", "a", target=OTHER, data={"x": "1"}))
    bench.hands = Hands(keeps=keeps)
    made = await bench.plan(planned.config("a", x="1"), purpose=rollouts.Purpose.REVERT)
    assert [change.action for wave in made.plan.waves for change in wave] == actions and reasons(made) == holds


async def test_what_another_one_is_making_is_not_made_twice(bench: Handed) -> None:
    bench.hands = Hands(claimed="production/other renders it still")
    held = await bench.plan(planned.config("a", x="1"))
    assert reasons(held) == [Reason.OTHER_OWNER]
    assert "production/other" in held.holds[0].because and "production/web" in held.holds[0].because


async def test_what_another_one_takes_over_is_not_pruned_and_waited_for(bench: Handed) -> None:
    bench.applied(planned.config("a", x="1"), planned.config("b", x="1"))
    bench.hands = Hands(takes=[planned.key("ConfigMap", "b")])
    made = await bench.plan(planned.config("a", x="1"))
    (leaving,) = made.plan.prunes
    assert (leaving.action, leaving.awaited, leaving.unknown) == (Action.SKIPPED, True, "")


@pytest.mark.parametrize("deleting", [False, True])
async def test_a_watch_that_lags_prunes_nothing_that_has_changed(
    bench: Handed, monkeypatch: pytest.MonkeyPatch, deleting: bool
) -> None:
    """Another target took the object, or somebody deletes it, and the watch shows it still as it was; its UID stays."""
    kept, given = planned.config("a", x="1"), planned.config("b", x="1")
    bench.applied(kept, given)
    await bench.plan(kept, given)  # opens the watches
    lagging = {manifest.key: bench.cluster.meta(manifest.key) for manifest in (kept, given)}
    monkeypatch.setattr(bench.cluster, "meta", lagging.__getitem__)
    if deleting:
        bench.cluster.terminate(given.key)
    else:
        bench.cluster.land(planned.manifest("ConfigMap", "b", target=OTHER, data={"x": "1"}))
    made = await bench.plan(kept)
    assert [change.action for change in made.plan.prunes] == ([Action.SKIPPED] if deleting else [])
    assert made.forget == (() if deleting else (given.key,))


@pytest.mark.parametrize(
    ("state", "action"), [(targets.State.ABSENT, Action.PRUNED), (targets.State.ORPHANED, Action.ORPHANED)]
)
async def test_an_application_goes_by_a_word(bench: Handed, state: targets.State, action: Action) -> None:
    bench.applied(planned.config("a", x="1"), planned.config("b", x="1"))
    bench.target = replace(bench.target, state=state)
    made = await bench.plan()
    assert made.holds == () and [change.action for change in made.plan.prunes] == [action, action]
    assert all((change.handover is not None) is (action is Action.ORPHANED) for change in made.plan.prunes)


async def test_what_was_adopted_by_a_failed_release_is_given_up_again(bench: Handed) -> None:
    bench.applied(planned.config("a", x="1"), planned.config("b", x="1"))
    key = planned.key("ConfigMap", "b")
    bench.rows[key] = replace(bench.rows[key], rollout=records.ADOPTED)
    back = await bench.plan(planned.config("a", x="1"), purpose=rollouts.Purpose.REVERT)
    assert [change.action for change in back.plan.prunes] == [Action.ORPHANED]


async def test_a_foreign_object_is_adopted_where_git_allows_it(bench: Handed) -> None:
    bench.cluster.seed(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "web"},
            "data": {"x": "0", "old": "1"},
        }
    )
    held = await bench.plan(planned.config("a", x="1"))
    assert reasons(held) == [Reason.UNMANAGED] and "adopt: {from: [kubectl]}" in held.holds[0].because
    bench.target = replace(bench.target, adopt=targets.Adopt((targets.Maker.KUBECTL,)))
    change = only(await bench.plan(planned.config("a", x="1")))
    assert change.action is Action.ADOPTED and change.handover is not None and not change.force
    assert change.handover.uid == change.uid != ""


async def test_a_controllers_object_is_never_adopted(bench: Handed) -> None:
    bench.cluster.seed({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "web"}})
    bench.cluster.own(planned.key("ConfigMap", "a"))
    bench.target = replace(bench.target, adopt=targets.Adopt((targets.Maker.KUBECTL,)))
    assert reasons(await bench.plan(planned.config("a", x="1"))) == [Reason.UNMANAGED]


async def test_only_the_live_state_standing_in_the_way_is_replaced(bench: Handed) -> None:
    bench.applied(planned.deployment(image="a"))
    key = planned.key("Deployment", "web", group="apps")
    wanted = planned.deployment(image="b")
    bench.cluster.refusals[key] = live.Refused(
        key, live.Why.INVALID, "field is immutable", status=422, fields=("spec.selector",)
    )
    held = await bench.plan(wanted)
    assert reasons(held) == [Reason.IMMUTABLE] and "spec.selector" in held.holds[0].because

    body = wanted.document()
    annotations = {**document.mapping(body, "metadata", "annotations"), replacing.OPT_IN: "true"}
    body["metadata"] = {**document.mapping(body, "metadata"), "annotations": annotations}
    allowed = replace(wanted, body=document.encode(body))
    assert only(await bench.plan(allowed)).action is Action.REPLACED

    # The same answer to any name: the manifest is wrong.
    fresh = replacing.probe(allowed)
    assert fresh is not None
    bench.cluster.refusals[fresh.key] = replace(bench.cluster.refusals[key], key=fresh.key)
    assert reasons(await bench.plan(allowed)) == [Reason.REFUSED]
