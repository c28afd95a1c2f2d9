"""The loops that feed the queue and empty it. Each contains one item's failure, beats, and can be interrupted."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from reconciler import errors
from reconciler.daemon import beats, queue
from reconciler.model import ids, outcomes, records
from reconciler.pipeline import cycle, world
from reconciler.settings import deployment

log = logging.getLogger("reconciler.daemon")

BUG_PAUSE = 30.0
"""Seconds a target rests after an error that nobody foresaw: it is reported, and the others go on."""

POLL_SLACK = 120.0
"""Seconds a poll may take beyond its interval (a first clone) before its loop counts as stuck."""


@dataclass(slots=True)
class Loops:
    """What the loops share."""

    here: world.World
    cycle: cycle.Cycle
    queue: queue.Queue
    beats: beats.Beats
    passed: Callable[[ids.TargetKey, outcomes.PassResult, float], None]
    """Told of every pass: target, how it ended, seconds it took."""
    reloaded: asyncio.Event = field(default_factory=asyncio.Event)
    """Set after each reload: repositories may have come or gone."""
    _nudges: dict[str, asyncio.Event] = field(default_factory=dict)

    async def poll(self, name: str) -> None:
        """One repository: ask for its head, wake what it touches, wait."""
        nudge = self._nudges.setdefault(name, asyncio.Event())
        while True:
            interval = self.here.settings.repositories[name].poll
            nudge.clear()
            before, was = self.cycle.heads.trouble(name), self.cycle.heads.revision(name)
            for key in await self.cycle.heads.poll(name):
                self.queue.wake(key)
            await self._tell(name, before, was)
            self.beats.beat(f"poll {name}", within=interval + POLL_SLACK)
            await self._wait(nudge, self.here.chance.jitter(interval))

    async def _tell(self, name: str, before: outcomes.Hold | None, was: str) -> None:
        """Say what a poll changed: a repository that went away or came back, a new revision."""
        after, revision = self.cycle.heads.trouble(name), self.cycle.heads.revision(name)
        if after and after != before:
            because = f"repository {name}: {after.because}"
            await self.here.append(self.here.event(records.EventKind.HELD, because, reason=after.reason.value))
        elif before and not after:
            because = f"repository {name} answers again"
            await self.here.append(self.here.event(records.EventKind.HOLD_ENDED, because))
        if revision and revision != was:
            because = f"repository {name} is at {revision[:12]}"
            await self.here.append(
                self.here.event(records.EventKind.REVISION_SEEN, because, revision=revision, repository=name)
            )

    async def _wait(self, nudge: asyncio.Event, seconds: float) -> None:
        nudged, timer = asyncio.ensure_future(nudge.wait()), asyncio.ensure_future(self.here.clock.sleep(seconds))
        try:
            await asyncio.wait((nudged, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            nudged.cancel()
            timer.cancel()

    def nudge(self, name: str) -> None:
        """Poll this repository now."""
        if name in self._nudges:
            self._nudges[name].set()

    async def listen(self) -> None:
        """Requests of people: wake the target that each is for; a sync also polls its repository."""
        async for _ in self.here.journal.changes():
            self.beats.beat("requests", within=30.0)
            for request in await self.here.journal.open_requests():
                environment = self.here.settings.environments.get(request.target.environment)
                if environment is None:
                    await self.here.journal.answer(
                        request, answer=f"there is no environment {request.target.environment}", epoch=self.here.epoch
                    )
                    continue
                if request.kind is records.RequestKind.SYNC:
                    self.nudge(environment.repository)
                self.queue.wake(request.target)

    async def work(self) -> None:
        """One worker: take a key, make a pass, say when it comes back."""
        while True:
            key = await self.queue.take()
            started = self.here.clock.monotonic()
            try:
                result = await self._contained(key)
            finally:
                self.queue.done(key)
            self.passed(key, result, self.here.clock.monotonic() - started)
            if result.due_in is not None:
                self.queue.wake(key, after=result.due_in)

    async def _contained(self, key: ids.TargetKey) -> outcomes.PassResult:
        try:
            return await self.cycle.reconcile(key)
        except (errors.LeadershipLost, errors.JournalUnusable):
            raise
        except Exception:
            log.exception("%s: an unforeseen error; it rests for %.0f s", key, BUG_PAUSE)
            return outcomes.PassResult(outcomes.Outcome.FAILED, "an unforeseen error: see the log", BUG_PAUSE)

    async def reload(self, changes: AsyncIterator[deployment.Deployment | errors.InvalidInput]) -> None:
        """Changed settings: apply the good ones, keep the old ones over the bad ones, and say so."""
        async for change in changes:
            before = self.here.settings
            try:
                if isinstance(change, errors.InvalidInput):
                    raise change
                await self.here.adjust(change)
            except errors.Terminal as error:
                because = f"the new settings cannot be used, the old ones stay: {error}"
                await self.here.append(self.here.event(records.EventKind.SETTINGS_REJECTED, because))
                continue
            because = f"settings reloaded{restart_for(before, change)}"
            self.cycle.listen()
            self.cycle.heads.forget_settings()
            await self.here.append(self.here.event(records.EventKind.SETTINGS_LOADED, because))
            self.reloaded.set()
            for name in self.here.repositories:
                self.nudge(name)


def restart_for(old: deployment.Deployment, new: deployment.Deployment) -> str:
    """What of the new settings only a restart brings; '' when nothing."""
    fixed = {
        "stateDir": old.state_dir != new.state_dir,
        "journal": old.journal != new.journal,
        "metrics.address": old.metrics != new.metrics,
        "render": old.render != new.render,
    }
    names = [name for name, changed in fixed.items() if changed]
    return f"; {', '.join(names)} will change at the next start" if names else ""
