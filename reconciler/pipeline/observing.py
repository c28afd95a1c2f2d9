"""Whether what is observed is still the release: who edits it past Git in the window changes what is being proven."""

from dataclasses import dataclass, replace

from reconciler import errors
from reconciler.model import ids, manifests, plans, records, rollouts, targets
from reconciler.pipeline import deciding, drift, heads, starting, world
from reconciler.plan import drift as drifts
from reconciler.rollout import commands, rolling

STAYS = (
    "it stays so, by `drift: warn`, and is not the release: put it back, or commit, with `ignore` in application.yaml "
    "where the field is not Git's"
)
AGAIN = rolling.Edited("what was changed is as it was applied again just now: it is looked at once more")
"""Found while the end was open: what is read only at the end has not been read, so this look ends nothing."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a plan found of a rollout. It stands until the watches say more: `count`, how often the target had been
    suspected when the plan was begun, and `shown`, the versions of what is left drifted (None: not known)."""

    rollout: str
    count: int
    shown: tuple[str, ...] | None
    edited: rolling.Edited | None


class Observing:
    def __init__(self, here: world.World, its_deciding: deciding.Deciding, its_drift: drift.Drift) -> None:
        self._here = here
        self._deciding = its_deciding
        self._drift = its_drift
        self._answers: dict[ids.TargetKey, _Answer] = {}

    async def edited(
        self, ledger: records.Ledger, prepared: heads.Prepared, wanted: manifests.ManifestSet
    ) -> rolling.Edited | None:
        """What somebody has changed of the release that is observed, and what follows from it; None when it is as it
        was applied, or nothing is observed. No call where the watches show no change of ours, or none since the last.

        An edit of the image at the end of the window let the failing release before it become last good, and the
        healing afterwards brought that one back for ever.
        """
        key, count, rollout = ledger.target, self._drift.count(ledger.target), ledger.rollout
        if rollout is None or not self._looks(rollout, wanted):
            return None
        if known := self._known(rollout):
            return known.edited
        try:
            decided = await self._deciding.plan(prepared, wanted, ledger=ledger, purpose=rollout.purpose)
        except errors.Transient as error:
            hold = starting.outage(error)
            return rolling.Edited(hold.because, hold=hold.reason)
        await self._drift.learn(key)
        if decided.hold is not None:
            return rolling.Edited(decided.hold.because, hold=decided.hold.reason)
        edited = await self._differing(ledger, prepared, decided.plan, count=count)
        if edited is None or edited.stays:
            told = replace(edited, news="") if edited else None
            self._answers[key] = _Answer(rollout.id, count, self._drift.shown(key), told)
        return edited

    def stays(self, ledger: records.Ledger, wanted: manifests.ManifestSet) -> bool:
        """Whether it is known without a call that what is observed is not the release, so that nothing ends now."""
        if ledger.rollout is None or not self._looks(ledger.rollout, wanted):
            return False
        known = self._known(ledger.rollout)
        return known is not None and known.edited is not None

    def _looks(self, rollout: rollouts.Rollout, wanted: manifests.ManifestSet) -> bool:
        """Whether what `rollout` applied is observed, and may not be as it was applied."""
        if rollout.phase is not rollouts.Phase.OBSERVING:
            return False
        if rollout.purpose is not rollouts.Purpose.RELEASE:
            return False  # what it brings back has been good before
        return self._drift.touched(rollout.target, [manifest.key for manifest in wanted.kept.manifests])

    def _known(self, rollout: rollouts.Rollout) -> _Answer | None:
        """What no plan is needed for."""
        key = rollout.target
        count, shown = self._drift.count(key), self._drift.shown(key)
        if waits := self._drift.waits(key):
            return _Answer(rollout.id, count, shown, rolling.Edited(waits))
        answer = self._answers.get(key)
        if answer is None or shown is None:
            return None
        return answer if (answer.rollout, answer.count, answer.shown) == (rollout.id, count, shown) else None

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
                return rolling.Edited(f"{found.because}; {STAYS}", stays=True, news=news)
            back = f"{plan.writes[0].key} was changed and is as wanted again"
            return rolling.Edited(back, then=rollouts.Phase.OBSERVING) if found.rows else None
        because = drifts.told(plan, healing=True)
        if self._drift.heals_in(key):
            self._drift.put_off(key, because)
            return rolling.Edited(self._drift.waits(key))
        return rolling.Edited(because, then=rollouts.Phase.APPLYING)
