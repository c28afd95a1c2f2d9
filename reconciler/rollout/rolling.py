"""The rolling strategy: apply, watch until healthy, prune, observe.

The native rolling update of each workload does the replacing; this machine decides when a wave is through, when the
release is good and when it has failed. A revert and a healing run through the same phases.
"""

from dataclasses import dataclass, replace

from reconciler.model import health, ids, outcomes, plans, rollouts, targets
from reconciler.rollout import commands

BEATS, LONGEST_BEAT = 60, 60.0
"""Looks at a healthy release in its observation window, and the most seconds between two."""
HEARTBEAT = 5.0
"""Seconds until a waiting rollout looks again though no watch woke it: Flux's interval of health checks, here only a
safety net (I21)."""

RELAPSE_GRACE = 15.0
"""Seconds of broken health in the observation window that are a relapse: a pod that moves to another node is back
sooner, an application that fails is not."""

UNKNOWN_GRACE = 60.0
"""Seconds for which health that cannot be read is waited for in silence."""

FOUGHT = 3
"""Times a release is observed anew before somebody hears of it: who changes it that often does so again."""

QUIET_DEADLINE = 30.0
"""Seconds a paused Deployment may take to stop moving; after that the old template is applied all the same, since a
broken release must not keep the old one away."""


@dataclass(frozen=True, slots=True)
class Edited:
    """Somebody has changed what a release applied, or that is not known: what is observed proves nothing for it. What
    fails meanwhile fails it all the same, so that a small edit never keeps a broken release live."""

    because: str
    then: rollouts.Phase | None = None
    """From which phase on the release is proven anew; None: not now."""
    hold: outcomes.HoldReason = outcomes.HoldReason.UNPROVEN
    """Why it waits when its window is over and there is no `then`."""
    news: str = ""
    """What is said of it in the journal, where it was not known before."""
    stays: bool = False
    """Whether nobody undoes it: it is so until the watches say otherwise."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The facts of one step. Which are given depends on the phase: see `needs_plan` and `needs_report`."""

    plan: plans.Plan | None = None
    report: health.Report | None = None
    edited: Edited | None = None
    away: outcomes.HoldReason | None = None
    """Why the cluster's watches cannot be read, where the report knows nothing because of that."""
    moving: tuple[ids.ObjectKey, ...] | None = None
    """Deployments of the failed release that have not come to rest; None: a watch cannot tell yet."""
    stuck: tuple[plans.Change, ...] = ()
    """Pods of the failed release that keep its StatefulSet from taking the old template (see stuck.py)."""
    scaling: tuple[plans.Change, ...] | None = None
    """What still has to lose its pods in phase SCALING_DOWN; None: not known."""
    doubted: tuple[ids.ObjectKey, ...] = ()
    """In phase PRUNING of an application that goes away: objects that a write on its way may still make."""


def needs_plan(phase: rollouts.Phase) -> bool:
    """Whether a step in this phase plans from live first."""
    return phase in (rollouts.Phase.APPLYING, rollouts.Phase.PRUNING)


def needs_report(phase: rollouts.Phase) -> bool:
    """Whether a step in this phase looks at health first."""
    return phase in (rollouts.Phase.SETTLING, rollouts.Phase.WATCHING, rollouts.Phase.OBSERVING)


def verified(rollout: rollouts.Rollout, verification: targets.Verification) -> targets.Verification:
    """Only a release is observed: what a revert or a healing brings back has been good before."""
    return verification if rollout.purpose is rollouts.Purpose.RELEASE else replace(verification, observe=0.0)


def step(rollout: rollouts.Rollout, seen: Seen, *, verification: targets.Verification) -> commands.Command:
    """What `rollout`, ticked to now, does next. One that is changed again and again goes on, and is held until a whole
    window was without: the pauses between two healings grow longer than most windows, and no one else would say so."""
    command = _step(rollout, seen, verification=verification)
    if rollout.anew < FOUGHT or not isinstance(command, commands.Wait) or command.hold is not None:
        return command
    because = (
        f"{command.because}; observed anew {rollout.anew} times (the last time: {rollout.edited}), until who does that "
        "stops, or `ignore` in application.yaml leaves the field to them"
    )
    return replace(command, because=because, hold=outcomes.HoldReason.UNPROVEN, counts=True)


