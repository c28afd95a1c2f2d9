"""A statement compiled once does what SQLAlchemy would have it do."""

import pathlib
import sqlite3
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from reconciler import errors
from reconciler.edges.journal import database, prepared

TABLE = sa.Table("things", sa.MetaData(), sa.Column("name", sa.Text, primary_key=True), sa.Column("flag", sa.Boolean))
INSERT = prepared.Prepared(sa.insert(TABLE))
BY_NAME = prepared.Prepared(sa.select(TABLE).where(TABLE.c.name == sa.bindparam("name")))
FIRST = prepared.Prepared(sa.select(TABLE).where(TABLE.c.flag.is_(True)).order_by(TABLE.c.name).limit(1))


@pytest.fixture
def base(tmp_path: pathlib.Path) -> Iterator[database.Database]:
    path = tmp_path / "database"
    path.touch()
    opened = database.Database(path, read_only=False)
    opened.write(TABLE.metadata.create_all)
    yield opened
    opened.close()


def test_rows_are_read_by_the_names_of_their_columns(base: database.Database) -> None:
    base.write(lambda tx: INSERT.run(tx, [{"name": "b", "flag": True}, {"name": "a", "flag": True}]))
    found = base.look(lambda tx: BY_NAME.one(tx, {"name": "b"}))
    assert found is not None
    assert (found["name"], found["flag"]) == ("b", 1)
    assert base.look(lambda tx: BY_NAME.one(tx, {"name": "c"})) is None
    assert [row["name"] for row in base.look(FIRST.all)] == ["a"], "the constants of a statement are kept"


def test_what_utf_8_cannot_carry_is_stored_all_the_same(base: database.Database) -> None:
    base.write(lambda tx: INSERT.run(tx, [{"name": "caf\udce9", "flag": False}]))
    assert base.look(lambda tx: tx.execute(sa.select(TABLE.c.name)).scalar_one()) == "caf?"


def test_a_value_that_is_not_given_is_an_error_and_no_null(base: database.Database) -> None:
    with pytest.raises(errors.JournalUnusable):
        base.write(lambda tx: INSERT.run(tx, [{"name": "a"}]))
    assert base.look(lambda tx: BY_NAME.one(tx, {"name": "a"})) is None


def test_a_query_leaves_no_lock_behind(base: database.Database) -> None:
    """A reader that does not read on would keep the write-ahead log from being taken over."""
    base.use_wal()
    base.write(lambda tx: INSERT.run(tx, [{"name": "a", "flag": True}]))
    found = base.look(lambda tx: BY_NAME.one(tx, {"name": "a"}))
    other = sqlite3.connect(base.path)
    try:
        busy, _, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        other.close()
    assert (found is not None, busy) == (True, 0)
