"""The rolling strategy: every phase, every kind of report, one table."""

import dataclasses

import pytest

from reconciler.model import health, ids, manifests, outcomes, plans, rollouts, targets
from reconciler.rollout import commands, rolling

TARGET = ids.TargetKey("production", "web")
WEB = ids.ObjectKey("apps", "Deployment", "web", "web")
VERIFICATION = targets.Verification(progress_deadline=600, observe=60, restarts=3, probes=())
MANIFEST = manifests.Manifest(WEB, "apps/v1", b"{}", manifests.Origin("web.yaml", 1))


def rollout(phase: rollouts.Phase, **fields: object) -> rollouts.Rollout:
    made = rollouts.Rollout(
        id="r1",
        target=TARGET,
        purpose=rollouts.Purpose.RELEASE,
        revision="a" * 40,
        input_digest="inputs",
        manifest_digest="manifests",
        because="the head",
        started_at="2026-01-01T00:00:00Z",
        phase=phase,
    )
    return dataclasses.replace(made, **fields)  # type: ignore[arg-type]


def report(state: health.State, blame: health.Blame | None = None) -> health.Report:
    return health.Report(state, "because", blame=blame)


def plan(action: plans.Action | None, prune: plans.Action | None = None) -> plans.Plan:
    wave = (plans.Change(action, WEB, "because", MANIFEST),) if action else ()
    prunes = (plans.Change(prune, WEB, "because", uid="u"),) if prune else ()
    return plans.Plan(TARGET, "manifests", (wave,), prunes)


def command(phase: rollouts.Phase, seen: rolling.Seen, **fields: object) -> commands.Command:
    return rolling.step(rollout(phase, **fields), seen, verification=VERIFICATION)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (plans.Action.CREATED, commands.Apply),
        (plans.Action.CONFIGURED, commands.Apply),
        (plans.Action.UNCHANGED, commands.Enter),
        (plans.Action.SKIPPED, commands.Wait),
        (None, commands.Enter),
    ],
)
def test_applying_goes_on_when_nothing_is_left_to_write(action: plans.Action | None, expected: type) -> None:
    assert isinstance(command(rollouts.Phase.APPLYING, rolling.Seen(plan=plan(action))), expected)


A, B, C = plans.Place(-1), plans.Place(0), plans.Place(0, 2)


def waved(*found: tuple[plans.Place, plans.Action]) -> plans.Plan:
    """One object in each wave."""
    keys = [WEB._replace(name=str(place)) for place, _ in found]
    changes = [
        plans.Change(action, key, "because", MANIFEST, place=place)
        for key, (place, action) in zip(keys, found, strict=True)
    ]
    return plans.Plan(TARGET, "m", tuple((change,) for change in changes))


NONE_YET = plans.BEFORE_ALL
CREATED, UNCHANGED, SKIPPED = plans.Action.CREATED, plans.Action.UNCHANGED, plans.Action.SKIPPED


@pytest.mark.parametrize(
    ("found", "wave", "expected"),
    [
        pytest.param([(A, CREATED), (B, CREATED)], None, commands.Open(A), id="the first of several is noted"),
        pytest.param([(A, CREATED), (B, CREATED)], A, 0, id="then written, alone"),
        pytest.param([(A, UNCHANGED), (B, CREATED)], A, rollouts.Phase.SETTLING, id="the next one waits for it"),
        pytest.param([(A, UNCHANGED), (B, SKIPPED)], A, rollouts.Phase.SETTLING, id="also to be looked at again"),
        pytest.param(
            [(A, UNCHANGED), (B, CREATED)], None, 1, id="what this rollout did not write it does not wait for"
        ),
        pytest.param([(A, UNCHANGED), (B, CREATED), (C, UNCHANGED)], None, 1, id="nothing comes after it"),
        pytest.param(
            [(A, UNCHANGED), (B, CREATED), (C, CREATED)], None, commands.Open(B), id="something comes after it"
        ),
        pytest.param([(A, CREATED), (B, CREATED)], B, 0, id="an earlier one that changed is written again"),
        pytest.param([(A, SKIPPED), (B, CREATED)], None, commands.Wait, id="what cannot be written holds up the rest"),
        pytest.param([(A, UNCHANGED), (B, UNCHANGED)], B, rollouts.Phase.WATCHING, id="nothing is left"),
    ],
)
def test_waves(
    found: list[tuple[plans.Place, plans.Action]],
    wave: plans.Place | None,
    expected: commands.Open | rollouts.Phase | int | type,
) -> None:
    its = waved(*found)
    done = command(rollouts.Phase.APPLYING, rolling.Seen(plan=its), wave=wave)
    match expected:
        case int():
            assert done == commands.Apply(its.waves[expected])
        case rollouts.Phase():
            assert isinstance(done, commands.Enter) and done.phase is expected
        case type():
            assert isinstance(done, expected)
        case _:
            assert done == expected


