"""What the one writer of a journal knows of it without reading: what it read last and has not written since.

A pass reads its ledger three times and its inventory twice, and each question to the journal's thread costs a tenth of
a millisecond. Nobody else writes either while this process leads (I2); one that has lost its lead may read what is old,
and can write nothing of it. Requests are other processes' to write: they are known only while somebody looks for
changes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from reconciler.model import ids, records

Inventory = tuple[records.InventoryRow, ...]


@dataclass(slots=True)
class Known:
    """Off until this process leads. `writes` counts what was handed to the journal: an answer to a question asked
    before the newest of them may be older than it, and is not kept."""

    on: bool = False
    writes: int = 0
    ledgers: dict[ids.TargetKey, records.Ledger] = field(default_factory=dict)
    inventories: dict[ids.TargetKey, Inventory] = field(default_factory=dict)
    requests: tuple[records.Request, ...] | None = None
    looked_at: float = float("-inf")
    """When it was looked for changes by other processes (the loop's seconds)."""

    def begin(self) -> None:
        """This process leads from now on: what was known before may be another writer's past."""
        self.forget()
        self.on = True

    def forget(self) -> None:
        """Something was written in a way that tells not what of this is still true."""
        self.writing(self.ledgers, self.inventories, requests=True)

    def writing(
        self,
        ledgers: Iterable[ids.TargetKey] = (),
        inventories: Iterable[ids.TargetKey] = (),
        *,
        requests: bool = False,
    ) -> None:
        """What is about to be written, and so no longer known."""
        self.writes += 1
        for target in tuple(ledgers):
            self.ledgers.pop(target, None)
        for target in tuple(inventories):
            self.inventories.pop(target, None)
        if requests:
            self.requests = None

    def keep_ledger(self, ledger: records.Ledger, *, asked: int) -> None:
        """`asked`: what `writes` was when the journal was asked."""
        if self.on and asked == self.writes:
            self.ledgers[ledger.target] = ledger

    def keep_requests(self, found: tuple[records.Request, ...], *, asked: int) -> None:
        if self.on and asked == self.writes:
            self.requests = found

    def keep_inventory(self, target: ids.TargetKey, found: Inventory, *, asked: int) -> None:
        if self.on and asked == self.writes:
            self.inventories[target] = found
