"""Hooks around a strategy: what is due when, and one hook from its beginning to its end."""

import dataclasses

import pytest

from reconciler.model import health, hooks, ids, live, manifests, outcomes, plans, records, rollouts, targets
from reconciler.rollout import commands
from reconciler.rollout import hooks as machine

TARGET = ids.TargetKey("production", "web")
VERIFICATION = targets.Verification(progress_deadline=600, observe=60, restarts=3, probes=())
Moment, Phase, State = hooks.Moment, rollouts.Phase, health.State
PRE = frozenset({Moment.PRE_INSTALL, Moment.PRE_UPGRADE})


def hook(
    name: str,
    *moments: hooks.Moment,
    wave: int = 0,
    kind: str = "Job",
    removals: tuple[hooks.Removal, ...] = (),
) -> manifests.Manifest:
    key = ids.ObjectKey("batch" if kind == "Job" else "", kind, "web", name)
    its = hooks.Hook(frozenset(moments), frozenset(removals))
    return manifests.Manifest(key, "v1", name.encode(), manifests.Origin("web.yaml", 1), wave=wave, hook=its)


def rollout(phase: rollouts.Phase, **changed: object) -> rollouts.Rollout:
    purpose = rollouts.Purpose.RELEASE
    made = rollouts.Rollout("r1", TARGET, purpose, "a" * 40, "inputs", "manifests", "the head", "2026-01-01", phase)
    return dataclasses.replace(made, **changed)  # type: ignore[arg-type]


def wanted(*found: manifests.Manifest) -> manifests.ManifestSet:
    return manifests.ManifestSet(found)


ALL = wanted(
    hook("b", *PRE),
    hook("a", Moment.PRE_UPGRADE, wave=1),
    hook("account", *PRE, kind="ServiceAccount"),
    hook("first", Moment.PRE_INSTALL, wave=-1),
    hook("welcome", Moment.POST_INSTALL),
    hook("check", Moment.POST_UPGRADE),
    hook("seed", Moment.SYNC),
    hook("back", Moment.PRE_REVERT),
    hook("alarm", Moment.FAILED),
)


@pytest.mark.parametrize(
    ("purpose", "first", "names"),
    [
        (rollouts.Purpose.RELEASE, True, ["first", "account", "b", "seed", "welcome", "alarm"]),
        (rollouts.Purpose.RELEASE, False, ["account", "b", "a", "seed", "check", "alarm"]),
        (rollouts.Purpose.REVERT, False, ["back"]),
        (rollouts.Purpose.HEAL, False, []),
    ],
)
def test_what_is_due(purpose: rollouts.Purpose, first: bool, names: list[str]) -> None:
    """By weight, then kind, then name; a way back runs only what is made for it, a healing nothing."""
    agenda = machine.agenda(ALL, purpose, first=first)
    assert [manifest.key.name for _, manifest in agenda.all] == names


BEFORE, LATE = hook("before", *PRE), hook("late", Moment.SYNC, wave=2)
SEED, AFTER, ALARM = hook("seed", Moment.SYNC), hook("after", Moment.POST_UPGRADE), hook("alarm", Moment.FAILED)
AGENDA = machine.agenda(wanted(BEFORE, LATE, SEED, AFTER, ALARM), rollouts.Purpose.RELEASE, first=False)
WEB = ids.ObjectKey("apps", "Deployment", "web", "web")


def plan(*waves: tuple[int, plans.Action]) -> plans.Plan:
    changes = [plans.Change(action, WEB, "because", place=plans.Place(wave)) for wave, action in waves]
    return plans.Plan(TARGET, "m", tuple((change,) for change in changes))


def ran(phase: rollouts.Phase, manifest: manifests.Manifest, uid: str = "u1") -> rollouts.HookRun:
    return rollouts.HookRun(phase, manifest.key, uid)


APPLY = commands.Apply(())
HAD = (ran(Phase.BEFORE, BEFORE),)
WATCH = commands.Enter(Phase.WATCHING, "everything is applied")
PRUNE = commands.Enter(Phase.PRUNING, "all well")
CREATED, SAME = plans.Action.CREATED, plans.Action.UNCHANGED
SEEDED = (*HAD, ran(Phase.DURING, SEED))