def _step(rollout: rollouts.Rollout, seen: Seen, *, verification: targets.Verification) -> commands.Command:
    match rollout.phase:
        case rollouts.Phase.QUIETING:
            return _quiet(rollout, seen)
        case rollouts.Phase.APPLYING:
            return _apply(rollout, seen)
        case rollouts.Phase.SETTLING:
            return _watch(rollout, seen, verification=verification, then=rollouts.Phase.APPLYING)
        case rollouts.Phase.WATCHING:
            return _watch(rollout, seen, verification=verification, then=rollouts.Phase.PRUNING)
        case rollouts.Phase.PRUNING:
            return _prune(seen)
        case rollouts.Phase.OBSERVING:
            return _observe(rollout, seen, verification=verification)
        case rollouts.Phase.SCALING_DOWN:
            return _scale_down(rollout, seen)
        case rollouts.Phase.ENDED:
            return commands.Finish("it had ended already")
        case rollouts.Phase.BEFORE | rollouts.Phase.DURING | rollouts.Phase.AFTER | rollouts.Phase.FAILING:
            return commands.Wait("its hooks run", HEARTBEAT)  # see hooks.py


def _quiet(rollout: rollouts.Rollout, seen: Seen) -> commands.Command:
    """Reverting a moving rollout dipped below its floor in 3 of 54 tries, after pause-and-quiet in 0 of 50."""
    if seen.moving == ():
        return commands.Enter(rollouts.Phase.APPLYING, "nothing of the failed release moves any more")
    if rollout.spent >= QUIET_DEADLINE:
        return commands.Enter(rollouts.Phase.APPLYING, f"it has not come to rest in {QUIET_DEADLINE:.0f} s")
    if seen.moving is None:
        return commands.Wait("whether the failed release still moves is not known yet", 1.0)
    if fresh := tuple(key for key in seen.moving if key not in rollout.quieted):
        return commands.Pause(fresh)
    return commands.Wait(f"{_names(seen.moving)} paused, coming to rest", 1.0)


def _apply(rollout: rollouts.Rollout, seen: Seen) -> commands.Command:
    """The first wave that is not as wanted. What of it cannot be written now holds up all that come after it."""
    if seen.plan is None:
        return commands.Wait("the plan is not known", HEARTBEAT)
    for wave in seen.plan.waves:
        if unlike := tuple(change for change in wave if change.action is not plans.Action.UNCHANGED):
            return _write(rollout, unlike, plan=seen.plan)
    return commands.Enter(rollouts.Phase.WATCHING, "everything is applied")


def _write(rollout: rollouts.Rollout, wave: tuple[plans.Change, ...], *, plan: plans.Plan) -> commands.Command:
    """The next wave starts when all before it are healthy (M1), as far as this rollout wrote any of them: what
    it found as wanted is not its doing, and a change in a late wave may be what mends an early one. What a release that
    made way for this one has written counts as its own: a commit that changed nothing carried the later waves over the
    earlier ones otherwise."""
    place = wave[0].place
    if rollout.wave is not None and place > rollout.wave:
        return commands.Enter(rollouts.Phase.SETTLING, f"{rollout.wave} is applied, {place} waits until it is healthy")
    if rollout.settled is not None and rollout.wave is None:
        earlier = [one[0].place for one in plan.waves if one[0].place < place]
        if earlier and earlier[-1] > rollout.settled:
            return commands.Open(earlier[-1])
    writes = tuple(change for change in wave if change.action.writes)
    if not writes:
        return commands.Wait(f"{wave[0].key}: {wave[0].because}", HEARTBEAT)
    unlike = (change for later in plan.waves for change in later if change.action is not plans.Action.UNCHANGED)
    if rollout.wave is None and any(change.place > place for change in unlike):
        return commands.Open(place)
    return commands.Apply(writes)


def _watch(
    rollout: rollouts.Rollout, seen: Seen, *, verification: targets.Verification, then: rollouts.Phase
) -> commands.Command:
    report = seen.report
    if fresh := tuple(pod for pod in seen.stuck if pod.uid not in rollout.unblocked):
        return commands.Unblock(fresh)
    if report is None or report.state is health.State.UNKNOWN:
        return _blind(rollout, seen, late=outcomes.HoldReason.WORLD)
    if report.state is health.State.DEGRADED:
        return _degraded(report)
    if report.state in (health.State.HEALTHY, health.State.SUSPENDED):
        return commands.Enter(then, report.because)
    if rollout.spent >= verification.progress_deadline:
        because = f"not healthy within {verification.progress_deadline:.0f} s: {report.because}"
        return commands.Fail(because, health.Blame.RELEASE)
    return commands.Wait(report.because, min(HEARTBEAT, verification.progress_deadline - rollout.spent + 0.01))


