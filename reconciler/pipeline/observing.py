"""Whether what is observed is still the release: who edits it past Git in the window changes what is being proven."""

from dataclasses import replace

from reconciler import errors
from reconciler.model import ids, manifests, plans, records, rollouts, targets
from reconciler.pipeline import deciding, drift, heads, starting, world
from reconciler.plan import drift as drifts
from reconciler.rollout import commands, rolling


class Observing:
    def __init__(self, here: world.World, its_deciding: deciding.Deciding, its_drift: drift.Drift) -> None:
        self._here = here
        self._deciding = its_deciding
        self._drift = its_drift

    async def edited(
        self, ledger: records.Ledger, prepared: heads.Prepared, wanted: manifests.ManifestSet
    ) -> rolling.Edited | None:
        """What somebody has changed of the release that is observed, and what follows from it; None when it is as it
        was applied, or nothing is observed. No call where the watches show no change of ours.

        An edit of the image at the end of the window let the failing release before it become last good, and the
        healing afterwards brought that one back for ever.
        """
        key, count, rollout = ledger.target, self._drift.count(ledger.target), ledger.rollout
        if rollout is None or rollout.phase is not rollouts.Phase.OBSERVING:
            return None
        if rollout.purpose is not rollouts.Purpose.RELEASE:
            return None  # what it brings back has been good before
        applied = [manifest.key for manifest in wanted.kept.manifests]
        if not self._drift.touched(key, applied):
            return None
        if waits := self._drift.waits(key):
            return rolling.Edited(waits)
        try:
            decided = await self._deciding.plan(prepared, wanted, ledger=ledger, purpose=rollout.purpose)
        except errors.Transient as error:
            hold = starting.outage(error)
            return rolling.Edited(hold.because, hold=hold.reason)
        await self._drift.learn(key)
        if decided.hold is not None:
            return rolling.Edited(decided.hold.because, hold=decided.hold.reason)
        return await self._differing(ledger, prepared, decided.plan, count=count)

    def healing(self, rollout: rollouts.Rollout, command: commands.Enter) -> tuple[records.Event, ...]:
        """What is said where `command` applies once more what was edited; () where it does not."""
        if (rollout.phase, command.phase) != (rollouts.Phase.OBSERVING, rollouts.Phase.APPLYING):
            return ()
        return (self._here.event(records.EventKind.DRIFT_SEEN, command.because, target=rollout.target),)

    def news(self, key: ids.TargetKey, edited: rolling.Edited | None) -> tuple[records.Event, ...]:
        """What is said of an edit that is only reported, once; () where there is no news."""
        if edited is None or not edited.news:
            return ()
        return (self._here.event(records.EventKind.DRIFT_SEEN, edited.news, target=key),)

    async def _differing(
        self, ledger: records.Ledger, prepared: heads.Prepared, plan: plans.Plan | None, *, count: int
    ) -> rolling.Edited | None:
        """By the drift mode: what is healed is applied again, and what is only reported is not good as it is."""
        if plan is None:
            return rolling.Edited("there is no plan")
        key, plan = ledger.target, replace(plan, prunes=())
        if not plan.writes:
            if skipped := starting.skipped(plan):
                return rolling.Edited(skipped)
            self._drift.clean(key, count=count)
            return None
        if prepared.target.drift is targets.DriftMode.WARN:
            found = await self._drift.tolerate(key, plan, count=count)
            news = found.because if found.news else ""
            if found.because:
                stays = f"{found.because}; it stays so, by `drift: warn`, and is not the release"
                return rolling.Edited(stays, news=news)
            back = f"{plan.writes[0].key} was changed and is as wanted again"
            return rolling.Edited(back, then=rollouts.Phase.OBSERVING) if found.rows else None
        because = drifts.told(plan, healing=True)
        if self._drift.heals_in(key):
            self._drift.put_off(key, because)
            return rolling.Edited(self._drift.waits(key))
        return rolling.Edited(because, then=rollouts.Phase.APPLYING)