@pytest.mark.parametrize(
    ("phase", "had", "wish", "its_plan", "expected"),
    [
        pytest.param(Phase.QUIETING, (), APPLY, None, None, id="a way back comes to rest first"),
        pytest.param(Phase.APPLYING, (), APPLY, plan((0, CREATED)), (Phase.BEFORE, None), id="before the first write"),
        pytest.param(Phase.APPLYING, (), WATCH, plan(), (Phase.BEFORE, None), id="also where nothing is to be written"),
        pytest.param(Phase.APPLYING, HAD, APPLY, plan((0, CREATED)), None, id="its own wave comes before it"),
        pytest.param(Phase.APPLYING, HAD, APPLY, plan((0, SAME), (1, CREATED)), (Phase.DURING, 1), id="the next wave"),
        pytest.param(Phase.APPLYING, SEEDED, APPLY, plan((1, CREATED)), None, id="ran already"),
        pytest.param(Phase.APPLYING, HAD, WATCH, plan((0, SAME)), (Phase.DURING, 3), id="all, when all is applied"),
        pytest.param(Phase.WATCHING, SEEDED, PRUNE, None, (Phase.AFTER, None), id="once healthy"),
        pytest.param(Phase.SETTLING, SEEDED, WATCH, None, None, id="not once a wave is healthy"),
        pytest.param(
            Phase.WATCHING, (*SEEDED, ran(Phase.AFTER, AFTER)), PRUNE, None, None, id="once only in a rollout"
        ),
    ],
)
def test_hooks_come_before_what_the_strategy_wants(
    phase: rollouts.Phase,
    had: tuple[rollouts.HookRun, ...],
    wish: commands.Command,
    its_plan: plans.Plan | None,
    expected: tuple[rollouts.Phase, int | None] | None,
) -> None:
    found = machine.turn(rollout(phase, ran=had), wish, AGENDA, plan=its_plan)
    if expected is None:
        assert found == wish
    else:
        assert isinstance(found, commands.Run)
        assert (found.phase, found.below) == expected


FAIL = commands.Fail("it crashes", health.Blame.RELEASE)
FRAGILE = hook("fragile", *PRE, removals=(hooks.Removal.FAILED,))


@pytest.mark.parametrize(
    ("phase", "due", "expected"),
    [
        (Phase.WATCHING, [ALARM], commands.Lose("it crashes")),
        (Phase.BEFORE, [BEFORE, ALARM], commands.Lose("it crashes")),
        (Phase.BEFORE, [FRAGILE], commands.Lose("it crashes")),
        (Phase.BEFORE, [BEFORE], FAIL),
        (Phase.WATCHING, [FRAGILE], FAIL),
        (Phase.WATCHING, [], FAIL),
        (Phase.FAILING, [ALARM], FAIL),
    ],
)
def test_a_failure_runs_what_there_is_for_it(
    phase: rollouts.Phase, due: list[manifests.Manifest], expected: commands.Command
) -> None:
    agenda = machine.agenda(wanted(*due), rollouts.Purpose.RELEASE, first=False)
    assert machine.turn(rollout(phase), FAIL, agenda, plan=None) == expected


def seen(uid: str = "u1", *, entry: str = "e", deleting: bool = False) -> live.LiveMeta:
    return live.LiveMeta(BEFORE.key, uid, "1", entry, "", controlled=False, deleting=deleting)


def row(uid: str = "u1", *, of: str = "r1", digest: str = BEFORE.digest) -> records.InventoryRow:
    return records.InventoryRow(BEFORE.key, uid, digest, "e", "1", of)


RELEASE, WORLD = health.Blame.RELEASE, health.Blame.WORLD
RAN, WAIT, FAILED, REMOVE = commands.Ran, commands.Wait, commands.Fail, commands.Remove
ONE = [
    # what is live, our row, its health, seconds spent, what follows
    (None, None, State.MISSING, 0, commands.Apply),
    (seen(), row(of="r0"), State.HEALTHY, 0, REMOVE),  # an earlier release's, however well it ended
    (seen(), None, State.HEALTHY, 0, REMOVE),  # ours by its mark, and of no known run
    (seen("u2"), row("u1"), State.HEALTHY, 0, REMOVE),  # somebody made another one of its name
    (seen(), row(), State.PROGRESSING, 1, WAIT),
    (seen(), row(""), State.PROGRESSING, 1, WAIT),  # the answer to the apply was lost: it arrived
    (None, row(""), State.MISSING, 1, commands.Apply),  # it did not
    (seen(), row(), State.HEALTHY, 1, RAN),
    (seen(), row(""), State.HEALTHY, 1, RAN),
    (seen(), row(), State.DEGRADED, 1, FAILED),
    (seen(), row(), State.PROGRESSING, 600, FAILED),
    (seen(), row(), State.SUSPENDED, 1, WAIT),  # Git stops it: it will never end
    (seen(), row(), State.SUSPENDED, 600, FAILED),
    (seen(), row(), State.UNKNOWN, 1, WAIT),
    (seen(), row(), State.UNKNOWN, 600, WAIT),  # what cannot be read has not failed
    (None, row(), State.SUSPENDED, 1, RAN),  # its time to live is over
    (None, row(), State.MISSING, 1, FAILED),  # deleted in its middle: never run twice
    (seen(deleting=True), row(of="r0"), State.PROGRESSING, 1, WAIT),
    (seen(deleting=True), row(of="r0"), State.PROGRESSING, 600, FAILED),
]


