"""What can go wrong in a sandbox when somebody asks for it, by a word: how a rehearsal tries a release in bad weather.

`crash-loop`, `image-pull-error`, `never-ready`, `fails-later`, `slow-start=90s` befall the pods made from then on,
`probe-fails` the answers to probes, `api-outage=30s` all calls of the cluster from its first write on, `killed@apply`
the daemon at its first such call, whose answer it never hears.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler import errors, ports
from reconciler.model import document, health, ids, live, targets
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import kubelet

PODS = ("crash-loop", "image-pull-error", "never-ready", "fails-later")
SLOW_START, PROBE_FAILS, API_OUTAGE, KILLED = "slow-start", "probe-fails", "api-outage", "killed"
CALLS = ("apply", "delete", "dry_run", "write_record")
WORDS = (*PODS, f"{SLOW_START}=90s", PROBE_FAILS, f"{API_OUTAGE}=30s", *(f"{KILLED}@{call}" for call in CALLS))
"""Everything that `parse` knows, with examples of durations."""

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smh])")


class Killed(BaseException):
    """The daemon was killed here: nothing of it runs on. Not an error of it, so nothing in it may catch this."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`seconds` and `call` belong to the words that have them."""

    word: str
    seconds: float = 0.0
    call: str = ""


def parse(text: str) -> Fault:
    """Raises `errors.InvalidInput` with all words for one that is none."""
    word, _, given = text.partition("=")
    if text in (*PODS, PROBE_FAILS):
        return Fault(text)
    if word in (SLOW_START, API_OUTAGE) and (found := _DURATION.fullmatch(given)):
        return Fault(word, float(found[1]) * _SECONDS[found[2]])
    if (killed := text.removeprefix(f"{KILLED}@")) in CALLS and killed != text:
        return Fault(KILLED, call=killed)
    raise errors.InvalidInput((f"{text!r} is no fault; write one of: {', '.join(WORDS)}",))


def strike_pods(kept: objects.Objects, fault: Fault) -> None:
    """Every pod made from now on behaves as `fault` says."""
    word, value = ("behaviour", fault.word) if fault.word in PODS else ("ready-after", f"{fault.seconds:g}s")

    def behave(body: document.Json) -> None:
        annotations = document.mapping(body, "metadata", "annotations")
        document.mapping(body, "metadata")["annotations"] = {**annotations, f"{kubelet.ANNOTATION}{word}": value}

    def heard(happened: objects.Happened) -> None:
        if happened.before is None and not happened.gone and happened.stored.key.kind_key == kubelet.KIND:
            kept.update(happened.stored.key, behave, manager="sandbox")

    kept.subscribe(heard)


@dataclass(frozen=True, slots=True)
class Prober:
    """Fulfils `ports.Prober`: there is nobody to ask in a sandbox. With `fails` every answer is a failure."""

    clock: ports.Clock
    fails: bool = False

    async def probe(self, probe: targets.HttpProbe) -> health.ProbeSample:
        because = "the rehearsal lets probes fail" if self.fails else "not asked: a sandbox serves nothing"
        return health.ProbeSample(probe.url, self.clock.monotonic(), not self.fails, because)


@dataclass(slots=True)
class Weather:
    """What befalls the calls of one cluster; `over` it, put in its place. It outlives the daemon that is killed."""

    clock: ports.Clock
    faults: tuple[Fault, ...]
    _outage_until: float | None = None
    _killed: set[str] = field(default_factory=set)

    def over(self, cluster: ports.Cluster) -> ports.Cluster:
        """The same cluster in this weather."""
        return _Weathered(self, cluster)  # every method that is not its own is the cluster's

    async def befall(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """One call. Raises `errors.Transient` in an outage, `Killed` where the daemon dies."""
        self._gather(name)
        self.look()
        answer = await call()
        for fault in self.faults:
            if fault.word == KILLED and fault.call == name and name not in self._killed:
                self._killed.add(name)
                raise Killed
        return answer

    def look(self) -> None:
        """Raises while the API server is away; its watches are then worth nothing either (I21)."""
        if self._outage_until is not None and self.clock.monotonic() < self._outage_until:
            raise errors.Transient("the API server cannot be reached: the rehearsal has it away")

    def _gather(self, name: str) -> None:
        """The outage begins with the first write: before it there is nothing to lose."""
        length = max((fault.seconds for fault in self.faults if fault.word == API_OUTAGE), default=0.0)
        if length and self._outage_until is None and name == "apply":
            self._outage_until = self.clock.monotonic() + length


class _Weathered:
    """Every coroutine method of the cluster, with what befalls it."""

    def __init__(self, weather: Weather, cluster: ports.Cluster) -> None:
        self._weather, self._cluster = weather, cluster

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._cluster, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def befallen(*arguments: Any, **named: Any) -> Any:
            return await self._weather.befall(name, lambda: found(*arguments, **named))

        return befallen

    def followed(self, target: ids.TargetKey) -> Mapping[ids.ObjectKey, live.LiveObject]:
        self._weather.look()
        return self._cluster.followed(target)
