"""Whether the clusters can be reached: asked at the start, and after a target has missed its own, never otherwise."""

import asyncio
import contextlib
import functools
from dataclasses import dataclass, field

from reconciler import errors
from reconciler.daemon import polls, queue, recording
from reconciler.model import ids, outcomes, records
from reconciler.pipeline import world

DEADLINE = 2.5
"""Seconds a cluster gets to answer: `run` says within 5 what it cannot reach."""

FIRST, FACTOR, CAP = 1.0, 2.0, 15.0
"""Back-off in seconds between two tries. One question for a whole cluster may come more often than those of its
targets, which rest up to a minute and are woken when the cluster answers."""

LATE = 60.0
"""Seconds after which somebody is called for a cluster that still cannot be used: credentials that are refused and a
certificate that is not trusted do not mend themselves. As long as a rollout waits for health that cannot be read."""


@dataclass(slots=True)
class Reach:
    """One task for each cluster that is in doubt."""

    here: world.World
    queue: queue.Queue
    recording: recording.Recording
    _asking: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _missed: dict[str, set[ids.TargetKey]] = field(default_factory=dict)

    def greet(self) -> None:
        """Ask every cluster of the present settings whether it is there."""
        for name in self.here.clusters:
            self._doubt(name)

    def passed(self, key: ids.TargetKey, result: outcomes.PassResult) -> None:
        """Note how a pass ended: a target that missed its cluster is woken when that answers again."""
        if result.hold is None or result.hold.reason is not outcomes.HoldReason.CLUSTER_UNAVAILABLE:
            return
        name = self.here.settings.environments[key.environment].cluster
        self._missed.setdefault(name, set()).add(key)
        self._doubt(name)

    async def stop(self) -> None:
        tasks, self._asking = self._asking, {}
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
        if told:
            await self._tell(self.here.event(records.EventKind.HOLD_ENDED, f"cluster {name} answers again"))
            for key in missed:
                self.queue.wake(key)

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
