"""One effective writer (I2)."""

import asyncio
import pathlib
from collections.abc import Awaitable, Callable

import pytest

from reconciler import errors
from reconciler.edges.journal import journal
from reconciler.model import records
from tests.edges.journal import examples, writer
from tests.edges.journal.examples import TARGET


async def test_a_second_process_waits_until_the_first_is_gone(path: pathlib.Path) -> None:
    with writer.running(path) as child:
        await asyncio.to_thread(writer.lines_until, child, "led")
        memory = await journal.open_journal(path)
        with pytest.raises(errors.Transient, match=rf"process {child.pid} \(epoch 1, since .*\) leads"):
            await memory.lead("the second")
        child.kill()
        child.wait()
        assert await memory.lead("the second") == 2
        assert await memory.epoch() == 2
        await memory.close()


async def test_closing_gives_leadership_up(path: pathlib.Path) -> None:
    first, second = await journal.open_journal(path), await journal.open_journal(path)
    assert await first.lead("first") == 1
    with pytest.raises(errors.Transient):
        await second.lead("second")
    await first.close()
    assert await second.lead("second") == 2
    await second.close()
    await second.close()


async def test_leading_again_is_a_new_epoch(memory: journal.SqlJournal) -> None:
    assert await memory.epoch() == 0
    assert [await memory.lead("a"), await memory.lead("a")] == [1, 2]


Write = Callable[[journal.SqlJournal, int], Awaitable[None]]
REQUEST = examples.request("1")

WRITES: dict[str, Write] = {
    "write": lambda memory, epoch: memory.write(records.Ledger(TARGET), events=[examples.event("x")], epoch=epoch),
    "append": lambda memory, epoch: memory.append([examples.event("x")], epoch=epoch),
    "intend": lambda memory, epoch: memory.intend([examples.intent("2")], epoch=epoch),
    "settle": lambda memory, epoch: memory.settle([records.Settled("1", records.Result.DONE, "")], epoch=epoch),
    "adopt": lambda memory, epoch: memory.adopt_rows(TARGET, [examples.row(uid="late")], epoch=epoch),
    "answer": lambda memory, epoch: memory.answer(REQUEST, answer="late", epoch=epoch),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_leader_that_was_overtaken_writes_nothing(path: pathlib.Path, write: Write) -> None:
    """The file lock fails where somebody removes its file while a daemon is paused: the epoch is what counts."""
    paused = await journal.open_journal(path)
    old = await paused.lead("the paused one")
    await paused.intend([examples.intent("1")], epoch=old)
    await paused.ask(REQUEST)
    path.with_name(f"{path.name}.leader").unlink()
    leader = await journal.open_journal(path)
    new = await leader.lead("the new one")

    with pytest.raises(errors.LeadershipLost, match="Epoch 1 is over: the new one"):
        await write(paused, old)
    assert await leader.head() == (0, "")
    assert await leader.targets() == ()
    assert await leader.open_intents(TARGET) == (examples.intent("1"),)
    assert [row.uid for row in await leader.inventory(TARGET)] == [""]
    assert await leader.open_requests() == (REQUEST,)
    await write(leader, new)
    await leader.close()
    await paused.close()


async def test_nobody_writes_before_leading(memory: journal.SqlJournal) -> None:
    with pytest.raises(errors.LeadershipLost):
        await memory.append([examples.event("x")], epoch=1)


async def test_many_processes_may_make_the_journal_at_once(path: pathlib.Path) -> None:
    opened = await asyncio.gather(*(journal.open_journal(path) for _ in range(6)))
    assert len({memory.installation for memory in opened}) == 1
    for memory in opened:
        await memory.close()
