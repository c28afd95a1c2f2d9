"""From inputs to an approved plan: render, plan from live, pass the gates. Writes nothing outside the journal."""

from dataclasses import dataclass, replace

from reconciler import errors
from reconciler.gates import gates
from reconciler.model import ids, manifests, outcomes, plans, records, rollouts, sources
from reconciler.pipeline import heads, planning, rendering, world


@dataclass(frozen=True, slots=True)
class Decided:
    """A plan, or why there is none."""

    plan: plans.Plan | None
    hold: outcomes.Hold | None = None


class Deciding:
    def __init__(self, here: world.World, its_rendering: rendering.Rendering) -> None:
        self._here = here
        self._rendering = its_rendering

    async def render(self, prepared: heads.Prepared) -> manifests.ManifestSet:
        """The target's manifest set; from the cache when nothing it depends on has changed.

        Raises `errors.InvalidInput` with every complaint.
        """
        target, inputs = prepared.target, prepared.inputs
        cluster = self._here.clusters[target.cluster]
        return await self._rendering.render(
            target,
            files=lambda: self._files(prepared),
            input_digest=inputs.digest,
            facts=await cluster.facts(),
        )

    async def _files(self, prepared: heads.Prepared) -> tuple[sources.File, ...]:
        repository = self._here.repositories[prepared.target.repository]
        return await repository.files(prepared.inputs.revision, [path.path for path in prepared.inputs.paths])

    async def plan(
        self,
        prepared: heads.Prepared,
        wanted: manifests.ManifestSet,
        *,
        ledger: records.Ledger,
        purpose: rollouts.Purpose,
    ) -> Decided:
        """Desired × live × inventory, through the gates. What planning learnt by reading goes into the inventory."""
        if not wanted.manifests:
            because = f"{prepared.target.key} renders to no object at revision {prepared.inputs.revision[:12]}"
            return Decided(None, outcomes.Hold(outcomes.HoldReason.EMPTY, because, prepared.inputs.revision))
        here, key = self._here, prepared.target.key
        rows = await here.journal.inventory(key)
        planned = await planning.make(
            here.clusters[prepared.target.cluster],
            target=prepared.target,
            installation=here.journal.installation,
            manifest_set=wanted,
            rows=rows,
            purpose=purpose,
        )
        if planned.learnt or planned.forget:
            await here.journal.adopt_rows(key, planned.learnt, forget=planned.forget, epoch=here.epoch)
        if planned.holds:
            return Decided(planned.plan, replace(planned.holds[0], revision=prepared.inputs.revision))
        facts = gates.Context(
            target=prepared.target,
            revision=prepared.inputs.revision,
            purpose=purpose,
            inventory=len(rows),
            confirmations=ledger.confirmations,
            created_by_failed=_created_by_failed(ledger, rows),
        )
        return Decided(planned.plan, gates.judge(planned.plan, facts))


def hold_of(error: errors.ReconcilerError, revision: str) -> outcomes.Hold:
    """What a target whose manifests cannot be rendered holds with."""
    return outcomes.Hold(outcomes.HoldReason.RENDER_FAILED, str(error), revision)


def _created_by_failed(ledger: records.Ledger, rows: tuple[records.InventoryRow, ...]) -> frozenset[ids.ObjectKey]:
    """What the rollout that is being reverted made: pruned without the cap (design §8.2)."""
    rollout = ledger.rollout
    if rollout is None or rollout.purpose is not rollouts.Purpose.REVERT or not rollout.undoes:
        return frozenset()
    return frozenset(row.key for row in rows if row.rollout == rollout.undoes)
