"""One connection to the journal's database file, and what its failures mean. SQLite's errors are known here alone."""

import contextlib
import pathlib
import sqlite3
import urllib.parse
from collections.abc import Callable, Iterator
from typing import TypeVar

from reconciler import errors
from reconciler.edges.journal import transactions

BUSY_SECONDS = 5.0
"""How long a write waits for another process's transaction. Ours take milliseconds; a backup tool may hold longer."""

T = TypeVar("T")


class Database:
    """The connection. Used from one thread only: SQLite's driver refuses any other."""

    def __init__(self, path: pathlib.Path, *, read_only: bool) -> None:
        """Raises JournalUnusable when the file cannot be opened, Transient while another process locks it."""
        self.path = path
        self.read_only = read_only
        with self._translated():
            self._connection = self._connect()
        self._connection.row_factory = sqlite3.Row
        self._tx = transactions.Transaction(self._connection)
        with contextlib.ExitStack() as undo:
            undo.callback(self._connection.close)
            self._configure()
            undo.pop_all()

    def look(self, work: Callable[[transactions.Transaction], T]) -> T:
        """Run `work`, which is one query: that is one consistent state by itself."""
        with self._translated():
            return work(self._tx)

    def read(self, work: Callable[[transactions.Transaction], T]) -> T:
        """Run `work` on one consistent state of the journal."""
        return self._transaction("BEGIN", work=work)

    def write(self, work: Callable[[transactions.Transaction], T]) -> T:
        """Run `work` in one transaction that is on disk when this returns, or leaves no trace when it raises."""
        return self._transaction("BEGIN IMMEDIATE", work=work)

    def use_wal(self) -> None:
        """Readers and the writer do not wait for each other from now on. The file says so for good: only ours may."""
        with self._translated():
            if self._pragma("journal_mode") != "wal":
                self._pragma("journal_mode = wal")

    def data_version(self) -> int:
        """A number that changes when another connection has written."""
        with self._translated():
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def damage(self) -> str:
        """What SQLite finds wrong with the file, '' when it is sound. Reads all of it: 0.3 s for 100 MB."""
        with self._translated():
            found = self._pragma("quick_check(1)")
            return "" if found == "ok" else found

    def copy_to(self, path: pathlib.Path) -> None:
        """Copy one consistent state of the journal into the empty file `path`, whole and without files beside it.
        Others go on writing meanwhile. Raises as a write does, about `path`."""
        try:
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as copy:
                self._connection.backup(copy)
                copy.execute("PRAGMA journal_mode = delete")
        except sqlite3.Error as error:
            raise _meaning(error, path=path) from error

    def close(self) -> None:
        with self._translated():
            self._connection.close()

    def _connect(self) -> sqlite3.Connection:
        mode = "ro" if self.read_only else "rw"
        uri = f"file:{urllib.parse.quote(str(self.path.absolute()))}?mode={mode}"
        # isolation_level None: the driver begins no transaction by itself, `_transaction` does.
        return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)

    def _configure(self) -> None:
        """FULL: what was committed survives a power cut."""
        with self._translated():
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA foreign_keys = ON")

    def _pragma(self, text: str) -> str:
        return str(self._connection.execute(f"PRAGMA {text}").fetchone()[0])

    def _transaction(self, begin: str, *, work: Callable[[transactions.Transaction], T]) -> T:
        with self._translated():
            try:
                self._connection.execute(begin)
                result = work(self._tx)
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise
            return result

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _meaning(error, path=self.path) from error


_UNUSABLE = {
    sqlite3.SQLITE_FULL: "There is no room left for the journal {path}. Nothing can be recorded, so nothing is done; "
    "free some space on its disk, and work goes on by itself.",
    sqlite3.SQLITE_READONLY: "The journal {path} is read-only here. Make the file and its folder writable for this "
    "user, or remount the disk.",
    sqlite3.SQLITE_PERM: "The journal {path} may not be opened. Make the file and its folder accessible for this user.",
    sqlite3.SQLITE_CANTOPEN: "The journal {path} cannot be opened. Check that its folder exists and is writable for "
    "this user.",
    sqlite3.SQLITE_IOERR: "The disk of the journal {path} failed. Check its health and its free space; work goes on by "
    "itself when it can be read and written again.",
    sqlite3.SQLITE_CORRUPT: "The journal {path} is damaged. Restore a backup of it.",
    sqlite3.SQLITE_NOTADB: "{path} is not a journal, or is damaged. Restore a backup, or name another file.",
}


def _meaning(error: sqlite3.Error, *, path: pathlib.Path) -> errors.ReconcilerError:
    """SQLite's answer as what happens next. Extended codes carry the primary one in their low byte."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return errors.Transient(
            f"Another process has kept the journal {path} locked for {BUSY_SECONDS:.0f} s (a backup?); it is tried "
            "again."
        )
    if code == sqlite3.SQLITE_CONSTRAINT:
        return errors.Terminal(f"The journal {path} refused a row: {error}.")
    sentence = _UNUSABLE.get(code, "The journal {path} cannot be used.")
    return errors.JournalUnusable(f"{sentence.format(path=path)} (SQLite says: {error})")
