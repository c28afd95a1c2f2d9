"""The keyed queue in virtual time."""

import asyncio
import datetime

from reconciler.daemon import queue
from reconciler.model import ids

A, B = ids.TargetKey("e", "a"), ids.TargetKey("e", "b")


class VirtualClock:
    """Time that passes only when everybody waits for it."""

    def __init__(self) -> None:
        self.time = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        return self.time

    def now(self) -> datetime.datetime:
        return datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=self.time)

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.time + seconds, future))
        await future

    async def advance(self, seconds: float) -> None:
        end = self.time + seconds
        await settle()
        while due := [item for item in self._sleepers if item[0] <= end and not item[1].done()]:
            self.time, future = min(due, key=lambda item: item[0])
            self._sleepers.remove((self.time, future))
            future.set_result(None)
            await settle()
        self.time = end


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_key_comes_at_its_due_time_and_not_before() -> None:
    clock = VirtualClock()
    its = queue.Queue(clock)
    its.wake(A, after=10)
    taking = asyncio.create_task(its.take())
    await clock.advance(9.9)
    assert not taking.done()
    await clock.advance(0.2)
    assert taking.result() == A


async def test_waking_earlier_moves_the_due_time_and_later_does_not() -> None:
    clock = VirtualClock()
    its = queue.Queue(clock)
    its.wake(A, after=10)
    its.wake(A, after=100)
    its.wake(A, after=1)
    taking = asyncio.create_task(its.take())
    await clock.advance(1.1)
    assert taking.result() == A
    assert len(its) == 0


async def test_one_key_one_worker() -> None:
    its = queue.Queue(VirtualClock())
    its.wake(A)
    assert await its.take() == A
    its.wake(A)  # while a worker holds it
    its.wake(B)
    assert await its.take() == B
    second = asyncio.create_task(its.take())
    await settle()
    assert not second.done()
    its.done(A)
    await settle()
    assert second.result() == A


async def test_many_keys_each_come_once() -> None:
    its = queue.Queue(VirtualClock())
    keys = [ids.TargetKey("e", f"app-{n}") for n in range(50)]
    for key in keys * 3:
        its.wake(key)
    assert sorted([await its.take() for _ in keys]) == sorted(keys)
    assert len(its) == 0


async def test_one_lane_leaves_workers_to_the_others() -> None:
    clock = VirtualClock()
    its = queue.Queue(clock, lane=lambda key: key.environment, most=lambda: 2)
    frozen = [ids.TargetKey("frozen", name) for name in ("a", "b", "c")]
    well = ids.TargetKey("well", "a")
    for key in (*frozen, well):
        its.wake(key)
    assert [await its.take() for _ in range(3)] == [*frozen[:2], well]
    taking = asyncio.create_task(its.take())
    await clock.advance(60)
    assert not taking.done(), "the lane is full"
    its.done(frozen[0])
    await clock.advance(0)
    assert taking.result() == frozen[2]


async def test_without_a_bound_one_lane_may_have_all_workers() -> None:
    clock = VirtualClock()
    its = queue.Queue(clock, lane=lambda key: "the only cluster")
    for key in (A, B):
        its.wake(key)
    assert [await its.take() for _ in range(2)] == [A, B]
