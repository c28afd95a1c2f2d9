"""A journal of an older version is read as one of this version; an upgrade is done whole or not at all."""

import asyncio
import pathlib
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from reconciler import errors
from reconciler.edges.journal import audit, journal, migrations
from tests.edges.journal import examples
from tests.edges.journal.examples import TARGET, WEB

FIRST = pathlib.Path(__file__).with_name("first_schema.sql")
"""A little of everything, written by the version that made its tables with Alembic and wrote them with SQLAlchemy."""


def made(path: pathlib.Path, script: str) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as raw:
        raw.executescript(script)
    raw.close()


def shape(path: pathlib.Path) -> dict[str, Any]:
    """What SQLite makes of the schema's text, in which two versions may differ."""
    raw = sqlite3.connect(path)

    def told(pragma: str) -> list[Any]:
        return raw.execute(f"PRAGMA {pragma}").fetchall()

    tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    indexes = [(name, index[1:]) for name in tables for index in told(f"index_list({name})")]
    conditions = "SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql NOT NULL ORDER BY name"
    found = {
        "columns": {name: told(f"table_xinfo({name})") for name in tables},
        "references": {name: told(f"foreign_key_list({name})") for name in tables},
        "indexes": sorted(indexes),
        "indexed": {index[0]: told(f"index_xinfo({index[0]})") for _, index in indexes},
        "texts": [(name, text.split()) for name, text in raw.execute(conditions)],
    }
    raw.close()
    return found


async def test_a_new_journal_has_the_tables_of_the_first_version(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Another step will change this; until then a file may go back and forth between the versions."""
    made(path, FIRST.read_text())
    new = tmp_path / "new" / "journal.sqlite"
    await (await journal.open_journal(new)).close()
    assert shape(new) == shape(path)


async def test_what_the_first_version_wrote_is_read(path: pathlib.Path) -> None:
    made(path, FIRST.read_text())
    its = await journal.open_journal(path)
    assert its.installation == "f89ab3a2-74c5-4b1f-9f59-7a4096c79f3b"
    ledger = await its.ledger(TARGET)
    assert (ledger.last_good, ledger.hold) == (examples.GOOD, examples.FULL_LEDGER.hold)
    assert await its.inventory(TARGET) == (examples.row(),)
    assert await its.open_intents(TARGET) == (examples.push("2"),)
    assert await its.open_requests() == (examples.request("z"),)
    assert await audit.verify(its) == audit.Audit(1, (await its.head())[1], None)
    epoch = await its.lead("this version")
    assert epoch == 2
    await its.adopt_rows(TARGET, (), forget=[WEB], epoch=epoch)
    assert await its.inventory(TARGET) == ()
    await its.close()


@pytest.fixture
def upgraded(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """This version knows one step more than the first one, made of these statements."""

    def more(*statements: str) -> None:
        monkeypatch.setattr(migrations, "STEPS", {**migrations.STEPS, "0002": statements})
        monkeypatch.setattr(migrations, "HEAD", "0002")

    return more


async def test_an_upgrade_is_made_by_who_writes(path: pathlib.Path, upgraded: Callable[..., None]) -> None:
    made(path, FIRST.read_text())
    upgraded("CREATE TABLE more (name TEXT)")
    with pytest.raises(errors.JournalUnusable, match="made by an older version"):
        await journal.open_journal(path, read_only=True)
    await (await journal.open_journal(path)).close()
    await (await journal.open_journal(path, read_only=True)).close()
    assert "more" in shape(path)["columns"]


async def test_an_upgrade_that_fails_leaves_no_trace(path: pathlib.Path, upgraded: Callable[..., None]) -> None:
    """The last table that a step makes is there already."""
    made(path, FIRST.read_text())
    upgraded("CREATE TABLE more (name TEXT)", "CREATE TABLE events (sequence INTEGER)")
    before = shape(path)
    with pytest.raises(errors.JournalUnusable, match="already exists"):
        await journal.open_journal(path)
    assert shape(path) == before


async def test_an_upgrade_waits_for_a_leader_of_the_older_version(
    path: pathlib.Path, upgraded: Callable[..., None]
) -> None:
    leader = await journal.open_journal(path)
    await leader.lead("the older version")
    upgraded("CREATE TABLE more (name TEXT)")
    with pytest.raises(errors.Transient, match="stop that one first"):
        await journal.open_journal(path)
    await leader.close()


VERSION = "CREATE TABLE alembic_version (version_num);"
FOREIGN = {
    "none": "",
    "none beside a table": "CREATE TABLE events (name TEXT)",
    "null": "INSERT INTO alembic_version VALUES (NULL)",
    "a number": "INSERT INTO alembic_version VALUES (1)",
    "bytes": "INSERT INTO alembic_version VALUES (X'30303031')",
    "an empty text": "INSERT INTO alembic_version VALUES ('')",
    "one of ours": "INSERT INTO alembic_version VALUES ('0001'); CREATE TABLE shopping (list TEXT)",
    "one of ours, meta": "INSERT INTO alembic_version VALUES ('0001'); CREATE TABLE meta (list TEXT)",
}


@pytest.mark.parametrize("version", FOREIGN)
@pytest.mark.parametrize("read_only", [False, True])
def test_what_another_program_made_with_alembic_is_left_alone(
    path: pathlib.Path, version: str, read_only: bool
) -> None:
    """It ended in a traceback, or was refused after it had been switched to a write-ahead log for good."""
    made(path, VERSION + FOREIGN[version])
    before = path.read_bytes()
    says = "cannot be used" if version.endswith("meta") else "not a journal of the reconciler: name another file"
    with pytest.raises(errors.JournalUnusable, match=says):
        asyncio.run(journal.open_journal(path, read_only=read_only))
    assert path.read_bytes() == before


async def test_a_journal_of_nobody_is_refused(path: pathlib.Path) -> None:
    made(path, FIRST.read_text())
    with sqlite3.connect(path) as raw:
        raw.execute("DELETE FROM meta")
    raw.close()
    with pytest.raises(errors.JournalUnusable, match="does not say whose it is: restore a backup"):
        await journal.open_journal(path)


def test_the_newest_step_is_the_last() -> None:
    assert list(migrations.STEPS) == sorted(migrations.STEPS)
    assert {len(revision) for revision in migrations.STEPS} == {4}
