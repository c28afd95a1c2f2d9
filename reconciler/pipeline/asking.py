"""Acting on what people asked for. Every request gets an answer; only the leader's pass over the target gives it."""

from dataclasses import dataclass, replace

from reconciler import errors
from reconciler.model import outcomes, records
from reconciler.pipeline import drift, heads, returning, world

Kind = records.RequestKind


@dataclass(frozen=True, slots=True)
class Answered:
    """The ledger after a request, the answer to the person, and the kind of event that records it."""

    ledger: records.Ledger
    answer: str
    event: records.EventKind = records.EventKind.REQUEST_HANDLED


class Asking:
    def __init__(
        self,
        here: world.World,
        its_heads: heads.Heads,
        its_drift: drift.Drift,
        its_returning: returning.Returning,
    ) -> None:
        self._here = here
        self._heads = its_heads
        self._drift = its_drift
        self._returning = its_returning

    async def act(self, ledger: records.Ledger) -> records.Ledger:
        """Carry out the open requests for this target, oldest first. One that needs the head waits for the first
        poll."""
        for request in await self._here.journal.open_requests():
            if request.target != ledger.target:
                continue
            answered = await self._answer(ledger, request)
            if answered is None:
                continue
            ledger = answered.ledger
            if request.kind in (Kind.SYNC, Kind.RESUME):
                self._drift.at_once(ledger.target)
                self._drift.suspect(ledger.target, f"{request.who} asked for a {request.kind.value}")
            because = f"{request.kind.value} asked by {request.who}: {answered.answer}"
            event = self._here.event(answered.event, because, target=ledger.target, request=request.id, why=request.why)
            await self._here.write(ledger, event)
            await self._here.journal.answer(request, answer=answered.answer, epoch=self._here.epoch)
        return ledger

    async def _answer(self, ledger: records.Ledger, request: records.Request) -> Answered | None:
        """None: not yet."""
        match request.kind:
            case Kind.REVERT:
                return await self._revert(ledger, request)
            case Kind.ACCEPT_HISTORY:
                return await self._accept(ledger, request)
            case Kind.PAUSE:
                pause = records.Pause(request.who, request.why, self._here.at())
                return Answered(replace(ledger, pause=pause), "paused")
            case Kind.RESUME:
                return Answered(self._resumed(ledger), "resumed")
            case Kind.CONFIRM:
                yes = records.Confirmation(request.argument, request.who, self._here.at())
                confirmed = replace(ledger, confirmations=(*ledger.confirmations[-9:], yes))
                return Answered(confirmed, f"prunes of {request.argument[:12]} confirmed")
            case Kind.RELEASE_QUARANTINE:
                return _released(ledger, request.argument)
            case Kind.SYNC:
                return Answered(ledger, "looking at it now")

    def _resumed(self, ledger: records.Ledger) -> records.Ledger:
        """The time of the pause proves nothing about a rollout that stood still: it is not counted."""
        rollout = ledger.rollout
        if rollout and ledger.pause:
            rollout = rollout.resumed(self._here.clock.monotonic())
        brake_off = rollout.id if rollout else ""
        return replace(ledger, pause=None, stopped="", brake_off=brake_off, rollout=rollout)

    async def _revert(self, ledger: records.Ledger, request: records.Request) -> Answered | None:
        head = self._heads.of(ledger.target)
        if head is None:
            return None
        if isinstance(head, outcomes.Hold):
            return Answered(ledger, f"refused: what Git holds cannot be read: {head.because}")
        after, answer = await self._returning.go_back(ledger, request, head)
        begun = after is not ledger
        return Answered(replace(after, stopped="") if begun else ledger, answer)

    async def _accept(self, ledger: records.Ledger, request: records.Request) -> Answered | None:
        """Only what the ref leads to now can be accepted: a slip of the pen must not let in something else."""
        head = self._heads.of(ledger.target)
        if head is None:
            return None
        repository, accepted = self._here.repository_of(ledger.target), request.argument
        revision = head.inputs.revision if isinstance(head, heads.Prepared) else head.revision
        try:
            leads_there = await repository.descends(revision, ancestor=accepted)
        except errors.Terminal as error:
            return Answered(ledger, f"refused: {error}")
        if not leads_there:
            return Answered(ledger, f"refused: {accepted[:12]} is not in the history of {revision[:12]}, the head")
        return Answered(replace(ledger, accepted_history=accepted), f"{accepted[:12]} accepted")


def _released(ledger: records.Ledger, digest: str) -> Answered:
    kept = tuple(found for found in ledger.quarantined if digest and not found.input_digest.startswith(digest))
    count = len(ledger.quarantined) - len(kept)
    answer = f"{count} released" if count else "no such digest is in quarantine"
    return Answered(replace(ledger, quarantined=kept), answer, records.EventKind.QUARANTINE_RELEASED)
