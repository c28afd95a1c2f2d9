"""`audit verify`: what somebody with the database file in his hands cannot hide."""

import dataclasses
import pathlib
import sqlite3

import pytest

from reconciler import errors
from reconciler.edges.journal import audit, journal
from reconciler.record import chain
from tests.edges.journal import examples

COUNT = audit.PAGE + 500  # more than one page


@pytest.fixture
async def anchor(path: pathlib.Path) -> chain.Anchor:
    """A journal with COUNT events, and what a target record remembers of it."""
    memory = await journal.open_journal(path)
    epoch = await memory.lead("a")
    await memory.append([examples.event(f"reason {number}") for number in range(1, COUNT + 1)], epoch=epoch)
    sequence, head = await memory.head()
    await memory.close()
    return chain.Anchor("the target record of production/web", epoch, sequence, head)


def tamper(path: pathlib.Path, *statements: str) -> None:
    raw = sqlite3.connect(path)
    with raw:
        raw.execute("DROP TRIGGER events_refuse_update")
        raw.execute("DROP TRIGGER events_refuse_delete")
        for statement in statements:
            raw.execute(statement)
    raw.close()


async def verified(path: pathlib.Path, *anchors: chain.Anchor) -> audit.Audit:
    memory = await journal.open_journal(path, read_only=True)
    try:
        return await audit.verify(memory, anchors=anchors)
    finally:
        await memory.close()


async def test_an_untouched_journal_is_sound(path: pathlib.Path, anchor: chain.Anchor) -> None:
    assert await verified(path, anchor) == audit.Audit(COUNT, anchor.hash, None)


TAMPERINGS = [
    ("UPDATE events SET because = 'all was well' WHERE sequence = 7", 7),
    ("UPDATE events SET at = '2020-01-01T00:00:00Z' WHERE sequence = 1001", 1001),
    ("UPDATE events SET application = 'other' WHERE sequence = 1000", 1000),
    ("UPDATE events SET data = '[]' WHERE sequence = 1400", 1400),
    ("DELETE FROM events WHERE sequence = 7", 7),
    ("DELETE FROM events WHERE sequence BETWEEN 900 AND 1100", 900),
    ("DELETE FROM events WHERE sequence = 1", 1),
]


@pytest.mark.parametrize(("statement", "sequence"), TAMPERINGS)
async def test_the_first_tampered_event_is_named(
    path: pathlib.Path, anchor: chain.Anchor, statement: str, sequence: int
) -> None:
    tamper(path, statement)
    found = await verified(path)
    assert found.broken is not None
    assert found.broken.sequence == sequence
    assert found.events == sequence - 1


async def test_an_event_that_is_none_any_more_is_named(path: pathlib.Path, anchor: chain.Anchor) -> None:
    tamper(path, "UPDATE events SET kind = 'picnic' WHERE sequence = 7")
    with pytest.raises(errors.JournalUnusable, match="Event 7"):
        await verified(path)


async def test_a_cut_end_is_seen_by_an_anchor_only(path: pathlib.Path, anchor: chain.Anchor) -> None:
    tamper(path, "DELETE FROM events WHERE sequence > 100")
    assert (await verified(path)).broken is None
    found = await verified(path, dataclasses.replace(anchor, sequence=50), anchor)
    assert found.broken is not None
    assert found.broken.sequence == 50


async def test_a_journal_of_an_earlier_leader_is_seen_by_an_anchor(path: pathlib.Path, anchor: chain.Anchor) -> None:
    found = await verified(path, anchor, dataclasses.replace(anchor, epoch=anchor.epoch + 1))
    assert found.broken is not None
    assert "epoch 2" in found.broken.because
