"""Makes a journal say what the clusters and Git tell: after it was lost, or restored from a backup."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from reconciler.edges.journal import rows, statements, tables
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
    tx.execute(sa.update(tables.meta).values(installation=new.installation))
    tx.execute(sa.insert(tables.leadership).values(epoch=new.epoch, holder=new.holder, since=at))
    tx.execute(sa.update(tables.requests).where(tables.requests.c.answer == "").values(answer=DROPPED))
    left = {"result": records.Result.ABANDONED.value, "because": ABANDONED, "settled_at": at}
    tx.execute(sa.update(tables.intents).where(tables.intents.c.result.is_(None)).values(left))
    for target in new.targets:
        statements.write(tx, target.ledger, events=(), at=at)
        _replace_inventory(tx, target.ledger.target, target.inventory)
    statements.append(tx, new.events)


def _replace_inventory(
    tx: statements.Transaction, target: ids.TargetKey, inventory: Sequence[records.InventoryRow]
) -> None:
    table, its = tables.inventory, rows.of_target(target)
    tx.execute(sa.delete(table).where(*(table.c[name] == value for name, value in its.items())))
    if inventory:
        tx.execute(sa.insert(table), [rows.of_inventory(target, row) for row in inventory])
