"""A journal that cannot be used says so, says what to do, and changes nothing."""

import asyncio
import pathlib
import sqlite3

import pytest

from reconciler import errors
from reconciler.edges.journal import database, journal, statements
from reconciler.model import records
from tests.edges.journal import examples
from tests.edges.journal.examples import TARGET


async def filled(path: pathlib.Path) -> None:
    memory = await journal.open_journal(path)
    epoch = await memory.lead("a")
    await memory.append([examples.event(f"{number} {'x' * 500}") for number in range(200)], epoch=epoch)
    await memory.write(records.Ledger(TARGET), events=(), epoch=epoch)
    await memory.close()


def content_of(path: pathlib.Path) -> bytes:
    return path.read_bytes()


def spoil(path: pathlib.Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def execute(path: pathlib.Path, *statements: str) -> None:
    """As somebody would with the sqlite3 shell."""
    raw = sqlite3.connect(path)
    with raw:
        for statement in statements:
            raw.execute(statement)
    raw.close()


async def test_a_newer_schema_is_refused_and_left_alone(path: pathlib.Path) -> None:
    await filled(path)
    execute(path, "UPDATE alembic_version SET version_num = '9999'")
    before = content_of(path)
    for read_only in (False, True):
        with pytest.raises(errors.JournalUnusable, match=r"newer version \(schema 9999.*restore a backup"):
            await journal.open_journal(path, read_only=read_only)
    assert content_of(path) == before


async def test_an_upgrade_that_fails_says_so(path: pathlib.Path) -> None:
    await filled(path)
    execute(path, "UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(errors.JournalUnusable, match="cannot be upgraded"):
        await journal.open_journal(path)


async def test_a_reader_makes_no_tables(path: pathlib.Path) -> None:
    spoil(path, b"")
    with pytest.raises(errors.JournalUnusable, match=r"is empty.*restore a backup"):
        await journal.open_journal(path, read_only=True)
    assert content_of(path) == b""


async def test_a_reader_makes_no_journal(path: pathlib.Path) -> None:
    with pytest.raises(errors.JournalUnusable, match="There is no journal"):
        await journal.open_journal(path, read_only=True)
    assert not path.parent.exists()


def test_the_journal_is_for_its_owner_alone(path: pathlib.Path) -> None:
    asyncio.run(filled(path))
    assert path.stat().st_mode & 0o077 == 0


async def test_somebody_elses_database_is_refused(path: pathlib.Path) -> None:
    path.parent.mkdir()
    execute(path, "CREATE TABLE shopping (list TEXT)")
    with pytest.raises(errors.JournalUnusable, match="not a journal of the reconciler"):
        await journal.open_journal(path)


async def test_a_file_that_is_no_database_is_refused(path: pathlib.Path) -> None:
    text = b"this is a text, not a database.\n" * 200
    spoil(path, text)
    with pytest.raises(errors.JournalUnusable, match="not a journal"):
        await journal.open_journal(path)
    assert content_of(path) == text


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(errors.JournalUnusable, match="cannot be opened"):
        await journal.open_journal(tmp_path / "file" / "journal.sqlite")


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9])
async def test_a_truncated_journal_is_refused(path: pathlib.Path, keep: float) -> None:
    await filled(path)
    content = content_of(path)
    spoil(path, content[: int(len(content) * keep)])
    with pytest.raises(errors.JournalUnusable, match=r"damaged.*[Rr]estore a backup"):
        await journal.open_journal(path)


async def test_damage_in_the_middle_is_found_before_anybody_leads(path: pathlib.Path) -> None:
    await filled(path)
    content = content_of(path)
    middle = len(content) // 2
    spoil(path, content[:middle] + b"\xff" * 4096 + content[middle + 4096 :])
    memory = await journal.open_journal(path)
    with pytest.raises(errors.JournalUnusable, match=r"damaged.*restore a backup"):
        await memory.lead("a")
    await memory.close()


async def test_a_full_disk_stops_work_and_work_goes_on_when_there_is_room(path: pathlib.Path) -> None:
    """SQLite's own page limit stands for the disk: it fails in the same places with the same answer."""
    await filled(path)
    base = database.Database(path, read_only=False)

    def limit(pages: int) -> None:
        base.read(lambda tx: tx.one(f"PRAGMA max_page_count = {pages}"))

    def note(number: int) -> None:
        value = {"epoch": number, "holder": "x" * 3000, "since": ""}
        base.write(lambda tx: tx.run("INSERT INTO leadership VALUES (:epoch, :holder, :since)", value))

    limit(1)  # SQLite takes the present size, where that is more
    recorded = 1
    with pytest.raises(errors.JournalUnusable, match=r"no room left.*goes on by itself"):
        for recorded in range(2, 100):
            note(recorded)
    limit(100_000)
    assert base.read(statements.epoch) == recorded - 1
    note(recorded)
    assert base.damage() == ""
    base.close()


async def test_a_reader_cannot_write(path: pathlib.Path) -> None:
    await filled(path)
    memory = await journal.open_journal(path, read_only=True)
    with pytest.raises(errors.JournalUnusable, match="read-only"):
        await memory.ask(examples.request("1"))
    assert (await memory.ledger(TARGET)).target == TARGET
    await memory.close()


def test_a_lock_that_is_held_for_long_is_worth_another_try(path: pathlib.Path) -> None:
    asyncio.run(filled(path))
    base, backup = database.Database(path, read_only=False), sqlite3.connect(path, isolation_level=None)
    backup.execute("BEGIN IMMEDIATE")
    base.read(lambda tx: tx.one("PRAGMA busy_timeout = 1"))
    with pytest.raises(errors.Transient, match="locked"):
        base.write(lambda tx: tx.run("DELETE FROM requests"))
    backup.execute("ROLLBACK")
    backup.close()
    base.write(lambda tx: tx.run("DELETE FROM requests"))
    base.close()


@pytest.mark.parametrize(
    ("damage", "read"),
    [
        ("UPDATE targets SET ledger = '{'", lambda memory: memory.ledger(TARGET)),
        ("UPDATE requests SET kind = 'x'", lambda memory: memory.open_requests()),
        ("UPDATE intents SET verb = 'x'", lambda memory: memory.open_intents(TARGET)),
        ("UPDATE inventory SET object = 'x'", lambda memory: memory.inventory(TARGET)),
    ],
)
async def test_a_row_edited_by_hand_is_named(path: pathlib.Path, damage: str, read: object) -> None:
    await filled(path)
    memory = await journal.open_journal(path)
    await memory.intend([examples.intent("1")], epoch=await memory.lead("a"))
    await memory.ask(examples.request("1"))
    execute(path, damage)
    with pytest.raises(errors.JournalUnusable, match="changed by hand"):
        await read(memory)  # type: ignore[operator]
    await memory.close()
