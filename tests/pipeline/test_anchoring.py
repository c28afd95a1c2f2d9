"""Which records stop which targets, and when a record is written (S1)."""

import asyncio
import dataclasses
from collections.abc import Mapping

import pytest

from reconciler.model import ids, outcomes, records
from reconciler.pipeline import anchoring, world
from reconciler.sandbox import cluster, objects
from tests.support import worlds

OURS, THEIRS = worlds.INSTALLATION, "22222222-bbbb"
WEB, API = ids.TargetKey("production", "web"), ids.TargetKey("staging", "api")
FAR, ELSEWHERE = ids.TargetKey("far", "web"), ids.TargetKey("theirs", "web")
Held = outcomes.HoldReason
GOOD = records.Good("a" * 40, "good", "manifests", "2026-01-01T10:00:00Z")


@pytest.fixture
async def here() -> world.World:
    return await worlds.made()


async def record(here: world.World, target: ids.TargetKey, *, of: str = OURS, at: int = 3) -> records.TargetRecord:
    """The record that a journal of installation `of` with the same chain wrote at event `at`."""
    events = await here.journal.events(after=0, limit=at)
    head = events[at - 1].hash if at <= len(events) else "of a later event"
    return records.TargetRecord(target, of, 1, "good", (), "inventory", at, head)


async def held(here: world.World, anchors: anchoring.Anchoring, *targets: ids.TargetKey) -> Mapping[str, Held | None]:
    found = {str(key): await anchors.check(await here.journal.ledger(key)) for key in targets}
    return {name: hold.reason if hold else None for name, hold in found.items()}


async def test_a_record_that_fits_stops_nothing_and_is_kept_up_to_date(here: world.World) -> None:
    await here.clusters["one"].write_record(await record(here, WEB, at=2))
    anchors = anchoring.Anchoring(here)
    assert await held(here, anchors, WEB, API) == {str(WEB): None, str(API): None}
    ledger = records.Ledger(WEB, last_good=GOOD, deployed="b" * 40)
    await anchors.keep(ledger)
    assert (await here.clusters["one"].read_record(WEB)) == await record(here, WEB, at=2)  # it says so already
    paused = dataclasses.replace(ledger, pause=records.Pause("ann", "a freeze", GOOD.at), stopped="it failed too")
    await anchors.keep(paused)
    written = await here.clusters["one"].read_record(WEB)
    assert written is not None
    assert (written.pause, written.stopped, written.revision, written.deployed, written.sequence) == (
        paused.pause,
        paused.stopped,
        GOOD.revision,
        "b" * 40,
        3,
    )
    await anchors.keep(records.Ledger(API))
    assert await here.clusters["one"].read_record(API) is None


@pytest.mark.parametrize("at", [4, 400])
async def test_one_record_of_a_newer_journal_stops_every_target(here: world.World, at: int) -> None:
    await here.clusters["one"].write_record(await record(here, API))
    await here.clusters["one"].write_record(await record(here, WEB, at=at))
    behind = Held.JOURNAL_BEHIND
    expected = {str(API): behind, str(WEB): behind, str(FAR): behind}
    assert await held(here, anchoring.Anchoring(here), API, WEB, FAR) == expected


async def test_a_journal_that_went_another_way_is_behind_though_it_is_longer(here: world.World) -> None:
    """A restored backup grows past the record's event: by its hash it is found out."""
    await here.clusters["one"].write_record(dataclasses.replace(await record(here, WEB, at=2), head_hash="another"))
    assert (await held(here, anchoring.Anchoring(here), API))[str(API)] is Held.JOURNAL_BEHIND


async def test_a_new_journal_beside_foreign_records_of_its_targets_does_nothing_there(here: world.World) -> None:
    await here.clusters["one"].write_record(await record(here, WEB, of=THEIRS))
    foreign = Held.FOREIGN_INSTALLATION
    expected = {str(API): foreign, str(WEB): foreign, str(FAR): None}
    assert await held(here, anchoring.Anchoring(here), API, WEB, FAR) == expected


async def test_foreign_records_of_foreign_targets_stop_nobody(here: world.World) -> None:
    await here.clusters["one"].write_record(await record(here, ELSEWHERE, of=THEIRS, at=400))
    await here.clusters["one"].write_record(await record(here, FAR, of=THEIRS))  # of a cluster where we have no `far`
    assert await held(here, anchoring.Anchoring(here), WEB, API) == {str(WEB): None, str(API): None}


async def test_a_journal_that_has_made_something_loses_only_the_target_that_is_foreign(here: world.World) -> None:
    await here.write(records.Ledger(API, last_good=GOOD))
    await here.clusters["one"].write_record(await record(here, WEB, of=THEIRS))
    expected = {str(API): None, str(WEB): Held.FOREIGN_INSTALLATION}
    assert await held(here, anchoring.Anchoring(here), API, WEB) == expected


class Silent(cluster.SandboxCluster):
    """Never answers."""

    async def read_records(self) -> tuple[records.TargetRecord, ...]:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("unreachable")


async def test_a_cluster_that_does_not_answer_keeps_no_other_waiting(here: world.World) -> None:
    clock, chance = here.clock, here.chance
    here.clusters = {**here.clusters, "two": Silent("two", objects.Objects(clock, chance))}
    anchors = anchoring.Anchoring(here)
    stuck = asyncio.create_task(held(here, anchors, FAR))
    await asyncio.sleep(0)
    assert await asyncio.wait_for(held(here, anchors, WEB, API), 10) == {str(WEB): None, str(API): None}
    assert not stuck.done()
    stuck.cancel()