@pytest.mark.parametrize(
    ("found", "wave", "settled", "expected"),
    [
        pytest.param(
            [(A, UNCHANGED), (B, CREATED)], None, NONE_YET, commands.Open(A), id="what it has found is waited for"
        ),
        pytest.param([(A, UNCHANGED), (B, CREATED)], A, NONE_YET, rollouts.Phase.SETTLING, id="as if written by it"),
        pytest.param([(A, UNCHANGED), (B, CREATED)], None, A, 1, id="once"),
        pytest.param([(A, CREATED), (B, CREATED)], None, NONE_YET, commands.Open(A), id="nothing is before the first"),
        pytest.param([(A, CREATED)], None, NONE_YET, 0, id="nor before the only one"),
        pytest.param(
            [(A, UNCHANGED), (B, UNCHANGED), (C, CREATED)], None, A, commands.Open(B), id="also what comes after it"
        ),
    ],
)
def test_a_release_that_takes_over_midway_keeps_the_order_of_the_waves(
    found: list[tuple[plans.Place, plans.Action]],
    wave: plans.Place | None,
    settled: plans.Place,
    expected: commands.Open | rollouts.Phase | int,
) -> None:
    its = waved(*found)
    done = command(rollouts.Phase.APPLYING, rolling.Seen(plan=its), wave=wave, settled=settled)
    if isinstance(expected, rollouts.Phase):
        assert isinstance(done, commands.Enter) and done.phase is expected
    else:
        assert done == (commands.Apply(its.waves[expected]) if isinstance(expected, int) else expected)


def test_a_wave_that_has_settled_is_noted_where_one_took_over() -> None:
    settling = rollout(rollouts.Phase.SETTLING, wave=A, settled=NONE_YET)
    assert settling.enter(rollouts.Phase.APPLYING, now=1.0).settled == A
    assert dataclasses.replace(settling, settled=None).enter(rollouts.Phase.APPLYING, now=1.0).settled is None
    assert rollout(rollouts.Phase.APPLYING, wave=A, settled=NONE_YET).enter(rollouts.Phase.SETTLING, now=1.0) == (
        dataclasses.replace(settling, clock=1.0)
    )


def test_a_wave_that_has_settled_is_behind() -> None:
    before = rollout(rollouts.Phase.SETTLING, wave=A, spent=5.0)
    assert before.enter(rollouts.Phase.APPLYING, now=1.0).wave is None
    assert rollout(rollouts.Phase.APPLYING, wave=A).enter(rollouts.Phase.SETTLING, now=1.0).wave == A


RELEASE, WORLD = health.Blame.RELEASE, health.Blame.WORLD


