"""Carrying a rollout on, step by step, until it waits or ends. The second half of a pass."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reconciler import errors
from reconciler.model import health, ids, manifests, outcomes, plans, records, rollouts, targets
from reconciler.pipeline import (
    anchoring,
    applying,
    deciding,
    drift,
    failing,
    heads,
    hooking,
    observing,
    rounds,
    starting,
    turning,
    watching,
    world,
)
from reconciler.plan import waves
from reconciler.rollout import commands, hooks, rolling

SAVE_EVERY = 5.0
"""Seconds of a waiting phase that a crash may forget: how often the time spent is made durable."""

AGAIN = frozenset({rollouts.Phase.SETTLING, rollouts.Phase.WATCHING, rollouts.Phase.PRUNING, rollouts.Phase.OBSERVING})
"""Phases after the writes, in which those of unknown outcome are cleared up."""

Owed = tuple[records.Event, ...]


@dataclass(frozen=True, slots=True)
class Stepped:
    """The ledger after one step; `result` None: another step follows at once. `owed`: what it entered, which is written
    with what comes next."""

    ledger: records.Ledger
    result: outcomes.PassResult | None = None
    owed: Owed = ()


@dataclass(frozen=True, slots=True)
class _Next:
    """The rollout with what was seen of it counted in, and what it does; where `hold` is set, nothing. `news`: what is
    written before that."""

    rollout: rollouts.Rollout
    command: commands.Command
    hold: outcomes.Hold | None
    news: Owed = ()


class Advancing:
    def __init__(
        self,
        here: world.World,
        its_deciding: deciding.Deciding,
        its_watching: watching.Watching,
        its_failing: failing.Failing,
        its_drift: drift.Drift,
        its_heads: heads.Heads,
        its_anchoring: anchoring.Anchoring,
    ) -> None:
        self._here = here
        self._deciding = its_deciding
        self._watching = its_watching
        self._failing = its_failing
        self._drift = its_drift
        self._anchoring = its_anchoring
        self._turning = turning.Turning(here, its_deciding, its_heads)
        self._hooking = hooking.Hooking(here, its_watching)
        self._observing = observing.Observing(here, its_deciding, its_drift)

    async def advance(
        self, ledger: records.Ledger, prepared: heads.Prepared, *, plan: plans.Plan | None = None
    ) -> Stepped:
        """Step `ledger.rollout`, whose inputs are `prepared`, as far as it goes. `plan`: made and judged in this very
        pass, and carried out as it is; every later round plans from live again.

        Phases that follow one another at once are one write: nothing is done outside in between, and whoever is stopped
        there finds out again what they found."""
        ledger = await self._again(ledger)
        wanted = await self._deciding.render(prepared)
        counted, owed = rounds.Rounds(), Owed()
        while (rollout := ledger.rollout) is not None:
            rollout = rollout.tick(self._here.clock.monotonic())
            decided = await self._next(ledger, rollout, prepared, wanted, plan=plan)
            owed, merged = (*owed, *decided.news), isinstance(decided.command, commands.Enter | commands.Finish)
            if owed and (decided.hold or decided.news or not merged):
                ledger, owed = await self._here.write(ledger, *owed), ()
            if decided.hold is not None:
                return await self._held(ledger, decided.rollout, decided.hold)
            rollout, command, plan = decided.rollout, decided.command, None
            if fought := counted.count(command):
                return Stepped(ledger, starting.held(fought, due_in=starting.RETRY_REFUSED))
            try:
                stepped = await self._do(ledger, rollout, command, prepared=prepared, owed=owed)
            except errors.Transient as error:
                of_hook = isinstance(command, commands.Apply | commands.Remove)
                if rollout.phase is not rollouts.Phase.FAILING or not of_hook:
                    raise
                # The pass ends in order, so that the time counts: a hook that is never let in must not keep the
                # failed release live.
                return Stepped(ledger, starting.held(starting.outage(error), due_in=rolling.HEARTBEAT))
            if stepped.result is not None or stepped.ledger.rollout is None:
                return stepped
            if stepped.ledger.rollout.id != rollout.id:
                return stepped
            ledger, owed = stepped.ledger, stepped.owed
        return Stepped(ledger)

    async def _again(self, ledger: records.Ledger) -> records.Ledger:
        """What an earlier write may have undone since is applied once more. It could be what keeps the rollout from
        its end: a pause of the failed release that arrived late stopped the next one for good."""
        rollout = ledger.rollout
        if rollout is None or rollout.phase not in AGAIN:
            return ledger
        if not (doubted := await self._drift.clear_up(ledger.target)):
            return ledger
        because = f"{rollouts.Phase.APPLYING.value}: the outcome of an earlier write of {doubted[0]} was unknown"
        event = self._here.event(records.EventKind.PHASE_ENTERED, because, target=ledger.target, rollout=rollout.id)
        entered = rollout.enter(rollouts.Phase.APPLYING, now=self._here.clock.monotonic())
        entered = replace(entered, wave=rollout.wave)  # the one that was settling still has to
        return await self._here.write(replace(ledger, rollout=entered), event)

    async def _next(
        self,
        ledger: records.Ledger,
        rollout: rollouts.Rollout,
        prepared: heads.Prepared,
        wanted: manifests.ManifestSet,
        *,
        plan: plans.Plan | None,
    ) -> "_Next":
        """What to do now: the strategy's wish, behind the hooks that are due before it."""
        verification = prepared.target.verification
        agenda = hooking.agenda(ledger, wanted, rollout.purpose)
        if rollout.phase in hooks.STAGES:
            of_hooks, hold = await self._hooking.look(rollout, agenda, prepared.target)
            now = self._here.clock.monotonic()
            rollout = hooks.noted(rollout, of_hooks, before=ledger.rollout or rollout, now=now)
            command = hooks.step(rollout, of_hooks, verification=verification)
            if hold is not None:
                in_turn = hooks.left(rollout, agenda, rollout.phase)[0]
                if passed := hooks.refused(rollout, in_turn, hold.because):
                    command, hold = passed, None
            return _Next(rollout, hooks.turn(rollout, command, agenda, plan=None), hold)
        if plan is not None and rollout.phase is rollouts.Phase.APPLYING:
            seen, hold = rolling.Seen(plan=plan), None
        else:
            seen, hold = await self._look(ledger, rollout, prepared, wanted)
        rollout = self._noted(rollout, seen, before=ledger.rollout or rollout)
        command = rolling.step(rollout, seen, verification=rolling.verified(rollout, verification))
        news = self._observing.news(ledger.target, seen.edited)
        return _Next(rollout, hooks.turn(rollout, command, agenda, plan=seen.plan), hold, news)

    async def _look(
        self, ledger: records.Ledger, rollout: rollouts.Rollout, prepared: heads.Prepared, wanted: manifests.ManifestSet
    ) -> tuple[rolling.Seen, outcomes.Hold | None]:
        """The facts this phase decides on."""
        if rolling.needs_plan(rollout.phase):
            decided = await self._deciding.plan(prepared, wanted, ledger=ledger, purpose=rollout.purpose)
            leaves = prepared.target.state is not targets.State.PRESENT
            doubted = self._drift.doubted(rollout.target) if leaves else ()
            return rolling.Seen(plan=decided.plan, doubted=doubted), decided.hold
        if rollout.phase is rollouts.Phase.SCALING_DOWN:
            return await self._turning.scaling(rollout, prepared, wanted)
        judged = wanted.kept
        if rollout.phase is rollouts.Phase.SETTLING and rollout.wave is not None:
            judged = waves.up_to(judged, rollout.wave)
        await self._watching.follow(rollout.target, judged)
        try:
            followed = self._watching.live(rollout.target)
        except errors.Transient as error:
            away = starting.outage(error).reason
            return rolling.Seen(report=health.Report(health.State.UNKNOWN, str(error)), away=away), None
        if rollout.phase is rollouts.Phase.QUIETING:
            return self._turning.moving(rollout, judged, followed), None
        rows = self._drift.rows(rollout.target)
        open_end = self._observing.stays(ledger, wanted)
        report = await self._watching.report(rollout, judged, prepared.target, rows=rows, open_end=open_end)
        edited = await self._observing.edited(ledger, prepared, wanted)
        if open_end and edited is None:
            edited = observing.AGAIN
        return rolling.Seen(report=report, edited=edited, stuck=self._turning.stuck(rollout, judged, followed)), None

    def _noted(self, rollout: rollouts.Rollout, seen: rolling.Seen, *, before: rollouts.Rollout) -> rollouts.Rollout:
        """Count how long health has been unreadable, or broken in the observation window, and how often that window
        begins anew; tell the neighbours' brake. `before`: the rollout as saved last."""
        if seen.report is None:
            return rollout
        if seen.edited and seen.edited.then:
            rollout = rollout.disproven(seen.edited.because)
        healthy = seen.report.state.well
        self._failing.note(rollout.target, healthy=healthy)
        now = self._here.clock.monotonic()
        if seen.report.state is health.State.UNKNOWN:
            return rollout.blinded(before=before, now=now)
        rollout = replace(rollout, blind=0.0, blind_since=0.0)
        if rollout.phase is not rollouts.Phase.OBSERVING or healthy:
            return replace(rollout, unwell=0.0, unwell_since=0.0)
        since = rollout.unwell_since or now
        return replace(rollout, unwell=now - since, unwell_since=since)

    async def _do(
        self,
        ledger: records.Ledger,
        rollout: rollouts.Rollout,
        command: commands.Command,
        *,
        prepared: heads.Prepared,
        owed: Owed,
    ) -> Stepped:
        """Carry one command out. `owed` comes only with those that write it."""
        match command:
            case commands.Wait():
                return await self._wait(ledger, rollout, command)
            case commands.Enter():
                return await self._enter(ledger, rollout, command, owed=owed)
            case commands.Lose():
                stays = await self._failing.stays(replace(ledger, rollout=rollout), prepared, command.because)
                return Stepped(stays.ledger, stays.result) if stays else await self._hook(ledger, rollout, command)
            case commands.Run() | commands.Ran() | commands.Remove():
                return await self._hook(ledger, rollout, command)
            case commands.Open():
                return Stepped(await self._here.write(replace(ledger, rollout=replace(rollout, wave=command.place))))
            case commands.Apply():
                done = await applying.carry_out(self._here, rollout, command.changes, doubt=self._doubt(rollout))
                await self._tell(ledger, command.changes, done=done, action=plans.Action.ADOPTED)
                if done.held and (passed := hooking.passed(rollout, command, done.held)):
                    await self._drift.learn(ledger.target)
                    return await self._hook(ledger, rollout, passed)
                return await self._applied(ledger, rollout, done)
            case commands.Prune():
                done = await applying.prune(self._here, rollout, command.changes)
                await self._tell(ledger, command.changes, done=done, action=plans.Action.PRUNED)
                await self._tell(ledger, command.changes, done=done, action=plans.Action.ORPHANED)
                return await self._applied(ledger, rollout, done)
            case commands.Pause():
                return await self._pause(ledger, rollout, command, good=prepared)
            case commands.Unblock():
                return await self._unblock(ledger, rollout, command)
            case commands.Abandon():
                answer = await self._failing.abandon(replace(ledger, rollout=rollout), command.because)
                await self._over(answer.ledger)
                return Stepped(answer.ledger, answer.result)
            case commands.Finish():
                gone = "" if prepared.target.state is targets.State.PRESENT else prepared.target.state.value
                return await self._finish(replace(ledger, gone=gone), rollout, command.because, owed=owed)
            case commands.Fail():
                answer = await self._failing.answer(replace(ledger, rollout=rollout), prepared, command.because)
                if answer.ledger.rollout is None or answer.ledger.rollout.id != rollout.id:
                    await self._over(answer.ledger)
                return Stepped(answer.ledger, answer.result)

    def _doubt(self, rollout: rollouts.Rollout) -> Callable[[Sequence[ids.ObjectKey]], None]:
        return functools.partial(self._drift.doubt, rollout.target)

    async def _wait(self, ledger: records.Ledger, rollout: rollouts.Rollout, command: commands.Wait) -> Stepped:
        saved = ledger.rollout or rollout
        if command.hold and not command.counts and ledger.hold and ledger.hold.reason is command.hold:
            # Time in which the world stood in the way is not the release's: its deadline and its window stand still.
            rollout = replace(rollout, spent=saved.spent)
        turned = (rollout.unwell_since, rollout.blind_since) != (saved.unwell_since, saved.blind_since)
        if rollout.clock - saved.clock >= SAVE_EVERY or turned or command.hold:
            new = replace(ledger, rollout=rollout)
            if ledger.outcome is outcomes.Outcome.WAITING and not (ledger.hold or command.hold):
                new = replace(new, because=command.because)  # so that the pass's end is no write of its own
            ledger = await self._here.write(new)
        if command.hold is None:
            return Stepped(ledger, outcomes.PassResult(outcomes.Outcome.WAITING, command.because, command.seconds))
        hold = outcomes.Hold(command.hold, command.because, rollout.revision)
        return Stepped(ledger, outcomes.PassResult(outcomes.Outcome.HELD, command.because, command.seconds, hold))

    async def _enter(
        self, ledger: records.Ledger, rollout: rollouts.Rollout, command: commands.Enter, *, owed: Owed
    ) -> Stepped:
        entered = replace(ledger, rollout=rollout.enter(command.phase, now=self._here.clock.monotonic()))
        because = f"{command.phase.value}: {command.because}"
        event = self._here.event(records.EventKind.PHASE_ENTERED, because, target=ledger.target, rollout=rollout.id)
        healing = self._observing.healing(rollout, command)
        events = (*owed, *healing, event)
        anew = rollout.phase is rollouts.Phase.OBSERVING  # what was found is noted by now, and not found again
        if rollout.phase not in hooks.STAGES and not anew:
            return Stepped(entered, owed=events)
        entered = await self._here.write(entered, *events)
        if healing:
            self._drift.healed(rollout.target)  # the next one waits longer only when this one is written
        if anew:
            return Stepped(entered)
        # A pass of its own, so that a newer commit which came while the hooks ran is looked at first.
        return Stepped(entered, outcomes.PassResult(outcomes.Outcome.WAITING, because, 0.0))

    async def _hook(
        self,
        ledger: records.Ledger,
        rollout: rollouts.Rollout,
        command: commands.Run | commands.Ran | commands.Remove | commands.Lose,
    ) -> Stepped:
        """Carry out what a stage of hooks asks for; its applies are those of any object."""
        now = self._here.clock.monotonic()
        kind, phase = records.EventKind.PHASE_ENTERED, rollout.phase
        match command:
            case commands.Remove():
                done = await applying.prune(self._here, rollout, command.changes)
                return await self._applied(ledger, rollout, done)
            case commands.Ran():
                kind, because = records.EventKind.HOOK_RAN, command.because
                entered = hooks.through(rollout, command, now=now)
            case commands.Run():
                phase, because = command.phase, f"{command.phase.value}: {command.because}"
                entered = replace(rollout.enter(phase, now=now), below=command.below)
            case commands.Lose():
                phase = rollouts.Phase.FAILING
                because = f"{phase.value}: {command.because}"
                entered = replace(rollout.enter(phase, now=now), failing=command.because)
        event = self._here.event(kind, because, target=ledger.target, rollout=rollout.id)
        return Stepped(await self._here.write(replace(ledger, rollout=entered), event))

    async def _applied(self, ledger: records.Ledger, rollout: rollouts.Rollout, done: applying.Done) -> Stepped:
        await self._drift.learn(ledger.target)
        if done.held:
            return await self._held(ledger, rollout, done.held)
        return Stepped(replace(ledger, rollout=rollout))

    async def _held(self, ledger: records.Ledger, rollout: rollouts.Rollout, hold: outcomes.Hold) -> Stepped:
        """It may not go on. A hook that may not be made yet has all its time before it still, once it may; the way back
        asks nobody's leave, so there the time counts."""
        if rollout.phase in hooks.STAGES and rollout.phase is not rollouts.Phase.FAILING and ledger.rollout:
            still = replace(rollout, spent=ledger.rollout.spent)
            ledger = await self._here.write(replace(ledger, rollout=still))
        return Stepped(ledger, starting.held(hold, due_in=starting.RETRY_REFUSED))

    async def _tell(
        self, ledger: records.Ledger, changes: tuple[plans.Change, ...], *, done: applying.Done, action: plans.Action
    ) -> None:
        """Say of which `changes` the server has answered that they are done; of no other."""
        carried = frozenset(done.carried)
        names = ", ".join(str(change.key) for change in changes if change.action is action and change.key in carried)
        if names:
            await self._here.append(self._here.event(records.EventKind(action.value), names, target=ledger.target))

    async def _pause(
        self, ledger: records.Ledger, rollout: rollouts.Rollout, command: commands.Pause, *, good: heads.Prepared
    ) -> Stepped:
        """Stop the failed release's moving Deployments; then the old template turns them round (I23).

        Noted afterwards: killed in between, the next start pauses again, which changes nothing where it arrived. Noted
        before, it would wait for a pause that nobody made.
        """
        if changes := await self._turning.stops(rollout, command.keys, good=good):
            await applying.carry_out(self._here, rollout, changes, doubt=self._doubt(rollout))
            await self._drift.learn(ledger.target)
        quieted = replace(rollout, quieted=rollout.quieted + command.keys)
        return Stepped(await self._here.write(replace(ledger, rollout=quieted)))

    async def _unblock(self, ledger: records.Ledger, rollout: rollouts.Rollout, command: commands.Unblock) -> Stepped:
        """Each pod is deleted once, by UID: another of its name is another pod. Noted afterwards, as in `_pause`."""
        await applying.prune(self._here, rollout, command.pods)
        events = [
            self._here.event(
                records.EventKind.UNBLOCKED, f"pod {pod.key.name} deleted: {pod.because}", target=ledger.target
            )
            for pod in command.pods
        ]
        unblocked = replace(rollout, unblocked=rollout.unblocked + tuple(pod.uid for pod in command.pods))
        return Stepped(await self._here.write(replace(ledger, rollout=unblocked), *events))

    async def _finish(self, ledger: records.Ledger, rollout: rollouts.Rollout, because: str, *, owed: Owed) -> Stepped:
        here, key = self._here, rollout.target
        done = {
            rollouts.Purpose.RELEASE: (records.EventKind.ROLLED_OUT, outcomes.Outcome.ROLLED_OUT),
            rollouts.Purpose.REVERT: (records.EventKind.REVERTED, outcomes.Outcome.REVERTED),
            rollouts.Purpose.HEAL: (records.EventKind.DRIFT_HEALED, outcomes.Outcome.ROLLED_OUT),
        }
        kind, outcome = done[rollout.purpose]
        await here.repository_of(key).keep(rollout.revision)
        present = records.Present(rollout.revision, rollout.input_digest, rollout.manifest_digest, complete=True)
        event = here.event(kind, f"{rollout.revision[:12]}: {because}", target=key, revision=rollout.revision)
        if rollout.purpose is not rollouts.Purpose.HEAL:
            ledger = ledger.proven(ledger.good_by(rollout, at=here.at()))
        if rollout.purpose is rollouts.Purpose.RELEASE:
            ledger = replace(ledger, failed_at="")  # it has recovered: its neighbours' brake counts it no more
        if ledger.hold is None:  # so that the pass's end is no write of its own
            ledger = ledger.ended(outcome, because, at=here.at())
        ledger = await here.write(replace(ledger, rollout=None, present=present), *owed, event)
        await self._over(ledger)
        return Stepped(ledger, outcomes.PassResult(outcome, because, 0.0))

    async def _over(self, ledger: records.Ledger) -> None:
        """A rollout has ended: stop following, tell its own writes from other people's, anchor the journal."""
        await self._watching.release(ledger.target)
        self._failing.forget(ledger.target)
        await self._drift.settle(ledger.target)
        await self._anchoring.anchor(ledger)
