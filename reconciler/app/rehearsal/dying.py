"""A daemon that is killed at named boundaries, and started again: `rehearse --fault killed@apply`."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from reconciler import ports
from reconciler.pipeline import world
from reconciler.rehearsal import faults
from reconciler.sandbox import cluster, objects, processes

RESTART = 5.0
"""Seconds until the daemon is started again."""

T = TypeVar("T")


class Deaths:
    """Fulfils `processes.Fate`. After its first call at each of `boundaries` since the change came (`begun`) a process
    ends: the call was made, and its answer is never heard."""

    def __init__(self, boundaries: tuple[str, ...], *, begun: Callable[[], bool]) -> None:
        self.died: list[tuple[str, float]] = []
        """At which boundary, and at which monotonic time."""
        self._left = list(boundaries)
        self._begun = begun
        self._ended = asyncio.Event()

    @property
    def left(self) -> tuple[str, ...]:
        """Boundaries that nobody has come to."""
        return tuple(self._left)

    async def meet(
        self, process: processes.Process, port: str, name: str, call: Callable[[], Awaitable[T]], about: object
    ) -> T:
        answer = await call()
        at = next((fault for fault in self._left if faults.BOUNDARIES[fault] == (port, name)), "")
        if not at or not self._begun():
            return answer
        self._left.remove(at)
        self.died.append((at, asyncio.get_running_loop().time()))
        process.kill()
        self._ended.set()
        raise processes.Dead

    async def live(
        self,
        here: world.World,
        daemon: Callable[[world.World], Coroutine[Any, Any, None]],
        *,
        kept: Mapping[str, objects.Objects],
    ) -> None:
        """`daemon` on `here` until it ends in order, started anew after each death. `kept`: the objects of each
        cluster, on which each process has watches of its own."""
        number = 0
        while True:
            number += 1
            self._ended.clear()
            process = processes.Process(number, self)
            clusters = {name: self._cluster(name, here, kept) for name in here.clusters}
            its = self._of(process, here, clusters)
            task = process.start(daemon(its))
            ended = asyncio.create_task(self._ended.wait())
            await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            if process.alive:
                return task.result()
            for connected in clusters.values():
                connected.watches.close()
            await here.clock.sleep(RESTART)

    def _cluster(self, name: str, here: world.World, kept: Mapping[str, objects.Objects]) -> cluster.SandboxCluster:
        return cluster.SandboxCluster(name, kept[name], namespace_for_records=here.settings.clusters[name].namespace)

    def _of(self, process: processes.Process, here: world.World, clusters: Mapping[str, ports.Cluster]) -> world.World:
        """The same world as one process reaches it."""

        def through(inner: object, port: str) -> Any:
            return processes.Passing(process, inner, port=port)

        return dataclasses.replace(
            here,
            journal=through(here.journal, "journal"),
            repositories={name: through(inner, "git") for name, inner in here.repositories.items()},
            clusters={name: through(inner, "cluster") for name, inner in clusters.items()},
            epoch=0,
        )