@pytest.mark.parametrize("phase", [rollouts.Phase.WATCHING, rollouts.Phase.SETTLING])
@pytest.mark.parametrize(
    ("state", "blame", "spent", "expected", "hold"),
    [
        (health.State.HEALTHY, None, 0, commands.Enter, None),
        (health.State.SUSPENDED, None, 0, commands.Enter, None),
        (health.State.PROGRESSING, None, 599, commands.Wait, None),
        (health.State.PROGRESSING, None, 600, commands.Fail, None),
        (health.State.MISSING, None, 600, commands.Fail, None),
        (health.State.DEGRADED, RELEASE, 1, commands.Fail, None),
        (health.State.DEGRADED, WORLD, 1, commands.Wait, outcomes.HoldReason.WORLD),
        (health.State.DEGRADED, WORLD, 6000, commands.Wait, outcomes.HoldReason.WORLD),
        (health.State.UNKNOWN, None, 6000, commands.Wait, None),
    ],
)
def test_watching(
    phase: rollouts.Phase,
    state: health.State,
    blame: health.Blame | None,
    spent: float,
    expected: type,
    hold: outcomes.HoldReason | None,
) -> None:
    """Only the release's own failures fail it; what is not known never passes and never fails."""
    found = command(phase, rolling.Seen(report=report(state, blame)), spent=spent)
    assert isinstance(found, expected)
    if isinstance(found, commands.Enter):
        expected_next = {
            rollouts.Phase.WATCHING: rollouts.Phase.PRUNING,
            rollouts.Phase.SETTLING: rollouts.Phase.APPLYING,
        }
        assert found.phase is expected_next[phase]
    if isinstance(found, commands.Wait):
        assert found.hold is hold


def test_what_may_still_be_made_is_waited_for_once_the_rest_is_pruned() -> None:
    pruned = plan(None, plans.Action.PRUNED)
    doubted = rolling.Seen(plan=pruned, doubted=(WEB,))
    assert command(rollouts.Phase.PRUNING, doubted) == commands.Prune(pruned.prunes)
    found = command(rollouts.Phase.PRUNING, dataclasses.replace(doubted, plan=plan(None)))
    assert isinstance(found, commands.Wait)
    assert str(WEB) in found.because


@pytest.mark.parametrize(
    ("state", "blame", "spent", "unwell", "expected"),
    [
        (health.State.HEALTHY, None, 59, 0, commands.Wait),
        (health.State.HEALTHY, None, 60, 0, commands.Finish),
        (health.State.PROGRESSING, None, 61, 0, commands.Wait),  # not healthy at the end of the window: not good
        (health.State.PROGRESSING, None, 10, 15, commands.Fail),
        (health.State.DEGRADED, RELEASE, 10, 0, commands.Fail),
        (health.State.DEGRADED, WORLD, 10, 0, commands.Wait),
        (health.State.UNKNOWN, None, 100, 0, commands.Wait),
    ],
)
def test_observing(
    state: health.State, blame: health.Blame | None, spent: float, unwell: float, expected: type
) -> None:
    found = command(rollouts.Phase.OBSERVING, rolling.Seen(report=report(state, blame)), spent=spent, unwell=unwell)
    assert isinstance(found, expected)


EDITED = rolling.Edited("somebody edits it")
OFF = rolling.Edited("not known", hold=outcomes.HoldReason.CLUSTER_UNAVAILABLE)
ANEW = dataclasses.replace(EDITED, then=rollouts.Phase.APPLYING)
ENTER = commands.Enter(
    rollouts.Phase.APPLYING, "somebody edits it: what is observed is not the release; it is observed anew"
)


@pytest.mark.parametrize(
    ("edited", "state", "spent", "expected"),
    [
        (EDITED, health.State.HEALTHY, 59, commands.Wait(EDITED.because, rolling.HEARTBEAT)),
        (EDITED, health.State.HEALTHY, 60, commands.Wait(EDITED.because, rolling.HEARTBEAT, EDITED.hold)),
        (OFF, health.State.HEALTHY, 60, commands.Wait(OFF.because, rolling.HEARTBEAT, OFF.hold)),
        (EDITED, health.State.DEGRADED, 10, commands.Fail("because", RELEASE)),
        (ANEW, health.State.HEALTHY, 10, ENTER),
        (ANEW, health.State.DEGRADED, 10, ENTER),
        (ANEW, health.State.UNKNOWN, 60, ENTER),
    ],
)
def test_what_somebody_edits_while_it_is_observed_is_not_good(
    edited: rolling.Edited, state: health.State, spent: float, expected: commands.Command
) -> None:
    blame = RELEASE if state is health.State.DEGRADED else None
    seen = rolling.Seen(report=report(state, blame), edited=edited)
    assert command(rollouts.Phase.OBSERVING, seen, spent=spent) == expected


