"""One run from a seed: the daemon, the world it lives in, the storm, the calm, and what is checked then."""

import asyncio
import collections
import functools
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from reconciler import errors
from reconciler.daemon import beats, metrics, run
from reconciler.edges.journal import memory
from reconciler.model import ids, outcomes, records
from reconciler.pipeline import reverting, world
from reconciler.sandbox import chance, objects
from reconciler.sandbox import clock as clocks
from reconciler.sandbox import cluster as sandbox
from reconciler.sandbox import processes as dying
from reconciler.sandbox.controllers import table
from reconciler.settings import deployment
from tests.simulation import faults, git, invariants, people, scenery, story
from tests.simulation import process as processes

INSTALLATION = "00000000-0000-4000-8000-000000000001"
RESTART = (0.5, 10.0)
"""Seconds until a process that ended is started again."""

QUIET = 100.0
"""Seconds without any change after which the system rests: longer than every retry of what holds (30 s, 60 s)."""

BOUND = 3600.0
"""Seconds in which it must come to rest after the last fault: the longest deadlines, back-offs and windows in a row."""

LEAST_FAULTS = 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result:
    """`met`: (state of a target, fault) → how often they met."""

    seed: int
    lines: tuple[str, ...]
    complaints: tuple[str, ...]
    met: collections.Counter[tuple[str, str]]
    faults: int
    digest: str
    seconds: float
    ends: tuple[str, ...]
    """`Play.ending` of each target."""
    deeds: tuple[str, ...]
    """What people did, without times and revisions."""


@functools.cache
def _image() -> tuple[memory.Memory, bytes]:
    """One database for all runs of a process: its schema is made once."""
    made = memory.Memory(installation=INSTALLATION, now=lambda: clocks.DAY_ONE)
    return made, made.image()


class Alarms(logging.Handler):
    """Errors that nobody foresaw, and loops that went silent, are bugs (I11, I21)."""

    def __init__(self, play: "Play") -> None:
        super().__init__(logging.ERROR)
        self._play = play

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info:
            self._play.told.complain("I11", f"{text}: {record.exc_info[1]!r}")
        elif text.startswith("stuck?") and not self._play.frozen and self._play.told.now() > self._play.thawed + 60:
            self._play.told.complain("I21", text)


