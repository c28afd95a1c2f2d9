"""What the functions of `statements` are given: SQL is run here, and rows come back by the names of their columns."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler import errors

Values = Mapping[str, Any]

_NONE: Values = {}

LARGEST = 2**63
"""SQLite's integers are below it."""


class Transaction:
    """Runs SQL in the transaction that its giver has begun, or as a query by itself.

    What varies is named in the SQL as `:name` and given as a value, never written into it. A row has its values as
    SQLite has them: what is a bool in the model is 0 or 1.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def all(self, sql: str, values: Values = _NONE) -> list[sqlite3.Row]:
        return self._execute(sql, values).fetchall()

    def one(self, sql: str, values: Values = _NONE) -> sqlite3.Row | None:
        """The row, of a query that finds one at most. Read to its end: a query that is not keeps its lock."""
        found = self._execute(sql, values).fetchall()
        return found[0] if found else None

    def run(self, sql: str, values: Values = _NONE) -> int:
        """How many rows it changed."""
        return self._execute(sql, values).rowcount

    def each(self, sql: str, many: Iterable[Values]) -> None:
        """Once for each of these."""
        for values in many:
            self._execute(sql, values)

    def _execute(self, sql: str, values: Values) -> sqlite3.Cursor:
        try:
            return self._connection.execute(sql, values)
        except UnicodeEncodeError:  # before SQLite saw any of it
            return self._connection.execute(sql, {name: _storable(value) for name, value in values.items()})
        except OverflowError as error:
            large = ", ".join(name for name, value in values.items() if _too_large(value))
            raise errors.Terminal(f"The journal holds numbers of 64 bits only, and {large} is none.") from error


def _too_large(value: object) -> bool:
    return isinstance(value, int) and not -LARGEST <= value < LARGEST


def _storable(value: object) -> object:
    """A name quoted from Git or an API may hold lone surrogates, which UTF-8 cannot carry: each becomes `?`, the same
    in the chain's canonical text, because an event that cannot be stored would stop everything behind it."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