@pytest.mark.parametrize(
    ("anew", "phase", "state", "edited", "hold", "counts"),
    [
        (0, rollouts.Phase.OBSERVING, health.State.HEALTHY, None, None, False),
        (2, rollouts.Phase.OBSERVING, health.State.HEALTHY, EDITED, None, False),
        (3, rollouts.Phase.OBSERVING, health.State.HEALTHY, EDITED, outcomes.HoldReason.UNPROVEN, True),
        (3, rollouts.Phase.OBSERVING, health.State.HEALTHY, None, outcomes.HoldReason.UNPROVEN, True),
        (3, rollouts.Phase.OBSERVING, health.State.PROGRESSING, None, outcomes.HoldReason.UNPROVEN, True),
        (3, rollouts.Phase.WATCHING, health.State.PROGRESSING, None, outcomes.HoldReason.UNPROVEN, True),
        (3, rollouts.Phase.WATCHING, health.State.DEGRADED, None, outcomes.HoldReason.WORLD, False),
    ],
)
def test_what_is_observed_anew_again_and_again_is_held_until_it_is_left_alone(
    anew: int,
    phase: rollouts.Phase,
    state: health.State,
    edited: rolling.Edited | None,
    hold: outcomes.HoldReason | None,
    *,
    counts: bool,
) -> None:
    """Long before its window is over, steadily, and with its time going on. Each healing began the window anew and the
    pause before the next grows up to 300 s: with a longer window it was never held, and with a shorter one for some
    seconds each time."""
    blame = WORLD if state is health.State.DEGRADED else None
    found = command(
        phase, rolling.Seen(report=report(state, blame), edited=edited), spent=10, anew=anew, edited="drift"
    )
    assert isinstance(found, commands.Wait)
    assert (found.hold, found.counts) == (hold, counts)
    assert ("the last time: drift" in found.because and "`ignore`" in found.because) is counts


def test_after_a_whole_window_without_a_change_it_is_good() -> None:
    seen = rolling.Seen(report=report(health.State.HEALTHY))
    assert isinstance(command(rollouts.Phase.OBSERVING, seen, spent=60, anew=9), commands.Finish)


AWAY, FORBIDDEN = outcomes.HoldReason.CLUSTER_UNAVAILABLE, outcomes.HoldReason.RIGHTS_MISSING


@pytest.mark.parametrize(
    ("phase", "away", "blind", "hold"),
    [
        (rollouts.Phase.WATCHING, None, 59, None),
        (rollouts.Phase.WATCHING, None, 60, outcomes.HoldReason.WORLD),
        (rollouts.Phase.WATCHING, AWAY, 4, None),  # a watch that begins anew
        (rollouts.Phase.WATCHING, AWAY, 5, AWAY),
        (rollouts.Phase.WATCHING, AWAY, 60, outcomes.HoldReason.WORLD),
        (rollouts.Phase.OBSERVING, AWAY, 5, AWAY),
        (rollouts.Phase.WATCHING, FORBIDDEN, 4, None),
        (rollouts.Phase.WATCHING, FORBIDDEN, 6000, FORBIDDEN),  # by name for as long as it lasts
        (rollouts.Phase.OBSERVING, FORBIDDEN, 60, FORBIDDEN),
        (rollouts.Phase.OBSERVING, None, 60, outcomes.HoldReason.UNPROVEN),
    ],
)
def test_what_cannot_be_read_is_neither_good_nor_failed_and_is_said(
    phase: rollouts.Phase, away: outcomes.HoldReason | None, blind: float, hold: outcomes.HoldReason | None
) -> None:
    seen = rolling.Seen(report=report(health.State.UNKNOWN), away=away)
    found = command(phase, seen, spent=6000, blind=blind)
    assert isinstance(found, commands.Wait)
    assert found.hold is hold


def test_time_in_which_health_cannot_be_read_stands_still() -> None:
    """An outage of an API server used up the progress deadline, and the release was reverted when it came back."""
    saved = rollout(rollouts.Phase.WATCHING, spent=10.0, clock=100.0)
    first = saved.tick(103.0).blinded(before=saved, now=103.0)
    later = first.tick(700.0).blinded(before=first, now=700.0)
    assert (first.spent, first.blind) == (13.0, 0.0)
    assert (later.spent, later.blind) == (13.0, 597.0)
    assert later.resumed(5.0).tick(6.0).spent == 14.0


