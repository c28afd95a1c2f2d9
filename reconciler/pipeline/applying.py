"""Carrying changes out: intents first, then the calls, then what became of them (I1)."""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reconciler import errors, kinds, ports
from reconciler.model import ids, live, manifests, outcomes, plans, records, rollouts
from reconciler.pipeline import world

BATCH = 200
"""Intents recorded in one transaction, whatever the ranks of their kinds: one disk flush for all, and at most this many
calls may still land after a leader was paused (I2)."""

Reply = live.Applied | live.Deleted | live.Refused | BaseException

GONE = frozenset({live.Why.UID_CHANGED, live.Why.STALE})
"""Refusals of a delete or a handover that hold nothing up: the object is another one now, and is planned again."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a wave did. `carried`: what the server answered as applied or deleted, no refusal among it. `held` is set
    when the server refused something; what was applied before stays recorded."""

    created: tuple[ids.ObjectKey, ...] = ()
    carried: tuple[ids.ObjectKey, ...] = ()
    held: outcomes.Hold | None = None


async def carry_out(
    here: world.World,
    rollout: rollouts.Rollout,
    changes: Sequence[plans.Change],
    *,
    doubt: Callable[[Sequence[ids.ObjectKey]], None],
) -> Done:
    """Apply `changes`: in the order of their kinds, those of one rank at once. `doubt` is told which of them have an
    unknown outcome: what was sent may still arrive.

    Raises `errors.Transient` when an outcome is unknown or the server cannot be reached; every intent is settled
    before, so that the next pass plans from what is live.
    """
    total = Done()
    rows = {row.key: row for row in await here.journal.inventory(rollout.target)}
    ordered = sorted(changes, key=lambda change: (kinds.rank(change.key), change.key))
    for batch in _batched(ordered):
        done = await _batch(here, rollout, batch, rows=rows, doubt=doubt)
        total = Done(total.created + done.created, total.carried + done.carried, done.held)
        if done.held:
            return total
    return total


async def prune(here: world.World, rollout: rollouts.Rollout, changes: Sequence[plans.Change]) -> Done:
    """Delete what the plan prunes, in the plan's order (reverse of the kinds), by UID (I7)."""
    intents = [_intent(here, rollout, change, verb=_verb(change)) for change in changes]
    await here.journal.intend(intents, epoch=here.epoch)
    cluster = here.cluster_of(rollout.target)
    held: outcomes.Hold | None = None
    settled: list[records.Settled] = []
    carried: list[ids.ObjectKey] = []
    try:
        for change, intent in zip(changes, intents, strict=True):
            reply = await _carried_out(cluster, change, intent)
            settled.append(_settled(intent, change, reply, before=None))
            if not isinstance(reply, live.Refused):
                carried.append(change.key)
            elif reply.why not in GONE:
                held = _hold(reply)
                break
    finally:
        rest = intents[len(settled) :]
        unknown = [records.Settled(intent.operation, records.Result.UNKNOWN, "not carried out") for intent in rest]
        await here.journal.settle(settled + unknown, epoch=here.epoch)
    return Done(carried=tuple(carried), held=held)


