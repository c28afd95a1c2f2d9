"""The loops that feed the queue and empty it. Each contains one item's failure, beats, and can be interrupted."""

import functools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from reconciler import errors
from reconciler.daemon import beats, polls, queue, reach, recording
from reconciler.model import ids, outcomes, records
from reconciler.pipeline import cycle, world
from reconciler.settings import deployment

PASS_LIMIT = 900.0
"""Seconds after which a pass counts as stuck: its calls have limits of their own, a large chart and a long wave fit."""

STILL = 60.0
"""Seconds that changed settings wait for the passes under way; whatever is left after that meets them in the middle."""

Changes = AsyncIterator[deployment.Deployment | errors.InvalidInput]


@dataclass(slots=True)
class Loops:
    """What the loops share."""

    here: world.World
    cycle: cycle.Cycle
    queue: queue.Queue
    beats: beats.Beats
    recording: recording.Recording
    polls: polls.Polls
    reach: reach.Reach
    passed: Callable[[ids.TargetKey, outcomes.PassResult, float], None]
    """Told of every pass: target, how it ended, seconds it took."""

    async def listen(self) -> None:
        """Requests of people: wake the target that each is for; a sync also polls its repository."""
        await self.recording.kept("requests", self._requests)

    async def _requests(self) -> None:
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
                    self.polls.nudge(environment.repository)
                self.queue.wake(request.target)

    async def work(self) -> None:
        """One worker: take a key, make a pass, say when it comes back."""
        while True:
            await self.recording.usable()
            key = await self.queue.take()
            try:
                await self._pass(key)
            finally:
                self.queue.done(key)

    async def _pass(self, key: ids.TargetKey) -> None:
        if key.environment not in self.here.settings.environments:
            return  # a reload has taken its environment away
        started = self.here.clock.monotonic()
        self.beats.beat(f"pass {key}", within=PASS_LIMIT)
        try:
            result = await self.recording.contained(f"pass {key}", functools.partial(self.cycle.reconcile, key))
        finally:
            self.beats.forget(f"pass {key}")
        if isinstance(result, recording.Rest):
            self.queue.wake(key, after=result.seconds)
            return
        self.passed(key, result, self.here.clock.monotonic() - started)
        self.reach.passed(key, result)
        if result.due_in is not None:
            self.queue.wake(key, after=result.due_in)

    async def reload(self, changes: Changes) -> None:
        """Changed settings: take the good ones, keep the old ones over the bad ones, and say so."""
        async for change in changes:
            event = await self.recording.contained("settings", functools.partial(self._take, change))
            if isinstance(event, records.Event):
                await self.recording.kept("settings", functools.partial(self.here.append, event))

    async def _take(self, change: deployment.Deployment | errors.InvalidInput) -> records.Event:
        """No poll and no pass is under way while the settings change: none of them sees half of each."""
        if isinstance(change, errors.InvalidInput):
            return self._rejected(change)
        before = self.here.settings
        await self.polls.stop()
        await self.reach.stop()
        try:
            async with self.queue.still(within=STILL):
                await self.here.adjust(change)
                await self.cycle.listen_anew()
                self.cycle.heads.forget_settings()
        except errors.ReconcilerError as error:
            return self._rejected(error)
        finally:
            self.polls.start()
            self.reach.greet()
        return self.here.event(records.EventKind.SETTINGS_LOADED, f"settings reloaded{restart_for(before, change)}")

    def _rejected(self, error: errors.ReconcilerError) -> records.Event:
        because = f"the new settings cannot be used, the old ones stay: {error}"
        return self.here.event(records.EventKind.SETTINGS_REJECTED, because)


def restart_for(old: deployment.Deployment, new: deployment.Deployment) -> str:
    """What of the new settings only a restart brings; '' when nothing."""
    fixed = {
        "stateDir": old.state_dir != new.state_dir,
        "journal": old.journal != new.journal,
        "metrics.address": old.metrics != new.metrics,
        "webhook": old.webhook != new.webhook,
        "render": old.render != new.render,
    }
    names = [name for name, changed in fixed.items() if changed]
    return f"; {', '.join(names)} will change at the next start" if names else ""
