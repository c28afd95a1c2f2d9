"""What goes wrong in a rehearsal beside pods: probes, and an API server that is away for a time."""

import asyncio
from collections.abc import Callable
from typing import Any

from reconciler import errors, ports
from reconciler.model import health, targets
from reconciler.rehearsal import faults
from reconciler.sandbox import cluster

AWAY = "connection refused (a fault of the rehearsal)"


class Prober:
    """Fulfils `ports.Prober`. `begun`: whether it is the change that answers; else every probe is answered."""

    def __init__(self, clock: ports.Clock, its_faults: faults.Faults, *, begun: Callable[[], bool]) -> None:
        self._clock, self._faults, self._begun = clock, its_faults, begun

    async def probe(self, probe: targets.HttpProbe) -> health.ProbeSample:
        now = self._clock.monotonic()
        if self._begun() and self._faults.has("probe-fails"):
            return health.ProbeSample(probe.url, now, False, "answered 503 (a fault of the rehearsal)")
        return health.ProbeSample(probe.url, now, True, "taken as answered")


class Cluster:
    """Fulfils `ports.Cluster` by a sandbox. With its first write after `begun` it is away for `outage` seconds."""

    def __init__(self, inner: cluster.SandboxCluster, outage: float, *, begun: Callable[[], bool]) -> None:
        self._inner, self._outage, self._begun = inner, outage, begun
        self._until: float | None = None

    def __getattr__(self, name: str) -> Any:  # every method of the port, and nothing of it is known here
        found = getattr(self._inner, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def passed(*arguments: Any, **named: Any) -> Any:
            self._meet(name)
            return await found(*arguments, **named)

        return passed

    def _meet(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        if self._until is None and name == "apply" and self._begun():
            self._until = loop.time() + self._outage
            self._inner.watches.pause(trouble=AWAY)
            loop.call_at(self._until, self._inner.watches.resume)
        if self._until is not None and loop.time() < self._until:
            raise errors.Transient(f"cluster {self._inner.name}: {AWAY}")
