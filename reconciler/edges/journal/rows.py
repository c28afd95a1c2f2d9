"""Nouns of the model ↔ rows of the tables."""

import functools
import json
import sqlite3

import pydantic
import pydantic_core

from reconciler import errors
from reconciler.edges.journal import transactions
from reconciler.model import ids, records, rollouts

SHAPE = 2
"""The shape of the ledger's JSON: since 2 the keys of targets and objects are lists. It is raised where an older
version could not read it."""
READ = frozenset({1, SHAPE})

_LEDGER = pydantic.TypeAdapter(records.Ledger)

Values = transactions.Values
Row = sqlite3.Row


def of_ledger(ledger: records.Ledger) -> Values:
    good, present = ledger.last_good, ledger.present
    return {
        **of_target(ledger.target),
        "shape": SHAPE,
        "ledger": _text(ledger),
        "outcome": ledger.outcome.value if ledger.outcome else "",
        "hold": ledger.hold.reason.value if ledger.hold else "",
        "revision": present.revision if present else "",
        "last_good": good.revision if good else "",
    }


def _text(ledger: records.Ledger) -> str:
    try:
        return _LEDGER.dump_json(ledger).decode()
    except pydantic_core.PydanticSerializationError:  # of text that UTF-8 cannot carry
        return json.dumps(_LEDGER.dump_python(ledger, mode="json"), ensure_ascii=False, separators=(",", ":"))


def to_ledger(row: Row) -> records.Ledger:
    """Raises JournalUnusable for a ledger of another shape or with content that is no ledger."""
    target = to_target(row)
    if row["shape"] not in READ:
        raise errors.JournalUnusable(
            f"The ledger of {target} has shape {row['shape']}, this version reads {SHAPE}: use the version that wrote "
            "it."
        )
    try:
        return _read(row["ledger"])
    except ValueError as error:
        raise _unreadable(f"The ledger of {target}") from error


@functools.lru_cache(maxsize=1024)
def _read(text: str) -> records.Ledger:
    """Every pass reads its ledger several times between two writes, and a ledger is frozen all the way down."""
    return _LEDGER.validate_json(text)


def of_target(target: ids.TargetKey) -> Values:
    return {"environment": target.environment, "application": target.application}


def to_target(row: Row) -> ids.TargetKey:
    return ids.TargetKey(row["environment"], row["application"])


def of_inventory(target: ids.TargetKey, row: records.InventoryRow) -> Values:
    return {
        **of_target(target),
        "object": row.key.path,
        "uid": row.uid,
        "manifest_digest": row.manifest_digest,
        "entry": row.entry,
        "resource_version": row.resource_version,
        "rollout": row.rollout,
        "drifted": row.drifted,
    }


def pending(intent: records.Intent) -> Values:
    """The inventory row of an object that is about to be made or taken over: no UID, and nothing applied yet."""
    key = ids.ObjectKey.from_path(intent.subject)
    made_by = intent.maker or intent.rollout
    row = records.pending(key, rollout=made_by)
    return of_inventory(intent.target, row)


def to_inventory(row: Row) -> records.InventoryRow:
    try:
        key = ids.ObjectKey.from_path(row["object"])
    except ValueError as error:
        raise _unreadable(f"The inventory row {row['object']!r} of {to_target(row)}") from error
    return records.InventoryRow(
        key=key,
        uid=row["uid"],
        manifest_digest=row["manifest_digest"],
        entry=row["entry"],
        resource_version=row["resource_version"],
        rollout=row["rollout"],
        drifted=bool(row["drifted"]),
    )


def of_intent(intent: records.Intent, *, epoch: int) -> Values:
    return {
        **of_target(intent.target),
        "operation": intent.operation,
        "verb": intent.verb.value,
        "subject": intent.subject,
        "manifest_digest": intent.manifest_digest,
        "epoch": epoch,
        "rollout": intent.rollout,
        "at": intent.at,
    }


def to_intent(row: Row) -> records.Intent:
    try:
        verb = records.Verb(row["verb"])
    except ValueError as error:
        raise _unreadable(f"The intent {row['operation']}") from error
    return records.Intent(
        operation=row["operation"],
        target=to_target(row),
        verb=verb,
        subject=row["subject"],
        manifest_digest=row["manifest_digest"],
        at=row["at"],
        rollout=row["rollout"],
    )


def of_request(request: records.Request) -> Values:
    return {
        **of_target(request.target),
        "id": request.id,
        "kind": request.kind.value,
        "who": request.who,
        "why": request.why,
        "at": request.at,
        "argument": request.argument,
        "answer": request.answer,
    }


def to_request(row: Row) -> records.Request:
    try:
        kind = records.RequestKind(row["kind"])
    except ValueError as error:
        raise _unreadable(f"The request {row['id']}") from error
    return records.Request(
        id=row["id"],
        kind=kind,
        target=to_target(row),
        who=row["who"],
        why=row["why"],
        at=row["at"],
        argument=row["argument"],
        answer=row["answer"],
    )


def of_rollout(rollout: rollouts.Rollout) -> Values:
    return {
        **of_target(rollout.target),
        "id": rollout.id,
        "purpose": rollout.purpose.value,
        "revision": rollout.revision,
        "input_digest": rollout.input_digest,
        "phase": rollout.phase.value,
        "started_at": rollout.started_at,
        "because": rollout.because,
    }


def of_event(chained: records.ChainedEvent) -> Values:
    event = chained.event
    return {
        "sequence": chained.sequence,
        "at": event.at,
        "kind": event.kind.value,
        "environment": event.target.environment if event.target else "",
        "application": event.target.application if event.target else "",
        "because": event.because,
        "data": json.dumps(event.data, ensure_ascii=False),
        "previous": chained.previous,
        "hash": chained.hash,
    }


def to_event(row: Row) -> records.ChainedEvent:
    """Raises JournalUnusable, naming the sequence, for a row that cannot be an event any more."""
    try:
        event = records.Event(
            kind=records.EventKind(row["kind"]),
            at=row["at"],
            because=row["because"],
            target=to_target(row) if row["environment"] or row["application"] else None,
            data=tuple((name, value) for name, value in json.loads(row["data"])),
        )
    except (ValueError, TypeError) as error:
        raise _unreadable(f"Event {row['sequence']}") from error
    return records.ChainedEvent(row["sequence"], event, row["previous"], row["hash"])


def _unreadable(what: str) -> errors.JournalUnusable:
    return errors.JournalUnusable(f"{what} cannot be read: the journal was changed by hand. Restore a backup.")
