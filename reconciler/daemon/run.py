"""The daemon from start to end: lead, run the loops, stop at a safe point."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

from reconciler import errors
from reconciler.daemon import beats, loops, metrics, queue
from reconciler.model import ids, outcomes, records
from reconciler.pipeline import cycle, world
from reconciler.settings import deployment

log = logging.getLogger("reconciler.daemon")

WORKERS = 16
"""Passes at once: they wait for the network, not for the processor."""

GRACE = 8.0
"""Seconds a running pass gets to end by itself after SIGTERM; Kubernetes kills after 30, we promise 10."""

STANDBY = 2.0
"""Seconds between two tries to lead, while another process does."""

WATCHDOG = 5.0
"""Seconds between two looks at the heartbeats."""


class Daemon:
    """Built by the composition root. `reloads` yields changed settings, or what is wrong with them."""

    def __init__(
        self,
        here: world.World,
        its_beats: beats.Beats,
        its_metrics: metrics.Metrics,
        *,
        reloads: AsyncIterator[deployment.Deployment | errors.InvalidInput],
    ) -> None:
        self._here = here
        self._beats = its_beats
        self._metrics = its_metrics
        self._reloads = reloads
        waiting = queue.Queue(here.clock)
        runner = cycle.Cycle(here, waiting.wake)
        runner.listen()
        self._loops = loops.Loops(here, runner, waiting, its_beats, its_metrics.passed)
        its_metrics.watch(waiting, its_beats)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. Raises what ends a daemon: lost leadership, an unusable journal."""
        await self._lead(stop)
        if stop.is_set():
            return
        feeders = [
            asyncio.create_task(self._pollers(), name="pollers"),
            asyncio.create_task(self._loops.listen(), name="requests"),
            asyncio.create_task(self._watchdog(), name="watchdog"),
            asyncio.create_task(self._loops.reload(self._reloads), name="settings"),
        ]
        workers = [asyncio.create_task(self._loops.work(), name=f"worker {n}") for n in range(WORKERS)]
        try:
            await _first_end(stop, [*feeders, *workers])
        finally:
            await self._shut_down(feeders, workers)

    async def _lead(self, stop: asyncio.Event) -> None:
        """Wait until this process leads. The epoch is in every write from then on (I2)."""
        said = ""
        while not stop.is_set():
            try:
                self._here.epoch = await self._here.journal.lead("reconciler")
            except errors.Transient as error:
                if str(error) != said:
                    log.warning("standing by: %s", error)
                    said = str(error)
                self._beats.beat("leadership", within=STANDBY * 5)
                await self._here.clock.sleep(STANDBY)
                continue
            self._metrics.leads(self._here.epoch)
            await self._here.append(self._here.event(records.EventKind.LEADING, f"leading in epoch {self._here.epoch}"))
            return

    async def _pollers(self) -> None:
        """One poll loop for each repository of the present settings."""
        polls: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                for name in self._here.repositories.keys() - polls.keys():
                    polls[name] = asyncio.create_task(self._loops.poll(name), name=f"poll {name}")
                for name in polls.keys() - self._here.repositories.keys():
                    polls.pop(name).cancel()
                    self._beats.forget(f"poll {name}")
                self._loops.reloaded.clear()
                await _first_end(self._loops.reloaded, list(polls.values()))
        finally:
            for task in polls.values():
                task.cancel()

    async def _watchdog(self) -> None:
        """Say when a loop goes silent, and when it is back."""
        before: tuple[str, ...] = ()
        while True:
            self._beats.beat("watchdog", within=WATCHDOG * 4)
            late = self._beats.late()
            for loop in late:
                if loop.partition(":")[0] not in {known.partition(":")[0] for known in before}:
                    log.error("stuck? %s", loop)
            before = late
            await self._here.clock.sleep(WATCHDOG)

    async def _shut_down(self, feeders: list[asyncio.Task[None]], workers: list[asyncio.Task[None]]) -> None:
        """Feeders stop at once; a worker in the middle of a pass gets `GRACE` to reach the pass's next wait."""
        for task in feeders:
            task.cancel()
        deadline = self._here.clock.monotonic() + GRACE
        while self._loops.queue.busy and self._here.clock.monotonic() < deadline:
            await self._here.clock.sleep(0.05)
        for task in workers:
            task.cancel()
        for task in (*feeders, *workers):
            with contextlib.suppress(asyncio.CancelledError, errors.ReconcilerError):
                await task


async def _first_end(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for `stop`, or for the first task that ends by itself: none may, so its error is the daemon's."""
    stopped = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if task is not stopped:
                task.result()
                raise errors.Terminal(f"the loop {task.get_name()!r} ended by itself")
    finally:
        stopped.cancel()


async def once(
    here: world.World, *, patience: float, wanted: Callable[[ids.TargetKey], bool]
) -> dict[ids.TargetKey, outcomes.PassResult]:
    """Bring every wanted target to rest: passes until none waits, or `patience` seconds are over. No loops, no watch
    of Git: what `reconciler once` does. Returns each target's last result."""
    waiting = queue.Queue(here.clock)
    runner = cycle.Cycle(here, waiting.wake)
    runner.listen()
    here.epoch = await here.journal.lead("reconciler once")
    for name in here.repositories:
        await runner.heads.poll(name)
        if trouble := runner.heads.trouble(name):
            raise errors.Transient(f"repository {name}: {trouble.because}")
    results: dict[ids.TargetKey, outcomes.PassResult] = {}
    open_keys = {key for key in runner.heads.known() if wanted(key)}
    for key in open_keys:
        waiting.wake(key)
    deadline = here.clock.monotonic() + patience
    workers = [asyncio.create_task(_once_worker(runner, waiting, results, open_keys)) for _ in range(WORKERS)]
    try:
        while open_keys and here.clock.monotonic() < deadline:
            for worker in workers:
                if worker.done():
                    worker.result()
            await here.clock.sleep(0.05)
    finally:
        for worker in workers:
            worker.cancel()
    return results


async def _once_worker(
    runner: cycle.Cycle,
    waiting: queue.Queue,
    results: dict[ids.TargetKey, outcomes.PassResult],
    open_keys: set[ids.TargetKey],
) -> None:
    while True:
        key = await waiting.take()
        try:
            result = await runner.reconcile(key)
        finally:
            waiting.done(key)
        results[key] = result
        if result.outcome is outcomes.Outcome.WAITING and result.due_in is not None:
            waiting.wake(key, after=result.due_in)
        else:
            open_keys.discard(key)
