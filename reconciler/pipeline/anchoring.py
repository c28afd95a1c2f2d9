"""The target record: the journal's anchor in the cluster (design §5)."""

from dataclasses import dataclass, field

from reconciler.model import document, ids, outcomes, records
from reconciler.pipeline import world

Content = tuple[str, tuple[str, ...]]
"""What a record says of its target: input digest of last good, and those in quarantine."""


@dataclass(slots=True)
class Anchoring:
    """Reads each target's record once, and writes it whenever it no longer says what the journal does: after an ending,
    and after a start whose predecessor died, or met an outage, between the two."""

    here: world.World
    _known: dict[ids.TargetKey, Content] = field(default_factory=dict)

    async def check(self, ledger: records.Ledger) -> outcomes.Hold | None:
        """Why the target must be left alone; None, with the record up to date, when it is ours."""
        key = ledger.target
        if key not in self._known:
            record = await self.here.cluster_of(key).read_record(key)
            if record and (hold := await _objection(self.here, record)):
                return hold
            self._known[key] = (record.last_good, record.quarantined) if record else ("", ())
        if self._known[key] != _content(ledger):
            await self.anchor(ledger)
        return None

    async def anchor(self, ledger: records.Ledger) -> None:
        """Write the record."""
        here = self.here
        rows = await here.journal.inventory(ledger.target)
        sequence, head_hash = await here.journal.head()
        last_good, quarantined = _content(ledger)
        record = records.TargetRecord(
            target=ledger.target,
            installation=here.journal.installation,
            epoch=here.epoch,
            last_good=last_good,
            quarantined=quarantined,
            inventory_digest=document.digest(*(part for row in rows for part in (row.key.path, row.uid))),
            sequence=sequence,
            head_hash=head_hash,
        )
        await here.cluster_of(ledger.target).write_record(record)
        self._known[ledger.target] = (last_good, quarantined)

    def forget(self, key: ids.TargetKey) -> None:
        """The target's cluster may be another one now: read its record again."""
        self._known.pop(key, None)


async def check(here: world.World, key: ids.TargetKey) -> outcomes.Hold | None:
    """Whether the cluster knows this target from another installation, or from a newer journal than ours."""
    record = await here.cluster_of(key).read_record(key)
    return await _objection(here, record) if record else None


async def _objection(here: world.World, record: records.TargetRecord) -> outcomes.Hold | None:
    if record.installation != here.journal.installation:
        because = (
            f"its target record belongs to installation {record.installation}, this is {here.journal.installation}:"
            " another reconciler deploys it, or the journal of this one was lost"
        )
        return outcomes.Hold(outcomes.HoldReason.FOREIGN_INSTALLATION, because)
    sequence, _ = await here.journal.head()
    if record.sequence > sequence:
        because = f"its target record was written at event {record.sequence}, the journal ends at {sequence}"
        return outcomes.Hold(outcomes.HoldReason.JOURNAL_BEHIND, because)
    if record.sequence and await _hash_at(here, record.sequence) != record.head_hash:
        because = f"the journal's event {record.sequence} is not the one that its target record was written at"
        return outcomes.Hold(outcomes.HoldReason.JOURNAL_BEHIND, because)
    return None


def _content(ledger: records.Ledger) -> Content:
    good = ledger.last_good
    return good.input_digest if good else "", tuple(found.input_digest for found in ledger.quarantined)


async def _hash_at(here: world.World, sequence: int) -> str:
    events = await here.journal.events(after=sequence - 1, limit=1)
    return events[0].hash if events else ""
