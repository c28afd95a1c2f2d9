"""The SQL of the journal: each function runs inside the transaction it is given.

A query stands in its function; what is written to a table by several stands above them. The columns and the values are
named alike: `rows` gives them.
"""

import json
from collections.abc import Sequence

from reconciler import errors
from reconciler.edges.journal import rows, transactions
from reconciler.model import ids, records
from reconciler.record import chain, ends

Transaction = transactions.Transaction

FINAL = (records.Result.DONE.value, records.Result.REFUSED.value)
"""Outcomes that stand. What was unknown or abandoned may still be found out, or be tried again."""

_PUT_LEDGER = """
    INSERT INTO targets (environment, application, shape, ledger, outcome, hold, revision, last_good)
    VALUES (:environment, :application, :shape, :ledger, :outcome, :hold, :revision, :last_good)
    ON CONFLICT (environment, application) DO UPDATE SET
        shape = excluded.shape, ledger = excluded.ledger, outcome = excluded.outcome, hold = excluded.hold,
        revision = excluded.revision, last_good = excluded.last_good
"""
_PUT_ROLLOUT = """
    INSERT INTO rollouts (
        id, environment, application, purpose, revision, input_digest, phase, started_at, ended_at, outcome, because
    )
    VALUES (
        :id, :environment, :application, :purpose, :revision, :input_digest, :phase, :started_at, NULL, '', :because
    )
    ON CONFLICT (id) DO UPDATE SET
        environment = excluded.environment, application = excluded.application, purpose = excluded.purpose,
        revision = excluded.revision, input_digest = excluded.input_digest, phase = excluded.phase,
        started_at = excluded.started_at, ended_at = NULL, outcome = '', because = excluded.because
"""
_END_ROLLOUT = "UPDATE rollouts SET ended_at = :ended_at, outcome = :outcome, because = :because WHERE id = :id"

_NEW_EVENT = """
    INSERT INTO events (sequence, at, kind, environment, application, because, data, previous, hash)
    VALUES (:sequence, :at, :kind, :environment, :application, :because, :data, :previous, :hash)
"""

_NEW_INTENT = """
    INSERT INTO intents (
        operation, environment, application, verb, subject, manifest_digest, epoch, rollout, at, result, because,
        settled_at
    )
    VALUES (
        :operation, :environment, :application, :verb, :subject, :manifest_digest, :epoch, :rollout, :at, NULL, '',
        NULL
    )
"""
_REOPEN = (
    "UPDATE intents SET epoch = :epoch, result = NULL, because = '', settled_at = NULL WHERE operation = :operation"
)
_SETTLE = """
    UPDATE intents SET result = :result, because = :because, settled_at = :settled_at WHERE operation = :operation
"""

_OBJECT = """
    INSERT INTO inventory (
        environment, application, object, uid, manifest_digest, entry, resource_version, rollout, drifted
    )
    VALUES (
        :environment, :application, :object, :uid, :manifest_digest, :entry, :resource_version, :rollout, :drifted
    )
    ON CONFLICT (environment, application, object)
"""
_PUT_OBJECT = f"""{_OBJECT} DO UPDATE SET
        uid = excluded.uid, manifest_digest = excluded.manifest_digest, entry = excluded.entry,
        resource_version = excluded.resource_version, rollout = excluded.rollout, drifted = excluded.drifted
"""
_PENDING = f"{_OBJECT} DO NOTHING"
_TAKEN = f"{_OBJECT} DO UPDATE SET rollout = excluded.rollout"
"""Of a row that is there already only what it says of who made the object is replaced."""
_FORGET = """
    DELETE FROM inventory WHERE environment = :environment AND application = :application AND object = :object
"""


def lead(tx: Transaction, holder: str, *, at: str) -> int:
    new = epoch(tx) + 1
    begin(tx, new, holder=holder, at=at)
    return new


def begin(tx: Transaction, epoch: int, *, holder: str, at: str) -> None:
    """From now on `holder` leads, in `epoch`."""
    tx.run(
        "INSERT INTO leadership (epoch, holder, since) VALUES (:epoch, :holder, :since)",
        {"epoch": epoch, "holder": holder, "since": at},
    )


