"""Hooks around any strategy: Jobs and other objects that run once for each rollout, one after the other.

Beside the strategy's own machine, not in it: `turn` looks at what the strategy wants to do next and puts the hooks
that are due before it; `step` carries one stage of hooks on. The strategy's phase is entered when they are through.
"""

from dataclasses import dataclass, replace

from reconciler import kinds
from reconciler.model import health, hooks, live, manifests, outcomes, plans, records, rollouts, targets
from reconciler.rollout import commands, rolling

Moment, Phase = hooks.Moment, rollouts.Phase

AFTER = {
    Phase.BEFORE: Phase.APPLYING,
    Phase.DURING: Phase.APPLYING,
    Phase.AFTER: Phase.PRUNING,
    Phase.FAILING: Phase.FAILING,
}
"""Each stage of hooks, and the phase that follows it. What follows the last one is the failure itself."""

STAGES = frozenset(AFTER)

WORDS = {
    Phase.BEFORE: "before anything is applied",
    Phase.DURING: "with the waves",
    Phase.AFTER: "once everything is healthy",
    Phase.FAILING: "if the release fails",
}

FAILING_DEADLINE = 60.0
"""Seconds that the hooks for a failed release may take, all together: the way back waits for them."""

SOON = 1.0
"""Seconds until a deletion is looked at again."""


@dataclass(frozen=True, slots=True)
class Agenda:
    """The hooks of one rollout by stage, each in the order in which they run."""

    before: tuple[manifests.Manifest, ...] = ()
    during: tuple[manifests.Manifest, ...] = ()
    after: tuple[manifests.Manifest, ...] = ()
    failing: tuple[manifests.Manifest, ...] = ()

    def of(self, phase: rollouts.Phase) -> tuple[manifests.Manifest, ...]:
        stages = {
            Phase.BEFORE: self.before,
            Phase.DURING: self.during,
            Phase.AFTER: self.after,
            Phase.FAILING: self.failing,
        }
        return stages.get(phase, ())

    @property
    def all(self) -> tuple[tuple[rollouts.Phase, manifests.Manifest], ...]:
        return tuple((phase, hook) for phase in AFTER for hook in self.of(phase))


@dataclass(frozen=True, slots=True)
class Look:
    """The hook in turn: the live object of its name, what we know of it, and how it does."""

    manifest: manifests.Manifest
    found: live.LiveMeta | None
    row: records.InventoryRow | None
    health: health.Health


@dataclass(frozen=True, slots=True)
class Seen:
    """The facts of one step. `look` None: no hook of the stage is left; then `leaving` are the objects that go now."""

    look: Look | None = None
    leaving: tuple[plans.Change, ...] = ()


def agenda(wanted: manifests.ManifestSet, purpose: rollouts.Purpose, *, first: bool) -> Agenda:
    """What is due in a rollout. `first`: the target was never good yet. A healing runs none, and a way back only
    those that are made for it: what has run for the inputs it returns to is not run again."""
    match purpose:
        case rollouts.Purpose.RELEASE:
            before, after = (
                (Moment.PRE_INSTALL, Moment.POST_INSTALL) if first else (Moment.PRE_UPGRADE, Moment.POST_UPGRADE)
            )
            return Agenda(
                _due(wanted, before), _due(wanted, Moment.SYNC), _due(wanted, after), _due(wanted, Moment.FAILED)
            )
        case rollouts.Purpose.REVERT:
            return Agenda(before=_due(wanted, Moment.PRE_REVERT), after=_due(wanted, Moment.POST_REVERT))
        case rollouts.Purpose.HEAL:
            return Agenda()


def _due(wanted: manifests.ManifestSet, moment: hooks.Moment) -> tuple[manifests.Manifest, ...]:
    found = (manifest for manifest in wanted.manifests if manifest.hook and moment in manifest.hook.moments)
    return tuple(sorted(found, key=lambda manifest: (manifest.wave, kinds.sorting(manifest.key))))


def left(rollout: rollouts.Rollout, agenda: Agenda, phase: rollouts.Phase) -> tuple[manifests.Manifest, ...]:
    """The hooks of a stage that have not run in this rollout; of those with the waves, the ones whose turn it is."""
    ran = {run.key for run in rollout.ran if run.phase is phase}
    below = rollout.below if phase is rollout.phase else None
    return tuple(hook for hook in agenda.of(phase) if hook.key not in ran and (below is None or hook.wave < below))


