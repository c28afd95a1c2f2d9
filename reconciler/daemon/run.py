"""The daemon from start to end: lead, run the loops, stop at a safe point."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from reconciler import errors
from reconciler.daemon import beats, loops, metrics, polls, queue, reach, recording
from reconciler.model import ids, outcomes, records
from reconciler.pipeline import cycle, world

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
        self, here: world.World, its_beats: beats.Beats, its_metrics: metrics.Metrics, *, reloads: loops.Changes
    ) -> None:
        self._here = here
        self._beats = its_beats
        self._metrics = its_metrics
        self._reloads = reloads
        self._queue = waiting = queue.Queue(here.clock, lane=self._cluster, most=self._most)
        runner = cycle.Cycle(here, waiting.wake)
        runner.listen()
        self._recording = records_of = recording.Recording(here, its_beats)
        self._polls = polls.Polls(here, runner.heads, waiting, its_beats, records_of)
        self._reach = reach.Reach(here, waiting, records_of)
        self._loops = loops.Loops(
            here, runner, waiting, its_beats, records_of, self._polls, self._reach, its_metrics.passed
        )
        its_metrics.watch(waiting, its_beats)

    def hint(self, repository: str) -> None:
        """There may be something new in the repository: poll it now."""
        self._polls.nudge(repository)

    def _cluster(self, key: ids.TargetKey) -> str:
        environment = self._here.settings.environments.get(key.environment)
        return environment.cluster if environment else ""

    def _most(self) -> int | None:
        """Passes at once over the targets of one cluster, where there are several. One that swallows packets holds each
        of them for as long as a call may take: even if all but one do, that one finds a free worker."""
        others = len(self._here.clusters) - 1
        return max(1, (WORKERS - 1) // others) if others > 0 else None

    def unready(self) -> str:
        """Why no work is done now; '' when it is."""
        return self._recording.trouble or ("" if self._here.epoch else "not leading")

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. Raises what ends a daemon: lost leadership, a journal that is unusable at the start."""
        if not await self._lead(stop):
            return
        self._reach.greet()
        self._polls.start()
        feeders = [
            asyncio.create_task(self._polls.watch(), name="polls"),
            asyncio.create_task(self._loops.listen(), name="requests"),
            asyncio.create_task(self._watchdog(), name="watchdog"),
            asyncio.create_task(self._recording.mend(), name="recording"),
            asyncio.create_task(self._loops.reload(self._reloads), name="settings"),
        ]
        workers = [asyncio.create_task(self._loops.work(), name=f"worker {n}") for n in range(WORKERS)]
        try:
            await _first_end(stop, [*feeders, *workers])
        finally:
            await self._shut_down(feeders, workers)
            log.info("stopped at a safe point; the next one goes on from the journal")

    async def _lead(self, stop: asyncio.Event) -> bool:
        """Wait until this process leads; False when `stop` came first. Every write carries the epoch (I2)."""
        said = ""
        while not stop.is_set():
            self._beats.beat("leadership", within=STANDBY * 5)
            try:
                self._here.epoch = await self._here.journal.lead("reconciler")
                leading = f"leading in epoch {self._here.epoch}"
                await self._here.append(self._here.event(records.EventKind.LEADING, leading))
            except errors.Transient as error:
                if str(error) != said:
                    log.warning("standing by: %s", error)
                    said = str(error)
                await _within(stop, self._here.clock.sleep(STANDBY))
                continue
            self._beats.forget("leadership")
            self._metrics.leads(self._here.epoch)
            return True
        return False

    async def _watchdog(self) -> None:
        """Say when a loop goes silent, and when it is back."""
        before: set[str] = set()
        while True:
            self._beats.beat("watchdog", within=WATCHDOG * 4)
            late = {sentence.partition(": ")[0]: sentence for sentence in self._beats.late()}
            for loop in late.keys() - before:
                log.error("stuck? %s", late[loop])
            for loop in before - late.keys():
                log.warning("%s is back", loop)
            before = set(late)
            await self._here.clock.sleep(WATCHDOG)

    async def _shut_down(self, feeders: list[asyncio.Task[None]], workers: list[asyncio.Task[None]]) -> None:
        """Feeders stop at once; a worker in the middle of a pass gets `GRACE` to reach the pass's next wait."""
        for task in feeders:
            task.cancel()
        await self._polls.stop()
        await self._reach.stop()
        async with self._queue.still(within=GRACE):
            for task in workers:
                task.cancel()
            await asyncio.gather(*feeders, *workers, return_exceptions=True)


async def _within(stop: asyncio.Event, wait: Coroutine[Any, Any, None]) -> None:
    """Wait, but no longer than until `stop`."""
    waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(wait)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()


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
    of Git: what `reconciler once` does. Returns each target's last result. Raises `errors.InvalidInput` when no target
    is wanted: having done nothing is not success."""
    waiting = queue.Queue(here.clock)
    runner = cycle.Cycle(here, waiting.wake)
    runner.listen()
    here.epoch = await here.journal.lead("reconciler once")
    for name in here.repositories:
        await runner.heads.poll(name)
        if trouble := runner.heads.trouble(name):
            raise errors.Transient(f"repository {name}: {trouble.because}")
    open_keys = {key for key in runner.heads.known() if wanted(key)}
    if not open_keys:
        raise errors.InvalidInput(("no target fits: nothing is done",))
    unbegun = outcomes.PassResult(outcomes.Outcome.WAITING, "its first pass has not ended in time")
    results = dict.fromkeys(open_keys, unbegun)
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
        async with waiting.still(within=GRACE):
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
    return results


async def _once_worker(
    runner: cycle.Cycle,
    waiting: queue.Queue,
    results: dict[ids.TargetKey, outcomes.PassResult],
    open_keys: set[ids.TargetKey],
) -> None:
    """A target that waits for another one is at rest only while that one is: whoever comes to rest has it looked at
    again."""
    while True:
        key = await waiting.take()
        try:
            result = await runner.reconcile(key)
        finally:
            waiting.done(key)
        results[key] = result
        if result.outcome is outcomes.Outcome.WAITING and result.due_in is not None:
            open_keys.add(key)
            waiting.wake(key, after=result.due_in)
            continue
        open_keys.discard(key)
        if not _waits_for_another(result):
            for other in [other for other, found in results.items() if _waits_for_another(found)]:
                open_keys.add(other)
                waiting.wake(other)


def _waits_for_another(result: outcomes.PassResult) -> bool:
    return result.hold is not None and result.hold.reason in outcomes.FOR_ANOTHER
