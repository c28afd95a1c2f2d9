"""The stage of a rehearsal: the daemon on sandboxes in virtual time, and what it is heard to do."""

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler import errors, ports
from reconciler.app import beside, composing, renderers, sandboxes
from reconciler.app.commands import rebuilding as restoring
from reconciler.app.rehearsal import copying, dying, faulty, outside, surveying
from reconciler.daemon import beats, metrics, run
from reconciler.edges import sops
from reconciler.edges.cel import expressions
from reconciler.edges.journal import memory
from reconciler.model import outcomes, records
from reconciler.pipeline import rebuilding, reverting, world
from reconciler.rehearsal import faults, played
from reconciler.sandbox import chance, objects, processes
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

BOUND = 3600.0
"""Seconds after which it is not waited any longer, beside the deadlines and windows of the targets."""


@dataclass(slots=True)
class Stage:
    """The daemon and its world."""

    here: world.World
    out: outside.Outside
    journal: "_Noted"
    models: sandboxes.Sandboxes
    befallen: befalling.NewPods
    moments: list[played.Moment] = field(default_factory=list)
    """Since `begin`."""
    deaths: dying.Deaths | None = None
    """Set, and the daemon is killed on the way."""
    failed: bool = False
    """Whether a release has failed since: what runs after that is not the change any more."""
    _began: float = 0.0
    _change: str = ""
    _seen: bool = False
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _daemon: asyncio.Task[None] | None = None

    def start(self) -> None:
        """The daemon starts, unless it runs."""
        if self._daemon:
            return
        life = self.deaths.live(self.here, self._run, kept=self.models.kept) if self.deaths else self._run(self.here)
        self._daemon = asyncio.create_task(life, name="daemon")

    async def _run(self, here: world.World) -> None:
        daemon = run.Daemon(here, beats.Beats(here.clock), metrics.Metrics(), reloads=_no_reloads())
        await daemon.run(self._stop)

    async def at_base(self, *, longest: float) -> str:
        """The base in the empty sandboxes, brought to rest; a sentence when it does not come to rest."""
        self.start()
        return await self.rest(also=longest)

    async def take_over(self) -> tuple[str, ...]:
        """What the real clusters hold, and the journal that fits it, as `journal rebuild` would make it. The daemon has
        not started: as if it did with the change. Returns what is to be said of it."""
        notes: list[str] = []
        for name, kept in self.models.kept.items():
            found = await self.out.do(surveying.read(name, self.here.settings))
            notes += [f"cluster {name}: {one}" for one in (*found.unread, *surveying.store(kept, found.bodies))]
        await self.here.clock.sleep(QUIET)  # the controllers of the sandbox make what theirs had made
        self.here.epoch = await self.journal.lead("rehearsal")
        gathered = await rebuilding.gather(self.here, asked=await self._installation())
        await restoring.restore(self.here, self.journal, gathered, who="rehearsal", why="it begins with what is live")
        return tuple(notes)

    async def _installation(self) -> str:
        """Whose target records lie in the clusters; '' when there are none."""
        known = {
            record.installation
            for cluster in self.here.clusters.values()
            for record in await cluster.read_records()
            if record.target.environment in self.here.settings.environments
        }
        if len(known) > 1:
            because = f"the clusters hold target records of several installations: {', '.join(sorted(known))}"
            raise errors.InvalidInput((f"{because}; rehearse one environment, or without --from-cluster",))
        return next(iter(known), "")

    async def stop(self) -> None:
        self._stop.set()
        if self._daemon:
            await self._daemon

    def begin(self, change: str) -> None:
        """The change comes; what happens from here on is the story."""
        self._began, self._change = self.here.clock.monotonic(), change
        for kept in self.models.kept.values():
            self.befallen.begin(kept)

    def since(self, when: float) -> float:
        """Seconds from when the daemon saw the change until a monotonic time."""
        return max(0.0, when - self._began)

    @property
    def begun(self) -> bool:
        return bool(self._change)

    def heard(self, event: records.Event) -> None:
        if not self._change:
            return
        self.failed = self.failed or event.kind is records.EventKind.ROLLOUT_FAILED
        now = self.here.clock.monotonic()
        if event.kind is records.EventKind.REVISION_SEEN and ("revision", self._change) in event.data:
            self._began = self._began if self._seen else now  # a daemon that starts again sees it again
            self._seen = True
        self.moments.append(played.Moment(now - self._began, event))

    async def rest(self, *, also: float = 0.0) -> str:
        """Wait until nothing changes any more; a sentence when that does not come within `BOUND` and `also` seconds."""
        clock = self.here.clock
        since = begun = clock.monotonic()
        seen = self.journal.writes
        while clock.monotonic() - since < await self._patience():
            if clock.monotonic() - begun > BOUND + also:
                return f"it did not come to rest within {(BOUND + also) / 3600:.1f} h"
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
            moves = ledger.rollout and ledger.hold is None
            if moves or reverting.pending(ledger) or ledger.outcome is outcomes.Outcome.WAITING:
                return math.inf
            if ledger.hold and outcomes.EXITS[ledger.hold.reason].by_itself:
                longest = QUIET_LONG
        return longest


