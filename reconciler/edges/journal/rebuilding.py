"""Makes a journal say what the clusters and Git tell: after it was lost, or restored from a backup."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.edges.journal import rows, statements
from reconciler.model import ids, records

DROPPED = "dropped: the journal was rebuilt, ask again"
"""The answer to every request that was open: it may have been carried out long ago."""

ABANDONED = "found open when the journal was rebuilt"


@dataclass(frozen=True, slots=True)
class Target:
    """One target's ledger and its whole inventory."""

    ledger: records.Ledger
    inventory: tuple[records.InventoryRow, ...]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What replaces the journal's own account. Targets that are not named keep theirs; history is only added to.

    `epoch` is higher than any that the clusters have seen; `holder` leads in it.
    """

    installation: str
    epoch: int
    holder: str
    targets: Sequence[Target]
    events: Sequence[records.Event]


def rebuild(tx: statements.Transaction, new: Rebuilt, *, at: str) -> None:
    tx.run("UPDATE meta SET installation = :installation", {"installation": new.installation})
    statements.begin(tx, new.epoch, holder=new.holder, at=at)
    tx.run("UPDATE requests SET answer = :answer WHERE answer = ''", {"answer": DROPPED})
    left = {"result": records.Result.ABANDONED.value, "because": ABANDONED, "at": at}
    tx.run("UPDATE intents SET result = :result, because = :because, settled_at = :at WHERE result IS NULL", left)
    for target in new.targets:
        statements.write(tx, target.ledger, events=(), at=at)
        _replace_inventory(tx, target.ledger.target, target.inventory)
    statements.append(tx, new.events)


def _replace_inventory(
    tx: statements.Transaction, target: ids.TargetKey, inventory: Sequence[records.InventoryRow]
) -> None:
    tx.run(
        "DELETE FROM inventory WHERE environment = :environment AND application = :application", rows.of_target(target)
    )
    statements.learn(tx, target, learnt=inventory, forget=())
