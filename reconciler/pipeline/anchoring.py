"""The target record: the journal's anchor in the cluster (design §5)."""

from reconciler.model import document, ids, outcomes, records
from reconciler.pipeline import world


async def check(here: world.World, key: ids.TargetKey) -> outcomes.Hold | None:
    """Whether the cluster knows this target from another installation, or from a newer journal than ours."""
    record = await here.cluster_of(key).read_record(key)
    if record is None:
        return None
    if record.installation != here.journal.installation:
        because = f"its record belongs to installation {record.installation}, this is {here.journal.installation}"
        return outcomes.Hold(outcomes.HoldReason.FOREIGN_INSTALLATION, because)
    sequence, _ = await here.journal.head()
    if record.sequence > sequence:
        because = f"the record was written at event {record.sequence}, the journal ends at {sequence}"
        return outcomes.Hold(outcomes.HoldReason.JOURNAL_BEHIND, because)
    if record.sequence and await _hash_at(here, record.sequence) != record.head_hash:
        because = f"the journal's event {record.sequence} is not the one the record was written at"
        return outcomes.Hold(outcomes.HoldReason.JOURNAL_BEHIND, because)
    return None


async def anchor(here: world.World, ledger: records.Ledger) -> None:
    """Write the record: after every ending."""
    rows = await here.journal.inventory(ledger.target)
    sequence, head_hash = await here.journal.head()
    record = records.TargetRecord(
        target=ledger.target,
        installation=here.journal.installation,
        epoch=here.epoch,
        last_good=ledger.last_good.input_digest if ledger.last_good else "",
        quarantined=tuple(found.input_digest for found in ledger.quarantined),
        inventory_digest=document.digest(*(part for row in rows for part in (row.key.path, row.uid))),
        sequence=sequence,
        head_hash=head_hash,
    )
    await here.cluster_of(ledger.target).write_record(record)


async def _hash_at(here: world.World, sequence: int) -> str:
    events = await here.journal.events(after=sequence - 1, limit=1)
    return events[0].hash if events else ""