class _Noted(memory.MemoryJournal):
    """Counts what is written, and tells every event: also one whose process has died before it could."""

    writes = 0
    heard: Callable[[records.Event], None]

    async def write(self, new: records.Ledger, *, events: Sequence[records.Event], epoch: int) -> None:
        self.writes += 1
        await super().write(new, events=events, epoch=epoch)
        for event in events:
            self.heard(event)

    async def append(self, events: Sequence[records.Event], *, epoch: int) -> None:
        await super().append(events, epoch=epoch)
        for event in events:
            self.heard(event)


@contextlib.asynccontextmanager
async def stage(
    clock: clocks.VirtualClock,
    its: deployment.Deployment,
    copied: copying.Copied,
    *,
    goes_wrong: faults.Faults,
) -> AsyncIterator[Stage]:
    """Everything that the daemon needs, as if it were the real one's."""
    async with contextlib.AsyncExitStack() as closing:
        out = outside.Outside()
        closing.callback(out.close)
        its_renderers = renderers.Renderers(its)
        closing.push_async_callback(_outside, out, its_renderers)
        its_expressions = expressions.Cel()
        closing.push_async_callback(_outside, out, its_expressions)

        befallen = befalling.NewPods(goes_wrong.pods)

        def begun() -> bool:
            return made.begun

        def controllers(kept: objects.Objects, its_clock: object) -> running.Controllers:
            return table.controllers(kept, clock, befalls=befallen, assuming=True)

        models = sandboxes.Sandboxes(clock, chance.SeededChance("rehearsal"), controllers=controllers)
        clusters: dict[str, ports.Cluster] = {}
        for name in {limits.cluster for limits in its.environments.values()}:
            sandbox = models.connect(name, its)
            closing.push_async_callback(sandbox.close)
            away: Any = faulty.Cluster(sandbox, goes_wrong.outage, begun=begun)
            clusters[name] = away if goes_wrong.outage else sandbox
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
            prober=faulty.Prober(clock, goes_wrong, begun=lambda: begun() and not made.failed),
            expressions=outside.Expressions(out, its_expressions),
            repositories={copied.repository.name: copied.repository},
            clusters=clusters,
            settings=its,
            epoch=0,
            heard=lambda event: None,
            adjust=beside.fixed,
        )
        made = Stage(here, out, journal, models, befallen)
        journal.heard = made.heard
        if goes_wrong.killed:
            made.deaths = dying.Deaths(goes_wrong.killed, begun=begun)
            asyncio.get_running_loop().set_task_factory(processes.task_factory)
        copied.repository.refuses = goes_wrong.has("push-refused")
        closing.push_async_callback(made.stop)
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
