"""Statements compiled once, and run on SQLite's own driver.

SQLAlchemy writes the SQL, from the tables and for the dialect. It does not carry out what every pass asks: its
machinery around a statement takes ten times as long as SQLite (docs/decisions/0006-journal.md).
"""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

Values = Mapping[str, Any]

_DIALECT = sqlite.dialect(paramstyle="named")
_NONE: Values = {}


class Prepared:
    """One statement. Its parameters are named as in `sa.bindparam`, an insert's as its columns; the columns of a row
    are read by name, and are as SQLite has them: what is a bool in a table is 0 or 1."""

    def __init__(self, statement: sa.ClauseElement) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self._text = str(compiled)
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}

    def all(self, tx: sa.Connection, values: Values = _NONE) -> list[sqlite3.Row]:
        return self._cursor(tx, values).fetchall()

    def one(self, tx: sa.Connection, values: Values = _NONE) -> sqlite3.Row | None:
        """The row, of a statement that finds one at most. Read to its end: a query that is not keeps its lock."""
        found = self._cursor(tx, values).fetchall()
        return found[0] if found else None

    def run(self, tx: sa.Connection, many: Iterable[Values]) -> None:
        """Once for each of these."""
        for values in many:
            self._cursor(tx, values)

    def _cursor(self, tx: sa.Connection, values: Values) -> sqlite3.Cursor:
        cursor = driver(tx).cursor()
        cursor.row_factory = sqlite3.Row
        given = {**self._fixed, **values} if self._fixed else values
        try:
            return cursor.execute(self._text, given)
        except UnicodeEncodeError:
            return cursor.execute(self._text, {name: _storable(value) for name, value in given.items()})


def driver(tx: sa.Connection) -> sqlite3.Connection:
    """SQLite's own connection below SQLAlchemy's."""
    return cast(sqlite3.Connection, tx.connection.driver_connection)


def _storable(value: object) -> object:
    """As `tables.Text` has it: what UTF-8 cannot carry is `?`."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
