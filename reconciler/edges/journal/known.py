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


Stamp = tuple[int, int]
"""What was written when the journal was asked: of everything, and of the one target."""


@dataclass(slots=True)
class Known:
    """Off until this process leads. What is handed to the journal to be written is counted: an answer to a question
    asked before the newest of it may be older than it, and is not kept."""

    on: bool = False
    ledgers: dict[ids.TargetKey, records.Ledger] = field(default_factory=dict)
    inventories: dict[ids.TargetKey, Inventory] = field(default_factory=dict)
    requests: tuple[records.Request, ...] | None = None
    looked_at: float = float("-inf")
    """When it was looked for changes by other processes (the loop's seconds)."""
    _intended: dict[str, ids.TargetKey] = field(default_factory=dict)
    """Operation → its target, from the intent until it is settled: an outcome does not name its target."""
    _everything: int = 0
    _writes: dict[ids.TargetKey | None, int] = field(default_factory=dict)
    """None: of requests."""

    def begin(self) -> None:
        """This process leads from now on: what was known before may be another writer's past."""
        self.forget()
        self.on = True

    def forget(self) -> None:
        """Something was written in a way that tells not what of this is still true."""
        self._everything += 1
        self.ledgers.clear()
        self.inventories.clear()
        self.requests = None

    def writing_ledger(self, target: ids.TargetKey) -> None:
        """It is about to be written, and so no longer known."""
        self._count(target)
        self.ledgers.pop(target, None)

    def writing_inventory(self, target: ids.TargetKey) -> None:
        self._count(target)
        self.inventories.pop(target, None)

    def writing_requests(self) -> None:
        self._count(None)
        self.requests = None

    def intending(self, intents: Iterable[records.Intent]) -> None:
        for intent in intents:
            self._intended[intent.operation] = intent.target
            self.writing_inventory(intent.target)

    def settling(self, results: Iterable[records.Settled]) -> None:
        """Changes inventories alone; whose, is known of what this process intended."""
        targets = {self._intended.pop(settled.operation, None) for settled in results}
        if None in targets:
            self.forget()
        for target in targets:
            if target:
                self.writing_inventory(target)

    def stamp(self, target: ids.TargetKey | None) -> Stamp:
        """Taken before the journal is asked about `target` (None: for requests)."""
        return self._everything, self._writes.get(target, 0)

    def keep_ledger(self, ledger: records.Ledger, *, asked: Stamp) -> None:
        if self.on and asked == self.stamp(ledger.target):
            self.ledgers[ledger.target] = ledger

    def keep_requests(self, found: tuple[records.Request, ...], *, asked: Stamp) -> None:
        if self.on and asked == self.stamp(None):
            self.requests = found

    def keep_inventory(self, target: ids.TargetKey, found: Inventory, *, asked: Stamp) -> None:
        if self.on and asked == self.stamp(target):
            self.inventories[target] = found

    def _count(self, target: ids.TargetKey | None) -> None:
        self._writes[target] = self._writes.get(target, 0) + 1
