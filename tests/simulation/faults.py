"""What the world does to the daemon: a storm of faults from a seed.

A fault is either armed, and strikes the next call that it fits, or it lasts for a time. `story` tells each that struck.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from reconciler import errors, ports
from reconciler.model import live
from reconciler.sandbox import clock as clocks
from reconciler.sandbox import processes as dying
from tests.simulation import process as processes

T = TypeVar("T")
WRITES = ("apply", "delete")
ANSWERED = ("apply", "delete", "dry_run")


@dataclass(frozen=True, slots=True)
class Armed:
    """Strikes the next call of `port` among `names` (none: any), after `skip` others that it fits."""

    kind: str
    port: str
    names: tuple[str, ...] = ()
    skip: int = 0

    def fits(self, port: str, name: str) -> bool:
        return self.port in ("", port) and (not self.names or name in self.names)


class Stage(Protocol):
    """What the storm blows on."""

    clock: clocks.VirtualClock

    def struck(self, kind: str, about: str) -> None:
        """A fault struck: told, and counted with the states it met."""

    def kill(self, because: str, who: processes.Process | None = None) -> None:
        """The present process dies, or `who`, which may be one that was frozen and goes on beside its successor."""

    def freeze(self, seconds: float) -> None:
        """The present process stands still for so long, and another one takes the lead."""

    def steal(self) -> None:
        """Another process takes the lead, and ends."""

    def watches(self) -> Any:
        """Those of the present process: `sandbox.watching.Watching`, or None."""

    def overtake(self) -> None:
        """Somebody pushes."""

    def ref_gone(self, seconds: float) -> None:
        """The ref is not there for so long."""


ARMED: tuple[Armed, ...] = (
    Armed("died-before", ""),
    Armed("died-after", ""),
    Armed("died-before-write", "cluster", WRITES),
    Armed("died-after-write", "cluster", WRITES),
    Armed("died-after-intent", "journal", ("intend",)),
    Armed("died-after-record", "journal", ("write", "settle")),
    Armed("died-around-push", "git", ("push",)),
    Armed("api-500", "cluster"),
    Armed("api-429", "cluster"),
    Armed("api-409", "cluster", ANSWERED),
    Armed("write-lost", "cluster", WRITES),
    Armed("write-unknown", "cluster", WRITES),
    Armed("write-late", "cluster", WRITES),
    Armed("push-race", "git", ("push",)),
    Armed("push-unknown", "git", ("push",)),
    Armed("push-lost", "git", ("push",)),
    Armed("push-refused", "git", ("push",)),
    Armed("git-error", "git"),
    Armed("journal-busy", "journal"),
)
LASTING: dict[str, tuple[float, float]] = {
    "api-outage": (2.0, 90.0),
    "git-outage": (5.0, 120.0),
    "journal-full": (1.0, 30.0),
    "watch-expired": (0.5, 20.0),
    "watch-lag": (0.5, 30.0),
    "watch-doubled": (10.0, 60.0),
    "frozen": (1.0, 60.0),
    "ref-gone": (5.0, 60.0),
}
"""Between how many and how many seconds each lasts."""
AT_ONCE = ("killed", "stolen", "clock-forward", "clock-back")
KINDS = (*(armed.kind for armed in ARMED), *LASTING, *AT_ONCE)
DRAWN = (*KINDS, "push-race", "push-race", "push-race", "push-unknown", "died-around-push")
"""What a storm is drawn from. Few runs push at all, so what befalls a push is drawn more often."""

OUTAGES = {"api-outage": "cluster", "git-outage": "git", "journal-full": "journal"}
LOCAL_GIT = ("holds", "descends", "oids", "folders", "files", "commit_info", "log", "keep", "commit_restoring")


@dataclass(slots=True)
class Storm:
    """Fulfils `process.Fate`."""

    stage: Stage
    chance: random.Random
    armed: list[Armed] = field(default_factory=list)
    until: dict[str, float] = field(default_factory=dict)
    """Port → monotonic end of its outage."""
    struck: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    refused: list[float] = field(default_factory=list)
    """When a call met an outage, in monotonic seconds."""
    about: list[object] = field(default_factory=list)
    """The objects whose calls were struck."""
    late: set[asyncio.Task[None]] = field(default_factory=set)
    """Writes that are still on their way."""

    def brew(self, kind: str) -> None:
        """Let one fault come: now, or at the next call it fits."""
        clock = self.stage.clock
        found = next((armed for armed in ARMED if armed.kind == kind), None)
        if found is not None:
            skip = int(self.chance.expovariate(1 / 12)) if not found.names else self.chance.randrange(3)
            self.armed.append(Armed(found.kind, found.port, found.names, skip))
            return
        seconds = self.chance.uniform(*LASTING[kind]) if kind in LASTING else 0.0
        self._strike(kind, f"{seconds:.1f} s" if seconds else "")
        match kind:
            case "api-outage" | "git-outage" | "journal-full":
                self.until[OUTAGES[kind]] = clock.monotonic() + seconds
                if kind == "api-outage":
                    self._pause(seconds, trouble="the API server has been silent for too long")
            case "watch-expired":
                self._pause(seconds, trouble="410 Gone: too old resource version")
            case "watch-lag":
                self._pause(seconds)
            case "watch-doubled":
                if (watches := self.stage.watches()) is not None:
                    watches.times = 2
                    asyncio.get_running_loop().call_later(seconds, setattr, watches, "times", 1)
            case "frozen":
                self.stage.freeze(seconds)
            case "ref-gone":
                self.stage.ref_gone(seconds)
            case "killed":
                self.stage.kill("killed")
            case "stolen":
                self.stage.steal()
            case "clock-forward":
                clock.jump(self.chance.choice((30.0, 3600.0, 86400.0)))
            case "clock-back":
                clock.jump(-self.chance.choice((30.0, 3600.0, 86400.0)))

    def calm(self) -> None:
        """The faults end."""
        self.armed.clear()
        self.until.clear()
        if (watches := self.stage.watches()) is not None:
            watches.resume()

    def _pause(self, seconds: float, trouble: str = "") -> None:
        if (watches := self.stage.watches()) is not None:
            watches.pause(trouble=trouble)
            asyncio.get_running_loop().call_later(seconds, watches.resume)

    def _strike(self, kind: str, about: str) -> None:
        self.struck += 1
        self.stage.struck(kind, about)

    def _next(self, port: str, name: str) -> str:
        for place, armed in enumerate(self.armed):
            if armed.fits(port, name):
                if armed.skip:
                    self.armed[place] = Armed(armed.kind, armed.port, armed.names, armed.skip - 1)
                    continue
                del self.armed[place]
                self._strike(armed.kind, f"{port} {name}")
                return armed.kind
        return ""

    async def meet(
        self, process: processes.Process, port: str, name: str, call: Callable[[], Awaitable[T]], about: object
    ) -> T:
        self.calls[port] = self.calls.get(port, 0) + 1
        if port != "journal":
            await asyncio.sleep(self.chance.uniform(0.001, 0.03))
            await process.gate()
        self._outage(port, name)
        kind = self._next(port, name)
        if kind and about is not None:
            self.about.append(about)
        if not kind:
            return await call()
        return await self._befall(process, kind, name, call, about=about)

    def _outage(self, port: str, name: str) -> None:
        if self.stage.clock.monotonic() >= self.until.get(port, 0.0) or (port == "git" and name in LOCAL_GIT):
            return
        self.refused.append(self.stage.clock.monotonic())
        if port == "journal":
            raise errors.JournalUnusable("There is no room left for the journal.")
        raise errors.Transient(f"{port}: connection refused")

    async def _befall(
        self, process: processes.Process, kind: str, name: str, call: Callable[[], Awaitable[T]], *, about: object
    ) -> T:
        unknown = errors.Transient(f"{name}: timed out, the outcome is unknown")
        match kind:
            case "died-before" | "died-before-write":
                self.stage.kill(kind, process)
                raise processes.Dead
            case "died-after" | "died-after-write" | "died-after-intent" | "died-after-record":
                await call()
                self.stage.kill(kind, process)
                raise processes.Dead
            case "died-around-push":
                if self.chance.random() < 0.5:
                    await call()
                self.stage.kill(kind, process)
                raise processes.Dead
            case "api-500":
                raise errors.Transient("500 Internal Server Error")
            case "api-429":
                raise errors.Transient("429 Too Many Requests", retry_after=self.chance.uniform(1, 20))
            case "write-lost" | "push-lost":
                raise unknown
            case "write-unknown" | "push-unknown":
                await call()
                raise unknown
            case "write-late":
                self._later(call)
                raise unknown
            case "push-race":
                self.stage.overtake()
                return await call()
            case "push-refused":
                return ports.Pushed(ports.PushResult.REFUSED, "main is protected")  # type: ignore[return-value]
            case "api-409":
                because = "the object has been modified; please apply your changes to the latest version"
                return live.Refused(about, live.Why.STALE, because, status=409)  # type: ignore[return-value,arg-type]
            case "git-error":
                raise errors.Transient("git: the connection was reset")
            case "journal-busy":
                raise errors.Transient("Another process has kept the journal locked for 5 s.")
        raise AssertionError(kind)

    def _later(self, call: Callable[[], Awaitable[Any]]) -> None:
        """What was sent arrives after the sender has given up, and perhaps died."""

        async def land() -> None:
            await asyncio.sleep(self.chance.uniform(0.3, 8.0))
            await call()

        token = dying.OWNER.set(None)
        try:
            self.late.add(task := asyncio.get_running_loop().create_task(land()))
            task.add_done_callback(self.late.discard)
        finally:
            dying.OWNER.reset(token)
