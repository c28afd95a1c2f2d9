"""The window of requests under way. Time is the event loop's own, which these tests advance by hand."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from reconciler.edges.kubernetes import window

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its clock jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0

    def time(self) -> float:
        return super().time() + self.skipped

    def _run_once(self) -> None:
        scheduled, ready = self._scheduled, self._ready  # type: ignore[attr-defined]
        if scheduled and not ready:
            self.skipped += max(0.0, scheduled[0].when() - self.time())
        super()._run_once()  # type: ignore[misc]


def virtually(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


async def use(it: window.Window, *, seconds: float = 0.0, refused_for: float | None = None) -> None:
    async with it.slot() as slot:
        await asyncio.sleep(seconds)
        slot.refused_for = refused_for


async def test_no_more_than_the_limit_are_under_way() -> None:
    it, under_way, most = window.Window(), 0, 0

    async def work() -> None:
        nonlocal under_way, most
        async with it.slot():
            under_way += 1
            most = max(most, under_way)
            assert under_way <= int(it.limit)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(work() for _ in range(500)))
    assert most == window.MOST
    assert it.limit == window.MOST


@pytest.mark.parametrize(
    ("seconds", "refused_for"), [(window.SLOW + 1, None), (0.01, 1.0)], ids=["slow answers", "429"]
)
def test_trouble_halves_it_once_for_all_that_were_under_way(seconds: float, refused_for: float | None) -> None:
    async def main() -> None:
        it = window.Window()
        await asyncio.gather(*(use(it, seconds=seconds, refused_for=refused_for) for _ in range(8)))
        assert it.limit == window.START / 2
        for _ in range(10):
            await use(it, seconds=seconds, refused_for=refused_for)
        assert it.limit == window.LEAST

    virtually(main())


def test_nothing_starts_before_the_time_that_the_server_asked_for() -> None:
    async def main() -> float:
        it, loop = window.Window(), asyncio.get_running_loop()
        await use(it, refused_for=4.0)
        before = loop.time()
        async with it.slot():
            return loop.time() - before

    assert 3.9 < virtually(main()) < 4.1


async def test_a_cancelled_wait_gives_its_place_to_the_next() -> None:
    it = window.Window()
    it.limit = 1.0
    holding, release = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with it.slot():
            holding.set()
            await release.wait()

    holder = asyncio.create_task(hold())
    await holding.wait()
    impatient, patient = asyncio.create_task(use(it)), asyncio.create_task(use(it))
    await asyncio.sleep(0)
    impatient.cancel()
    release.set()
    await asyncio.wait_for(asyncio.gather(holder, patient), 5)
    assert impatient.cancelled()
    await asyncio.wait_for(use(it), 5)
