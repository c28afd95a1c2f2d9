"""Whether the clusters can be reached: asked at the start, and after a target has missed its own, never otherwise."""

import asyncio
import contextlib
import functools
from dataclasses import dataclass, field

from reconciler import errors
from reconciler.daemon import polls, queue, recording
from reconciler.model import ids, outcomes, records
from reconciler.pipeline import lasting, world

DEADLINE = 2.5
"""Seconds a cluster gets to answer: `run` says within 5 what it cannot reach."""

FIRST, FACTOR, CAP = 1.0, 2.0, 15.0
"""Back-off in seconds between two tries. One question for a whole cluster may come more often than those of its
targets, which rest up to a minute and are woken when the cluster answers."""

LATE = lasting.LATE
"""Seconds after which somebody is called for a cluster that still cannot be used: credentials that are refused and a
certificate that is not trusted do not mend themselves."""


@dataclass(frozen=True, slots=True)
class Held:
    """Since when (monotonic seconds) a target misses its cluster, and why now."""

    since: float
    because: str


@dataclass(slots=True)
class Reach:
    """One task for each cluster that is in doubt."""

    here: world.World
    queue: queue.Queue
    recording: recording.Recording
    _asking: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _missed: dict[str, set[ids.TargetKey]] = field(default_factory=dict)
    _held: dict[str, dict[ids.TargetKey, Held]] = field(default_factory=dict)
    """Cluster → each target whose newest pass missed it."""
    _called: set[str] = field(default_factory=set)
    """Each cluster that answers and is missed, for which somebody was called."""

    def greet(self) -> None:
        """Ask every cluster of the present settings whether it is there."""
        for name in self.here.clusters:
            self._doubt(name)

    def passed(self, key: ids.TargetKey, result: outcomes.PassResult) -> None:
        """Note how a pass ended: a target that missed its cluster is woken when that answers again."""
        name = self.here.settings.environments[key.environment].cluster
        held = self._held.setdefault(name, {})
        if result.hold is None or result.hold.reason is not outcomes.HoldReason.CLUSTER_UNAVAILABLE:
            held.pop(key, None)
            if not held:
                self._called.discard(name)
            return
        since = held[key].since if key in held else self.here.clock.monotonic()
        held[key] = Held(since, result.because)
        self._missed.setdefault(name, set()).add(key)
        self._doubt(name)

    async def stop(self) -> None:
        tasks, self._asking = self._asking, {}
        self._held.clear()  # with other settings it may be another cluster: counted anew
        self._called.clear()
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)

    def _doubt(self, name: str) -> None:
        if name not in self._asking:
            task = self._asking[name] = asyncio.create_task(self._ask(name), name=f"reach {name}")
            task.add_done_callback(functools.partial(self._asked, name))

    def _asked(self, name: str, task: asyncio.Task[None]) -> None:
        if self._asking.get(name) is task:
            del self._asking[name]

    async def _ask(self, name: str) -> None:
        """Until the cluster answers. One that does so at once was not away: its targets keep their own back-off, or a
        cluster that answers this and refuses them would be asked for ever."""
        told, rest = "", FIRST
        began, called = self.here.clock.monotonic(), False
        while trouble := await self._trouble(name):
            if trouble != told:
                because = polls.about(f"cluster {name}", trouble)
                reason = outcomes.HoldReason.CLUSTER_UNAVAILABLE.value
                await self._tell(self.here.event(records.EventKind.HELD, because, reason=reason))
                told = trouble
            if not called and (lasts := self.here.clock.monotonic() - began) >= LATE:
                because = f"for {lasts:.0f} s: {polls.about(f'cluster {name}', trouble)}"
                await self._tell(self.here.event(records.EventKind.PAGE, because))
                called = True
            await self.here.clock.sleep(self.here.chance.jitter(rest))
            rest = min(CAP, rest * FACTOR)
        missed = self._missed.pop(name, set())
        if not told:
            await self._partly(name)
        else:
            self._held.pop(name, None)  # until now it was the cluster, and that was told
            await self._tell(self.here.event(records.EventKind.HOLD_ENDED, f"cluster {name} answers again"))
            for key in missed:
                self.queue.wake(key)

    async def _partly(self, name: str) -> None:
        """Call somebody, once, for a cluster that answers and holds targets all the same, when that lasts: while a
        webhook that converts one kind is down, or a proxy cuts all watches, nothing is healed, and in silence."""
        held = self._held.get(name)
        if not held or name in self._called:
            return
        key, longest = min(held.items(), key=lambda one: one[1].since)
        lasts = self.here.clock.monotonic() - longest.since
        if lasts < LATE:
            return
        self._called.add(name)
        more = f" and {len(held) - 1} more" if len(held) > 1 else ""
        because = f"for {lasts:.0f} s: cluster {name} answers, but {key}{more} cannot use it: {longest.because}"
        await self._tell(self.here.event(records.EventKind.PAGE, because))

    async def _trouble(self, name: str) -> str:
        """Why the cluster cannot be used; '' when it answers."""
        try:
            async with asyncio.timeout(DEADLINE):
                await self.here.clusters[name].facts(fresh=True)
        except TimeoutError:
            return f"the API server did not answer within {DEADLINE:g} s"
        except errors.ReconcilerError as error:
            return str(error)
        return ""

    async def _tell(self, event: records.Event) -> None:
        with contextlib.suppress(errors.LeadershipLost):  # the other loops find out as well, and end the daemon
            await self.recording.kept("reach", functools.partial(self.here.append, event))
