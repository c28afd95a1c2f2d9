"""Writes that wait together are one transaction, and each still has its own answer."""

import asyncio
import contextlib
import pathlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent import futures
from dataclasses import dataclass

import pytest

from reconciler import errors
from reconciler.edges.journal import database, grouping, transactions


class Counted(database.Database):
    """Counts its transactions; `full`: the disk takes no more."""

    begun = 0
    full = False

    def write(self, work: Callable[[transactions.Transaction], None]) -> None:  # type: ignore[override] # ours return nothing
        self.begun += 1
        super().write(work)
        if self.full:
            raise errors.JournalUnusable("no room left")


@dataclass(slots=True)
class Opened:
    base: Counted
    worker: futures.Executor
    group: grouping.Group

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """The thread does something else inside the block."""
        over = threading.Event()
        self.worker.submit(over.wait)
        try:
            yield
        finally:
            over.set()

    async def together(self, *works: grouping.Work) -> list[BaseException | None]:
        """Write all of these, which came while the thread was busy."""
        with self.busy():
            tasks = [asyncio.create_task(self.group.write(work)) for work in works]
            await asyncio.sleep(0)  # each begins
        return await asyncio.gather(*tasks, return_exceptions=True)

    def found(self) -> list[int]:
        work = self.worker.submit(
            self.base.look, lambda tx: [row["n"] for row in tx.all("SELECT n FROM t ORDER BY rowid")]
        )
        return work.result()


def inserts(number: int) -> grouping.Work:
    def work(tx: transactions.Transaction) -> None:
        tx.run("INSERT INTO t VALUES (:number)", {"number": number})

    return work


def made(tx: transactions.Transaction) -> None:
    tx.run("CREATE TABLE t (n)")


def fails(tx: transactions.Transaction) -> None:
    inserts(13)(tx)
    raise errors.LeadershipLost("epoch 1 is over")


@pytest.fixture
async def opened(tmp_path: pathlib.Path) -> AsyncIterator[Opened]:
    worker = futures.ThreadPoolExecutor(1)
    path = tmp_path / "journal.db"
    path.touch()
    base = worker.submit(Counted, path, read_only=False).result()
    group = grouping.Group(base, worker)
    await group.write(made)
    base.begun = 0
    yield Opened(base, worker, group)
    worker.submit(base.close).result()
    worker.shutdown()


async def test_what_waits_together_is_one_transaction_in_its_order(opened: Opened) -> None:
    assert await opened.together(*map(inserts, range(5))) == [None] * 5
    assert (opened.base.begun, opened.found()) == (1, [0, 1, 2, 3, 4])


async def test_one_alone_is_one_transaction(opened: Opened) -> None:
    await opened.group.write(inserts(1))
    assert (opened.base.begun, opened.found()) == (1, [1])


async def test_who_fails_fails_alone_and_leaves_no_trace(opened: Opened) -> None:
    first, second, third = await opened.together(inserts(1), fails, inserts(3))
    assert (first, third, opened.found()) == (None, None, [1, 3])
    assert isinstance(second, errors.LeadershipLost)


async def test_a_failed_flush_is_told_to_everybody(opened: Opened) -> None:
    opened.base.full = True
    answers = await opened.together(inserts(1), inserts(2))
    assert [type(answer) for answer in answers] == [errors.JournalUnusable] * 2
    assert opened.base.begun == 1


async def test_what_nobody_waits_for_any_more_is_not_written(opened: Opened) -> None:
    with opened.busy():
        first = asyncio.create_task(opened.group.write(inserts(1)))
        second = asyncio.create_task(opened.group.write(inserts(2)))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    await second
    assert opened.found() == [2]


class Idle(futures.Executor):
    """Says that it has done what it never began."""

    def submit(self, fn: Callable[..., object], /, *args: object, **kwargs: object) -> futures.Future[object]:  # type: ignore[override] # one result type is enough
        done: futures.Future[object] = futures.Future()
        done.set_result(None)
        return done


async def test_a_write_of_which_nobody_said_anything_is_not_done(opened: Opened) -> None:
    with pytest.raises(errors.Transient, match="without a word"):
        await grouping.Group(opened.base, Idle()).write(inserts(1))
    assert opened.found() == []