@pytest.mark.parametrize(("found", "its_row", "state", "spent", "expected"), ONE)
def test_one_job(
    found: live.LiveMeta | None,
    its_row: records.InventoryRow | None,
    state: health.State,
    spent: float,
    expected: type[commands.Command],
) -> None:
    blame = RELEASE if state is State.DEGRADED else None
    look = machine.Look(BEFORE, found, its_row, health.Health(BEFORE.key, state, "says so", blame))
    done = machine.step(rollout(Phase.BEFORE, spent=spent), machine.Seen(look), verification=VERIFICATION)
    assert isinstance(done, expected)
    if isinstance(done, commands.Fail):
        assert done.because.startswith("hook Job before, before anything is applied: ")


def test_what_ran_at_another_moment_runs_again() -> None:
    """A hook may be due before and after; the Job of the first run is none of the second."""
    had = (ran(Phase.BEFORE, BEFORE, "u1"),)
    look = machine.Look(BEFORE, seen(), row(), health.Health(BEFORE.key, State.HEALTHY, "has completed"))
    done = machine.step(rollout(Phase.AFTER, ran=had), machine.Seen(look), verification=VERIFICATION)
    assert isinstance(done, commands.Remove)


def test_the_world_in_the_way_of_a_hook_holds() -> None:
    its = health.Health(BEFORE.key, State.DEGRADED, "no registry", WORLD)
    look = machine.Look(BEFORE, seen(), row(), its)
    done = machine.step(rollout(Phase.BEFORE, spent=9000.0), machine.Seen(look), verification=VERIFICATION)
    assert isinstance(done, commands.Wait) and done.hold is outcomes.HoldReason.WORLD


@pytest.mark.parametrize(("blind", "hold"), [(59.0, None), (60.0, outcomes.HoldReason.WORLD)])
def test_a_hook_that_cannot_be_read_is_waited_for_and_then_said(blind: float, hold: outcomes.HoldReason | None) -> None:
    look = machine.Look(BEFORE, seen(), row(), health.Health(BEFORE.key, State.UNKNOWN, "the watch is not in sync"))
    done = machine.step(rollout(Phase.BEFORE, blind=blind), machine.Seen(look), verification=VERIFICATION)
    assert isinstance(done, commands.Wait) and done.hold is hold


@pytest.mark.parametrize(
    ("phase", "state", "spent", "blind"),
    [
        (Phase.BEFORE, State.UNKNOWN, 100.0, 30.0),  # as when it became unreadable
        (Phase.BEFORE, State.PROGRESSING, 130.0, 0.0),
        (Phase.FAILING, State.UNKNOWN, 130.0, 0.0),  # the way back does not wait for it
    ],
)
def test_time_in_which_a_hook_cannot_be_read_is_not_the_release_s(
    phase: rollouts.Phase, state: health.State, spent: float, blind: float
) -> None:
    before = rollout(phase, clock=1000.0, spent=100.0, blind_since=1000.0)
    look = machine.Look(BEFORE, seen(), row(), health.Health(BEFORE.key, state, "says so"))
    found = machine.noted(before.tick(1030.0), machine.Seen(look), before=before, now=1030.0)
    assert (found.spent, found.blind) == (spent, blind)


ACCOUNT = hook("account", *PRE, kind="ServiceAccount")


