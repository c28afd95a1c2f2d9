"""Writes that wait for the journal's thread together share a transaction, and so one flush of the disk.

Sixteen passes make a dozen writes each, and a flush takes some milliseconds: one after the other, a hundred
applications waited for little else. Nobody is told that a write is done before the flush that has it (I1).
"""

import asyncio
import collections
import contextlib
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass

from reconciler import errors
from reconciler.edges.journal import database, transactions

Work = Callable[[transactions.Transaction], None]


@dataclass(slots=True, eq=False)
class _Write:
    work: Work
    done: bool = False
    error: BaseException | None = None


class _ApartError(Exception):
    """One of the group failed: the transaction left no trace, and each is tried by itself."""


class Group:
    """`worker`: the one thread that may use `base`."""

    def __init__(self, base: database.Database, worker: futures.Executor) -> None:
        self._base = base
        self._worker = worker
        self._waiting: collections.deque[_Write] = collections.deque()

    async def write(self, work: Work) -> None:
        """As `Database.write`, whose errors it raises. `work` may be run a second time, after all that the first time
        did was rolled back."""
        mine = _Write(work)
        self._waiting.append(mine)
        try:
            await asyncio.get_running_loop().run_in_executor(self._worker, self._carry_out)
        except asyncio.CancelledError:
            with contextlib.suppress(ValueError):  # it has begun
                self._waiting.remove(mine)  # nobody waits for it any more
            raise
        if mine.error:
            raise mine.error
        if not mine.done:
            raise errors.Transient("The journal's thread ended without a word about this write.")

    def _carry_out(self) -> None:
        """All that waits now, in its order. Whoever comes later is handed to the thread behind this; who was taken
        along by somebody before finds nothing to do."""
        group = []
        with contextlib.suppress(IndexError):  # not asked first: the last one may be given up between the two
            while True:
                group.append(self._waiting.popleft())
        try:
            if len(group) > 1:
                self._base.write(lambda tx: _together(tx, group))
                for each in group:
                    each.done = True
                return
        except _ApartError:
            pass
        except BaseException as error:  # noqa: BLE001 - of the flush or the lock: raised to everybody
            for each in group:
                each.error = error
            return
        for each in group:
            self._alone(each)

    def _alone(self, each: _Write) -> None:
        try:
            self._base.write(each.work)
            each.done = True
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            each.error = error


def _together(tx: transactions.Transaction, group: list[_Write]) -> None:
    for each in group:
        try:
            each.work(tx)
        except BaseException as error:
            raise _ApartError from error
