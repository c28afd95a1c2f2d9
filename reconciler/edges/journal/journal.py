"""`ports.Journal` on SQLite: one connection, used from one thread, so that a slow disk stops no loop."""

import asyncio
import contextlib
import datetime
import os
import pathlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent import futures
from typing import TypeVar

from reconciler import errors
from reconciler.edges.journal import database, grouping, known, leadership, rebuilding, schema, statements
from reconciler.model import ids, records

POLL_SECONDS = 0.2
"""How soon a request of another process is seen: a person does not feel it, and a look costs 20 µs."""
POLLS_A_SECOND = 5

T = TypeVar("T")


def _utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


async def open_journal(
    path: pathlib.Path,
    *,
    inline: bool = False,
    read_only: bool = False,
    now: Callable[[], datetime.datetime] = _utc_now,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> "SqlJournal":
    """Open the journal at `path`; unless `read_only`, make it when there is none and upgrade an older schema.

    `inline` runs the SQL in the event loop's own thread: for tests, which also bring `now` and `sleep`. Raises
    JournalUnusable, or Transient while another process upgrades or locks the file.
    """
    worker = None if inline else futures.ThreadPoolExecutor(1, thread_name_prefix="journal")
    with contextlib.ExitStack() as undo:
        if worker:
            undo.callback(worker.shutdown, wait=False)
        base = await _in(worker, lambda: _open_file(path, read_only=read_only))
        lock = leadership.LeaderLock(path)
        try:
            installation = await _in(
                worker, lambda: schema.prepare(base, lock=lock, now=rfc3339(now()), installation=str(uuid.uuid4()))
            )
        except errors.ReconcilerError:
            await _in(worker, base.close)
            raise
        undo.pop_all()
    return SqlJournal(base, worker=worker, lock=lock, installation=installation, now=now, sleep=sleep)


def _open_file(path: pathlib.Path, *, read_only: bool) -> database.Database:
    """The file is made here, for its owner alone: SQLite would make it readable for everybody."""
    if read_only and not path.exists():
        raise errors.JournalUnusable(f"There is no journal at {path}. `reconciler run` makes it at its first start.")
    if not read_only:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise errors.JournalUnusable(
                f"The journal {path} cannot be opened: {error.strerror}. Make its folder writable for this user."
            ) from error
    return database.Database(path, read_only=read_only)


async def _in(worker: futures.Executor | None, work: Callable[[], T]) -> T:
    if worker is None:
        return work()
    return await asyncio.get_running_loop().run_in_executor(worker, work)


def rfc3339(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class SqlJournal:
    """See `ports.Journal` for what each method promises. `statements` has the SQL."""

    def __init__(
        self,
        base: database.Database,
        *,
        worker: futures.Executor | None,
        lock: leadership.Lock,
        installation: str,
        now: Callable[[], datetime.datetime],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._base = base
        self._worker = worker
        self._lock = lock
        self._installation = installation
        self._now = now
        self._sleep = sleep
        self._closed = False
        self._known = known.Known()
        self._group = grouping.Group(base, worker) if worker else None

    @property
    def installation(self) -> str:
        return self._installation

    async def lead(self, holder: str) -> int:
        led = await _in(self._worker, lambda: self._lead(holder))
        self._known.begin()
        return led

    async def epoch(self) -> int:
        """The newest epoch; 0 when nobody ever led."""
        return await self._read(statements.epoch)

    async def inspect(self) -> None:
        """Read the whole file. Raises JournalUnusable when it is damaged."""
        await _in(self._worker, self._inspect)

    async def targets(self) -> tuple[ids.TargetKey, ...]:
        return await self._read(statements.targets)

    async def ledger(self, target: ids.TargetKey) -> records.Ledger:
        if found := self._known.ledgers.get(target):
            return found
        asked = self._known.stamp(target)
        found = await self._read(statements.ledger, target)
        self._known.keep_ledger(found, asked=asked)
        return found

    async def write(self, new: records.Ledger, *, events: Sequence[records.Event], epoch: int) -> None:
        at = rfc3339(self._now())
        self._known.writing_ledger(new.target)  # read again: what is known is what the file holds
        await self._write(lambda tx: statements.write(tx, new, events=events, at=at), epoch=epoch)

    async def rebuild(self, new: rebuilding.Rebuilt, *, epoch: int) -> int:
        """Replace what the journal says by `new`, in one transaction. Returns the epoch that holds from then on."""
        at = rfc3339(self._now())
        self._known.forget()
        await self._write(lambda tx: rebuilding.rebuild(tx, new, at=at), epoch=epoch)
        self._installation = new.installation
        return new.epoch

    async def append(self, events: Sequence[records.Event], *, epoch: int) -> None:
        await self._write(lambda tx: statements.append(tx, events), epoch=epoch)

    async def inventory(self, target: ids.TargetKey) -> tuple[records.InventoryRow, ...]:
        if (known_rows := self._known.inventories.get(target)) is not None:
            return known_rows
        asked = self._known.stamp(target)
        found = await self._read(statements.inventory, target)
        self._known.keep_inventory(target, found, asked=asked)
        return found

    async def owners(
        self, keys: Sequence[ids.ObjectKey], *, cluster_of: Sequence[ids.TargetKey]
    ) -> Mapping[ids.ObjectKey, ids.TargetKey]:
        return await self._read(lambda tx: statements.owners(tx, keys, among=cluster_of))

    async def intend(self, intents: Sequence[records.Intent], *, epoch: int) -> None:
        self._known.intending(intents)
        await self._write(lambda tx: statements.intend(tx, intents, epoch=epoch), epoch=epoch)

    async def settle(self, results: Sequence[records.Settled], *, epoch: int) -> None:
        at = rfc3339(self._now())
        self._known.settling(results)
        await self._write(lambda tx: statements.settle(tx, results, at=at), epoch=epoch)

    async def open_intents(self, target: ids.TargetKey) -> tuple[records.Intent, ...]:
        return await self._read(statements.open_intents, target)

    async def adopt_rows(
        self,
        target: ids.TargetKey,
        rows: Sequence[records.InventoryRow],
        *,
        forget: Sequence[ids.ObjectKey] = (),
        epoch: int,
    ) -> None:
        self._known.writing_inventory(target)
        await self._write(lambda tx: statements.learn(tx, target, learnt=rows, forget=forget), epoch=epoch)

    async def history(self, target: ids.TargetKey, *, limit: int) -> tuple[records.ChainedEvent, ...]:
        return await self._read(lambda tx: statements.history(tx, target, limit=limit))

    async def events(self, *, after: int, limit: int) -> tuple[records.ChainedEvent, ...]:
        return await self._read(lambda tx: statements.events(tx, after=after, limit=limit))

    async def head(self) -> tuple[int, str]:
        return await self._read(statements.head)

    async def ask(self, request: records.Request) -> None:
        self._known.writing_requests()
        await _in(self._worker, lambda: self._base.write(lambda tx: statements.ask(tx, request)))

    async def open_requests(self) -> tuple[records.Request, ...]:
        current = asyncio.get_running_loop().time() - self._known.looked_at < 2 * POLL_SECONDS
        if current and self._known.requests is not None:
            return self._known.requests
        asked = self._known.stamp(None)
        found = await self._read(statements.open_requests)
        self._known.keep_requests(found, asked=asked)
        return found

    async def answer(self, request: records.Request, *, answer: str, epoch: int) -> None:
        self._known.writing_requests()
        await self._write(lambda tx: statements.answer(tx, request.id, answer=answer), epoch=epoch)

    async def request(self, id: str) -> records.Request | None:  # noqa: A002 - the field's own name
        return await self._read(statements.request, id)

    async def changes(self) -> AsyncIterator[None]:
        """Our own writes do not count: SQLite's data version leaves out those of the asking connection."""
        seen, polls = await _in(self._worker, self._base.data_version), 0
        while True:
            await self._sleep(POLL_SECONDS)
            found, polls = await _in(self._worker, self._base.data_version), polls + 1
            self._known.looked_at = asyncio.get_running_loop().time()
            if found != seen:
                self._known.requests = None
            if found != seen or polls >= POLLS_A_SECOND:
                seen, polls = found, 0
                yield

    async def close(self) -> None:
        """Gives up leadership. What is under way in the thread is finished first."""
        if self._closed:
            return
        self._closed = True
        await _in(self._worker, self._base.close)
        self._lock.release()
        if self._worker:
            self._worker.shutdown(wait=False)

    def _lead(self, holder: str) -> int:
        """A damaged file is found here, by the one process that will write much, and not by every command."""
        if not self._lock.take():
            raise errors.Transient(f"{self._base.read(statements.leader)} leads: one daemon works, the others wait.")
        try:
            self._inspect()
            return self._base.write(lambda tx: statements.lead(tx, holder, at=rfc3339(self._now())))
        except errors.ReconcilerError:
            self._lock.release()
            raise

    def _inspect(self) -> None:
        if damage := self._base.damage():
            raise errors.JournalUnusable(
                f"The journal {self._base.path} is damaged: restore a backup. (SQLite says: {damage})"
            )

    async def _read(self, work: Callable[..., T], *arguments: object) -> T:
        """`work` is one query."""
        return await _in(self._worker, lambda: self._base.look(lambda tx: work(tx, *arguments)))

    async def _write(self, work: Callable[[statements.Transaction], None], *, epoch: int) -> None:
        """The epoch is checked in the transaction of the write: a leader that was paused cannot slip in between."""

        def checked(tx: statements.Transaction) -> None:
            statements.check_epoch(tx, epoch)
            work(tx)

        if self._group:
            await self._group.write(checked)
        else:
            self._base.write(checked)