class Play:
    """Fulfils `faults.Stage`. `calm`: the same people act, without any fault. `plot`: what happens instead of what the
    seed brings."""

    def __init__(self, seed: int, *, calm: bool = False, plot: "Plot | None" = None) -> None:
        self.seed, self.calm, self.plot = seed, calm, plot
        self.clock = clocks.VirtualClock()
        self.process: processes.Process | None = None
        self.started = 0
        self.frozen = 0
        self.thawed = -60.0
        self.met: collections.Counter[tuple[str, str]] = collections.Counter()
        self.ended = asyncio.Event()
        self.world_tasks: list[asyncio.Task[None]] = []
        names = ("storm", "people", "times", "restarts")
        self.chances = {name: random.Random(f"{seed} {name}") for name in names}  # noqa: S311 - keeps no secret
        self.told = story.Story(self.clock)
        self.memory, image = _image()
        self.memory.restore(image)
        self.journal = self.memory.open(now=self.clock.now)
        self.kept = objects.Objects(self.clock, chance.SeededChance(f"{self.seed} objects"))
        self.controllers = table.controllers(self.kept, self.clock)
        self.server = git.Server(now=self.at)
        self.mirror = git.MemoryRepository(self.server)
        self.people = people.People(self.chances["people"], self.server, self.kept, self.told, self.asked)
        self.storm = faults.Storm(self, self.chances["storm"])
        self.kept.subscribe(invariants.Floors(self).heard)
        self.inner: dict[int, sandbox.SandboxCluster] = {}
        self.beats: dict[int, beats.Beats] = {}

    def at(self) -> str:
        return self.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    # --- the stage of the storm

    def struck(self, kind: str, about: str) -> None:
        self.told.tell(f"fault {kind} {about}".rstrip())
        for state in self.states():
            self.met[state, kind] += 1

    def kill(self, because: str, who: processes.Process | None = None) -> None:
        """The present process dies, or `who`: one that was frozen may go on beside its successor, and die there."""
        victim = who or self.process
        if victim is not None:
            self.told.tell(f"p{victim.number} dies: {because}")
            victim.kill()
            self.inner[victim.number].watches.close()
        if victim is self.process:
            self.process, self.memory.leader = None, None
            self.ended.set()

    def freeze(self, seconds: float) -> None:
        """Its lock fails, as where somebody removes the file: only the epoch stands between two leaders then."""
        stopped = self.process
        if stopped is None:
            return
        thaw = stopped.frozen = asyncio.Event()
        self.frozen += 1
        self.process, self.memory.leader = None, None
        self.ended.set()

        def go_on() -> None:
            self.told.tell(f"p{stopped.number} goes on")
            self.frozen -= 1
            self.thawed = self.told.now()
            stopped.frozen = None
            thaw.set()

        asyncio.get_running_loop().call_later(seconds, go_on)

    def steal(self) -> None:
        self.memory.leader = None
        self.memory.base.driver.execute(
            "INSERT INTO leadership (epoch, holder, since) SELECT max(epoch) + 1, 'a thief', ? FROM leadership",
            (self.at(),),
        )

    def watches(self) -> Any:
        return self.inner[self.process.number].watches if self.process else None

    def overtake(self) -> None:
        """Somebody is faster: with anything, or with the very repair of what is about to be taken back."""
        broken = [key for key, ledger in self.ledgers().items() if reverting.pending(ledger)]
        if broken and self.chances["storm"].random() < 0.5:
            self.people.good(broken[0])
        else:
            self.people.readme(scenery.TARGETS[0])

    def ref_gone(self, seconds: float) -> None:
        self.server.hidden = True
        asyncio.get_running_loop().call_later(seconds, setattr, self.server, "hidden", False)

    # --- what is looked at from outside

    def asked(self, request: records.Request) -> None:
        """Requests are recorded at once, whatever ails the daemon."""
        self.now(self.journal.ask(request))

    def now(self, call: Coroutine[Any, Any, T]) -> T:
        """What the journal in memory answers: it never waits."""
        try:
            call.send(None)
        except StopIteration as answer:
            return answer.value  # type: ignore[no-any-return]
        raise AssertionError("the journal waits")

    def ledgers(self) -> dict[ids.TargetKey, records.Ledger]:
        """The newest ledger of each target."""
        return {key: self.told.newest.get(key) or records.Ledger(key) for key in scenery.TARGETS}

    def state(self, ledger: records.Ledger) -> str:
        return state_of(ledger)

    def states(self) -> list[str]:
        return [state_of(ledger) for ledger in self.ledgers().values()]

    def look(self, operation: str) -> tuple[tuple[str, str, str, int, str, str | None] | None, int]:
        driver = self.memory.base.driver
        columns = "verb, subject, manifest_digest, epoch, rollout, result"
        row = driver.execute(f"SELECT {columns} FROM intents WHERE operation = ?", (operation,)).fetchone()  # noqa: S608
        (newest,) = driver.execute("SELECT max(epoch) FROM leadership").fetchone()
        return row, newest

    # --- processes

    async def supervise(self) -> None:
        """Always one process, as Kubernetes would have it."""
        while True:
            self.ended.clear()
            self.launch()
            await self.ended.wait()
            await self.clock.sleep(self.chances["restarts"].uniform(*RESTART))

    def launch(self) -> None:
        self.started += 1
        process = self.process = processes.Process(self.started, self.storm, told=self.told)
        self.told.tell(f"p{process.number} starts")
        inner = self.inner[process.number] = sandbox.SandboxCluster("main", self.kept)
        reached: Any = processes.Cluster(process, inner, self.kept, self.look)
        journal: Any = processes.Journal(process, self.memory.open(now=self.clock.now), port="journal")
        repository: Any = processes.Passing(process, self.mirror, port="git")
        absent: Any = processes.Absent()
        here = world.World(
            clock=self.clock,
            chance=chance.SeededChance(f"{self.seed} process {process.number}"),
            journal=journal,
            renderer=absent,
            opener=absent,
            prober=absent,
            expressions=absent,
            repositories={"desired": repository},
            clusters={"main": reached},
            settings=scenery.SETTINGS,
            epoch=0,
            heard=lambda event: None,
            adjust=_fixed,
        )
        its_beats = self.beats[process.number] = beats.Beats(self.clock)
        daemon = run.Daemon(here, its_beats, metrics.Metrics(), reloads=_no_reloads())
        task = process.start(daemon.run(asyncio.Event()))
        task.add_done_callback(functools.partial(self._over, process))

    def _over(self, process: processes.Process, task: asyncio.Task[None]) -> None:
        if not process.alive or task.cancelled():
            return
        error = task.exception()
        self.told.tell(f"p{process.number} ends: {error}")
        if not isinstance(error, errors.LeadershipLost | errors.JournalUnusable):
            self.told.complain("I11", f"the daemon ended with {error!r}")
        process.kill()
        self.inner[process.number].watches.close()
        if process is self.process:
            self.process, self.memory.leader = None, None
            self.ended.set()

    # --- the run

    async def main(self) -> None:
        asyncio.get_running_loop().set_task_factory(dying.task_factory)
        self.kept.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}}, manager="kubelet")
        for name in scenery.SETTINGS.environments:
            self.kept.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, manager="admin")
        self.world_tasks = [asyncio.create_task(self.controllers.run())]
        self.people.begin()
        self.world_tasks.append(asyncio.create_task(self.supervise()))
        try:
            await (self.plot(self) if self.plot else self.weather())
            await self.rest("after the storm")
            await self.aftermath()
        finally:
            for task in self.world_tasks:
                task.cancel()
            if self.process:
                self.process.kill()
            await asyncio.gather(*self.world_tasks, return_exceptions=True)

    async def weather(self, *, deeds: int = 0) -> None:
        """People act (`deeds` times, or as often as the seed says), and faults come close to what they do: most of them
        while something is under way."""
        times, storm = self.chances["times"], self.chances["storm"]
        moments: list[tuple[float, str]] = []
        at = times.uniform(0, 60)
        for _ in range(deeds or times.randint(2, 6)):
            moments.append((at, ""))
            at += times.choice((times.uniform(1, 20), times.uniform(20, 120)))
        begun = [when for when, _ in moments]
        for _ in range(times.randint(LEAST_FAULTS, 9)):
            kind = times.choice(faults.DRAWN)
            moments.append((times.choice((0.0, *begun)) + times.expovariate(1 / 8), kind))
        start = self.told.now()
        for when, kind in sorted(moments):
            await self.clock.sleep(max(0.0, start + when - self.told.now()))
            if not kind:
                self.people.act()
            elif not self.calm:
                self.storm.brew(kind)
        if self.calm:
            return
        await self.clock.sleep(storm.uniform(20, 60))
        while self.storm.struck < LEAST_FAULTS:
            self.storm.brew(storm.choice((*faults.LASTING, *faults.AT_ONCE)))
            await self.clock.sleep(storm.uniform(1, 30))
        self.storm.calm()
        self.told.tell("the storm is over")

    async def rest(self, when: str) -> None:
        """Wait until nothing changes any more, and every target stands in a state that has a name (I3)."""
        begun, since, before = self.told.now(), self.told.now(), self.sight()
        while self.told.now() - since < QUIET or self.unsettled():
            if self.told.now() - begun > BOUND:
                self.told.complain("I3", f"no rest {when}: {'; '.join(self.unsettled()) or 'it changes for ever'}")
                return
            await self.clock.sleep(10.0)
            for task in self.world_tasks:
                if task.done():
                    task.result()
            if (now := self.sight()) != before:
                since, before = self.told.now(), now
        self.told.tell(f"at rest {when}: {', '.join(self.states())}")
        invariants.at_rest(self)

    async def aftermath(self) -> None:
        """People end every hold that a request of theirs ends, as it says itself."""
        for _ in range(6):
            asked = [self.people.follow_exit(key, ledger.hold) for key, ledger in self.ledgers().items() if ledger.hold]
            if not any(asked):
                return
            await self.rest("after people followed the exits")
        self.told.complain("exits", f"people followed the exits six times, and still: {', '.join(self.states())}")

    def ending(self, key: ids.TargetKey) -> str:
        """How one target ended: its state, what the head holds for it, and what of it lives."""
        state = self.state(self.ledgers()[key])
        return f"{key} {state}, the head has {self.people.version(key)}, {invariants.lives(self, key)}"

    def sight(self) -> tuple[object, ...]:
        return (self.told.changes, len(self.told.called), self.server.ref_head, self.started)

    def unsettled(self) -> list[str]:
        found = [] if self.process and not self.frozen else ["no process"]
        for key, ledger in self.ledgers().items():
            if ledger.outcome in (
                None,
                outcomes.Outcome.WAITING,
                outcomes.Outcome.ROLLED_OUT,
                outcomes.Outcome.REVERTED,
            ):
                found.append(f"{key} is {state_of(ledger)}: {ledger.because}")
        return found


