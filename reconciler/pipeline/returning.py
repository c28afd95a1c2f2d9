"""A person asks to go back: the same way as after a failure, with their name and reason (`reconciler revert`)."""

from reconciler import errors
from reconciler.ending import destination, judge
from reconciler.model import records, rollouts
from reconciler.pipeline import failing, heads, world
from reconciler.source import desired


class Returning:
    def __init__(self, here: world.World, its_heads: heads.Heads, its_failing: failing.Failing) -> None:
        self._here = here
        self._heads = its_heads
        self._failing = its_failing

    async def go_back(
        self, ledger: records.Ledger, request: records.Request, head: heads.Prepared
    ) -> tuple[records.Ledger, str]:
        """Take what runs, or is about to, out of service and begin the return. The ledger, and the answer."""
        leaving = desired.choose(head.inputs, ledger)
        where = await self._where(ledger, request, leaving)
        if isinstance(where, destination.Refusal):
            return ledger, f"refused: {where.because}"
        undoes = self._made_by(ledger, leaving)
        running = ledger.rollout
        returned = destination.returned(self._quarantined(ledger, request, leaving), where)
        own, shared = await self._failing.differing(returned, head)
        because = f"{request.who}: {request.why}"
        ending = judge.revert(where, git=head.target.git, own=own, shared=shared, because=because)
        failure = rollouts.Failure(head.inputs.revision, head.inputs.digest, request.why, asked_by=request.who)
        digest, revision = leaving.input_digest, leaving.revision
        events = [failing.quarantine_event(self._here, ledger.target, revision, digest=digest)]
        if running:
            because = f"{running.purpose.of} {running.revision[:12]} makes way: {because}"
            events.insert(0, self._here.event(records.EventKind.PREEMPTED, because, target=ledger.target))
        self._failing.forget(ledger.target)
        ledger = await self._failing.go_back(returned, failure, ending, *events, undoes=undoes)
        git = f"Git stays as it is: {ending.pinned}" if ending.pinned else "a revert commit follows"
        return ledger, f"going back to {where.revision[:12]}; {git}"

    async def _where(
        self, ledger: records.Ledger, request: records.Request, leaving: desired.Desired
    ) -> records.Good | destination.Refusal:
        if ledger.pause:
            return destination.Refusal(f"paused by {ledger.pause.who}: resume first")
        if not leaving.input_digest:
            return destination.Refusal("there is no last good: commit what should run instead")
        if not request.argument:
            return destination.before(ledger, leaving.input_digest)
        try:
            named = await self._heads.prepare(ledger.target, request.argument)
        except errors.ReconcilerError as error:
            return destination.Refusal(f"{request.argument[:12]} cannot be read: {error}")
        digest = named.inputs.digest
        return destination.named(ledger, leaving.input_digest, revision=request.argument, digest=digest)

    def _made_by(self, ledger: records.Ledger, leaving: desired.Desired) -> str:
        """The rollout whose objects go with it: the one under way, or the one that made the present good."""
        if ledger.rollout and ledger.rollout.input_digest == leaving.input_digest:
            return ledger.rollout.id
        good = ledger.last_good
        return good.rollout if good and good.input_digest == leaving.input_digest else ""

    def _quarantined(
        self, ledger: records.Ledger, request: records.Request, leaving: desired.Desired
    ) -> records.Ledger:
        found = records.Quarantine(leaving.input_digest, leaving.revision, request.why, self._here.at(), by=request.who)
        return failing.with_quarantine(ledger, found)