def _blind(rollout: rollouts.Rollout, seen: Seen, *, late: outcomes.HoldReason) -> commands.Wait:
    """Not knowing neither passes nor fails. A cluster that is away is said soon; `late` calls somebody."""
    because = seen.report.because if seen.report else "health is not known yet"
    if seen.away is outcomes.HoldReason.RIGHTS_MISSING and rollout.blind >= HEARTBEAT:
        return commands.Wait(because, HEARTBEAT, seen.away)  # who is called when it lasts should read what is missing
    if rollout.blind >= UNKNOWN_GRACE:
        return commands.Wait(because, HEARTBEAT, late)
    return commands.Wait(because, HEARTBEAT, seen.away if rollout.blind >= HEARTBEAT else None)


def _degraded(report: health.Report) -> commands.Command:
    if report.blame is health.Blame.WORLD:
        return commands.Wait(report.because, HEARTBEAT, outcomes.HoldReason.WORLD)
    return commands.Fail(report.because, health.Blame.RELEASE)


def _prune(seen: Seen) -> commands.Command:
    if seen.plan is None:
        return commands.Wait("the plan is not known", HEARTBEAT)
    if any(change.action.writes for wave in seen.plan.waves for change in wave):
        return commands.Enter(rollouts.Phase.APPLYING, "an object changed before the prune")
    if prunes := tuple(change for change in seen.plan.prunes if change.action.writes):
        return commands.Prune(prunes)
    if awaited := [change for change in seen.plan.prunes if change.awaited]:
        first = min(awaited, key=lambda change: bool(change.unknown))  # what is on its way comes by itself
        hold = outcomes.HoldReason.HANDS_UNKNOWN if first.unknown else None
        return commands.Wait(f"{first.key}: {first.because}", HEARTBEAT, hold)
    if seen.doubted:  # afterwards its folder may go, and with it whoever would look
        return commands.Wait(f"a write of {_names(seen.doubted)} may still arrive", HEARTBEAT)
    lingering = [f"{change.key}: {change.because}" for change in seen.plan.prunes]
    return commands.Enter(rollouts.Phase.OBSERVING, "; ".join(lingering) or "nothing is left over")


def _observe(rollout: rollouts.Rollout, seen: Seen, *, verification: targets.Verification) -> commands.Command:
    """A relapse within the window is the release's; health that stays unknown proves nothing (E0), nor does the health
    of what is not the release."""
    report, window, edited = seen.report, verification.observe, seen.edited
    if edited and edited.then:
        return commands.Enter(
            edited.then, f"{edited.because}: what is observed is not the release; it is observed anew"
        )
    if report is None or report.state is health.State.UNKNOWN:
        return _blind(rollout, seen, late=outcomes.HoldReason.UNPROVEN)
    if report.state is health.State.DEGRADED:
        return _degraded(report)
    if report.state in (health.State.HEALTHY, health.State.SUSPENDED):
        left = window - rollout.spent
        if edited:
            return commands.Wait(edited.because, HEARTBEAT, edited.hold if left <= 0 else None)
        if left <= 0:
            return commands.Finish(f"{report.because}{f', for {window:.0f} s' if window else ''}")
        return commands.Wait(f"healthy, observed for another {left:.0f} s", min(_beat(window), left + 0.01))
    if rollout.unwell >= RELAPSE_GRACE:
        return commands.Fail(f"relapse in the observation window: {report.because}", health.Blame.RELEASE)
    return commands.Wait(f"health lost in the observation window: {report.because}", 1.0)


def _beat(window: float) -> float:
    """Seconds between two looks at what is healthy: changes wake, so this only keeps the count of the time. Each is a
    line on the disk; what a crash forgets of an hour's window is a minute at the most."""
    return min(max(HEARTBEAT, window / BEATS), LONGEST_BEAT)


def _scale_down(rollout: rollouts.Rollout, seen: Seen) -> commands.Command:
    """A failed first deployment has nothing to return to; without its pods it costs and breaks nothing."""
    if seen.scaling is None:
        return commands.Wait("what to scale down is not known", HEARTBEAT)
    if seen.scaling:
        return commands.Apply(seen.scaling)
    return commands.Abandon(rollout.failure.because if rollout.failure else rollout.because)


def _names(keys: tuple[ids.ObjectKey, ...]) -> str:
    return ", ".join(str(key) for key in keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
