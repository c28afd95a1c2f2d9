"""Sandboxes in place of clusters: models inside this process, each empty at its start and gone at its end."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from reconciler import ports
from reconciler.edges import system
from reconciler.model import document, health, targets
from reconciler.sandbox import cluster, objects
from reconciler.sandbox.controllers import claims, running, table
from reconciler.settings import deployment

log = logging.getLogger("reconciler.sandbox")

STORAGE: document.Json = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "standard", "annotations": {claims.DEFAULT: "true"}},
    "provisioner": claims.PROVISIONER,
}
"""Claims that name no class are bound, as on most clusters."""

ELSEWHERE = "it is a sandbox inside the daemon's process: nobody else can look into it"


Controllers = Callable[[objects.Objects, ports.Clock], running.Controllers]


class Sandboxes:
    """One for each cluster of the settings. `kept` has the objects of each by the cluster's name: look and write there
    as people and other tools would. All of it lives on the event loop that connects.

    `clock` and `chance` are those of the whole world that is built on it: virtual ones make a run repeatable.
    """

    def __init__(
        self,
        clock: ports.Clock | None = None,
        chance: ports.Chance | None = None,
        *,
        controllers: Controllers = table.controllers,
    ) -> None:
        self._controllers = controllers
        self.clock = clock or system.SystemClock()
        self.chance = chance or system.SystemChance()
        self.kept: dict[str, objects.Objects] = {}
        self._its: deployment.Deployment | None = None

    def adjust(self, its: deployment.Deployment) -> None:
        """Take the settings: every namespace that an environment may write to is there."""
        self._its = its

    def connect(self, name: str, its: deployment.Deployment) -> "Sandbox":
        """A new and empty one; its controllers run until it is closed."""
        self.adjust(its)
        kept = objects.Objects(self.clock, self.chance, implied=lambda namespace: self._implied(name, namespace))
        kept.apply(STORAGE, manager="sandbox", force=True)
        self.kept[name] = kept
        log.warning(
            "cluster %s is a sandbox: a model inside this process, empty now and gone at its end; no real cluster is"
            " contacted",
            name,
        )
        controllers = self._controllers(kept, self.clock)
        return Sandbox(name, kept, controllers=controllers, namespace_for_records=its.clusters[name].namespace)

    def _implied(self, name: str, namespace: str) -> bool:
        environments = self._its.environments.values() if self._its else ()
        return any(
            limits.cluster == name and targets.Confinement(limits.namespaces, ()).allows(namespace)
            for limits in environments
        )


class Sandbox(cluster.SandboxCluster):
    """Fulfils `ports.Cluster`; its controllers run beside it. Close it."""

    def __init__(
        self, name: str, kept: objects.Objects, *, controllers: running.Controllers, namespace_for_records: str
    ) -> None:
        super().__init__(name, kept, namespace_for_records=namespace_for_records)
        self._running = asyncio.create_task(_control(name, controllers), name=f"controllers of {name}")

    async def close(self) -> None:
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running
        await super().close()


async def _control(name: str, controllers: running.Controllers) -> None:
    """For ever: an object that a controller fails at is left as it is until something wakes it again."""
    while True:
        try:
            await controllers.run()
        except Exception:
            log.exception("sandbox %s: a controller failed", name)


class NoProber:
    """Fulfils `ports.Prober` where there is no network. Who answers outside is not what runs in here."""

    def __init__(self, clock: ports.Clock) -> None:
        self._clock = clock

    async def probe(self, probe: targets.HttpProbe) -> health.ProbeSample:
        because = "a sandbox has no network: whether it would answer cannot be told"
        return health.ProbeSample(probe.url, self._clock.monotonic(), None, because)
