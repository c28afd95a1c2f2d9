"""What the functions with the SQL may rely on."""

import pathlib
import sqlite3
from collections.abc import Iterator

import pytest

from reconciler import errors
from reconciler.edges.journal import database

INSERT = "INSERT INTO things (name, flag) VALUES (:name, :flag)"
BY_NAME = "SELECT * FROM things WHERE name = :name"


@pytest.fixture
def base(tmp_path: pathlib.Path) -> Iterator[database.Database]:
    path = tmp_path / "database"
    path.touch()
    opened = database.Database(path, read_only=False)
    opened.write(lambda tx: tx.run("CREATE TABLE things (name TEXT PRIMARY KEY, flag BOOLEAN NOT NULL)"))
    yield opened
    opened.close()


def test_rows_are_read_by_the_names_of_their_columns(base: database.Database) -> None:
    base.write(lambda tx: tx.each(INSERT, [{"name": "b", "flag": True}, {"name": "a", "flag": True}]))
    found = base.look(lambda tx: tx.one(BY_NAME, {"name": "b"}))
    assert found is not None
    assert (found["name"], found["flag"]) == ("b", 1)
    assert base.look(lambda tx: tx.one(BY_NAME, {"name": "c"})) is None
    assert [row["name"] for row in base.look(lambda tx: tx.all("SELECT name FROM things ORDER BY name"))] == ["a", "b"]


def test_how_many_rows_were_changed_is_told(base: database.Database) -> None:
    base.write(lambda tx: tx.run(INSERT, {"name": "a", "flag": False}))
    turned = "UPDATE things SET flag = TRUE WHERE name = :name"
    assert [base.write(lambda tx, name=name: tx.run(turned, {"name": name})) for name in ("a", "b")] == [1, 0]


def test_what_utf_8_cannot_carry_is_stored_all_the_same(base: database.Database) -> None:
    base.write(lambda tx: tx.run(INSERT, {"name": "caf\udce9", "flag": False}))
    assert base.look(lambda tx: [row["name"] for row in tx.all("SELECT name FROM things")]) == ["caf?"]


def test_a_value_that_is_not_given_is_an_error_and_no_null(base: database.Database) -> None:
    with pytest.raises(errors.JournalUnusable):
        base.write(lambda tx: tx.run(INSERT, {"name": "a"}))
    assert base.look(lambda tx: tx.one(BY_NAME, {"name": "a"})) is None


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_a_number_that_sqlite_cannot_hold_is_named(base: database.Database, number: int) -> None:
    with pytest.raises(errors.Terminal, match="numbers of 64 bits only, and flag is none"):
        base.write(lambda tx: tx.run(INSERT, {"name": "a", "flag": number}))
    assert base.look(lambda tx: tx.one(BY_NAME, {"name": "a"})) is None


def test_a_query_leaves_no_lock_behind(base: database.Database) -> None:
    """A reader that does not read on would keep the write-ahead log from being taken over."""
    base.use_wal()
    base.write(lambda tx: tx.run(INSERT, {"name": "a", "flag": True}))
    found = base.look(lambda tx: tx.one(BY_NAME, {"name": "a"}))
    other = sqlite3.connect(base.path)
    try:
        busy, _, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        other.close()
    assert (found is not None, busy) == (True, 0)
