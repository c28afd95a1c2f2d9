"""Applications that wait for others of their environment (`dependsOn`)."""

import asyncio

from reconciler import errors
from reconciler.model import ids, outcomes, records
from reconciler.pipeline import checking, deciding, heads, world
from reconciler.verify import conditions, report, scope

MANY = 500
"""Objects of one dependency that are looked at: beyond that its ledger has to do."""


class Dependencies:
    """Who waits for whom is remembered, so that a dependency that becomes good wakes exactly those."""

    def __init__(self, here: world.World, its_heads: heads.Heads, its_deciding: deciding.Deciding) -> None:
        self._here = here
        self._heads = its_heads
        self._deciding = its_deciding
        self._checking = checking.Checking(here)
        self._waiting: dict[ids.TargetKey, set[ids.TargetKey]] = {}

    async def waits(self, prepared: heads.Prepared) -> outcomes.Hold | None:
        """Why the target must not take `prepared` yet; None when everything it depends on is good with what it reads
        at the same revision, and healthy now."""
        key, revision = prepared.target.key, prepared.inputs.revision
        for dependency in prepared.target.depends_on:
            other = ids.TargetKey(key.environment, dependency.name)
            if lacking := await self._lacking(other, revision):
                self._waiting.setdefault(other, set()).add(key)
                return outcomes.Hold(outcomes.HoldReason.DEPENDENCY, lacking, revision)
        return None

    def waiting_for(self, key: ids.TargetKey) -> set[ids.TargetKey]:
        """The targets that have waited for this one; asked when a pass over it has ended well."""
        return self._waiting.pop(key, set())

    async def _lacking(self, key: ids.TargetKey, revision: str) -> str:
        """What `key` lacks to be depended on at `revision`, as a sentence; '' when nothing."""
        head = self._heads.of(key)
        if not isinstance(head, heads.Prepared):
            return f"{key} holds: {head.because}" if head else f"{key} is not known yet"
        try:
            wanted = head if head.inputs.revision == revision else await self._heads.prepare(key, revision)
        except (errors.InvalidInput, errors.PathMissing) as error:
            return f"{key} cannot be read at {revision[:12]}: {error}"
        ledger = await self._here.journal.ledger(key)
        return standing(ledger, wanted) or await self._unwell(wanted)

    async def _unwell(self, wanted: heads.Prepared) -> str:
        """Its objects as they are now, judged by their own status."""
        kept = (await self._deciding.render(wanted)).kept.manifests
        objects = [one for one in kept if scope.has_health(one.key)][:MANY]
        cluster = self._here.cluster_of(wanted.target.key)
        reads = await asyncio.gather(*(cluster.read(one.key) for one in objects), return_exceptions=True)
        found = {}
        for read in reads:
            if isinstance(read, BaseException):
                raise read  # once all are in: no request outlives the pass
            if read is not None:
                found[read.meta.key] = read
        checks = wanted.target.verification.checks
        keys = [one.key for one in objects]
        answers = await self._checking.answers(wanted.target.key, keys, found, checks=checks)
        seen = report.report(
            objects,
            found,
            verification=wanted.target.verification,
            spent=conditions.UNTOLD,  # it is good already: what says nothing of itself has had its time
            samples=(),
            observing=False,
            answers=answers,
        )
        return "" if seen.state.well else f"{wanted.target.key} is not healthy: {seen.because}"


def standing(ledger: records.Ledger, wanted: heads.Prepared) -> str:
    """What its ledger says against it. A paused one is taken as it is: nobody changes it."""
    key, revision, digest = ledger.target, wanted.inputs.revision, wanted.inputs.digest
    if failed := ledger.quarantine_of(digest):
        return f"{key} failed with what it reads at {revision[:12]}: {failed.because}"
    if ledger.last_good is None or ledger.last_good.input_digest != digest:
        return f"{key} is not good with what it reads at {revision[:12]} yet"
    if ledger.rollout is not None:
        return f"a {ledger.rollout.purpose.value} of {key} is under way"
    if ledger.hold is not None and ledger.hold.reason is not outcomes.HoldReason.PAUSED:
        return f"{key} holds: {ledger.hold.because}"
    return ""
