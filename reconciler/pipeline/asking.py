"""Acting on what people asked for. Every request gets an answer; only the leader's pass over the target gives it."""

from dataclasses import replace

from reconciler.model import outcomes, records
from reconciler.pipeline import drift, world


async def act(here: world.World, ledger: records.Ledger, *, its_drift: drift.Drift) -> records.Ledger:
    """Carry out the open requests for this target, oldest first. A revert is left for the cycle, which knows how."""
    for request in await here.journal.open_requests():
        if request.target != ledger.target or request.kind is records.RequestKind.REVERT:
            continue
        ledger, answer, kind = _apply(ledger, request, at=here.at())
        if request.kind in (records.RequestKind.SYNC, records.RequestKind.RESUME):
            its_drift.at_once(ledger.target)
            its_drift.suspect(ledger.target, f"{request.who} asked for a {request.kind.value}")
        because = f"{request.kind.value} asked by {request.who}: {answer}"
        event = here.event(kind, because, target=ledger.target, request=request.id, why=request.why)
        await here.write(ledger, event)
        await here.journal.answer(request, answer=answer, epoch=here.epoch)
    return ledger


def _apply(
    ledger: records.Ledger, request: records.Request, *, at: str
) -> tuple[records.Ledger, str, records.EventKind]:
    """The ledger after the request, the answer to the person, and the event that records it."""
    handled = records.EventKind.REQUEST_HANDLED
    match request.kind:
        case records.RequestKind.PAUSE:
            return replace(ledger, pause=records.Pause(request.who, request.why, at)), "paused", handled
        case records.RequestKind.RESUME:
            running = ledger.rollout.id if ledger.rollout else ""
            return replace(ledger, pause=None, stopped="", brake_off=running), "resumed", handled
        case records.RequestKind.CONFIRM:
            yes = records.Confirmation(request.argument, request.who, at)
            confirmed = (*ledger.confirmations[-9:], yes)
            return replace(ledger, confirmations=confirmed), f"prunes of {request.argument[:12]} confirmed", handled
        case records.RequestKind.ACCEPT_HISTORY:
            return replace(ledger, accepted_history=request.argument), f"{request.argument[:12]} accepted", handled
        case records.RequestKind.RELEASE_QUARANTINE:
            return _released(ledger, request)
        case _:
            return ledger, "looking at it now", handled


def _released(ledger: records.Ledger, request: records.Request) -> tuple[records.Ledger, str, records.EventKind]:
    digest = request.argument
    kept = tuple(found for found in ledger.quarantined if digest and not found.input_digest.startswith(digest))
    count = len(ledger.quarantined) - len(kept)
    answer = f"{count} released" if count else "no such digest is in quarantine"
    released = replace(ledger, quarantined=kept, hold=_without_quarantine(ledger.hold))
    return released, answer, records.EventKind.QUARANTINE_RELEASED


def _without_quarantine(hold: outcomes.Hold | None) -> outcomes.Hold | None:
    over = (outcomes.HoldReason.QUARANTINED, outcomes.HoldReason.FIRST_FAILED)
    return None if hold and hold.reason in over else hold
