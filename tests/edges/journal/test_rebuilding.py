"""A rebuilding replaces what the journal says in one step, and closes what was open (S1)."""

import dataclasses
import pathlib

from reconciler.edges.journal import audit, journal, rebuilding
from reconciler.model import records
from tests.edges.journal import examples
from tests.edges.journal.examples import NAMESPACE, OTHER, TARGET


async def test_everything_is_replaced_in_a_new_epoch(path: pathlib.Path) -> None:
    memory = await journal.open_journal(path)
    old = await memory.lead("before")
    await memory.write(examples.FULL_LEDGER, events=[examples.event("before")], epoch=old)
    await memory.intend([examples.intent("1")], epoch=old)
    await memory.adopt_rows(OTHER, [examples.row()], epoch=old)
    await memory.ask(examples.request("1"))
    ledger = records.Ledger(TARGET, last_good=examples.GOOD)
    rows = (examples.row(NAMESPACE),)
    target = rebuilding.Target(ledger, rows)
    new = rebuilding.Rebuilt("another", 12, "the command", [target], [examples.event("rebuilt")])
    assert await memory.rebuild(new, epoch=old) == 12
    assert memory.installation == "another"
    assert await memory.epoch() == 12
    assert await memory.ledger(TARGET) == ledger
    assert await memory.inventory(TARGET) == rows
    assert await memory.inventory(OTHER) == (examples.row(),)  # not named: left as it is
    assert await memory.open_intents(TARGET) == ()
    request = await memory.request("1")
    assert request == dataclasses.replace(examples.request("1"), answer=rebuilding.DROPPED)
    assert [found.event.because for found in await memory.events(after=0, limit=9)] == ["before", "rebuilt"]
    assert (await audit.verify(memory)).broken is None
    await memory.close()
    again = await journal.open_journal(path)
    assert again.installation == "another"
    assert await again.lead("after") == 13
    await again.close()