async def _batch(
    here: world.World,
    rollout: rollouts.Rollout,
    changes: Sequence[plans.Change],
    *,
    rows: Mapping[ids.ObjectKey, records.InventoryRow],
    doubt: Callable[[Sequence[ids.ObjectKey]], None],
) -> Done:
    intents = [_intent(here, rollout, change, verb=_verb(change)) for change in changes]
    await here.journal.intend(intents, epoch=here.epoch)
    replies = await _replies(here.cluster_of(rollout.target), list(zip(changes, intents, strict=True)))
    answered = list(zip(changes, replies, strict=False))  # the rest was not sent
    settled = [
        _settled(intent, change, reply, before=rows.get(change.key))
        for intent, (change, reply) in zip(intents, answered, strict=False)
    ]
    rest = zip(intents[len(replies) :], changes[len(replies) :], strict=True)
    settled += [_unsent(intent, change, before=rows.get(change.key)) for intent, change in rest]
    await here.journal.settle(settled, epoch=here.epoch)
    doubt([change.key for change, reply in answered if isinstance(reply, BaseException)])
    for reply in replies:
        if isinstance(reply, BaseException):
            raise reply
    refused = [reply for reply in replies if isinstance(reply, live.Refused) and _stops(reply)]
    created = tuple(reply.live.meta.key for reply in replies if isinstance(reply, live.Applied) and reply.created)
    carried = tuple(change.key for change, reply in answered if not isinstance(reply, live.Refused))
    return Done(created, carried, _hold(refused[0]) if refused else None)


async def _replies(cluster: ports.Cluster, deeds: Sequence[tuple[plans.Change, records.Intent]]) -> list[Reply]:
    """To the calls of one rank after the other, those of a rank at once; none is sent of the ranks that follow one in
    which something went wrong."""
    replies: list[Reply] = []
    for _, rank in itertools.groupby(deeds, key=lambda deed: kinds.rank(deed[0].key)):
        if any(_stops(reply) for reply in replies):
            break
        replies += await asyncio.gather(
            *(_carried_out(cluster, change, intent) for change, intent in rank), return_exceptions=True
        )
    return replies


def _stops(reply: Reply) -> bool:
    return isinstance(reply, BaseException) or (isinstance(reply, live.Refused) and reply.why not in GONE)


def _verb(change: plans.Change) -> records.Verb:
    """Replaced is deleted: the next round of the same rollout finds it absent, and makes it again. Taken over is handed
    over: the next round finds it ours, and applies what differs."""
    if change.handover:
        return records.Verb.HAND_OVER
    deleted = change.action in (plans.Action.REPLACED, plans.Action.PRUNED)
    return records.Verb.DELETE if deleted else records.Verb.APPLY


async def _carried_out(
    cluster: ports.Cluster, change: plans.Change, intent: records.Intent
) -> live.Applied | live.Deleted | live.Refused:
    if change.handover:
        return await cluster.hand_over(change.key, change.handover, operation=intent.operation)
    if intent.verb is records.Verb.DELETE:
        return await cluster.delete(
            change.key, uid=change.uid, operation=intent.operation, propagation=change.propagation
        )
    return await cluster.apply(_manifest(change), operation=intent.operation, force=change.force)


def _settled(
    intent: records.Intent,
    change: plans.Change,
    reply: Reply,
    *,
    before: records.InventoryRow | None,
) -> records.Settled:
    """`before`: the object's inventory row before the intent."""
    if intent.verb is records.Verb.DELETE and isinstance(reply, live.Deleted | live.Refused):
        return _after_delete(intent, change, reply)
    if intent.verb is records.Verb.HAND_OVER:
        return _after_handover(intent, change, reply, before=before)
    return _after_apply(intent, change, reply, before=before)


def _manifest(change: plans.Change) -> manifests.Manifest:
    if change.manifest is None:
        raise errors.Terminal(f"{change.key}: the plan has no manifest to apply")
    return change.manifest


def _intent(
    here: world.World, rollout: rollouts.Rollout, change: plans.Change, *, verb: records.Verb
) -> records.Intent:
    digest = change.manifest.digest if change.manifest else ""
    return records.Intent(
        here.chance.operation_id(),
        rollout.target,
        verb,
        change.key.path,
        digest,
        here.at(),
        rollout.id,
        maker=_maker(change),
    )


def _maker(change: plans.Change) -> str:
    """What the row of an object that is taken over says in the place of a rollout; '' for any other change. It is noted
    with the intent: were the answer lost, the next pass would find the object ours like any other."""
    if change.action is not plans.Action.ADOPTED:
        return ""
    return records.ADOPTED if change.handover else records.HANDED


