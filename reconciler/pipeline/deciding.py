"""From inputs to an approved plan: render, plan from live, pass the gates. Writes nothing outside the journal."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from reconciler import errors
from reconciler.gates import gates
from reconciler.model import ids, manifests, outcomes, plans, records, rollouts, sources, targets
from reconciler.pipeline import handing, heads, hooking, planning, rendering, world


@dataclass(frozen=True, slots=True)
class Decided:
    """A plan, or why there is none. `since` is the revision for which it was judged (see `Deciding.plan`)."""

    plan: plans.Plan | None
    hold: outcomes.Hold | None = None
    since: str = ""


CONFIRMABLE = frozenset({outcomes.HoldReason.PRUNE_LIMIT, outcomes.HoldReason.PROTECTED})


class Deciding:
    def __init__(
        self,
        here: world.World,
        its_rendering: rendering.Rendering,
        its_heads: heads.Heads,
        *,
        doubted: Callable[[ids.TargetKey], Collection[ids.ObjectKey]] = lambda key: (),
    ) -> None:
        """`doubted`: objects of a target to which a write may still be under way."""
        self._here = here
        self._rendering = its_rendering
        self._heads = its_heads
        self._doubted = doubted

    async def render(self, prepared: heads.Prepared) -> manifests.ManifestSet:
        """The target's manifest set; from the cache when nothing it depends on has changed.

        Raises `errors.InvalidInput` with every complaint.
        """
        target, inputs = prepared.target, prepared.inputs
        if target.state is not targets.State.PRESENT:
            return manifests.ManifestSet(())
        cluster = self._here.cluster_of(target.key)
        return await self._rendering.render(
            target,
            files=lambda: self._files(prepared),
            input_digest=inputs.digest,
            facts=await cluster.facts(),
        )

    async def _files(self, prepared: heads.Prepared) -> tuple[sources.File, ...]:
        repository = self._here.repositories[prepared.target.repository]
        return await repository.files(prepared.inputs.revision, prepared.named)

    async def plan(
        self,
        prepared: heads.Prepared,
        wanted: manifests.ManifestSet,
        *,
        ledger: records.Ledger,
        purpose: rollouts.Purpose,
    ) -> Decided:
        """Desired × live × inventory, through the gates. What planning learnt by reading goes into the inventory.

        Inputs are judged for the revision that brought them, as far as that is known: other people's commits go on
        while a prune waits for its confirmation, and must neither void it nor ask for another.
        """
        if not wanted.manifests and prepared.target.state is targets.State.PRESENT:
            target, revision = prepared.target, prepared.inputs.revision
            because = f"there is no object in {target.source.path} at revision {revision[:12]}; nothing is deleted"
            return Decided(None, outcomes.Hold(outcomes.HoldReason.EMPTY, because, revision))
        here, key = self._here, prepared.target.key
        rows = await here.journal.inventory(key)
        planned = await planning.make(
            here.cluster_of(prepared.target.key),
            target=prepared.target,
            installation=here.journal.installation,
            manifest_set=wanted,
            rows=rows,
            purpose=purpose,
            hands=handing.Neighbours(here, self._heads, self.render, of=prepared, ledger=ledger),
        )
        # What is not there, but may still be made by a write on its way, keeps its row: without one nothing prunes it.
        forget = [one for one in planned.forget if one not in self._doubted(key)]
        if planned.learnt or forget:
            await here.journal.adopt_rows(key, planned.learnt, forget=forget, epoch=here.epoch)
        holds = planned.holds
        if not holds and ledger.rollout is None and purpose is rollouts.Purpose.RELEASE:
            holds = (await self._hooks(prepared, wanted, ledger=ledger, rows=rows)).holds
        if holds:
            return Decided(planned.plan, replace(holds[0], revision=prepared.inputs.revision))
        since = await self._since(prepared, ledger)
        facts = gates.Context(
            target=prepared.target,
            revision=since,
            purpose=purpose,
            inventory=len(rows) - len(set(planned.forget)),
            confirmations=await self._confirmations(prepared, ledger, since=since),
            created_by_failed=_created_by_failed(ledger, rows),
        )
        return Decided(planned.plan, gates.judge(planned.plan, facts), since)

    async def _hooks(
        self,
        prepared: heads.Prepared,
        wanted: manifests.ManifestSet,
        *,
        ledger: records.Ledger,
        rows: tuple[records.InventoryRow, ...],
    ) -> hooking.Planned:
        """The hooks of a release that has not begun, asked about before its first write."""
        cluster, installation = self._here.cluster_of(prepared.target.key), self._here.journal.installation
        return await hooking.planned(cluster, prepared, wanted, ledger=ledger, rows=rows, installation=installation)

    async def _since(self, prepared: heads.Prepared, ledger: records.Ledger) -> str:
        """The revision that brought the inputs: of the rollout that carries them, of the hold that stands since."""
        rollout, hold = ledger.rollout, ledger.hold
        if rollout is not None and rollout.input_digest == prepared.inputs.digest:
            return rollout.revision
        if hold is not None and hold.reason in CONFIRMABLE and await self._same(prepared, hold.revision):
            return hold.revision
        return prepared.inputs.revision

    async def _confirmations(
        self, prepared: heads.Prepared, ledger: records.Ledger, *, since: str
    ) -> tuple[records.Confirmation, ...]:
        """Those for the very inputs and not from before they came: a yes of last month is none to their return."""
        repository = self._here.repositories[prepared.target.repository]
        found = []
        for confirmation in ledger.confirmations:
            revision = confirmation.revision
            if revision == since or (
                await self._same(prepared, revision) and await repository.descends(revision, ancestor=since)
            ):
                found.append(replace(confirmation, revision=since))
        return tuple(found)

    async def _same(self, prepared: heads.Prepared, revision: str) -> bool:
        """Whether the target's inputs at `revision` are the prepared ones."""
        if revision == prepared.inputs.revision:
            return True
        try:
            return (await self._heads.prepare(prepared.target.key, revision)).inputs.digest == prepared.inputs.digest
        except errors.Terminal:  # the revision is not there, or not valid: whatever it had, it is not this
            return False


def hold_of(error: errors.ReconcilerError, revision: str) -> outcomes.Hold:
    """What a target whose manifests cannot be rendered holds with."""
    return outcomes.Hold(outcomes.HoldReason.RENDER_FAILED, str(error), revision)


def _created_by_failed(ledger: records.Ledger, rows: tuple[records.InventoryRow, ...]) -> frozenset[ids.ObjectKey]:
    """What the rollout that is being reverted made: pruned without the cap (E2)."""
    rollout = ledger.rollout
    if rollout is None or rollout.purpose is not rollouts.Purpose.REVERT or not rollout.undoes:
        return frozenset()
    return frozenset(row.key for row in rows if row.rollout == rollout.undoes)
