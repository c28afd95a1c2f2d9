"""Killed at any instant, the journal has all that was acknowledged, and nothing by halves."""

import asyncio
import collections
import pathlib
import sqlite3

import pytest

from reconciler.edges.journal import audit, journal
from reconciler.model import records
from tests.edges.journal import examples, writer

KILLS = 20
LANES = 8


def killed(path: pathlib.Path, *, after: str, count: int, lanes: int = 0) -> list[str]:
    """What a writer has told until it was killed: it goes on writing between the line we wait for and its death."""
    with writer.running(path, lanes=lanes) as child:
        lines = writer.lines_until(child, after, count=count)
        child.kill()
        assert child.stdout is not None
        return lines + [line.strip() for line in child.stdout if line.endswith("\n")]


async def test_twenty_kills_lose_nothing(path: pathlib.Path) -> None:
    told: list[str] = []
    for kill in range(KILLS):
        after = ("led", "intended", "settled", "written")[kill % 4]
        told += await asyncio.to_thread(killed, path, after=after, count=1 if after == "led" else 1 + kill)
        await _check(path, told)
    assert [line for line in told if line.startswith("led")] == [f"led {epoch}" for epoch in range(1, KILLS + 1)]


async def _check(path: pathlib.Path, told: list[str]) -> None:
    steps = {word: {line.split()[1] for line in told if line.startswith(word)} for word in ("intended", "settled")}
    written = [line.split()[1] for line in told if line.startswith("written")]
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as raw:
        rows = raw.execute("SELECT operation, result FROM intents").fetchall()
        uids = [uid for (uid,) in raw.execute("SELECT uid FROM inventory ORDER BY object")]
    raw.close()
    intended = collections.Counter(operation.split("-web")[0] for operation, _ in rows)
    settled = collections.Counter(operation.split("-web")[0] for operation, result in rows if result == "done")
    assert steps["intended"] <= set(intended)
    assert steps["settled"] <= set(settled)
    assert {*intended.values(), *settled.values()} <= {writer.GROUP}
    assert len(set(uids)) <= 1

    memory = await journal.open_journal(path, read_only=True)
    events = collections.Counter(event.event.because for event in await memory.events(after=0, limit=100_000))
    assert set(written) <= set(events)
    assert set(events.values()) <= {2}
    newest = (await memory.history(examples.TARGET, limit=1) or [None])[0]
    assert (await memory.ledger(examples.TARGET)).because == (newest.event.because if newest else "")
    assert (await audit.verify(memory)).broken is None
    await memory.close()


async def test_kills_amid_writes_that_share_a_flush_lose_nothing(path: pathlib.Path) -> None:
    told: list[str] = []
    for kill in range(5):
        after = ("intended", "appended")[kill % 2]
        told += await asyncio.to_thread(killed, path, after=after, count=40 + kill, lanes=LANES)
        memory = await journal.open_journal(path, read_only=True)
        appended = collections.Counter(event.event.because for event in await memory.events(after=0, limit=100_000))
        targets = [examples.TARGET._replace(application=f"web-{number}") for number in range(LANES)]
        intended = {intent.operation for target in targets for intent in await memory.open_intents(target)}
        await memory.close()
        acknowledged = {line for line in told if not line.startswith(("opening", "led"))}
        assert acknowledged <= {f"intended {step}" for step in intended} | {f"appended {step}" for step in appended}
        assert appended.keys() <= intended
        assert set(appended.values()) == {1}
    assert len({line.rpartition("-")[2] for line in told if line.startswith("appended")}) == LANES


@pytest.mark.parametrize("kibibytes", [0, 4, 40, 100])
async def test_killed_while_the_schema_is_made(path: pathlib.Path, kibibytes: int) -> None:
    """The next start finds all of the schema or none of it, and finishes it."""

    def kill() -> None:
        log = path.with_name(f"{path.name}-wal")
        with writer.running(path) as child:
            writer.lines_until(child, "opening")
            while not path.exists() or (kibibytes and (not log.exists() or log.stat().st_size < kibibytes * 1024)):
                assert child.poll() is None, "the writer ended by itself"
            child.kill()

    await asyncio.wait_for(asyncio.to_thread(kill), timeout=30)
    memory = await journal.open_journal(path)
    epoch = await memory.lead("the next")
    await memory.write(records.Ledger(examples.TARGET), events=[examples.event("on")], epoch=epoch)
    assert memory.installation
    await memory.close()