def turn(
    rollout: rollouts.Rollout, command: commands.Command, agenda: Agenda, *, plan: plans.Plan | None
) -> commands.Command:
    """What is done in place of `command`, which a strategy's machine has just asked for."""
    if isinstance(command, commands.Fail) and rollout.phase is not Phase.FAILING:
        stage = agenda.of(rollout.phase)
        goes = any(hook.hook and hooks.Removal.FAILED in hook.hook.removals for hook in stage)
        return commands.Lose(command.because) if agenda.failing or goes else command
    if rollout.phase is Phase.APPLYING:
        if before := left(rollout, agenda, Phase.BEFORE):
            return commands.Run(Phase.BEFORE, f"{_names(before)} first")
        if plan is not None and (during := _overtaken(rollout, agenda, plan)):
            below = during[-1].wave + 1
            return commands.Run(Phase.DURING, f"{_names(during)} in turn", below=below)
    after = left(rollout, agenda, Phase.AFTER)
    if after and rollout.phase is Phase.WATCHING and isinstance(command, commands.Enter):
        return commands.Run(Phase.AFTER, f"{_names(after)}, since {command.because}")
    return command


def _overtaken(rollout: rollouts.Rollout, agenda: Agenda, plan: plans.Plan) -> tuple[manifests.Manifest, ...]:
    """The hooks with the waves whose wave is written: what is written next has a higher number, or nothing is."""
    unlike = (change for wave in plan.waves for change in wave if change.action is not plans.Action.UNCHANGED)
    following = next((change.place.wave for change in unlike), None)
    waiting = left(rollout, agenda, Phase.DURING)
    return tuple(hook for hook in waiting if following is None or hook.wave < following)


def step(rollout: rollouts.Rollout, seen: Seen, *, verification: targets.Verification) -> commands.Command:
    """What a stage of hooks, ticked to now, does next."""
    if seen.look is not None:
        return _run(rollout, seen.look, deadline=verification.progress_deadline)
    late = rollout.phase is Phase.FAILING and rollout.spent >= FAILING_DEADLINE
    if seen.leaving and not late:
        return commands.Remove(seen.leaving)
    if rollout.phase is Phase.FAILING:
        return commands.Fail(rollout.failing, health.Blame.RELEASE)
    return commands.Enter(AFTER[rollout.phase], "the hooks have run")


def noted(rollout: rollouts.Rollout, seen: Seen, *, before: rollouts.Rollout, now: float) -> rollouts.Rollout:
    """With the time for which the hook in turn has been unreadable, which is not the release's (`before`: as saved
    last). The way back does not wait for it: in phase FAILING the time counts."""
    unreadable = seen.look is not None and seen.look.health.state is health.State.UNKNOWN
    if unreadable and rollout.phase is not Phase.FAILING:
        return rollout.blinded(before=before, now=now)
    return replace(rollout, blind=0.0, blind_since=0.0)


def through(rollout: rollouts.Rollout, command: commands.Ran, *, now: float) -> rollouts.Rollout:
    """One hook has run: the next one has its own time before it. Those of a failure share theirs."""
    run = rollouts.HookRun(rollout.phase, command.key, command.uid)
    spent = rollout.spent if rollout.phase is Phase.FAILING else 0.0
    return replace(rollout.enter(rollout.phase, now=now), ran=(*rollout.ran, run), spent=spent)


def refused(rollout: rollouts.Rollout, hook: manifests.Manifest, because: str) -> commands.Ran | None:
    """What follows when a hook may not be made. The release holds until it may be (None); the way back asks nobody's
    leave."""
    return _passed(rollout, hook, because) if rollout.phase is Phase.FAILING else None