def epoch(tx: Transaction) -> int:
    found = tx.one("SELECT max(epoch) AS newest FROM leadership")
    return (found["newest"] if found else None) or 0


def leader(tx: Transaction) -> str:
    """Who led last, in words for a person."""
    found = tx.one("SELECT * FROM leadership ORDER BY epoch DESC LIMIT 1")
    return f"{found['holder']} (epoch {found['epoch']}, since {found['since']})" if found else "Another process"


def check_epoch(tx: Transaction, ours: int) -> None:
    if (newest := epoch(tx)) != ours:
        raise errors.LeadershipLost(
            f"Epoch {ours} is over: {leader(tx)} leads. This daemon stops writing; epoch {newest} goes on."
        )


def targets(tx: Transaction) -> tuple[ids.TargetKey, ...]:
    found = tx.all("SELECT environment, application FROM targets ORDER BY environment, application")
    return tuple(rows.to_target(row) for row in found)


def ledger(tx: Transaction, target: ids.TargetKey) -> records.Ledger:
    found = tx.one(
        "SELECT * FROM targets WHERE environment = :environment AND application = :application", rows.of_target(target)
    )
    return rows.to_ledger(found) if found else records.Ledger(target)


def write(tx: Transaction, new: records.Ledger, *, events: Sequence[records.Event], at: str) -> None:
    old = ledger(tx, new.target)
    tx.run(_PUT_LEDGER, rows.of_ledger(new))
    _note_rollout(tx, old, new=new, over=ends.ended(old, new, events=events), at=at)
    append(tx, events)


def _note_rollout(
    tx: Transaction, old: records.Ledger, *, new: records.Ledger, over: ends.Ended | None, at: str
) -> None:
    before, after = old.rollout, new.rollout
    if after is not None and (before is None or (before.id, before.phase) != (after.id, after.phase)):
        tx.run(_PUT_ROLLOUT, rows.of_rollout(after))
    if over is not None:
        last = {"id": over.rollout, "ended_at": at, "outcome": over.end.value, "because": over.because}
        tx.run(_END_ROLLOUT, last)


def append(tx: Transaction, new: Sequence[records.Event]) -> None:
    if not new:
        return
    sequence, previous = head(tx)
    for event in new:
        linked = chain.link(previous, sequence + 1, event)
        sequence, previous = linked.sequence, linked.hash
        tx.run(_NEW_EVENT, rows.of_event(linked))


def head(tx: Transaction) -> tuple[int, str]:
    found = tx.one("SELECT sequence, hash FROM events ORDER BY sequence DESC LIMIT 1")
    return (found["sequence"], found["hash"]) if found else chain.FIRST


def events(tx: Transaction, *, after: int, limit: int) -> tuple[records.ChainedEvent, ...]:
    found = tx.all(
        "SELECT * FROM events WHERE sequence > :after ORDER BY sequence LIMIT :most", {"after": after, "most": limit}
    )
    return tuple(map(rows.to_event, found))


def history(tx: Transaction, target: ids.TargetKey, *, limit: int) -> tuple[records.ChainedEvent, ...]:
    found = tx.all(
        """
        SELECT * FROM events WHERE environment = :environment AND application = :application
        ORDER BY sequence DESC LIMIT :most
        """,
        {**rows.of_target(target), "most": limit},
    )
    return tuple(map(rows.to_event, found))


def inventory(tx: Transaction, target: ids.TargetKey) -> tuple[records.InventoryRow, ...]:
    found = tx.all(
        "SELECT * FROM inventory WHERE environment = :environment AND application = :application ORDER BY object",
        rows.of_target(target),
    )
    return tuple(map(rows.to_inventory, found))


def owners(
    tx: Transaction, keys: Sequence[ids.ObjectKey], *, among: Sequence[ids.TargetKey]
) -> dict[ids.ObjectKey, ids.TargetKey]:
    """Few targets know one object, so the rest is sorted out here and no query grows with the cluster."""
    by_path = {key.path: key for key in keys}
    found = tx.all(
        "SELECT object, environment, application FROM inventory WHERE object IN (SELECT value FROM json_each(:objects))"
        " ORDER BY environment DESC, application DESC",
        {"objects": json.dumps(list(by_path))},
    )
    owned = ((by_path[row["object"]], rows.to_target(row)) for row in found)
    return {key: target for key, target in owned if target in among}  # of several the first, which is read last


