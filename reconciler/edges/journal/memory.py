"""The journal in memory, for rehearsal and simulation: the same SQL on the same tables, inline, gone with the process.

Every journal opened on one `Memory` is what another process would have on one file.
"""

import asyncio
import contextlib
import datetime
import pathlib
import sqlite3
from collections.abc import AsyncIterator, Callable

from reconciler.edges.journal import database, journal, schema
from reconciler.model import records

LOOK_AGAIN = 10.0
"""Seconds after which `changes` comes without one. Every request is heard here, so this is rare: in virtual time each
look costs more than the second that it saves."""


class Memory:
    """One database in memory, and who leads on it."""

    def __init__(self, *, installation: str, now: Callable[[], datetime.datetime]) -> None:
        """`installation`: the UUID that a file would get by chance."""
        self.base = _Database()
        self.leader: MemoryJournal | None = None
        self.news: set[asyncio.Event] = set()
        self._now = now
        schema.prepare(self.base, lock=_Free(), now=journal.rfc3339(now()), installation=installation)

    def open(self, *, now: Callable[[], datetime.datetime] | None = None) -> "MemoryJournal":
        """A journal on this database, with a `now` of its own if given."""
        return MemoryJournal(self, installation=schema.installed(self.base), now=now or self._now)

    def image(self) -> bytes:
        """Everything in it."""
        return self.base.driver.serialize()

    def restore(self, image: bytes) -> None:
        """As it was when `image` was taken, with nobody leading: cheaper than a new one."""
        self.base.driver.deserialize(image)
        self.leader = None
        self.news.clear()


class MemoryJournal(journal.SqlJournal):
    """One process's view of a `Memory`."""

    def __init__(self, memory: Memory, *, installation: str, now: Callable[[], datetime.datetime]) -> None:
        super().__init__(
            memory.base, worker=None, lock=_Lead(memory, self), installation=installation, now=now, sleep=asyncio.sleep
        )
        self._memory = memory

    async def ask(self, request: records.Request) -> None:
        await super().ask(request)
        for heard in self._memory.news:
            heard.set()

    async def changes(self) -> AsyncIterator[None]:
        news = asyncio.Event()
        self._memory.news.add(news)
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN):
                        await news.wait()
                news.clear()
                yield
        finally:
            self._memory.news.discard(news)

    async def close(self) -> None:
        """The database stays, for the next process."""
        _Lead(self._memory, self).release()


class _Lead:
    """Fulfils `leadership.Lock`: `Memory.leader` says who holds it."""

    def __init__(self, memory: Memory, holder: MemoryJournal) -> None:
        self._memory = memory
        self._holder = holder

    def take(self) -> bool:
        if self._memory.leader is None:
            self._memory.leader = self._holder
        return self._memory.leader is self._holder

    def release(self) -> None:
        if self._memory.leader is self._holder:
            self._memory.leader = None


class _Free:
    """The lock while a database is made: nobody else knows it yet."""

    def take(self) -> bool:
        return True

    def release(self) -> None:
        """Nothing to give back."""


class _Database(database.Database):
    """A connection to nothing but itself."""

    driver: sqlite3.Connection

    def __init__(self) -> None:
        super().__init__(pathlib.Path(":memory:"), read_only=False)

    def _connect(self) -> sqlite3.Connection:
        self.driver = sqlite3.connect(":memory:", isolation_level=None)
        return self.driver
