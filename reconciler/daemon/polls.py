"""One loop for each repository of the present settings: ask for its head, wake what it touches, wait for the time or
a hint."""

import asyncio
import contextlib
import functools
from dataclasses import dataclass, field

from reconciler import errors
from reconciler.daemon import beats, queue, recording
from reconciler.model import outcomes, records
from reconciler.pipeline import heads, world

SLACK = 120.0
"""Seconds a poll may take beyond its interval before its loop counts as stuck; the fetch has a limit of its own
(`timeout` of the repository), which is added."""

BREATH = 0.2
"""Seconds between two polls that hints asked for: however many come, a repository is asked five times a second at
most (I16, I20). The first hint after a while is followed at once."""

HINT = "it is tried again; `reconciler doctor` examines it"


def about(subject: str, trouble: str) -> str:
    """The sentence, with its subject in front where it does not name it itself, and what to do."""
    return f"{trouble if subject in trouble else f'{subject}: {trouble}'}; {HINT}"


@dataclass(slots=True)
class Polls:
    """The loops. They are stopped while settings change, so that no snapshot mixes old and new ones."""

    here: world.World
    heads: heads.Heads
    queue: queue.Queue
    beats: beats.Beats
    recording: recording.Recording
    failed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a loop has ended by itself; `check` raises its error."""
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _hearing: list[asyncio.Task[None]] = field(default_factory=list)
    _nudges: dict[str, asyncio.Event] = field(default_factory=dict)

    def start(self) -> None:
        """A loop for each repository."""
        for name in self.here.repositories:
            task = self._tasks[name] = asyncio.create_task(self._poll(name), name=f"poll {name}")
            task.add_done_callback(self._ended)
            hearing = self.recording.kept(f"hints {name}", functools.partial(self._hear, name))
            self._hearing.append(asyncio.create_task(hearing, name=f"hints {name}"))

    async def stop(self) -> None:
        """End them, also in the middle of a fetch: the mirror is made for that."""
        hearing, self._hearing = self._hearing, []
        for one in hearing:
            one.cancel()
        await asyncio.gather(*hearing, return_exceptions=True)
        tasks, self._tasks = self._tasks, {}
        for name, task in tasks.items():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, errors.ReconcilerError):
                await task
            self.beats.forget(f"poll {name}")

    def nudge(self, name: str) -> None:
        """Poll this repository now. Nudges that come before it is asked are one."""
        if name in self._nudges:
            self._nudges[name].set()

    async def _hear(self, name: str) -> None:
        async for _ in self.here.repositories[name].hints():
            self.nudge(name)

    async def watch(self) -> None:
        """Wait until a loop ends by itself; raises its error."""
        await self.failed.wait()
        for task in self._tasks.values():
            if task.done():
                task.result()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self.failed.set()

    async def _poll(self, name: str) -> None:
        nudge = self._nudges.setdefault(name, asyncio.Event())
        nudged_at = float("-inf")
        while True:
            its = self.here.settings.repositories[name]
            if nudge.is_set():
                await self.here.clock.sleep(max(0.0, nudged_at + BREATH - self.here.clock.monotonic()))
                nudged_at = self.here.clock.monotonic()
            nudge.clear()
            self.beats.beat(f"poll {name}", within=its.poll + its.timeout + SLACK)
            await self.recording.kept(f"poll {name}", functools.partial(self._once, name))
            await self._wait(nudge, self.here.chance.jitter(its.poll))

    async def _once(self, name: str) -> None:
        before, was = self.heads.trouble(name), self.heads.revision(name)
        for key in await self.heads.poll(name):
            self.queue.wake(key)
        await self._tell(name, before, was)

    async def _tell(self, name: str, before: outcomes.Hold | None, was: str) -> None:
        """Say what a poll changed: a repository that went away or came back, a new revision."""
        after, revision = self.heads.trouble(name), self.heads.revision(name)
        if after and after != before:
            because = about(f"repository {name}", after.because)
            await self.here.append(self.here.event(records.EventKind.HELD, because, reason=after.reason.value))
            await self._wake_known(name)
        elif before and not after:
            because = f"repository {name} answers again"
            await self.here.append(self.here.event(records.EventKind.HOLD_ENDED, because))
        if revision and revision != was:
            because = f"repository {name} is at {revision[:12]}"
            await self.here.append(
                self.here.event(records.EventKind.REVISION_SEEN, because, revision=revision, repository=name)
            )

    async def _wake_known(self, name: str) -> None:
        """A repository that was never read here: what the journal knows of it can still be held, and a rollout that an
        earlier process began is seen through."""
        if self.heads.revision(name):
            return
        environments = self.here.settings.environments
        for key in await self.here.journal.targets():
            if key.environment in environments and environments[key.environment].repository == name:
                self.queue.wake(key)

    async def _wait(self, nudge: asyncio.Event, seconds: float) -> None:
        nudged, timer = asyncio.ensure_future(nudge.wait()), asyncio.ensure_future(self.here.clock.sleep(seconds))
        try:
            await asyncio.wait((nudged, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            nudged.cancel()
            timer.cancel()
