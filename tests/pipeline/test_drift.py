"""What the watches say, judged against the inventories of the targets that an object belongs to."""

import dataclasses

import pytest

from reconciler import ports
from reconciler.model import ids, live, records
from reconciler.pipeline import drift, world
from tests.sandbox import test_objects as still
from tests.support import planned, worlds

WEB, STAYS = ids.TargetKey("production", "web"), ids.TargetKey("production", "stays")
SETTINGS = planned.key("ConfigMap", "settings")
ROW = records.InventoryRow(SETTINGS, "u1", "digest", "ours", "5", "r1")


class Bench:
    """Drift over a journal, and who was woken."""

    def __init__(self, here: world.World) -> None:
        self.here = here
        self.woken: list[ids.TargetKey] = []
        self.drift = drift.Drift(here, self.woken.append)

    async def has(self, key: ids.TargetKey, row: records.InventoryRow) -> None:
        await self.here.journal.adopt_rows(key, [row], epoch=self.here.epoch)
        await self.drift.learn(key)

    async def lacks(self, key: ids.TargetKey, row: records.InventoryRow) -> None:
        await self.here.journal.adopt_rows(key, [], forget=[row.key], epoch=self.here.epoch)
        await self.drift.learn(key)

    def hear(self, *, version: str, entry: str, gone: bool = False, cluster: str = "one") -> list[ids.TargetKey]:
        meta = live.LiveMeta(SETTINGS, "u1", version, entry, mark="", controlled=False, deleting=False)
        self.woken.clear()
        self.drift.heard(ports.Seen(cluster, meta, gone))
        return self.woken


@pytest.fixture
async def bench() -> Bench:
    return Bench(await worlds.made())


async def test_an_object_that_changes_hands_is_in_two_inventories_for_a_while(bench: Bench) -> None:
    taken = dataclasses.replace(ROW, rollout=records.HANDED)
    await bench.has(WEB, ROW)
    await bench.has(STAYS, taken)
    assert (bench.drift.rows(WEB), bench.drift.rows(STAYS)) == ((ROW,), (taken,))
    assert bench.hear(version="6", entry="theirs") == [WEB, STAYS]
    await bench.lacks(WEB, ROW)
    assert (bench.drift.rows(WEB), bench.drift.rows(STAYS)) == ((), (taken,))
    assert bench.hear(version="7", entry="", gone=True) == [STAYS]
    await bench.lacks(STAYS, taken)
    assert bench.hear(version="8", entry="theirs") == []


async def test_the_news_of_another_cluster_or_of_our_own_write_wakes_nobody(bench: Bench) -> None:
    await bench.has(WEB, ROW)
    assert bench.hear(version="6", entry="theirs", cluster="two") == []
    assert bench.hear(version="6", entry="ours") == []
    assert bench.hear(version="5", entry="theirs") == []


async def test_an_environment_that_moves_to_another_cluster_takes_its_claims_along(bench: Bench) -> None:
    await bench.has(WEB, ROW)
    its = bench.here.settings
    moved = its.environments["production"].model_copy(update={"cluster": "two"})
    bench.here.settings = its.model_copy(update={"environments": {**its.environments, "production": moved}})
    await bench.drift.learn(WEB)
    assert bench.hear(version="6", entry="theirs", cluster="one") == []
    assert bench.hear(version="6", entry="theirs", cluster="two") == [WEB]


@pytest.mark.parametrize(
    ("lost", "woken"),
    [
        (ports.Lost("one", SETTINGS.kind_key, "", "403"), True),
        (ports.Lost("one", SETTINGS.kind_key, "web", "403"), True),
        (ports.Lost("one", SETTINGS.kind_key, "shop", "403"), False),
        (ports.Lost("one", ids.KindKey("apps", "Deployment"), "", "403"), False),
        (ports.Lost("two", SETTINGS.kind_key, "", "403"), False),
    ],
    ids=["everywhere", "its namespace", "another namespace", "another kind", "another cluster"],
)
async def test_a_lost_watch_wakes_whoever_rests_on_it(bench: Bench, lost: ports.Lost, woken: bool) -> None:
    await bench.has(WEB, ROW)
    bench.drift.lost(lost)
    assert bench.woken == ([WEB] if woken else [])
    assert ("403" in bench.drift.suspected(WEB)) is woken


class Clock(still.StillClock):
    at = 1000.0

    def monotonic(self) -> float:
        return self.at


async def test_the_first_healing_is_immediate_and_each_next_one_waits_longer(bench: Bench) -> None:
    """Until nothing was healed for ten minutes, or a person asks (I20)."""
    bench.here.clock = clock = Clock()
    waited = []
    for _ in range(7):
        waited.append(bench.drift.heals_in(WEB))
        clock.at += waited[-1]
        bench.drift.healed(WEB)
    assert waited == [0, 2, 6, 18, 54, 162, 300]
    assert bench.drift.heals_in(STAYS) == 0, "each target has its own"
    clock.at += drift.QUIET
    assert bench.drift.heals_in(WEB) == 0
    bench.drift.healed(WEB)
    assert bench.drift.heals_in(WEB) == 2
    bench.drift.at_once(WEB)
    assert bench.drift.heals_in(WEB) == 0
