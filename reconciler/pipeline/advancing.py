"""Carrying a rollout on, step by step, until it waits or ends. The second half of a pass."""

from dataclasses import dataclass, replace

from reconciler import errors
from reconciler.model import ids, manifests, outcomes, plans, records, rollouts, targets
from reconciler.pipeline import anchoring, applying, deciding, drift, failing, heads, starting, watching, world
from reconciler.rollout import commands, quiet, rolling

ROUNDS = 5
"""Apply rounds in one pass: an object that differs after that many is changed by somebody each time (an admission
webhook, another controller), and fighting it would be a hot loop (I20)."""

SAVE_EVERY = 5.0
"""Seconds of a waiting phase that a crash may forget: how often the time spent is made durable."""


@dataclass(frozen=True, slots=True)
class Stepped:
    """The ledger after one step; `result` None: another step follows at once."""

    ledger: records.Ledger
    result: outcomes.PassResult | None = None


class Advancing:
    def __init__(
        self,
        here: world.World,
        its_deciding: deciding.Deciding,
        its_watching: watching.Watching,
        its_failing: failing.Failing,
        its_drift: drift.Drift,
        its_heads: heads.Heads,
    ) -> None:
        self._here = here
        self._deciding = its_deciding
        self._watching = its_watching
        self._failing = its_failing
        self._drift = its_drift
        self._heads = its_heads

    async def advance(self, ledger: records.Ledger, prepared: heads.Prepared) -> Stepped:
        """Step `ledger.rollout`, whose inputs are `prepared`, as far as it goes."""
        wanted = await self._deciding.render(prepared)
        verification = prepared.target.verification
        rounds = 0
        while (rollout := ledger.rollout) is not None:
            rollout = rollout.tick(self._here.clock.monotonic())
            seen, hold = await self._look(ledger, rollout, prepared, wanted)
            if hold is not None:
                return Stepped(ledger, starting.held(hold, due_in=starting.RETRY_REFUSED))
            rollout = self._unwell(rollout, seen)
            command = rolling.step(rollout, seen, verification=_verification(rollout, verification))
            if isinstance(command, commands.Apply):
                rounds += 1
                if rounds > ROUNDS:
                    return Stepped(ledger, _fought(command))
            stepped = await self._do(ledger, rollout, command, prepared=prepared)
            if stepped.result is not None or stepped.ledger.rollout is None:
                return stepped
            if stepped.ledger.rollout.id != rollout.id:
                return stepped
            ledger = stepped.ledger
        return Stepped(ledger)

    async def _look(
        self,
        ledger: records.Ledger,
        rollout: rollouts.Rollout,
        prepared: heads.Prepared,
        wanted: manifests.ManifestSet,
    ) -> tuple[rolling.Seen, outcomes.Hold | None]:
        """The facts this phase decides on."""
        if rolling.needs_plan(rollout.phase):
            decided = await self._deciding.plan(prepared, wanted, ledger=ledger, purpose=rollout.purpose)
            return rolling.Seen(plan=decided.plan), decided.hold
        await self._watching.follow(rollout.target, wanted)
        if rolling.needs_report(rollout.phase):
            return rolling.Seen(report=self._watching.report(rollout, wanted, prepared.target)), None
        try:
            followed = self._watching.live(rollout.target)
        except errors.Transient:
            return rolling.Seen(), None
        keys = tuple(manifest.key for manifest in wanted.manifests)
        return rolling.Seen(moving=quiet.moving(keys, followed, paused=frozenset(rollout.quieted))), None

    def _unwell(self, rollout: rollouts.Rollout, seen: rolling.Seen) -> rollouts.Rollout:
        """Count broken health in the observation window; tell the neighbours' brake."""
        if seen.report is None:
            return rollout
        healthy = seen.report.state.well
        self._failing.note(rollout.target, healthy=healthy)
        if rollout.phase is not rollouts.Phase.OBSERVING or healthy:
            return replace(rollout, unwell=0.0, unwell_since=0.0)
        now = self._here.clock.monotonic()
        since = rollout.unwell_since or now
        return replace(rollout, unwell=now - since, unwell_since=since)

    async def _do(
        self,
        ledger: records.Ledger,
        rollout: rollouts.Rollout,
        command: commands.Command,
        *,
        prepared: heads.Prepared,
    ) -> Stepped:
        """Carry one command out."""
        match command:
            case commands.Wait():
                return await self._wait(ledger, rollout, command)
            case commands.Enter():
                return await self._enter(ledger, rollout, command)
            case commands.Apply():
                done = await applying.carry_out(self._here, rollout, command.changes)
                return await self._applied(replace(ledger, rollout=rollout), done)
            case commands.Prune():
                done = await applying.prune(self._here, rollout, command.changes)
                return await self._pruned(replace(ledger, rollout=rollout), done, command)
            case commands.Pause():
                return await self._pause(ledger, rollout, command.keys)
            case commands.Finish():
                return await self._finish(ledger, rollout, command.because)
            case commands.Fail():
                answer = await self._failing.answer(replace(ledger, rollout=rollout), prepared, command.because)
                if answer.ledger.rollout is None or answer.ledger.rollout.id != rollout.id:
                    await self._over(answer.ledger)
                return Stepped(answer.ledger, answer.result)

    async def _wait(self, ledger: records.Ledger, rollout: rollouts.Rollout, command: commands.Wait) -> Stepped:
        saved = ledger.rollout.spent if ledger.rollout else 0.0
        unwell_since = ledger.rollout.unwell_since if ledger.rollout else 0.0
        if rollout.spent - saved >= SAVE_EVERY or rollout.unwell_since != unwell_since:
            ledger = await self._here.write(replace(ledger, rollout=rollout))
        outcome, hold = outcomes.Outcome.WAITING, None
        if command.hold:
            outcome, hold = outcomes.Outcome.HELD, outcomes.Hold(command.hold, command.because, rollout.revision)
            if ledger.hold is None or ledger.hold.reason is not hold.reason:
                page = self._here.event(records.EventKind.PAGE, command.because, target=ledger.target)
                ledger = await self._here.write(replace(ledger, hold=hold), page)
        return Stepped(ledger, outcomes.PassResult(outcome, command.because, command.seconds, hold))

    async def _enter(self, ledger: records.Ledger, rollout: rollouts.Rollout, command: commands.Enter) -> Stepped:
        entered = rollout.enter(command.phase, now=self._here.clock.monotonic())
        because = f"{command.phase.value}: {command.because}"
        event = self._here.event(records.EventKind.PHASE_ENTERED, because, target=ledger.target, rollout=rollout.id)
        return Stepped(await self._here.write(replace(ledger, rollout=entered, hold=None), event))

    async def _applied(self, ledger: records.Ledger, done: applying.Done) -> Stepped:
        await self._drift.learn(ledger.target)
        if done.held:
            return Stepped(ledger, starting.held(done.held, due_in=starting.RETRY_REFUSED))
        return Stepped(ledger)

    async def _pruned(self, ledger: records.Ledger, done: applying.Done, command: commands.Prune) -> Stepped:
        names = ", ".join(str(change.key) for change in command.changes[: done.written])
        if names:
            await self._here.append(self._here.event(records.EventKind.PRUNED, names, target=ledger.target))
        return await self._applied(ledger, done)

    async def _pause(
        self, ledger: records.Ledger, rollout: rollouts.Rollout, keys: tuple[ids.ObjectKey, ...]
    ) -> Stepped:
        """Stop the failed release's moving Deployments as they are; then the old template turns them round (I23)."""
        changes = await self._stops(rollout, keys)
        quieted = replace(rollout, quieted=rollout.quieted + keys)
        ledger = await self._here.write(replace(ledger, rollout=quieted))
        if changes:
            await applying.carry_out(self._here, quieted, changes)
            await self._drift.learn(ledger.target)
        return Stepped(ledger)

    async def _stops(self, rollout: rollouts.Rollout, keys: tuple[ids.ObjectKey, ...]) -> tuple[plans.Change, ...]:
        """The failed release's own manifests, paused. Where they cannot be rendered any more nothing is stopped."""
        if rollout.failure is None:
            return ()
        try:
            failed = await self._heads.prepare(rollout.target, rollout.failure.revision)
            wanted = await self._deciding.render(failed)
        except errors.Terminal:
            return ()
        found = (wanted.find(key) for key in keys)
        because = "paused before it is turned round"
        return tuple(
            plans.Change(plans.Action.CONFIGURED, manifest.key, because, manifest=quiet.paused(manifest), force=True)
            for manifest in found
            if manifest
        )

    async def _finish(self, ledger: records.Ledger, rollout: rollouts.Rollout, because: str) -> Stepped:
        here, key = self._here, rollout.target
        done = {
            rollouts.Purpose.RELEASE: (records.EventKind.ROLLED_OUT, outcomes.Outcome.ROLLED_OUT),
            rollouts.Purpose.REVERT: (records.EventKind.REVERTED, outcomes.Outcome.REVERTED),
            rollouts.Purpose.HEAL: (records.EventKind.DRIFT_HEALED, outcomes.Outcome.ROLLED_OUT),
        }
        kind, outcome = done[rollout.purpose]
        await here.repository_of(key).keep(rollout.revision)
        good = ledger.last_good
        if rollout.purpose is not rollouts.Purpose.HEAL:
            good = records.Good(rollout.revision, rollout.input_digest, rollout.manifest_digest, here.at())
        present = records.Present(rollout.revision, rollout.input_digest, rollout.manifest_digest, complete=True)
        event = here.event(kind, f"{rollout.revision[:12]} {because}", target=key, revision=rollout.revision)
        new = replace(ledger, rollout=None, last_good=good, present=present, hold=None)
        ledger = await here.write(new, event)
        await self._over(ledger)
        return Stepped(ledger, outcomes.PassResult(outcome, because, 0.0))

    async def _over(self, ledger: records.Ledger) -> None:
        """A rollout has ended: stop following, clear what its own writes stirred up, anchor the journal."""
        await self._watching.release(ledger.target)
        self._failing.forget(ledger.target)
        self._drift.clean(ledger.target)
        await self._drift.learn(ledger.target)
        await anchoring.anchor(self._here, ledger)


def _verification(rollout: rollouts.Rollout, verification: targets.Verification) -> targets.Verification:
    """Only a release is observed: what a revert or a healing brings back has been good before."""
    return verification if rollout.purpose is rollouts.Purpose.RELEASE else replace(verification, observe=0.0)


def _fought(command: commands.Apply) -> outcomes.PassResult:
    key = command.changes[0].key
    because = f"{key} differs again after {ROUNDS} applies: something changes it each time"
    return starting.held(outcomes.Hold(outcomes.HoldReason.REFUSED, because), due_in=starting.RETRY_REFUSED)