def learn(
    tx: Transaction,
    target: ids.TargetKey,
    *,
    learnt: Sequence[records.InventoryRow],
    forget: Sequence[ids.ObjectKey],
) -> None:
    tx.each(_PUT_OBJECT, (rows.of_inventory(target, row) for row in learnt))
    _forget(tx, [(target, key) for key in forget])


def intend(tx: Transaction, intents: Sequence[records.Intent], *, epoch: int) -> None:
    """An operation that was intended before (a push repeated after a crash pushes the same commit) is open again,
    under the new epoch, unless it has a final outcome. Raises Terminal when it was another deed."""
    known = _known(tx, [intent.operation for intent in intents])
    for intent in intents:
        _same_deed(intent, known.get(intent.operation))
    tx.each(_NEW_INTENT, (rows.of_intent(intent, epoch=epoch) for intent in intents if intent.operation not in known))
    again = [operation for operation, row in known.items() if row["result"] not in FINAL]
    tx.each(_REOPEN, ({"operation": operation, "epoch": epoch} for operation in again))
    new = (intent for intent in intents if intent.verb is records.Verb.APPLY and not intent.maker)
    tx.each(_PENDING, map(rows.pending, new))
    tx.each(_TAKEN, (rows.pending(intent) for intent in intents if intent.maker))


def settle(tx: Transaction, results: Sequence[records.Settled], *, at: str) -> None:
    """The first final outcome stands: who died between settling and the next write tells it once more."""
    known = _known(tx, [settled.operation for settled in results])
    if missing := next((settled.operation for settled in results if settled.operation not in known), ""):
        raise errors.Terminal(f"The journal has no intent {missing}: it cannot be settled.")
    news = [settled for settled in results if known[settled.operation]["result"] not in FINAL]
    outcomes = (
        {"operation": found.operation, "result": found.result.value, "because": found.because, "settled_at": at}
        for found in news
    )
    tx.each(_SETTLE, outcomes)
    last: dict[tuple[ids.TargetKey, ids.ObjectKey], records.InventoryRow | None] = {}
    for settled in news:
        target = rows.to_target(known[settled.operation])
        if settled.row is not None:
            last[target, settled.row.key] = settled.row
        if settled.forget is not None:
            last[target, settled.forget] = None
    tx.each(_PUT_OBJECT, (rows.of_inventory(target, row) for (target, _), row in last.items() if row))
    _forget(tx, [(target, key) for (target, key), row in last.items() if row is None])


def _known(tx: Transaction, operations: Sequence[str]) -> dict[str, rows.Row]:
    """The recorded intents among these, by operation."""
    query = "SELECT * FROM intents WHERE operation = :operation"
    asked = ((operation, tx.one(query, {"operation": operation})) for operation in operations)
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
    tx.each(_FORGET, ({**rows.of_target(target), "object": key.path} for target, key in objects))


def open_intents(tx: Transaction, target: ids.TargetKey) -> tuple[records.Intent, ...]:
    found = tx.all(
        """
        SELECT * FROM intents WHERE environment = :environment AND application = :application AND result IS NULL
        ORDER BY at, operation
        """,
        rows.of_target(target),
    )
    return tuple(map(rows.to_intent, found))


def ask(tx: Transaction, request: records.Request) -> None:
    tx.run(
        """
        INSERT INTO requests (id, kind, environment, application, who, why, at, argument, answer)
        VALUES (:id, :kind, :environment, :application, :who, :why, :at, :argument, :answer)
        """,
        rows.of_request(request),
    )


def open_requests(tx: Transaction) -> tuple[records.Request, ...]:
    return tuple(map(rows.to_request, tx.all("SELECT * FROM requests WHERE answer = '' ORDER BY sequence")))


def answer(tx: Transaction, id_: str, *, answer: str) -> None:
    if not tx.run("UPDATE requests SET answer = :answer WHERE id = :id", {"answer": answer, "id": id_}):
        raise errors.Terminal(f"The journal has no request {id_}: it cannot be answered.")


def request(tx: Transaction, id_: str) -> records.Request | None:
    found = tx.one("SELECT * FROM requests WHERE id = :id", {"id": id_})
    return rows.to_request(found) if found else None
