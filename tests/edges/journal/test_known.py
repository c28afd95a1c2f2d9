"""What the writer remembers is never older than what it wrote, nor than what another process asked."""

import asyncio
import pathlib

from reconciler.edges.journal import journal
from reconciler.model import ids, records
from tests.edges.journal import examples

TARGET, OTHER = examples.TARGET, ids.TargetKey("production", "other")


async def test_what_is_read_twice_is_read_once(memory: journal.SqlJournal) -> None:
    epoch = await memory.lead("a")
    first = await memory.ledger(TARGET)
    assert await memory.ledger(TARGET) is first
    assert await memory.inventory(TARGET) is await memory.inventory(TARGET)
    await memory.write(records.Ledger(TARGET, because="new"), events=(), epoch=epoch)
    assert (await memory.ledger(TARGET)).because == "new"


async def test_every_way_to_write_rows_is_noticed(memory: journal.SqlJournal) -> None:
    epoch = await memory.lead("a")
    assert await memory.inventory(TARGET) == ()
    intent = examples.intent("one")
    await memory.intend([intent], epoch=epoch)
    (pending,) = await memory.inventory(TARGET)
    assert not pending.uid
    row = examples.row(pending.key, uid="u1")
    await memory.settle([records.Settled("one", records.Result.DONE, "", row=row)], epoch=epoch)
    assert [found.uid for found in await memory.inventory(TARGET)] == ["u1"]
    await memory.adopt_rows(TARGET, (), forget=[pending.key], epoch=epoch)
    assert await memory.inventory(TARGET) == ()


async def test_a_question_that_a_write_overtakes_is_not_remembered(memory: journal.SqlJournal) -> None:
    epoch = await memory.lead("a")
    new = records.Ledger(TARGET, because="new")
    await asyncio.gather(memory.ledger(TARGET), memory.write(new, events=(), epoch=epoch), memory.ledger(TARGET))
    assert (await memory.ledger(TARGET)).because == "new"


async def test_what_is_written_of_one_target_leaves_the_others_known(memory: journal.SqlJournal) -> None:
    epoch = await memory.lead("a")
    ledger, inventory = await memory.ledger(OTHER), await memory.inventory(OTHER)
    await memory.intend([examples.intent("one")], epoch=epoch)
    await memory.settle([records.Settled("one", records.Result.DONE, "", row=examples.row())], epoch=epoch)
    await memory.write(records.Ledger(TARGET, because="new"), events=(), epoch=epoch)
    assert await memory.ledger(OTHER) is ledger and await memory.inventory(OTHER) is inventory
    assert [row.uid for row in await memory.inventory(TARGET)] == [examples.row().uid]


async def test_the_outcome_of_what_another_process_intended_is_noticed(path: pathlib.Path) -> None:
    """Whose it is only the journal knows then."""
    first, second = await journal.open_journal(path), await journal.open_journal(path)
    await first.intend([examples.intent("one")], epoch=await first.lead("a"))
    await first.close()
    epoch = await second.lead("b")
    assert [row.uid for row in await second.inventory(TARGET)] == [""]
    await second.settle([records.Settled("one", records.Result.DONE, "", row=examples.row())], epoch=epoch)
    assert [row.uid for row in await second.inventory(TARGET)] == [examples.row().uid]
    await second.close()


async def test_a_new_leader_knows_nothing_of_before(path: pathlib.Path) -> None:
    """Whoever led in between may have written everything anew."""
    first = await journal.open_journal(path)
    epoch = await first.lead("a")
    await first.write(records.Ledger(TARGET, because="old"), events=(), epoch=epoch)
    assert (await first.ledger(TARGET)).because == "old"
    await first.close()
    second = await journal.open_journal(path)
    await second.ledger(TARGET)
    epoch = await second.lead("b")
    await second.write(records.Ledger(TARGET, because="new"), events=(), epoch=epoch)
    assert (await second.ledger(TARGET)).because == "new"
    await second.close()


async def test_requests_of_others_are_known_only_while_somebody_looks_for_changes(path: pathlib.Path) -> None:
    leader, other = await journal.open_journal(path), await journal.open_journal(path)
    await leader.lead("a")
    assert await leader.open_requests() == ()
    await other.ask(examples.request("r1"))
    assert [found.id for found in await leader.open_requests()] == ["r1"], "nobody looked: it is read"
    changes = leader.changes()
    await anext(changes)
    assert [found.id for found in await leader.open_requests()] == ["r1"]
    await other.ask(examples.request("r2"))
    await anext(changes)
    assert [found.id for found in await leader.open_requests()] == ["r1", "r2"]
    await leader.answer(examples.request("r1"), answer="done", epoch=await leader.epoch())
    assert [found.id for found in await leader.open_requests()] == ["r2"], "our own answers are noticed at once"
    await changes.aclose()
    for opened in (leader, other):
        await opened.close()