def _after_apply(
    intent: records.Intent,
    change: plans.Change,
    reply: Reply,
    *,
    before: records.InventoryRow | None,
) -> records.Settled:
    """Who made the object stays what the inventory knows of it; a re-apply does not change that."""
    if isinstance(reply, live.Applied):
        meta = reply.live.meta
        made_by = intent.rollout if reply.created else intent.maker or (before.rollout if before else "")
        row = records.InventoryRow(
            change.key, meta.uid, intent.manifest_digest, meta.entry, meta.resource_version, made_by
        )
        return records.Settled(intent.operation, records.Result.DONE, change.action.value, row=row)
    if isinstance(reply, live.Refused):
        return _refused(intent, change, reply, before=before)
    return records.Settled(intent.operation, records.Result.UNKNOWN, str(reply))


def _after_delete(intent: records.Intent, change: plans.Change, reply: live.Deleted | live.Refused) -> records.Settled:
    if isinstance(reply, live.Deleted):
        because = "gone" if reply.gone else f"held by {', '.join(reply.finalizers) or 'its children'}"
        gone = change.key if reply.gone else None
        return records.Settled(intent.operation, records.Result.DONE, because, forget=gone)
    if reply.why is live.Why.UID_CHANGED:
        because = "another object has the name now: not ours"
        return records.Settled(intent.operation, records.Result.DONE, because, forget=change.key)
    return records.Settled(intent.operation, records.Result.REFUSED, reply.message)


def _after_handover(
    intent: records.Intent,
    change: plans.Change,
    reply: Reply,
    *,
    before: records.InventoryRow | None,
) -> records.Settled:
    """Taken over it gets a row without a digest, so that the next round applies its manifest; given up it loses its."""
    if isinstance(reply, live.Refused):
        return _refused(intent, change, reply, before=before)
    if not isinstance(reply, live.Applied):
        return records.Settled(intent.operation, records.Result.UNKNOWN, str(reply))
    if change.action is plans.Action.ORPHANED:
        return records.Settled(intent.operation, records.Result.DONE, change.action.value, forget=change.key)
    meta = reply.live.meta
    row = records.InventoryRow(change.key, meta.uid, "", meta.entry, meta.resource_version, records.ADOPTED)
    return records.Settled(intent.operation, records.Result.DONE, change.action.value, row=row)


def _refused(
    intent: records.Intent, change: plans.Change, reply: live.Refused, *, before: records.InventoryRow | None
) -> records.Settled:
    """The row is again what it was before the intent: what was neither made nor taken has none."""
    noted = change.action in (plans.Action.CREATED, plans.Action.ADOPTED)
    row = before if intent.maker else None
    forget = change.key if noted and row is None else None
    return records.Settled(intent.operation, records.Result.REFUSED, reply.message, row=row, forget=forget)


def _unsent(intent: records.Intent, change: plans.Change, *, before: records.InventoryRow | None) -> records.Settled:
    """As if it had not been intended. A row of before stays: an earlier write of the object may still arrive."""
    row = before if intent.maker else None
    forget = None if before else change.key
    because = "not sent, since what comes before it went wrong"
    return records.Settled(intent.operation, records.Result.ABANDONED, because, row=row, forget=forget)


def _hold(refused: live.Refused) -> outcomes.Hold:
    reasons = {
        live.Why.OWNERSHIP: outcomes.HoldReason.FOREIGN_MANAGER,
        live.Why.NO_RIGHT: outcomes.HoldReason.RIGHTS_MISSING,
    }
    reason = reasons.get(refused.why, outcomes.HoldReason.REFUSED)
    return outcomes.Hold(reason, f"{refused.key}: {refused.message}")


def _batched(changes: list[plans.Change]) -> list[tuple[plans.Change, ...]]:
    return [tuple(changes[start : start + BATCH]) for start in range(0, len(changes), BATCH)]
