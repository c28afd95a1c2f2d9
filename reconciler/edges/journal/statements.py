"""The SQL of the journal: each function runs inside the transaction it is given."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from reconciler import errors
from reconciler.edges.journal import rows, tables
from reconciler.model import ids, records
from reconciler.record import chain, ends

Transaction = sa.Connection

FINAL = (records.Result.DONE.value, records.Result.REFUSED.value)
"""Outcomes that stand. What was unknown or abandoned may still be found out, or be tried again."""

CHUNK = 10_000
"""Values in one query: SQLite takes 32,766."""

# Queries that every pass makes are built once: to build one costs SQLAlchemy more than to carry it out.


def _of(table: sa.Table) -> sa.ColumnElement[bool]:
    """The rows of one target, whose values `_named` gives."""
    return sa.and_(
        table.c.environment == sa.bindparam("environment"), table.c.application == sa.bindparam("application")
    )


_EPOCH = sa.select(sa.func.max(tables.leadership.c.epoch))
_TARGETS = sa.select(tables.targets.c.environment, tables.targets.c.application).order_by(
    tables.targets.c.environment, tables.targets.c.application
)
_LEDGER = sa.select(tables.targets).where(_of(tables.targets))
_HEAD = sa.select(tables.events.c.sequence, tables.events.c.hash).order_by(tables.events.c.sequence.desc()).limit(1)
_EVENTS = (
    sa.select(tables.events)
    .where(tables.events.c.sequence > sa.bindparam("after"))
    .order_by(tables.events.c.sequence)
    .limit(sa.bindparam("most"))
)
_INVENTORY = sa.select(tables.inventory).where(_of(tables.inventory)).order_by(tables.inventory.c.object)
_OWNERS = sa.select(tables.inventory.c.environment, tables.inventory.c.application).where(
    tables.inventory.c.object == sa.bindparam("object")
)
_OPEN_INTENTS = (
    sa.select(tables.intents)
    .where(_of(tables.intents), tables.intents.c.result.is_(None))
    .order_by(tables.intents.c.at, tables.intents.c.operation)
)
_OPEN_REQUESTS = sa.select(tables.requests).where(tables.requests.c.answer == "").order_by(tables.requests.c.sequence)
_KNOWN = sa.select(tables.intents).where(tables.intents.c.operation.in_(sa.bindparam("operations", expanding=True)))
_UPDATE_INTENT = sa.update(tables.intents).where(tables.intents.c.operation == sa.bindparam("of"))
_NEW_EVENT, _NEW_INTENT = sa.insert(tables.events), sa.insert(tables.intents)
_PENDING = sqlite.insert(tables.inventory).on_conflict_do_nothing()
_FORGET = sa.delete(tables.inventory).where(_of(tables.inventory), tables.inventory.c.object == sa.bindparam("o"))


def _named(target: ids.TargetKey) -> dict[str, str]:
    return {"environment": target.environment, "application": target.application}


def _replacing(table: sa.Table) -> sqlite.Insert:
    """Insert, or replace what has the same primary key."""
    insert = sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    new = {column.name: insert.excluded[column.name] for column in table.c if column.name not in keys}
    return insert.on_conflict_do_update(index_elements=keys, set_=new)


def _taking() -> sqlite.Insert:
    """Insert a pending row; of one that is there already only what it says of who made the object is replaced."""
    insert = sqlite.insert(tables.inventory)
    keys = [column.name for column in tables.inventory.primary_key]
    return insert.on_conflict_do_update(index_elements=keys, set_={"rollout": insert.excluded.rollout})


_TAKEN = _taking()
_PUT = {table.name: _replacing(table) for table in (tables.targets, tables.rollouts, tables.inventory)}


def lead(tx: Transaction, holder: str, *, at: str) -> int:
    new = epoch(tx) + 1
    tx.execute(sa.insert(tables.leadership).values(epoch=new, holder=holder, since=at))
    return new


def epoch(tx: Transaction) -> int:
    return tx.execute(_EPOCH).scalar_one() or 0


def leader(tx: Transaction) -> str:
    """Who led last, in words for a person."""
    table = tables.leadership
    found = tx.execute(sa.select(table).order_by(table.c.epoch.desc()).limit(1)).mappings().first()
    return f"{found['holder']} (epoch {found['epoch']}, since {found['since']})" if found else "Another process"


def check_epoch(tx: Transaction, ours: int) -> None:
    if (newest := epoch(tx)) != ours:
        raise errors.LeadershipLost(
            f"Epoch {ours} is over: {leader(tx)} leads. This daemon stops writing; epoch {newest} goes on."
        )


def targets(tx: Transaction) -> tuple[ids.TargetKey, ...]:
    return tuple(rows.to_target(row) for row in tx.execute(_TARGETS).mappings())


def ledger(tx: Transaction, target: ids.TargetKey) -> records.Ledger:
    found = tx.execute(_LEDGER, _named(target)).mappings().first()
    return rows.to_ledger(found) if found else records.Ledger(target)


def write(tx: Transaction, new: records.Ledger, *, events: Sequence[records.Event], at: str) -> None:
    old = ledger(tx, new.target)
    _put(tx, tables.targets, values=[rows.of_ledger(new)])
    _note_rollout(tx, old, new=new, over=ends.ended(old, new, events=events), at=at)
    append(tx, events)


def _note_rollout(
    tx: Transaction, old: records.Ledger, *, new: records.Ledger, over: ends.Ended | None, at: str
) -> None:
    table, before, after = tables.rollouts, old.rollout, new.rollout
    if after is not None and (before is None or (before.id, before.phase) != (after.id, after.phase)):
        _put(tx, table, values=[rows.of_rollout(after)])
    if over is not None:
        last = {"ended_at": at, "outcome": over.end.value, "because": over.because}
        tx.execute(sa.update(table).where(table.c.id == over.rollout).values(last))


def append(tx: Transaction, new: Sequence[records.Event]) -> None:
    sequence, previous = head(tx)
    values = []
    for event in new:
        linked = chain.link(previous, sequence + 1, event)
        sequence, previous = linked.sequence, linked.hash
        values.append(rows.of_event(linked))
    if values:
        tx.execute(_NEW_EVENT, values)


def head(tx: Transaction) -> tuple[int, str]:
    found = tx.execute(_HEAD).first()
    return (found.sequence, found.hash) if found else chain.FIRST


def events(tx: Transaction, *, after: int, limit: int) -> tuple[records.ChainedEvent, ...]:
    return tuple(rows.to_event(row) for row in tx.execute(_EVENTS, {"after": after, "most": limit}).mappings())


def history(tx: Transaction, target: ids.TargetKey, *, limit: int) -> tuple[records.ChainedEvent, ...]:
    table = tables.events
    query = sa.select(table).where(_of(table)).order_by(table.c.sequence.desc()).limit(limit)
    return tuple(rows.to_event(row) for row in tx.execute(query, _named(target)).mappings())


def inventory(tx: Transaction, target: ids.TargetKey) -> tuple[records.InventoryRow, ...]:
    return tuple(rows.to_inventory(row) for row in tx.execute(_INVENTORY, _named(target)).mappings())


def owner(tx: Transaction, key: ids.ObjectKey, *, among: Sequence[ids.TargetKey]) -> ids.TargetKey | None:
    """Few targets know one object, so the rest is sorted out here and no query grows with the cluster."""
    found = [rows.to_target(row) for row in tx.execute(_OWNERS, {"object": key.path}).mappings()]
    return min((target for target in found if target in among), default=None)


def learn(
    tx: Transaction,
    target: ids.TargetKey,
    *,
    learnt: Sequence[records.InventoryRow],
    forget: Sequence[ids.ObjectKey],
) -> None:
    _put(tx, tables.inventory, values=[rows.of_inventory(target, row) for row in learnt])
    _forget(tx, [(target, key) for key in forget])


def intend(tx: Transaction, intents: Sequence[records.Intent], *, epoch: int) -> None:
    """An operation that was intended before (a push repeated after a crash pushes the same commit) is open again,
    under the new epoch, unless it has a final outcome. Raises Terminal when it was another deed."""
    known = _known(tx, [intent.operation for intent in intents])
    for intent in intents:
        _same_deed(intent, known.get(intent.operation))
    fresh = [rows.of_intent(intent, epoch=epoch) for intent in intents if intent.operation not in known]
    if fresh:
        tx.execute(_NEW_INTENT, fresh)
    again = [operation for operation, row in known.items() if row["result"] not in FINAL]
    reopened = {"epoch": epoch, "result": None, "because": "", "settled_at": None}
    _update_intents(tx, [{"of": operation, **reopened} for operation in again])
    new = [rows.pending(intent) for intent in intents if intent.verb is records.Verb.APPLY and not intent.maker]
    if new:
        tx.execute(_PENDING, new)
    taken = [rows.pending(intent) for intent in intents if intent.maker]
    if taken:
        tx.execute(_TAKEN, taken)


def settle(tx: Transaction, results: Sequence[records.Settled], *, at: str) -> None:
    """The first final outcome stands: who died between settling and the next write tells it once more."""
    known = _known(tx, [settled.operation for settled in results])
    if missing := next((settled.operation for settled in results if settled.operation not in known), ""):
        raise errors.Terminal(f"The journal has no intent {missing}: it cannot be settled.")
    news = [settled for settled in results if known[settled.operation]["result"] not in FINAL]
    outcomes = (
        {"of": found.operation, "result": found.result.value, "because": found.because, "settled_at": at}
        for found in news
    )
    _update_intents(tx, list(outcomes))
    last: dict[tuple[ids.TargetKey, ids.ObjectKey], records.InventoryRow | None] = {}
    for settled in news:
        target = rows.to_target(known[settled.operation])
        if settled.row is not None:
            last[target, settled.row.key] = settled.row
        if settled.forget is not None:
            last[target, settled.forget] = None
    _put(tx, tables.inventory, values=[rows.of_inventory(target, row) for (target, _), row in last.items() if row])
    _forget(tx, [(target, key) for (target, key), row in last.items() if row is None])


def _known(tx: Transaction, operations: Sequence[str]) -> dict[str, sa.RowMapping]:
    """The recorded intents among these, by operation."""
    found = {}
    for chunk in (operations[start : start + CHUNK] for start in range(0, len(operations), CHUNK)):
        found.update({row["operation"]: row for row in tx.execute(_KNOWN, {"operations": chunk}).mappings()})
    return found


def _same_deed(intent: records.Intent, known: sa.RowMapping | None) -> None:
    if known is None:
        return
    recorded = rows.to_intent(known)
    if (recorded.target, recorded.verb, recorded.subject) != (intent.target, intent.verb, intent.subject):
        raise errors.Terminal(
            f"Operation {intent.operation} is recorded as {recorded.verb.value} of {recorded.subject}: an id is used "
            "once."
        )


def _update_intents(tx: Transaction, values: Sequence[rows.Values]) -> None:
    """Update the intents named by `of` with the other values."""
    if values:
        tx.execute(_UPDATE_INTENT, list(values))


def _forget(tx: Transaction, objects: Sequence[tuple[ids.TargetKey, ids.ObjectKey]]) -> None:
    if objects:
        tx.execute(_FORGET, [{**_named(target), "o": key.path} for target, key in objects])


def open_intents(tx: Transaction, target: ids.TargetKey) -> tuple[records.Intent, ...]:
    return tuple(rows.to_intent(row) for row in tx.execute(_OPEN_INTENTS, _named(target)).mappings())


def ask(tx: Transaction, request: records.Request) -> None:
    tx.execute(sa.insert(tables.requests).values(rows.of_request(request)))


def open_requests(tx: Transaction) -> tuple[records.Request, ...]:
    return tuple(rows.to_request(row) for row in tx.execute(_OPEN_REQUESTS).mappings())


def answer(tx: Transaction, id_: str, *, answer: str) -> None:
    table = tables.requests
    if not tx.execute(sa.update(table).where(table.c.id == id_).values(answer=answer)).rowcount:
        raise errors.Terminal(f"The journal has no request {id_}: it cannot be answered.")


def request(tx: Transaction, id_: str) -> records.Request | None:
    table = tables.requests
    found = tx.execute(sa.select(table).where(table.c.id == id_)).mappings().first()
    return rows.to_request(found) if found else None


def _put(tx: Transaction, table: sa.Table, *, values: Sequence[rows.Values]) -> None:
    if values:
        tx.execute(_PUT[table.name], list(values))