def _run(rollout: rollouts.Rollout, look: Look, *, deadline: float) -> commands.Command:
    """Begin one hook, or see how it does. What a crash has interrupted is recognised by the rollout that made it and
    its UID, and is not begun again."""
    hook, found = look.manifest, look.found
    if rollout.phase is Phase.FAILING:
        deadline = min(deadline, FAILING_DEADLINE)
    late = rollout.spent >= deadline
    if found is not None and found.deleting:
        return (
            _late(rollout, hook, "the one before is being deleted") if late else _wait(hook, "is being deleted", SOON)
        )
    if not _begun(rollout, look):
        if late and rollout.phase is Phase.FAILING:
            return _passed(rollout, hook, f"not begun within {deadline:.0f} s")
        if found is not None and hook.key.kind_key in hooks.RUNS:
            because = "an earlier run has the hook's name"
            return commands.Remove((plans.Change(plans.Action.PRUNED, hook.key, because, uid=found.uid, live=found),))
        action = plans.Action.CONFIGURED if found else plans.Action.CREATED
        uid = found.uid if found else ""
        return commands.Apply((plans.Change(action, hook.key, "it is a hook", manifest=hook, uid=uid, live=found),))
    because, state = look.health.because, look.health.state
    if state is health.State.HEALTHY or (state is health.State.SUSPENDED and found is None):
        uid = found.uid if found else look.row.uid if look.row else ""
        return commands.Ran(hook.key, uid, f"{hook.key.kind} {hook.key.name} {because}")
    if state is health.State.UNKNOWN and not rollout.failing:
        called = rollout.blind >= rolling.UNKNOWN_GRACE
        return _wait(hook, because, rolling.HEARTBEAT, hold=outcomes.HoldReason.WORLD if called else None)
    if state is health.State.DEGRADED and look.health.blame is health.Blame.WORLD and not rollout.failing:
        return _wait(hook, because, rolling.HEARTBEAT, hold=outcomes.HoldReason.WORLD)
    if state is health.State.DEGRADED or (found is None and state is health.State.MISSING and _ended(hook)):
        return _late(rollout, hook, because)
    if late:
        return _late(rollout, hook, f"not done within {deadline:.0f} s: {because}")
    return _wait(hook, because, min(rolling.HEARTBEAT, deadline - rollout.spent + 0.01))


def _begun(rollout: rollouts.Rollout, look: Look) -> bool:
    """Whether this rollout has begun the hook: made the Job or Pod, or applied the object as it is now."""
    row, found = look.row, look.found
    if row is None:
        return False
    if look.manifest.key.kind_key in hooks.RUNS:
        gone = found is None and bool(row.uid)
        mine = found is not None and row.uid in ("", found.uid)
        fresh = all(run.uid != (found.uid if found else row.uid) for run in rollout.ran)
        return row.rollout == rollout.id and (gone or mine) and fresh
    if found is None or row.uid != found.uid:
        return False
    return (row.manifest_digest, row.entry) == (look.manifest.digest, found.entry)


def _ended(hook: manifests.Manifest) -> bool:
    """A Job or Pod that this rollout made and that is gone: somebody deleted it, and how it ended is not known."""
    return hook.key.kind_key in hooks.RUNS


def _late(rollout: rollouts.Rollout, hook: manifests.Manifest, because: str) -> commands.Command:
    """A hook has failed. One that only answers a failure changes nothing of it any more."""
    if rollout.phase is Phase.FAILING:
        return _passed(rollout, hook, because)
    return commands.Fail(_said(rollout, hook, because), health.Blame.RELEASE)


def _passed(rollout: rollouts.Rollout, hook: manifests.Manifest, because: str) -> commands.Ran:
    return commands.Ran(hook.key, "", _said(rollout, hook, because))


def _said(rollout: rollouts.Rollout, hook: manifests.Manifest, because: str) -> str:
    return f"hook {hook.key.kind} {hook.key.name}, {WORDS[rollout.phase]}: {because}"


def _wait(
    hook: manifests.Manifest, because: str, seconds: float, *, hold: outcomes.HoldReason | None = None
) -> commands.Wait:
    return commands.Wait(f"hook {hook.key.kind} {hook.key.name}: {because}", seconds, hold)


def _names(found: tuple[manifests.Manifest, ...]) -> str:
    shown = ", ".join(f"{hook.key.kind} {hook.key.name}" for hook in found[:3])
    return f"hook {shown}" + (f" and {len(found) - 3} more" if len(found) > 3 else "")