def test_prune_comes_last_and_only_from_a_plan_without_other_writes() -> None:
    pruned = plan(None, plans.Action.PRUNED)
    assert command(rollouts.Phase.PRUNING, rolling.Seen(plan=pruned)) == commands.Prune(pruned.prunes)
    changed = plan(plans.Action.CONFIGURED, plans.Action.PRUNED)
    found = command(rollouts.Phase.PRUNING, rolling.Seen(plan=changed))
    assert isinstance(found, commands.Enter)
    assert found.phase is rollouts.Phase.APPLYING


@pytest.mark.parametrize(
    ("unknown", "hold"),
    [
        pytest.param([""], None, id="on its way"),
        pytest.param(["broken"], outcomes.HoldReason.HANDS_UNKNOWN, id="not known"),
        pytest.param(["broken", ""], None, id="both: what is on its way comes first"),
    ],
)
def test_what_may_change_hands_is_waited_for(unknown: list[str], hold: outcomes.HoldReason | None) -> None:
    skipped = [plans.Change(plans.Action.SKIPPED, WEB, "because", unknown=one, awaited=True) for one in unknown]
    found = command(rollouts.Phase.PRUNING, rolling.Seen(plan=dataclasses.replace(plan(None), prunes=tuple(skipped))))
    assert isinstance(found, commands.Wait)
    assert found.hold is hold


@pytest.mark.parametrize(
    ("moving", "quieted", "spent", "expected"),
    [
        (None, (), 0, commands.Wait),
        ((WEB,), (), 0, commands.Pause),
        ((WEB,), (WEB,), 1, commands.Wait),
        ((WEB,), (WEB,), rolling.QUIET_DEADLINE, commands.Enter),
        ((), (WEB,), 1, commands.Enter),
    ],
)
def test_a_revert_stops_what_moves_before_it_turns_it_round(
    moving: tuple[ids.ObjectKey, ...] | None, quieted: tuple[ids.ObjectKey, ...], spent: float, expected: type
) -> None:
    found = command(rollouts.Phase.QUIETING, rolling.Seen(moving=moving), quieted=quieted, spent=spent)
    assert isinstance(found, expected)


POD = plans.Change(plans.Action.PRUNED, ids.ObjectKey("", "Pod", "web", "web-2"), "broken", uid="u2")


@pytest.mark.parametrize(
    ("stuck", "unblocked", "expected"),
    [((), (), commands.Wait), ((POD,), (), commands.Unblock), ((POD,), ("u2",), commands.Wait)],
)
def test_a_pod_that_nothing_else_replaces_is_deleted_once(
    stuck: tuple[plans.Change, ...], unblocked: tuple[str, ...], expected: type
) -> None:
    """Also when its watch has not seen the deletion yet: a pod of the same name is another one by its UID."""
    seen = rolling.Seen(report=report(health.State.PROGRESSING), stuck=stuck)
    assert isinstance(command(rollouts.Phase.WATCHING, seen, unblocked=unblocked), expected)


def test_a_failed_first_deployment_is_scaled_down_until_nothing_is_left_to_scale() -> None:
    scaling = plan(plans.Action.CONFIGURED).waves[0]
    assert command(rollouts.Phase.SCALING_DOWN, rolling.Seen(scaling=scaling)) == commands.Apply(scaling)
    failure = rollouts.Failure("a" * 40, "inputs", "web crashes")
    over = command(rollouts.Phase.SCALING_DOWN, rolling.Seen(scaling=()), failure=failure)
    assert over == commands.Abandon("web crashes")


@pytest.mark.parametrize("phase", [phase for phase in rollouts.Phase if phase is not rollouts.Phase.ENDED])
def test_a_step_that_saw_nothing_waits_and_decides_nothing(phase: rollouts.Phase) -> None:
    assert isinstance(command(phase, rolling.Seen()), commands.Wait)


def test_time_without_the_daemon_is_not_counted() -> None:
    """I24: what was spent goes on where it was saved; the clock of another process means nothing."""
    before = rollout(rollouts.Phase.OBSERVING, spent=10.0, clock=1000.0)
    after = before.resumed(5.0).tick(8.0)
    assert after.spent == 13.0
