"""Settings that change: whose watches go on, and over which connection."""

import pathlib
from collections.abc import AsyncIterator

import pytest

from reconciler.edges.kubernetes import cluster, session
from reconciler.model import ids, records
from reconciler.pipeline import cycle, world
from reconciler.settings import deployment, loading
from tests.contracts.waiting import until
from tests.edges.kubernetes import fake
from tests.support import planned, worlds

CONFIG_MAP = ids.KindKey("", "ConfigMap")
WEB, SHOP = ids.TargetKey("production", "web"), ids.TargetKey("staging", "web")
ROW = records.InventoryRow(planned.key("ConfigMap", "settings"), "uid-settings", "digest", "ours", "5", "r1")
OURSELVES, ROBOT, OTHER = "", "robot", "other"


class Bench:
    """Two environments of one cluster. Each has its watches, metadata and whole objects, and none of a target record:
    records are read, not watched."""

    def __init__(self, here: world.World, api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
        self.here, self.api, self.edge = here, api, edge
        self.woken: list[ids.TargetKey] = []
        self.cycle = cycle.Cycle(here, self.woken.append)
        self._views: dict[str, cluster.KubernetesCluster] = {}

    async def begin(self) -> None:
        self.cycle.listen()
        for key in (WEB, SHOP):
            await self.cycle.reconcile(key)
            await self.watch(key)

    async def watch(self, key: ids.TargetKey) -> None:
        """As a pass does that plans, and a rollout."""
        its = self.here.cluster_of(key)
        await its.watch([(CONFIG_MAP, "web")])
        await its.follow(key, [(CONFIG_MAP, "web")], woken=lambda: None)

    def act(self, **users: str) -> None:
        """What a reload does: environment → as whom it acts from now on."""
        for user in users.values():
            if user and user not in self._views:
                self._views[user] = self.edge.seen_as(session.Identity(user))
        self.here.views = {name: self._views[user] for name, user in users.items() if user}

    def open(self) -> dict[str, int]:
        """User → open watches; '' for ourselves."""
        users = [request.headers.get("impersonate-user", OURSELVES) for request in self.api.open]
        return {user: users.count(user) for user in users}

    async def close(self) -> None:
        for view in self._views.values():
            await view.close()


@pytest.fixture
async def bench(tmp_path: pathlib.Path) -> AsyncIterator[Bench]:
    async with fake.running(fake.FakeApi()) as api:
        edge = await cluster.connect("one", kubeconfig=str(fake.kubeconfig(tmp_path, server=api.url)))
        here = await worlds.made()
        here.clusters = {**here.clusters, "one": edge}
        made = Bench(here, api, edge)
        yield made
        await made.close()
        await edge.close()


@pytest.mark.parametrize(
    ("before", "after", "left"),
    [
        ((OURSELVES, OURSELVES), (ROBOT, OURSELVES), {OURSELVES: 1}),
        ((OURSELVES, OURSELVES), (ROBOT, ROBOT), {}),
        ((ROBOT, ROBOT), (OTHER, ROBOT), {ROBOT: 1}),
        ((ROBOT, OURSELVES), (OURSELVES, OURSELVES), {OURSELVES: 2}),
        ((ROBOT, OURSELVES), (ROBOT, OURSELVES), {ROBOT: 2, OURSELVES: 2}),
    ],
    ids=["one acts from now on", "both act", "as somebody else", "as ourselves again", "nothing changed"],
)
async def test_an_environment_that_acts_as_somebody_else_leaves_no_watch_behind(
    bench: Bench, before: tuple[str, str], after: tuple[str, str], left: dict[str, int]
) -> None:
    """I18: with `impersonate` added, its watches went on with the daemon's own rights until a restart. What is left is
    the rollout of the neighbour; its metadata watches begin again with its next pass."""
    bench.act(production=before[0], staging=before[1])
    await bench.begin()
    await until(lambda: sum(bench.open().values()) == (4 if before[0] != before[1] else 2), what="all watches")
    bench.woken.clear()
    bench.act(production=after[0], staging=after[1])
    await bench.cycle.listen_anew()
    if before != after:
        await until(lambda: bench.open() == left, what=f"the watches {left}")
    else:
        assert bench.open() == left
    both = before[0] == before[1]
    assert bench.woken == ([SHOP] if both and after[1] == before[1] else []), "who shared what has ended asks again"
    for key in (WEB, SHOP):
        await bench.cycle.reconcile(key)
        await bench.watch(key)
    bench.woken.clear()
    await bench.here.journal.adopt_rows(WEB, [ROW], epoch=bench.here.epoch)
    await bench.cycle.drift.learn(WEB)
    bench.api.put("settings", by="somebody")
    await until(lambda: WEB in bench.woken, what="being heard as before")


async def test_an_environment_that_moves_to_another_cluster_leaves_no_watch_behind(bench: Bench) -> None:
    await bench.begin()
    its = bench.here.settings
    moved = its.environments["production"].model_copy(update={"cluster": "two"})
    bench.here.settings = its.model_copy(update={"environments": {**its.environments, "production": moved}})
    await bench.cycle.listen_anew()
    await until(lambda: bench.open() == {OURSELVES: 1}, what="the neighbour's rollout alone")


async def test_an_environment_that_is_gone_leaves_no_watch_behind(bench: Bench) -> None:
    await bench.begin()
    without = worlds.SETTINGS.replace("  production: {repository: main, cluster: one, namespaces: [web]}\n", "")
    bench.here.settings = loading.load(deployment.Deployment, without, where="config/deployment-config.yaml")
    await bench.cycle.listen_anew()
    await until(lambda: bench.open() == {OURSELVES: 1}, what="the neighbour's rollout alone")
