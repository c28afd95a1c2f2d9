"""A rollout has failed: the brake, the quarantine, and the way back to last good (E0)."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, replace

from reconciler import errors
from reconciler.ending import brake, judge
from reconciler.model import ids, outcomes, records, rollouts, verdicts
from reconciler.pipeline import chain, heads, world

RETRY = 1.0
BRAKED = 15.0
"""Seconds until a braked target looks again by itself whether the others have recovered."""
HOUR = 3600.0
UNSEEN = frozenset({rollouts.Phase.BEFORE, rollouts.Phase.APPLYING, rollouts.Phase.DURING, rollouts.Phase.SETTLING})
"""Phases in which the health of the whole release has not been looked at."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The ledger after the failure, and how the pass ends; `result` None: go on with the new rollout at once."""

    ledger: records.Ledger
    result: outcomes.PassResult | None


class Failing:
    def __init__(
        self,
        here: world.World,
        its_heads: heads.Heads,
        its_chain: chain.Chain,
        wake: Callable[[ids.TargetKey], None],
    ) -> None:
        self._here = here
        self._heads = its_heads
        self._chain = its_chain
        self._wake = wake
        self._unwell: dict[ids.TargetKey, float] = {}
        self._failing: dict[ids.TargetKey, float] = {}
        self._waiting: set[ids.TargetKey] = set()

    def note(self, key: ids.TargetKey, *, healthy: bool) -> None:
        """How the target's rollout looks now: what its neighbours' brake counts. One that recovers lets the braked
        ones look again."""
        if healthy:
            self._unwell.pop(key, None)
            self._waiting.discard(key)
            if self._failing.pop(key, None) is not None:
                for braked in self._waiting:
                    self._wake(braked)
        else:
            self._unwell.setdefault(key, self._here.clock.monotonic())

    def forget(self, key: ids.TargetKey) -> None:
        """The target's rollout is over."""
        self.note(key, healthy=True)

    async def answer(self, ledger: records.Ledger, prepared: heads.Prepared, because: str) -> Answer:
        """What follows from the failure of `ledger.rollout`, whose inputs are `prepared`."""
        return await self._many(ledger, because) or await self._end(ledger, prepared, because)

    async def stays(self, ledger: records.Ledger, prepared: heads.Prepared, because: str) -> Answer | None:
        """How the pass ends where nothing follows from the failure now; asked before its hooks run, since the rollout
        may yet recover. None: something does follow."""
        if stays := await self._many(ledger, because):
            return stays
        if ledger.rollout is not None:
            ending = judge.judge(await self._facts(ledger, ledger.rollout, prepared, because))
            if isinstance(ending, judge.Keep):
                return await self._keep(ledger, ending.because)
        return None

    async def _many(self, ledger: records.Ledger, because: str) -> Answer | None:
        """The brake: too many fail at once, or that is not known yet."""
        rollout = ledger.rollout
        if rollout is None:
            return Answer(ledger, None)
        self._failing.setdefault(ledger.target, self._here.clock.monotonic())
        if rollout.purpose is rollouts.Purpose.RELEASE and ledger.brake_off != rollout.id:
            verdict = await self._brake(ledger.target)
            if verdict.decision is verdicts.Decision.UNKNOWN:
                return Answer(ledger, outcomes.PassResult(outcomes.Outcome.WAITING, verdict.because, RETRY))
            if verdict.decision is verdicts.Decision.BLOCK:
                return await self._braked(ledger, f"{verdict.because}; here: {because}")
        return None

    async def _brake(self, key: ids.TargetKey) -> verdicts.Verdict:
        now, failed, coming = self._here.clock.monotonic(), set(self._failing), set[ids.TargetKey]()
        known = set(self._heads.known())
        for other in known - failed:
            its = await self._here.journal.ledger(other)
            if age(self._here, its.failed_at) < brake.WITHIN:
                failed.add(other)
            elif self._comes(its):
                coming.add(other)
        return brake.judge(
            brake.Neighbours(
                failed=len(failed),
                unwell=len((set(self._unwell) | coming) - failed),
                total=len(known),
                waited=now - self._failing[key],
            )
        )

    def _comes(self, ledger: records.Ledger) -> bool:
        """Whether a release of the target is about to begin, or has begun and nobody has looked yet how it does. Where
        pods are refused at once the first of many targets failed while the others were still being applied, and was
        taken back alone."""
        head, present, rollout = self._heads.of(ledger.target), ledger.present, ledger.rollout
        if ledger.hold or ledger.pause:
            return False
        if rollout:
            return rollout.purpose is rollouts.Purpose.RELEASE and rollout.phase in UNSEEN
        return isinstance(head, heads.Prepared) and (not present or present.input_digest != head.inputs.digest)

    async def _braked(self, ledger: records.Ledger, because: str) -> Answer:
        self._waiting.add(ledger.target)
        revision = ledger.rollout.revision if ledger.rollout else ""
        hold = outcomes.Hold(outcomes.HoldReason.MANY_FAILING, because, revision)
        if ledger.hold is None or ledger.hold.reason is not hold.reason:
            ledger = await self._here.write(replace(ledger, failed_at=self._here.at()))
        return Answer(ledger, outcomes.PassResult(outcomes.Outcome.HELD, because, BRAKED, hold))

    async def _end(self, ledger: records.Ledger, prepared: heads.Prepared, because: str) -> Answer:
        rollout = ledger.rollout
        if rollout is None:
            return Answer(ledger, None)
        ending = judge.judge(await self._facts(ledger, rollout, prepared, because))
        match ending:
            case judge.Revert():
                return await self._revert(ledger, rollout, ending)
            case judge.HoldFirst():
                return await self._first(ledger, rollout, ending)
            case judge.Stop():
                return await self._stop(ledger, rollout, ending.because)
            case judge.Keep():
                return await self._keep(ledger, ending.because)

    async def _facts(
        self, ledger: records.Ledger, rollout: rollouts.Rollout, prepared: heads.Prepared, because: str
    ) -> judge.Failed:
        own, shared = await self.differing(ledger, prepared)
        recent = sum(1 for found in ledger.quarantined if not found.by and age(self._here, found.at) < HOUR)
        target = prepared.target
        return judge.Failed(rollout, ledger, because, target.git, target.first_failure, own, shared, recent)

    async def differing(
        self, ledger: records.Ledger, prepared: heads.Prepared
    ) -> tuple[tuple[str, ...], tuple[tuple[str, tuple[ids.TargetKey, ...]], ...]]:
        """Input paths that differ between `prepared` and last good: the target's own, and others with the targets that
        have accepted their new content. Of the others only what last good read: a place that a link newly leads to, or
        that `reads` newly names, is somebody else's, and nothing there was taken from last good."""
        if ledger.last_good is None:
            return (), ()
        try:
            good = await self._heads.prepare(ledger.target, ledger.last_good.revision)
        except (errors.InvalidInput, errors.PathMissing):
            return (), ()
        before = {path.path: path.oid for path in good.inputs.paths}
        known = [path for path in prepared.inputs.paths if path.own or before.get(path.path)]
        changed = [path for path in known if before.get(path.path) != path.oid]
        own = tuple(path.path for path in changed if path.own)
        return own, tuple(
            [
                (path.path, await self._chain.accepted(ledger.target, path.path, inputs=prepared.inputs))
                for path in changed
                if not path.own
            ]
        )

    async def _revert(self, ledger: records.Ledger, rollout: rollouts.Rollout, ending: judge.Revert) -> Answer:
        failure = rollouts.Failure(rollout.revision, rollout.input_digest, ending.because)
        new = quarantined(self._here, ledger, rollout, ending.because)
        events = self._failure_events(ledger, rollout, ending.because)
        return Answer(await self.go_back(new, failure, ending, *events, undoes=rollout.id), None)

    async def go_back(
        self,
        ledger: records.Ledger,
        failure: rollouts.Failure,
        ending: judge.Revert,
        *events: records.Event,
        undoes: str,
    ) -> records.Ledger:
        """Begin the return to `ending.good`, in the cluster and, where it may be pushed, in Git. `failure` is what the
        head holds; `undoes` the rollout whose objects go without the cap."""
        here, good = self._here, ending.good
        running = ledger.rollout
        moving = rollouts.Failure(running.revision, running.input_digest, ending.because) if running else failure
        back = rollouts.Rollout(
            id=here.chance.operation_id(),
            target=ledger.target,
            purpose=rollouts.Purpose.REVERT,
            revision=good.revision,
            input_digest=good.input_digest,
            manifest_digest=good.manifest_digest,
            because=ending.because,
            started_at=here.at(),
            phase=rollouts.Phase.QUIETING,
            clock=here.clock.monotonic(),
            failure=moving,
            undoes=undoes,
        )
        step = records.GitStep.PINNED if ending.pinned else records.GitStep.WANTED
        new = replace(
            ledger,
            rollout=back,
            git_revert=records.GitRevert(failure, good, ending.push, step, ending.pinned),
            present=records.Present(good.revision, good.input_digest, good.manifest_digest, complete=False),
        )
        started = here.event(
            records.EventKind.ROLLOUT_STARTED,
            f"{back.purpose.of} last good {good.revision[:12]}: {ending.because}",
            target=ledger.target,
            revision=good.revision,
            purpose=back.purpose.value,
        )
        pinned: tuple[records.Event, ...] = ()
        if ending.pinned:
            page = f"the cluster goes back to {good.revision[:12]}, Git stays as it is: {ending.pinned}"
            pinned = (
                here.event(records.EventKind.PINNED, ending.pinned, target=ledger.target),
                here.event(records.EventKind.PAGE, page, target=ledger.target),
            )
        return await here.write(new, *events, started, *pinned)

    async def _first(self, ledger: records.Ledger, rollout: rollouts.Rollout, ending: judge.HoldFirst) -> Answer:
        """Nothing to return to: by policy the pods are taken away first, then the target holds either way."""
        new = quarantined(self._here, ledger, rollout, ending.because)
        events = self._failure_events(ledger, rollout, ending.because)
        if not ending.scale_down:
            return await self._held_first(new, ending.because, *events)
        scaling = replace(
            rollout.enter(rollouts.Phase.SCALING_DOWN, now=self._here.clock.monotonic()),
            failure=rollouts.Failure(rollout.revision, rollout.input_digest, ending.because),
        )
        return Answer(await self._here.write(replace(new, rollout=scaling), *events), None)

    async def abandon(self, ledger: records.Ledger, because: str) -> Answer:
        """The failed first deployment has lost its pods."""
        scaled = self._here.event(records.EventKind.SCALED_DOWN, "the failed first deployment", target=ledger.target)
        return await self._held_first(ledger, because, scaled)

    async def _held_first(self, ledger: records.Ledger, why: str, *events: records.Event) -> Answer:
        rollout = ledger.rollout
        revision, digest = (rollout.revision, rollout.input_digest) if rollout else ("", "")
        because = f"the first deployment failed, there is no last good: {why}"
        hold = outcomes.Hold(outcomes.HoldReason.FIRST_FAILED, because, revision, digest)
        ledger = await self._here.write(replace(ledger, rollout=None), *events)
        return Answer(ledger, outcomes.PassResult(outcomes.Outcome.FAILED, because, None, hold))

    async def _stop(self, ledger: records.Ledger, rollout: rollouts.Rollout, because: str) -> Answer:
        hold = outcomes.Hold(outcomes.HoldReason.STOPPED, because, rollout.revision)
        new = replace(ledger, stopped=because, rollout=None, failed_at=self._here.at())
        events = [self._here.event(records.EventKind.REVERT_FAILED, because, target=ledger.target)]
        if rollout.purpose is rollouts.Purpose.RELEASE:
            new = quarantined(self._here, new, rollout, because)
            events = self._failure_events(ledger, rollout, because)
        ledger = await self._here.write(new, *events)
        return Answer(ledger, outcomes.PassResult(outcomes.Outcome.FAILED, because, None, hold))

    async def _keep(self, ledger: records.Ledger, because: str) -> Answer:
        hold = outcomes.Hold(outcomes.HoldReason.WORLD, because, ledger.rollout.revision if ledger.rollout else "")
        return Answer(ledger, outcomes.PassResult(outcomes.Outcome.HELD, because, BRAKED, hold))

    def _failure_events(self, ledger: records.Ledger, rollout: rollouts.Rollout, because: str) -> list[records.Event]:
        return [
            self._here.event(
                records.EventKind.ROLLOUT_FAILED, because, target=ledger.target, revision=rollout.revision
            ),
            quarantine_event(self._here, ledger.target, rollout.revision, digest=rollout.input_digest),
        ]


def quarantined(here: world.World, ledger: records.Ledger, rollout: rollouts.Rollout, because: str) -> records.Ledger:
    """The ledger with the inputs of a failed rollout in quarantine."""
    found = records.Quarantine(rollout.input_digest, rollout.revision, because, here.at(), rollout.id)
    return replace(with_quarantine(ledger, found), failed_at=found.at)


def with_quarantine(ledger: records.Ledger, found: records.Quarantine) -> records.Ledger:
    others = tuple(kept for kept in ledger.quarantined if kept.input_digest != found.input_digest)
    return replace(ledger, quarantined=(*others, found))


def quarantine_event(here: world.World, key: ids.TargetKey, revision: str, *, digest: str) -> records.Event:
    because = f"inputs {digest[:12]} of {revision[:12]} are not tried here again"
    return here.event(records.EventKind.QUARANTINED, because, target=key, digest=digest)


def age(here: world.World, at: str) -> float:
    """Seconds since the RFC 3339 time `at`; infinite for ''. Wall clock: the journal outlives a process (I24 keeps
    durations inside one process monotonic); a time in the future counts as now."""
    if not at:
        return float("inf")
    return max(0.0, (here.clock.now() - datetime.datetime.fromisoformat(at)).total_seconds())
