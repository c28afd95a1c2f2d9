"""The journal in memory: what a file would hold, and several processes on it."""

import asyncio
import datetime
import pathlib
from typing import Any

import pytest

from reconciler import errors, ports
from reconciler.edges.journal import database, journal, transactions
from reconciler.edges.journal import memory as memories
from reconciler.model import records
from reconciler.sandbox import clock as clocks
from tests.edges.journal import examples
from tests.edges.journal.examples import TARGET

INSTALLATION = "00000000-0000-4000-8000-000000000001"
MOMENT = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)


def fulfils_the_port(found: memories.MemoryJournal) -> ports.Journal:
    return found  # checked by mypy


@pytest.fixture
def shared() -> memories.Memory:
    return memories.Memory(installation=INSTALLATION, now=lambda: MOMENT)


def everything(base: database.Database) -> dict[str, list[dict[str, Any]]]:
    """Every table's rows, but for the installation, which a file draws by chance."""

    def read(tx: transactions.Transaction) -> dict[str, list[dict[str, Any]]]:
        names = [
            row["name"] for row in tx.all("SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'meta'")
        ]
        return {name: [dict(row) for row in tx.all(f"SELECT * FROM {name}")] for name in names}  # noqa: S608 - our tables

    return base.read(read)


async def use(its: journal.SqlJournal) -> None:
    """A little of everything."""
    epoch = await its.lead("a")
    await its.write(examples.FULL_LEDGER, events=[examples.event("x")], epoch=epoch)
    await its.intend([examples.intent("1"), examples.intent("2")], epoch=epoch)
    await its.settle([records.Settled("1", records.Result.DONE, "", row=examples.row())], epoch=epoch)
    await its.ask(examples.request("z"))
    await its.answer(examples.request("z"), answer="done", epoch=epoch)
    await its.append([examples.event("y")], epoch=epoch)


async def test_it_holds_what_a_file_holds(shared: memories.Memory, tmp_path: pathlib.Path) -> None:
    file = await journal.open_journal(tmp_path / "journal.sqlite", inline=True, now=lambda: MOMENT)
    await use(file)
    await use(shared.open())
    base = database.Database(tmp_path / "journal.sqlite", read_only=True)
    assert everything(shared.base) == everything(base)
    base.close()
    await file.close()


async def test_one_process_leads_and_the_next_one_finds_what_it_wrote(shared: memories.Memory) -> None:
    first, second = shared.open(), shared.open()
    assert (first.installation, await first.lead("first")) == (INSTALLATION, 1)
    with pytest.raises(errors.Transient, match=r"first .*leads"):
        await second.lead("second")
    await first.append([examples.event("x")], epoch=1)
    await first.close()
    assert await second.lead("second") == 2
    assert (await second.head())[0] == 1
    with pytest.raises(errors.LeadershipLost):
        await first.append([examples.event("late")], epoch=1)


async def test_restored_it_is_as_it_was(shared: memories.Memory) -> None:
    image = shared.image()
    await use(shared.open())
    shared.restore(image)
    again = shared.open()
    assert (again.installation, await again.targets(), await again.lead("again")) == (INSTALLATION, (), 1)
    await again.write(records.Ledger(TARGET), events=[examples.event("x")], epoch=1)
    assert (await again.head())[0] == 1


def test_a_request_is_heard_at_once_and_silence_ends() -> None:
    clock = clocks.VirtualClock()
    shared = memories.Memory(installation=INSTALLATION, now=clock.now)
    daemon, command = shared.open(), shared.open()
    heard: list[float] = []

    async def listen() -> None:
        async for _ in daemon.changes():
            heard.append(clock.monotonic() - clocks.START)
            if len(heard) == 3:
                return

    async def main() -> None:
        listening = asyncio.create_task(listen())
        await clock.sleep(4)
        await command.ask(examples.request("1"))
        await listening

    clock.run(main())
    assert heard == pytest.approx([4, 4 + memories.LOOK_AGAIN, 4 + 2 * memories.LOOK_AGAIN])
