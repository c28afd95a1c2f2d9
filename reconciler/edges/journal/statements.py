"""The SQL of the journal: each function runs inside the transaction it is given."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from reconciler import errors
from reconciler.edges.journal import prepared, rows, tables
from reconciler.model import ids, records
from reconciler.record import chain, ends

Transaction = sa.Connection

FINAL = (records.Result.DONE.value, records.Result.REFUSED.value)
"""Outcomes that stand. What was unknown or abandoned may still be found out, or be tried again."""

# What every pass asks is prepared once; the rest, which people ask, goes through SQLAlchemy.


def _of(table: sa.Table) -> sa.ColumnElement[bool]:
    """The rows of one target, whose values `_named` gives."""
    return sa.and_(
        table.c.environment == sa.bindparam("environment"), table.c.application == sa.bindparam("application")
    )


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


def _changing(table: sa.Table, *names: str, by: sa.Column[str]) -> sa.Update:
    """Change these columns of the row that `of` names."""
    new: dict[str, sa.BindParameter[str]] = {name: sa.bindparam(name) for name in names}
    return sa.update(table).where(by == sa.bindparam("of")).values(new)


_EPOCH = prepared.Prepared(sa.select(sa.func.max(tables.leadership.c.epoch).label("newest")))
_TARGETS = prepared.Prepared(
    sa.select(tables.targets.c.environment, tables.targets.c.application).order_by(
        tables.targets.c.environment, tables.targets.c.application
    )
)
_LEDGER = prepared.Prepared(sa.select(tables.targets).where(_of(tables.targets)))
_HEAD = prepared.Prepared(
    sa.select(tables.events.c.sequence, tables.events.c.hash).order_by(tables.events.c.sequence.desc()).limit(1)
)
_EVENTS = prepared.Prepared(
    sa.select(tables.events)
    .where(tables.events.c.sequence > sa.bindparam("after"))
    .order_by(tables.events.c.sequence)
    .limit(sa.bindparam("most"))
)
_INVENTORY = prepared.Prepared(
    sa.select(tables.inventory).where(_of(tables.inventory)).order_by(tables.inventory.c.object)
)
_OWNERS = prepared.Prepared(
    sa.select(tables.inventory.c.environment, tables.inventory.c.application).where(
        tables.inventory.c.object == sa.bindparam("object")
    )
)
_OPEN_INTENTS = prepared.Prepared(
    sa.select(tables.intents)
    .where(_of(tables.intents), tables.intents.c.result.is_(None))
    .order_by(tables.intents.c.at, tables.intents.c.operation)
)
_OPEN_REQUESTS = prepared.Prepared(
    sa.select(tables.requests).where(tables.requests.c.answer == "").order_by(tables.requests.c.sequence)
)
_KNOWN = prepared.Prepared(sa.select(tables.intents).where(tables.intents.c.operation == sa.bindparam("of")))
_NEW_EVENT, _NEW_INTENT = (prepared.Prepared(sa.insert(table)) for table in (tables.events, tables.intents))
_PENDING = prepared.Prepared(sqlite.insert(tables.inventory).on_conflict_do_nothing())
_FORGET = prepared.Prepared(
    sa.delete(tables.inventory).where(_of(tables.inventory), tables.inventory.c.object == sa.bindparam("object"))
)
_END_ROLLOUT = prepared.Prepared(_changing(tables.rollouts, "ended_at", "outcome", "because", by=tables.rollouts.c.id))
_BY_OPERATION = tables.intents.c.operation
_SETTLE = prepared.Prepared(_changing(tables.intents, "result", "because", "settled_at", by=_BY_OPERATION))
_REOPEN = prepared.Prepared(_changing(tables.intents, "epoch", "result", "because", "settled_at", by=_BY_OPERATION))
_TAKEN = prepared.Prepared(_taking())
_PUT = {
    table.name: prepared.Prepared(_replacing(table)) for table in (tables.targets, tables.rollouts, tables.inventory)
}


def _named(target: ids.TargetKey) -> dict[str, str]:
    return {"environment": target.environment, "application": target.application}


def lead(tx: Transaction, holder: str, *, at: str) -> int:
    new = epoch(tx) + 1
    tx.execute(sa.insert(tables.leadership).values(epoch=new, holder=holder, since=at))
    return new


def epoch(tx: Transaction) -> int:
    found = _EPOCH.one(tx)
    return (found["newest"] if found else None) or 0


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
    return tuple(rows.to_target(row) for row in _TARGETS.all(tx))


def ledger(tx: Transaction, target: ids.TargetKey) -> records.Ledger:
    found = _LEDGER.one(tx, _named(target))
    return rows.to_ledger(found) if found else records.Ledger(target)


def write(tx: Transaction, new: records.Ledger, *, events: Sequence[records.Event], at: str) -> None:
    old = ledger(tx, new.target)
    _put(tx, tables.targets, values=[rows.of_ledger(new)])
    _note_rollout(tx, old, new=new, over=ends.ended(old, new, events=events), at=at)
    append(tx, events)


def _note_rollout(
    tx: Transaction, old: records.Ledger, *, new: records.Ledger, over: ends.Ended | None, at: str
) -> None:
    before, after = old.rollout, new.rollout
    if after is not None and (before is None or (before.id, before.phase) != (after.id, after.phase)):
        _put(tx, tables.rollouts, values=[rows.of_rollout(after)])
    if over is not None:
        last = {"of": over.rollout, "ended_at": at, "outcome": over.end.value, "because": over.because}
        _END_ROLLOUT.run(tx, [last])


def append(tx: Transaction, new: Sequence[records.Event]) -> None:
    if not new:
        return
    sequence, previous = head(tx)
    for event in new:
        linked = chain.link(previous, sequence + 1, event)
        sequence, previous = linked.sequence, linked.hash
        _NEW_EVENT.run(tx, [rows.of_event(linked)])


def head(tx: Transaction) -> tuple[int, str]:
    found = _HEAD.one(tx)
    return (found["sequence"], found["hash"]) if found else chain.FIRST


def events(tx: Transaction, *, after: int, limit: int) -> tuple[records.ChainedEvent, ...]:
    return tuple(rows.to_event(row) for row in _EVENTS.all(tx, {"after": after, "most": limit}))


def history(tx: Transaction, target: ids.TargetKey, *, limit: int) -> tuple[records.ChainedEvent, ...]:
    table = tables.events
    query = sa.select(table).where(_of(table)).order_by(table.c.sequence.desc()).limit(limit)
    return tuple(rows.to_event(row) for row in tx.execute(query, _named(target)).mappings())


def inventory(tx: Transaction, target: ids.TargetKey) -> tuple[records.InventoryRow, ...]:
    return tuple(rows.to_inventory(row) for row in _INVENTORY.all(tx, _named(target)))


def owner(tx: Transaction, key: ids.ObjectKey, *, among: Sequence[ids.TargetKey]) -> ids.TargetKey | None:
    """Few targets know one object, so the rest is sorted out here and no query grows with the cluster."""
    found = [rows.to_target(row) for row in _OWNERS.all(tx, {"object": key.path})]
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
    _NEW_INTENT.run(tx, (rows.of_intent(intent, epoch=epoch) for intent in intents if intent.operation not in known))
    again = [operation for operation, row in known.items() if row["result"] not in FINAL]
    reopened = {"epoch": epoch, "result": None, "because": "", "settled_at": None}
    _REOPEN.run(tx, ({"of": operation, **reopened} for operation in again))
    new = (intent for intent in intents if intent.verb is records.Verb.APPLY and not intent.maker)
    _PENDING.run(tx, map(rows.pending, new))
    _TAKEN.run(tx, (rows.pending(intent) for intent in intents if intent.maker))


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
    _SETTLE.run(tx, outcomes)
    last: dict[tuple[ids.TargetKey, ids.ObjectKey], records.InventoryRow | None] = {}
    for settled in news:
        target = rows.to_target(known[settled.operation])
        if settled.row is not None:
            last[target, settled.row.key] = settled.row
        if settled.forget is not None:
            last[target, settled.forget] = None
    _put(tx, tables.inventory, values=[rows.of_inventory(target, row) for (target, _), row in last.items() if row])
    _forget(tx, [(target, key) for (target, key), row in last.items() if row is None])


def _known(tx: Transaction, operations: Sequence[str]) -> dict[str, rows.Row]:
    """The recorded intents among these, by operation."""
    asked = ((operation, _KNOWN.one(tx, {"of": operation})) for operation in operations)
    return {operation: row for operation, row in asked if row is not None}


def _same_deed(intent: records.Intent, known: rows.Row | None) -> None:
    if known is None:
        return
    recorded = rows.to_intent(known)
    if (recorded.target, recorded.verb, recorded.subject) != (intent.target, intent.verb, intent.subject):
        raise errors.Terminal(
            f"Operation {intent.operation} is recorded as {recorded.verb.value} of {recorded.subject}: an id is used "
            "once."
        )


def _forget(tx: Transaction, objects: Sequence[tuple[ids.TargetKey, ids.ObjectKey]]) -> None:
    _FORGET.run(tx, ({**_named(target), "object": key.path} for target, key in objects))


def open_intents(tx: Transaction, target: ids.TargetKey) -> tuple[records.Intent, ...]:
    return tuple(rows.to_intent(row) for row in _OPEN_INTENTS.all(tx, _named(target)))


def ask(tx: Transaction, request: records.Request) -> None:
    tx.execute(sa.insert(tables.requests).values(rows.of_request(request)))


def open_requests(tx: Transaction) -> tuple[records.Request, ...]:
    return tuple(rows.to_request(row) for row in _OPEN_REQUESTS.all(tx))


def answer(tx: Transaction, id_: str, *, answer: str) -> None:
    table = tables.requests
    if not tx.execute(sa.update(table).where(table.c.id == id_).values(answer=answer)).rowcount:
        raise errors.Terminal(f"The journal has no request {id_}: it cannot be answered.")


def request(tx: Transaction, id_: str) -> records.Request | None:
    table = tables.requests
    found = tx.execute(sa.select(table).where(table.c.id == id_)).mappings().first()
    return rows.to_request(found) if found else None


def _put(tx: Transaction, table: sa.Table, *, values: Sequence[rows.Values]) -> None:
    _PUT[table.name].run(tx, values)
