"""A backup is one consistent state, sound, complete, and never half of one."""

import asyncio
import pathlib

import pytest

from reconciler import errors
from reconciler.edges.journal import backup, journal
from reconciler.model import records
from tests.edges.journal import examples, test_damage, writer


async def test_a_copy_made_while_somebody_writes_has_all_that_was_acknowledged(path: pathlib.Path) -> None:
    copies = [path.with_name(f"copy-{number}") for number in range(5)]
    with writer.running(path) as child:
        told: list[str] = []
        for copy in copies:
            told += await asyncio.to_thread(writer.lines_until, child, "written", count=3)
            found = await backup.make(path, to=copy)
            assert found.audit.broken is None
            written = [line.split()[1] for line in told if line.startswith("written")]
            opened = await journal.open_journal(copy, read_only=True)
            assert opened.installation == found.installation
            events = [event.event.because for event in await opened.events(after=0, limit=100_000)]
            assert set(written) <= set(events)
            assert (await opened.ledger(examples.TARGET)).because == events[-1]
            await opened.close()
    assert all(copy.stat().st_mode & 0o077 == 0 for copy in copies)
    assert not [file for file in path.parent.iterdir() if "partial" in file.name or file.name.startswith("copy-0-")]


async def test_a_restored_backup_is_led_in_a_new_epoch(path: pathlib.Path) -> None:
    await test_damage.filled(path)
    copy = path.with_name("copy")
    await backup.make(path, to=copy)
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    copy.rename(path)
    memory = await journal.open_journal(path)
    epoch = await memory.lead("the restored one")
    assert epoch == 2
    await memory.write(records.Ledger(examples.TARGET), events=[examples.event("on")], epoch=epoch)
    await memory.close()
    assert (await backup.look(path)).audit.events == 201


async def test_a_backup_overwrites_nothing(path: pathlib.Path) -> None:
    await test_damage.filled(path)
    precious = path.with_name("precious")
    precious.write_text("mine")
    with pytest.raises(errors.Terminal, match="exists already"):
        await backup.make(path, to=precious)
    assert precious.read_text() == "mine"


async def test_what_a_killed_backup_left_is_no_obstacle(path: pathlib.Path) -> None:
    await test_damage.filled(path)
    path.with_name(".copy.partial").write_text("half")
    await backup.make(path, to=path.with_name("copy"))
    assert not path.with_name(".copy.partial").exists()


async def test_a_damaged_journal_makes_no_backup(path: pathlib.Path) -> None:
    await test_damage.filled(path)
    content = test_damage.content_of(path)
    middle = len(content) // 2
    test_damage.spoil(path, content[:middle] + b"\xff" * 4096 + content[middle + 4096 :])
    copy = path.with_name("copy")
    with pytest.raises(errors.JournalUnusable):
        await backup.make(path, to=copy)
    assert not copy.exists()
    assert not path.with_name(".copy.partial").exists()


@pytest.mark.parametrize("where", ["no-such-folder/copy", "a-file/copy"])
async def test_a_place_that_cannot_be_written_is_named(path: pathlib.Path, where: str) -> None:
    await test_damage.filled(path)
    path.with_name("a-file").touch()
    with pytest.raises(errors.Terminal, match=r"cannot be made"):
        await backup.make(path, to=path.parent / where)