@pytest.mark.parametrize(
    ("found", "its_row", "expected"),
    [
        (None, None, commands.Apply),
        (seen(), None, commands.Apply),
        (seen(), row(digest="another"), commands.Apply),
        (seen(entry="edited"), row(digest=ACCOUNT.digest), commands.Apply),
        (seen(), row(of="r0", digest=ACCOUNT.digest), commands.Ran),
    ],
)
def test_what_does_not_run_is_applied_in_place(
    found: live.LiveMeta | None, its_row: records.InventoryRow | None, expected: type[commands.Command]
) -> None:
    """To delete an account or a claim before each release, as Helm does, would take what hangs on it."""
    look = machine.Look(ACCOUNT, found, its_row, health.Health(ACCOUNT.key, State.HEALTHY, "exists"))
    done = machine.step(rollout(Phase.BEFORE), machine.Seen(look), verification=VERIFICATION)
    assert isinstance(done, expected)


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase.BEFORE, commands.Enter(Phase.APPLYING, "the hooks have run")),
        (Phase.DURING, commands.Enter(Phase.APPLYING, "the hooks have run")),
        (Phase.AFTER, commands.Enter(Phase.PRUNING, "the hooks have run")),
        (Phase.FAILING, commands.Fail("it crashes", RELEASE)),
    ],
)
def test_a_stage_ends_with_what_its_policies_delete(phase: rollouts.Phase, expected: commands.Command) -> None:
    going = (plans.Change(plans.Action.PRUNED, BEFORE.key, "its delete policy", uid="u1"),)
    its = rollout(phase, failing="it crashes")
    assert machine.step(its, machine.Seen(leaving=going), verification=VERIFICATION) == commands.Remove(going)
    assert machine.step(its, machine.Seen(), verification=VERIFICATION) == expected


@pytest.mark.parametrize(
    ("state", "spent", "expected"),
    [
        (State.DEGRADED, 1, RAN),
        (State.PROGRESSING, 59, WAIT),
        (State.PROGRESSING, 60, RAN),
        (State.UNKNOWN, 60, RAN),
        (State.HEALTHY, 1, RAN),
    ],
)
def test_a_hook_of_a_failure_changes_nothing_of_it(
    state: health.State, spent: float, expected: type[commands.Command]
) -> None:
    """The way back waits a minute for it at the most."""
    blame = WORLD if state is State.DEGRADED else None
    look = machine.Look(ALARM, seen(), row(), health.Health(ALARM.key, state, "says so", blame))
    its = rollout(Phase.FAILING, spent=spent, failing="it crashes")
    assert isinstance(machine.step(its, machine.Seen(look), verification=VERIFICATION), expected)


@pytest.mark.parametrize(
    ("found", "its_row"),
    [(None, None), (seen(), row(of="r0")), (seen(deleting=True), row(of="r0"))],
    ids=["was never let in", "an earlier run is in the way", "an earlier run does not go"],
)
@pytest.mark.parametrize(("spent", "over"), [(59, False), (60, True)])
def test_a_hook_of_a_failure_that_does_not_begin_is_passed_over(
    found: live.LiveMeta | None, its_row: records.InventoryRow | None, spent: float, over: bool
) -> None:
    look = machine.Look(ALARM, found, its_row, health.Health(ALARM.key, State.MISSING, "is missing"))
    its = rollout(Phase.FAILING, spent=spent, failing="it crashes")
    done = machine.step(its, machine.Seen(look), verification=VERIFICATION)
    assert isinstance(done, commands.Ran) is over


@pytest.mark.parametrize("phase", list(machine.AFTER))
def test_the_hooks_of_a_failure_share_their_time(phase: rollouts.Phase) -> None:
    its = rollout(phase, spent=40.0)
    then = machine.through(its, commands.Ran(ALARM.key, "u1", "done"), now=7.0)
    assert then.spent == (40.0 if phase is Phase.FAILING else 0.0)
    assert (then.phase, then.clock, then.ran[-1]) == (phase, 7.0, rollouts.HookRun(phase, ALARM.key, "u1"))


def test_the_way_back_does_not_wait_for_a_deletion_that_is_refused() -> None:
    going = (plans.Change(plans.Action.PRUNED, BEFORE.key, "its delete policy", uid="u1"),)
    its = rollout(Phase.FAILING, spent=60.0, failing="it crashes")
    done = machine.step(its, machine.Seen(leaving=going), verification=VERIFICATION)
    assert done == commands.Fail("it crashes", RELEASE)


@pytest.mark.parametrize("phase", list(machine.AFTER))
def test_a_hook_that_is_refused_holds_the_release_and_not_the_way_back(phase: rollouts.Phase) -> None:
    done = machine.refused(rollout(phase), ALARM, "no quota")
    if phase is Phase.FAILING:
        assert done == commands.Ran(ALARM.key, "", "hook Job alarm, if the release fails: no quota")
    else:
        assert done is None
