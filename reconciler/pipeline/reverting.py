"""Making Git tell the truth again after a failed release: one revert commit, never forced (E3, I22)."""

import asyncio
from dataclasses import replace

from reconciler import errors, ports
from reconciler.ending import message
from reconciler.model import outcomes, records
from reconciler.pipeline import heads, world

RETRY = 3.0
"""Seconds until a revert commit that could not be pushed is tried again."""

RACES = 5
"""Lost push races in one pass before others get their turn; the next pass goes on."""


class Reverting:
    """Pushes to one (repository, ref) are serialised."""

    def __init__(self, here: world.World, its_heads: heads.Heads) -> None:
        self._here = here
        self._heads = its_heads
        self._locks: dict[str, asyncio.Lock] = {}

    async def push(self, ledger: records.Ledger) -> records.Ledger:
        """Carry `ledger.git_revert` as far as it goes now. Raises when Git cannot be reached, may not be read or is
        too busy: the revert stays wanted. A refused push pins the cluster and pages."""
        repository = self._here.repository_of(ledger.target)
        lock = self._locks.setdefault(repository.name, asyncio.Lock())
        async with lock:
            for _ in range(RACES):
                ledger = await self._once(ledger, repository)
                if not pending(ledger):
                    return ledger
        raise errors.Transient(f"{RACES} pushes in a row lost the race against other people's")

    async def _once(self, ledger: records.Ledger, repository: ports.Repository) -> records.Ledger:
        revert = ledger.git_revert
        if revert is None:
            return ledger
        head = await repository.head()
        await repository.fetch(head)
        if revert.commit and await repository.descends(head, ancestor=revert.commit):
            return await self._pushed(ledger, revert)
        if not await self._still_holds(ledger, revert, head):
            because = f"head {head[:12]} no longer holds the failed inputs"
            return await self._end(ledger, replace(revert, step=records.GitStep.OVERTAKEN, because=because))
        await repository.check_signatures(head)  # our signature must not cover what we do not trust
        if revert.parent != head:
            await self._abandon(revert, f"head {head[:12]} came first")
            revert = await self._build(ledger, revert, repository, head)
            if revert.step is records.GitStep.PINNED:
                return await self._end(ledger, revert)
            ledger = await self._intend(ledger, revert)
        pushed = await repository.push(revert.commit, expected=revert.parent)
        match pushed.result:
            case ports.PushResult.DONE:
                return await self._pushed(ledger, revert)
            case ports.PushResult.RACED:
                return replace(ledger, git_revert=replace(revert, because=pushed.because))
            case ports.PushResult.REFUSED:
                because = f"the server refused the push: {pushed.because}"
                return await self._end(ledger, replace(revert, step=records.GitStep.PINNED, because=because))

    async def _still_holds(self, ledger: records.Ledger, revert: records.GitRevert, head: str) -> bool:
        """Pushed only if the head still holds the failed inputs for this target: a fix that came first wins."""
        try:
            prepared = await self._heads.prepare(ledger.target, head)
        except (errors.InvalidInput, errors.PathMissing):
            return False
        return prepared.inputs.digest == revert.failed.input_digest

    async def _build(
        self, ledger: records.Ledger, revert: records.GitRevert, repository: ports.Repository, head: str
    ) -> records.GitRevert:
        entry, head_hash = await self._here.journal.head()
        text = message.revert_commit(
            ledger.target, revert, installation=self._here.journal.installation, entry=entry, head_hash=head_hash
        )
        try:
            commit = await repository.commit_restoring(
                parent=head, paths=revert.paths, source=revert.good.revision, message=text
            )
        except errors.Terminal as error:
            return replace(revert, step=records.GitStep.PINNED, because=f"the commit cannot be made: {error}")
        if commit == head:
            return replace(revert, step=records.GitStep.PINNED, because="the paths are as at last good already")
        if because := await self._amiss(ledger, revert, commit):
            return replace(revert, step=records.GitStep.PINNED, because=because)
        return replace(revert, step=records.GitStep.INTENDED, commit=commit, parent=head)

    async def _amiss(self, ledger: records.Ledger, revert: records.GitRevert, commit: str) -> str:
        """Why the target would not read at `commit` what it read at last good; '' when it would. Paths that it reads
        again since they are restored may have changed meanwhile, and links may lead elsewhere. Last good is read anew:
        its digest was made by the daemon's settings of that day."""
        vain = f"restoring {', '.join(revert.paths)} would not bring back what last good read"
        try:
            good, now = [await self._heads.prepare(ledger.target, at) for at in (revert.good.revision, commit)]
        except (errors.InvalidInput, errors.PathMissing) as error:
            return f"{vain}: {error}"
        apart = {path.path for path in set(good.inputs.paths) ^ set(now.inputs.paths)}
        if not apart:
            return ""
        return f"{vain} at {revert.good.revision[:12]}: {', '.join(sorted(apart))} would differ"

    async def _intend(self, ledger: records.Ledger, revert: records.GitRevert) -> records.Ledger:
        """The commit's id is durable before the push, so that a retry pushes the same object."""
        intent = records.Intent(
            revert.commit, ledger.target, records.Verb.PUSH, revert.commit, revert.good.manifest_digest, self._here.at()
        )
        await self._here.journal.intend([intent], epoch=self._here.epoch)
        return await self._here.write(replace(ledger, git_revert=revert))

    async def _pushed(self, ledger: records.Ledger, revert: records.GitRevert) -> records.Ledger:
        because = f"{revert.commit[:12]} restores {', '.join(revert.paths)} to {revert.good.revision[:12]}"
        settled = records.Settled(revert.commit, records.Result.DONE, because)
        await self._here.journal.settle([settled], epoch=self._here.epoch)
        event = self._here.event(
            records.EventKind.REVERT_PUSHED, because, target=ledger.target, commit=revert.commit, parent=revert.parent
        )
        done = replace(revert, step=records.GitStep.PUSHED, because=because)
        return await self._here.write(replace(ledger, git_revert=done), event)

    async def _abandon(self, revert: records.GitRevert, because: str) -> None:
        """A commit that will not be pushed any more: its intent is closed."""
        if revert.commit:
            settled = records.Settled(revert.commit, records.Result.ABANDONED, because)
            await self._here.journal.settle([settled], epoch=self._here.epoch)

    async def _end(self, ledger: records.Ledger, revert: records.GitRevert) -> records.Ledger:
        """Nothing is pushed: the server does not let us, or somebody's commit has made it needless."""
        await self._abandon(revert, revert.because)
        pinned = revert.step is records.GitStep.PINNED
        kind = records.EventKind.PINNED if pinned else records.EventKind.OVERTAKEN
        events = [self._here.event(kind, revert.because, target=ledger.target)]
        if pinned:
            events.append(self._here.event(records.EventKind.PAGE, pinned_page(revert), target=ledger.target))
        return await self._here.write(replace(ledger, git_revert=revert), *events)


def pending(ledger: records.Ledger) -> bool:
    """Whether Git still has to be made true."""
    revert = ledger.git_revert
    return revert is not None and revert.step in (records.GitStep.WANTED, records.GitStep.INTENDED)


def pinned_page(revert: records.GitRevert) -> str:
    return f"the cluster is pinned to {revert.good.revision[:12]}, Git still holds the failed release: {revert.because}"


def waiting(error: errors.ReconcilerError) -> outcomes.Hold:
    """What `status` shows while Git cannot be reached for the revert."""
    return outcomes.Hold(outcomes.HoldReason.SOURCE_UNAVAILABLE, f"the revert commit waits: {error}")


def also_waiting(result: outcomes.PassResult, hold: outcomes.Hold) -> outcomes.PassResult:
    """A pass whose revert commit could not be pushed comes back for it; at rest, that is what it waits for."""
    due = RETRY if result.due_in is None else min(RETRY, result.due_in)
    resting = result.hold is not None and result.hold.reason is outcomes.HoldReason.QUARANTINED
    if resting or result.outcome is outcomes.Outcome.UNCHANGED:
        return outcomes.PassResult(outcomes.Outcome.HELD, hold.because, due, hold)
    return replace(result, due_in=due)
