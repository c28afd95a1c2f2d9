"""Is there anything to do, and may it begin? The first half of a pass."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler import errors
from reconciler.model import manifests, outcomes, plans, records, rollouts, targets
from reconciler.pipeline import chain, deciding, dependencies, drift, heads, world
from reconciler.plan import drift as drifts
from reconciler.rollout import rolling
from reconciler.source import admission, desired


@dataclass(frozen=True, slots=True)
class Started:
    """The ledger, now with a rollout; or how the pass ends without one. `plan` is what the rollout was begun for, as
    long as it is what the rollout carries out first: it need not be made twice."""

    ledger: records.Ledger
    result: outcomes.PassResult | None
    plan: plans.Plan | None = None


class Starting:
    def __init__(
        self,
        here: world.World,
        its_chain: chain.Chain,
        its_dependencies: dependencies.Dependencies,
        its_deciding: deciding.Deciding,
        its_drift: drift.Drift,
    ) -> None:
        self._here = here
        self._dependencies = its_dependencies
        self._chain = its_chain
        self._deciding = its_deciding
        self._drift = its_drift

    async def start(self, ledger: records.Ledger, prepared: heads.Prepared, choice: desired.Desired) -> Started:
        """Begin a rollout towards `prepared` when something differs. No call, no render when nothing does."""
        await self._drift.clear_up(ledger.target)
        done = _done(ledger, choice)
        if done and not self._drift.suspected(ledger.target):
            return Started(ledger, _rest(choice, tolerated=self._drift.tolerated(ledger.target) or _gone(ledger)))
        if done and (waits := self._drift.waits(ledger.target)):
            due_in = self._drift.heals_in(ledger.target)
            return Started(ledger, outcomes.PassResult(outcomes.Outcome.WAITING, waits, due_in))
        count = self._drift.count(ledger.target)
        purpose = _purpose(done, choice)
        if purpose is rollouts.Purpose.RELEASE:
            if hold := await self.history(ledger, choice):
                return Started(ledger, held(hold))
            if hold := await self._chain.waits(ledger, prepared) or await self._dependencies.waits(prepared):
                return Started(ledger, held(hold, due_in=RETRY_REFUSED))
        try:
            wanted = await self._deciding.render(prepared)
        except errors.Sealed as error:  # a key may come without a commit
            return Started(ledger, held(deciding.hold_of(error, choice.revision), due_in=RETRY_REFUSED))
        except errors.InvalidInput as error:
            return Started(ledger, held(deciding.hold_of(error, choice.revision)))
        decided = await self._deciding.plan(prepared, wanted, ledger=ledger, purpose=purpose)
        if decided.hold or decided.plan is None:
            return Started(ledger, held(decided.hold, due_in=RETRY_REFUSED))
        if done:
            return await self._heal(ledger, prepared, wanted, decided.plan, choice=choice, count=count)
        if not decided.plan.writes and ledger.last_good and ledger.last_good.manifest_digest == wanted.digest:
            if away := skipped(decided.plan):
                return Started(ledger, _later(choice, away))
            return Started(await self._good_already(ledger, choice, wanted, count=count), _rest(choice))
        if purpose is rollouts.Purpose.RELEASE:
            choice = replace(choice, revision=decided.since)
        # A return first stops what moves, and may prune what the failed release made: it plans when it comes to that.
        first = decided.plan if purpose is rollouts.Purpose.RELEASE else None
        return Started(await self._begin(ledger, choice, wanted, purpose), None, first)

    async def history(self, ledger: records.Ledger, choice: desired.Desired) -> outcomes.Hold | None:
        """Only forward (I5). An accepted history is gone back to once: the next rewrite is a new question."""
        repository, descends = self._here.repository_of(ledger.target), True
        if ledger.deployed:
            descends = await repository.descends(choice.revision, ancestor=ledger.deployed)
        if not descends and ledger.accepted_history:
            descends = await repository.descends(choice.revision, ancestor=ledger.accepted_history)
        return admission.may_come(
            choice.revision, deployed=ledger.deployed, descends=descends, accepted=ledger.accepted_history
        )

    async def _heal(
        self,
        ledger: records.Ledger,
        prepared: heads.Prepared,
        wanted: manifests.ManifestSet,
        plan: plans.Plan,
        *,
        choice: desired.Desired,
        count: int,
    ) -> Started:
        """Everything is there already, and may have drifted. What held the head before is still told afterwards."""
        key = ledger.target
        if not plan.writes and (away := skipped(plan)):
            return Started(ledger, _later(choice, away))
        if not plan.writes:
            self._drift.clean(key, count=count)
            await self._drift.learn(key)
            return Started(ledger, _rest(choice, tolerated=_gone(ledger)))
        if prepared.target.drift is targets.DriftMode.WARN:
            found = await self._drift.tolerate(key, plan, count=count)
            if found.news:
                await self._here.append(self._here.event(records.EventKind.DRIFT_SEEN, found.because, target=key))
            return Started(ledger, _rest(choice, tolerated=found.because))
        because = drifts.told(plan, healing=True)
        if wait := self._drift.heals_in(key):
            self._drift.put_off(key, because)
            return Started(ledger, outcomes.PassResult(outcomes.Outcome.WAITING, self._drift.waits(key), wait))
        healing = desired.Desired(prepared.inputs.revision, prepared.inputs.digest, because, None)
        await self._here.append(self._here.event(records.EventKind.DRIFT_SEEN, because, target=key))
        begun = await self._begin(ledger, healing, wanted, rollouts.Purpose.HEAL)
        self._drift.healed(key)  # the next one waits longer only when this one is written
        return Started(begun, None, plan)

    async def _begin(
        self,
        ledger: records.Ledger,
        choice: desired.Desired,
        wanted: manifests.ManifestSet,
        purpose: rollouts.Purpose,
    ) -> records.Ledger:
        here = self._here
        rollout = rollouts.Rollout(
            id=here.chance.operation_id(),
            target=ledger.target,
            purpose=purpose,
            revision=choice.revision,
            input_digest=choice.input_digest,
            manifest_digest=wanted.digest,
            because=choice.because,
            started_at=here.at(),
            clock=here.clock.monotonic(),
            unproven=purpose is rollouts.Purpose.RELEASE and _unproven(ledger),
            settled=plans.BEFORE_ALL if purpose is rollouts.Purpose.RELEASE and _midway(ledger) else None,
        )
        if purpose is rollouts.Purpose.REVERT and ledger.present:
            rollout = _turned(rollout, ledger, ledger.present)
        if purpose is rollouts.Purpose.RELEASE:
            self._drift.overtaken(ledger.target)
        complete = purpose is rollouts.Purpose.HEAL  # what drifted had been applied, and brings nothing half done
        present = records.Present(choice.revision, choice.input_digest, wanted.digest, complete=complete)
        new = replace(ledger, rollout=rollout, present=present)
        if purpose is rollouts.Purpose.RELEASE:
            new = replace(new, deployed=choice.revision, accepted_history="")
        started = here.event(
            records.EventKind.ROLLOUT_STARTED,
            f"{purpose.of} {choice.revision[:12]}: {choice.because}",
            target=ledger.target,
            revision=choice.revision,
            purpose=purpose.value,
        )
        return await here.write(new, started)

    async def _good_already(
        self, ledger: records.Ledger, choice: desired.Desired, wanted: manifests.ManifestSet, *, count: int
    ) -> records.Ledger:
        """New inputs, the same objects as last good: nothing to prove, last good moves on."""
        here = self._here
        await here.repository_of(ledger.target).keep(choice.revision)
        good = records.Good(choice.revision, choice.input_digest, wanted.digest, here.at())
        present = records.Present(choice.revision, choice.input_digest, wanted.digest, complete=True)
        event = here.event(
            records.EventKind.ROLLED_OUT,
            f"{choice.revision[:12]} renders to the objects that are good already",
            target=ledger.target,
            revision=choice.revision,
        )
        self._drift.clean(ledger.target, count=count)
        new = replace(ledger.proven(good), present=present, deployed=choice.revision, accepted_history="")
        return await here.write(new, event)


RETRY_REFUSED = 30.0
"""Seconds after which a refused plan is tried again: a quota, a right or a policy may have changed (Flux re-checks a
dependency as often)."""


def held(hold: outcomes.Hold | None, *, due_in: float | None = None) -> outcomes.PassResult:
    """A pass that ends in `hold`; it comes back after `due_in` seconds, or only at an event."""
    because = hold.because if hold else "there is no plan"
    return outcomes.PassResult(outcomes.Outcome.HELD, because, due_in, hold)


OUTAGES: Mapping[type[errors.Transient], outcomes.HoldReason] = {
    errors.ChartUnavailable: outcomes.HoldReason.CHART_UNAVAILABLE,
    errors.Forbidden: outcomes.HoldReason.RIGHTS_MISSING,
    errors.Transient: outcomes.HoldReason.CLUSTER_UNAVAILABLE,
}
"""What a target holds by that has met such an error on its way."""


def outage(error: errors.Transient) -> outcomes.Hold:
    return outcomes.Hold(OUTAGES.get(type(error), OUTAGES[errors.Transient]), str(error))


def _done(ledger: records.Ledger, choice: desired.Desired) -> bool:
    present = ledger.present
    return present is not None and present.complete and present.input_digest == choice.input_digest


def _purpose(done: bool, choice: desired.Desired) -> rollouts.Purpose:
    if done:
        return rollouts.Purpose.HEAL
    return rollouts.Purpose.REVERT if choice.hold else rollouts.Purpose.RELEASE


def _turned(rollout: rollouts.Rollout, ledger: records.Ledger, before: records.Present) -> rollouts.Rollout:
    """A return that no failure of this moment began: what was applied last may still move, and is stopped first."""
    known = ledger.quarantine_of(before.input_digest)
    return replace(
        rollout,
        phase=rollouts.Phase.QUIETING,
        failure=rollouts.Failure(before.revision, before.input_digest, rollout.because),
        undoes=known.rollout if known else "",
    )


def _gone(ledger: records.Ledger) -> str:
    return f"{ledger.gone}, as application.yaml says" if ledger.gone else ""


def skipped(plan: plans.Plan) -> str:
    """Why an object that is wanted cannot be written now (it is being deleted, say); '' where all are as wanted."""
    found = (change for wave in plan.waves for change in wave if change.action is plans.Action.SKIPPED)
    return next((f"{change.key}: {change.because}" for change in found), "")


def _later(choice: desired.Desired, because: str) -> outcomes.PassResult:
    """Nothing can be written, and not everything is as wanted: neither in sync nor good. It looks again soon."""
    if choice.hold:
        return held(choice.hold, due_in=rolling.HEARTBEAT)
    return outcomes.PassResult(outcomes.Outcome.WAITING, because, rolling.HEARTBEAT)


def _rest(choice: desired.Desired, *, tolerated: str = "") -> outcomes.PassResult:
    """Nothing to do: unchanged, or at last good because the head is held. `tolerated` drift is not in sync."""
    if choice.hold:
        return held(choice.hold)
    return outcomes.PassResult(outcomes.Outcome.UNCHANGED, tolerated or "in sync")


def _midway(ledger: records.Ledger) -> bool:
    """Whether what ran before was neither carried through nor has failed: a release that made way, or a return that
    did. That one had begun to undo what failed, and how far it got must not decide whether a wave is waited for. A
    healing that made way is none: the next commit may be what mends what it waited for."""
    present = ledger.present
    return present is not None and not present.complete and ledger.quarantine_of(present.input_digest) is None


def _unproven(ledger: records.Ledger) -> bool:
    """Two bad commits in a row: the first made way before it had failed, or the return from it did before it had
    undone much, and held the second as if the world were at fault, for ever."""
    present, good = ledger.present, ledger.last_good
    if present is None:
        return False
    return not present.complete or good is None or good.input_digest != present.input_digest
