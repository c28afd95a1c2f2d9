"""The stage of a rehearsal: the daemon on sandboxes in virtual time, and what it is heard to do."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from reconciler import errors
from reconciler.app import beside, composing, copying, outside, renderers, sandboxes
from reconciler.daemon import beats, metrics, run
from reconciler.edges import sops
from reconciler.edges.cel import expressions
from reconciler.edges.journal import memory
from reconciler.model import outcomes, records
from reconciler.pipeline import reverting, world
from reconciler.rehearsal import played
from reconciler.sandbox import chance, objects
from reconciler.sandbox import clock as clocks
from reconciler.sandbox.controllers import befalling, running, table
from reconciler.settings import deployment

INSTALLATION = "00000000-0000-4000-8000-000000000001"
LOOK = 10.0
"""Seconds between two looks at whether all rests."""

QUIET = 100.0
"""Seconds without a change after which it rests: longer than every retry of a hold that only Git ends."""

QUIET_LONG = 900.0
"""The same while something holds that may end by itself."""

BOUND = 48 * 3600.0
"""Seconds after which it is not waited any longer: the longest deadlines and windows in a row."""


@dataclass(slots=True)
class Stage:
    """The daemon and its world."""

    here: world.World
    journal: "_Noted"
    models: sandboxes.Sandboxes
    moments: list[played.Moment] = field(default_factory=list)
    """Since `begin`."""
    _began: float = 0.0
    _change: str = ""
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _daemon: asyncio.Task[None] | None = None

    def start(self) -> None:
        its_beats = beats.Beats(self.here.clock)
        daemon = run.Daemon(self.here, its_beats, metrics.Metrics(), reloads=_no_reloads())
        self._daemon = asyncio.create_task(daemon.run(self._stop), name="daemon")

    async def stop(self) -> None:
        self._stop.set()
        if self._daemon:
            await self._daemon

    def begin(self, change: str) -> None:
        """The change comes; what happens from here on is the story."""
        self._began, self._change = self.here.clock.monotonic(), change

    def heard(self, event: records.Event) -> None:
        if not self._change:
            return
        now = self.here.clock.monotonic()
        if event.kind is records.EventKind.REVISION_SEEN and ("revision", self._change) in event.data:
            self._began = now
        self.moments.append(played.Moment(now - self._began, event))

    async def rest(self) -> str:
        """Wait until nothing changes any more; a sentence when that does not come."""
        clock = self.here.clock
        since = begun = clock.monotonic()
        seen = self.journal.writes
        while clock.monotonic() - since < await self._patience():
            if clock.monotonic() - begun > BOUND:
                return f"it did not come to rest within {BOUND / 3600:g} h"
            await clock.sleep(LOOK)
            if self._daemon and self._daemon.done():
                self._daemon.result()
            if self.journal.writes != seen:
                since, seen = clock.monotonic(), self.journal.writes
        return ""

    async def _patience(self) -> float:
        """How long it has to be quiet, in seconds."""
        longest = QUIET
        for key in await self.journal.targets():
            ledger = await self.journal.ledger(key)
            if ledger.rollout or reverting.pending(ledger) or ledger.outcome is outcomes.Outcome.WAITING:
                return BOUND
            if ledger.hold and outcomes.EXITS[ledger.hold.reason].by_itself:
                longest = QUIET_LONG
        return longest


class _Noted(memory.MemoryJournal):
    """Counts what is written."""

    writes = 0

    async def write(self, *arguments: object, **named: object) -> None:
        self.writes += 1
        await super().write(*arguments, **named)  # type: ignore[arg-type] # handed through


@contextlib.asynccontextmanager
async def stage(
    clock: clocks.VirtualClock,
    its: deployment.Deployment,
    copied: copying.Copied,
    *,
    befallen: befalling.NewPods,
) -> AsyncIterator[Stage]:
    """Everything that the daemon needs, as if it were the real one's."""
    async with contextlib.AsyncExitStack() as closing:
        out = outside.Outside()
        closing.callback(out.close)
        its_renderers = renderers.Renderers(its)
        closing.push_async_callback(_outside, out, its_renderers)
        its_expressions = expressions.Cel()
        closing.push_async_callback(_outside, out, its_expressions)

        def controllers(kept: objects.Objects, its_clock: object) -> running.Controllers:
            return table.controllers(kept, clock, befalls=befallen, assuming=True)

        models = sandboxes.Sandboxes(clock, chance.SeededChance("rehearsal"), controllers=controllers)
        clusters = {}
        for name in {limits.cluster for limits in its.environments.values()}:
            clusters[name] = models.connect(name, its)
            closing.push_async_callback(clusters[name].close)
        closing.push_async_callback(copied.close)
        database = memory.Memory(installation=INSTALLATION, now=clock.now)
        journal = _Noted(database, installation=INSTALLATION, now=clock.now)
        made: Stage
        here = world.World(
            clock=clock,
            chance=models.chance,
            journal=journal,
            renderer=outside.Renderer(out, its_renderers),
            opener=outside.Opener(out, sops.Sops(composing.key_files(its))),
            prober=sandboxes.NoProber(clock),
            expressions=outside.Expressions(out, its_expressions),
            repositories={copied.repository.name: copied.repository},
            clusters=clusters,
            settings=its,
            epoch=0,
            heard=lambda event: made.heard(event),  # noqa: PLW0108 - `made` is made of this world
            adjust=beside.fixed,
        )
        made = Stage(here, journal, models)
        yield made


async def _outside(out: outside.Outside, edge: renderers.Renderers | expressions.Cel) -> None:
    await out.do(edge.close())


async def _no_reloads() -> AsyncIterator[deployment.Deployment | errors.InvalidInput]:
    await asyncio.Event().wait()
    yield errors.InvalidInput(())


class _Alarms(logging.Handler):
    """What nobody foresaw makes the whole rehearsal unknown; other lines of the daemon's log are not shown."""

    def __init__(self, told: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self._told.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


@contextlib.contextmanager
def alarms() -> Iterator[list[str]]:
    told: list[str] = []
    log, handler = logging.getLogger("reconciler"), _Alarms(told)
    before = log.propagate
    log.addHandler(handler)
    log.propagate = False
    try:
        yield told
    finally:
        log.removeHandler(handler)
        log.propagate = before
