"""The target record: the journal's anchor in the cluster (S1)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler import ports
from reconciler.model import document, ids, outcomes, records
from reconciler.pipeline import world

FRESH = 30.0
"""Seconds for which a list of all records is good: as often as a hold looks again."""

Content = tuple[str, tuple[str, ...], records.Pause | None, str]
"""What a record says of its target: input digest of last good, those in quarantine, and what stands still."""

NOTHING: Content = ("", (), None, "")


@dataclass(frozen=True, slots=True)
class _Listed:
    """A cluster's records as listed at `at` (monotonic). `objection`: why nothing is done with any target there."""

    cluster: ports.Cluster
    at: float
    records: Mapping[ids.TargetKey, records.TargetRecord]
    objection: outcomes.Hold | None


@dataclass(slots=True)
class Anchoring:
    """Reads all records of a cluster before anything is done there, and writes a target's whenever it no longer says
    what the journal does: after an ending, and after a start whose predecessor died, or met an outage, between the
    two."""

    here: world.World
    _known: dict[ids.TargetKey, Content] = field(default_factory=dict)
    _listed: dict[str, _Listed] = field(default_factory=dict)
    _listing: dict[str, asyncio.Lock] = field(default_factory=dict)
    """One list at a time of each cluster; one that does not answer keeps no other waiting."""

    async def check(self, ledger: records.Ledger) -> outcomes.Hold | None:
        """Why the target must be left alone; None when its record, if there is one, is ours and fits the journal.

        One record that proves the journal old stops every target: what the lost part said of the others (a pause, a
        quarantine, an object) is not known either.
        """
        key = ledger.target
        if key in self._known:
            return None
        cluster = self.here.records_of(key)
        listed = await self._list(cluster)
        if objection := listed.objection or self._behind_elsewhere():
            return objection
        record = listed.records.get(key) or await cluster.read_record(key)
        if record and (hold := await _objection(self.here, record)):
            return hold
        self._known[key] = _recorded(record) if record else NOTHING
        return None

    async def keep(self, ledger: records.Ledger) -> None:
        """Write the record of a checked target when it does not say what the ledger does."""
        if self._known.get(ledger.target, NOTHING) != _content(ledger):
            await self.anchor(ledger)

    async def anchor(self, ledger: records.Ledger) -> None:
        """Write the record."""
        here, good = self.here, ledger.last_good
        rows = await here.journal.inventory(ledger.target)
        sequence, head_hash = await here.journal.head()
        record = records.TargetRecord(
            target=ledger.target,
            installation=here.journal.installation,
            epoch=here.epoch,
            last_good=good.input_digest if good else "",
            quarantined=tuple(found.input_digest for found in ledger.quarantined),
            inventory_digest=document.digest(*(part for row in rows for part in (row.key.path, row.uid))),
            sequence=sequence,
            head_hash=head_hash,
            revision=good.revision if good else "",
            deployed=ledger.deployed,
            pause=ledger.pause,
            stopped=ledger.stopped,
        )
        await here.records_of(ledger.target).write_record(record)
        self._known[ledger.target] = _content(ledger)

    def forget(self, key: ids.TargetKey) -> None:
        """The target's cluster may be another one now: read its record again."""
        self._known.pop(key, None)

    async def _list(self, cluster: ports.Cluster) -> _Listed:
        async with self._listing.setdefault(cluster.name, asyncio.Lock()):
            now = self.here.clock.monotonic()
            listed = self._listed.get(cluster.name)
            if listed is None or listed.cluster is not cluster or now - listed.at >= FRESH:
                found = await cluster.read_records()
                by_target = {record.target: record for record in found}
                listed = _Listed(cluster, now, by_target, await self._standing(cluster, found))
                self._listed[cluster.name] = listed
            return listed

    async def _standing(self, cluster: ports.Cluster, found: Sequence[records.TargetRecord]) -> outcomes.Hold | None:
        """What the records say of the journal as a whole."""
        ours = self.here.journal.installation
        for record in found:
            if record.installation == ours and (hold := await _objection(self.here, record)):
                return hold
        environments = self.here.settings.environments
        for record in found:
            environment = environments.get(record.target.environment)
            if environment is None or environment.cluster != cluster.name or record.installation == ours:
                continue
            return await _objection(self.here, record) if await fresh(self.here.journal) else None
        return None

    def _behind_elsewhere(self) -> outcomes.Hold | None:
        for name, listed in self._listed.items():
            hold, present = listed.objection, self.here.clusters.get(name) is listed.cluster
            if present and hold and hold.reason is outcomes.HoldReason.JOURNAL_BEHIND:
                return hold
        return None


async def fresh(journal: ports.Journal) -> bool:
    """Whether the journal knows of nothing that it ever made: it is new, or took the place of a lost one."""
    for key in await journal.targets():
        ledger = await journal.ledger(key)
        if ledger.last_good or ledger.present or await journal.inventory(key):
            return False
    return True


async def check(here: world.World, key: ids.TargetKey) -> outcomes.Hold | None:
    """Whether the cluster knows this target from another installation, or from a newer journal than ours."""
    record = await here.records_of(key).read_record(key)
    return await _objection(here, record) if record else None


async def _objection(here: world.World, record: records.TargetRecord) -> outcomes.Hold | None:
    its = f"the target record of {record.target}"
    if record.installation != here.journal.installation:
        because = (
            f"{its} belongs to installation {record.installation}, this is {here.journal.installation}: another"
            " reconciler deploys it, or the journal of this one was lost"
        )
        return outcomes.Hold(outcomes.HoldReason.FOREIGN_INSTALLATION, because)
    if because := await behind(here.journal, record):
        return outcomes.Hold(outcomes.HoldReason.JOURNAL_BEHIND, f"{its} {because}")
    return None


async def behind(journal: ports.Journal, record: records.TargetRecord) -> str:
    """How our own record shows that the journal is not the one it was written with; '' when it does not."""
    sequence, _ = await journal.head()
    if record.sequence > sequence:
        return f"was written at event {record.sequence}, the journal ends at {sequence}"
    if record.sequence and await _hash_at(journal, record.sequence) != record.head_hash:
        return f"was written at another event {record.sequence} than the journal has: they parted before it"
    return ""


def _recorded(record: records.TargetRecord) -> Content:
    return record.last_good, record.quarantined, record.pause, record.stopped


def _content(ledger: records.Ledger) -> Content:
    good = ledger.last_good
    quarantined = tuple(found.input_digest for found in ledger.quarantined)
    return good.input_digest if good else "", quarantined, ledger.pause, ledger.stopped


async def _hash_at(journal: ports.Journal, sequence: int) -> str:
    events = await journal.events(after=sequence - 1, limit=1)
    return events[0].hash if events else ""