def state_of(ledger: records.Ledger) -> str:
    """One word for where a target stands."""
    if ledger.hold:
        return f"held {ledger.hold.reason.value}"
    if ledger.rollout:
        return f"{ledger.rollout.purpose.value} {ledger.rollout.phase.value}"
    return ledger.outcome.value if ledger.outcome else "new"


async def _fixed(changed: deployment.Deployment) -> None:
    """Settings do not change here."""


async def _no_reloads() -> Any:
    await asyncio.Event().wait()
    yield


Plot = Callable[[Play], Awaitable[None]]


def simulate(seed: int, *, calm: bool = False, plot: Plot | None = None) -> Result:
    """The whole run. Equal seeds, equal results, byte for byte."""
    play = Play(seed, calm=calm, plot=plot)
    log, alarms = logging.getLogger("reconciler"), Alarms(play)
    before = (log.propagate, log.level)
    log.addHandler(alarms)
    log.propagate = False
    log.setLevel(logging.ERROR)
    try:
        play.clock.run(play.main())
        invariants.afterwards(play)
    finally:
        log.removeHandler(alarms)
        log.propagate, log.level = before
    told = play.told
    return Result(
        seed,
        tuple(told.lines),
        tuple(told.complaints),
        play.met,
        play.storm.struck,
        told.digest(),
        told.now(),
        tuple(play.ending(key) for key in scenery.TARGETS),
        tuple(play.people.deeds),
    )
