"""Virtual time: nothing waits, everything comes in its turn."""

import asyncio
import contextlib
import threading

import pytest

from reconciler import ports
from reconciler.sandbox import clock as clocks


def fulfils_the_port(clock: clocks.VirtualClock) -> ports.Clock:
    return clock  # checked by mypy


def test_waits_end_in_the_order_of_their_times() -> None:
    clock, seen = clocks.VirtualClock(), []

    async def wait(seconds: float) -> None:
        await clock.sleep(seconds)
        seen.append((seconds, clock.monotonic() - clocks.START))

    async def main() -> None:
        await asyncio.gather(wait(3600), wait(0.5), wait(20))

    clock.run(main())
    assert [seconds for seconds, _ in seen] == [0.5, 20, 3600]
    assert [passed for _, passed in seen] == pytest.approx([0.5, 20, 3600])


def test_the_timers_of_asyncio_are_virtual_too() -> None:
    clock = clocks.VirtualClock()

    async def main() -> float:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(900):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert clock.run(main()) == pytest.approx(clocks.START + 900)


def test_a_year_of_seconds_loses_none() -> None:
    """Sums of many small times are where a float goes wrong: a timer must still come when it is due."""
    clock = clocks.VirtualClock()
    year = 365 * 86400.0

    async def main() -> None:
        await clock.sleep(year)
        for _ in range(1000):
            await clock.sleep(0.1)

    clock.run(main())
    assert clock.monotonic() == pytest.approx(clocks.START + year + 100, abs=1e-3)


def test_the_shortest_sleep_takes_time() -> None:
    clock, woken = clocks.VirtualClock(), []

    async def others() -> None:
        """Something else is ready, so that the loop does not go on to the next timer by itself."""
        for _ in range(5):
            await asyncio.sleep(0)

    async def main() -> None:
        due = clock.monotonic() + 4e-7  # sooner than the loop tells apart
        while (left := due - clock.monotonic()) > 0 and len(woken) < 10:
            await asyncio.gather(others(), clock.sleep(left))
            woken.append(clock.monotonic())

    clock.run(main())
    assert len(woken) == 1


def test_what_waits_for_nothing_is_told_instead_of_waited_for() -> None:
    with pytest.raises(clocks.Stalled):
        clocks.VirtualClock().run(asyncio.Event().wait())


def test_time_stands_still_while_a_thread_works() -> None:
    clock, begun, let_go = clocks.VirtualClock(), threading.Event(), threading.Event()

    def work() -> float:
        begun.set()
        let_go.wait()
        return clock.monotonic()

    async def main() -> list[str]:
        seen: list[str] = []

        async def tick() -> None:
            await clock.sleep(1)
            seen.append("ticked")

        ticking = asyncio.create_task(tick())
        working = asyncio.create_task(asyncio.to_thread(work))
        await asyncio.to_thread(begun.wait)
        await asyncio.to_thread(let_go.set)
        seen.append(f"worked until {await working - clocks.START:g}")
        await ticking
        return seen

    assert clock.run(main()) == ["worked until 0", "ticked"]


def test_time_stands_still_inside_held() -> None:
    """For work that no thread of the loop does: a child process, another loop."""
    clock = clocks.VirtualClock()

    async def main() -> float:
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()
        sleeping = asyncio.create_task(clock.sleep(5))
        with clock.held():
            threading.Thread(target=lambda: loop.call_soon_threadsafe(arrived.set)).start()
            await arrived.wait()
            passed = clock.monotonic() - clocks.START
        await sleeping
        return passed

    assert clock.run(main()) == 0
    assert clock.monotonic() == pytest.approx(clocks.START + 5)


def test_a_thread_that_fails_lets_time_go_on() -> None:
    clock = clocks.VirtualClock()

    def fail() -> None:
        raise OSError("no")

    async def main() -> None:
        with pytest.raises(OSError, match="no"):
            await asyncio.to_thread(fail)
        await clock.sleep(1)

    clock.run(main())
    assert clock.monotonic() == pytest.approx(clocks.START + 1)


@pytest.mark.row("F24")
def test_a_jump_of_the_wall_clock_moves_no_timer() -> None:
    clock = clocks.VirtualClock()

    async def main() -> None:
        sleeping = asyncio.create_task(clock.sleep(10))
        await clock.sleep(1)
        clock.jump(-3600)
        await sleeping

    clock.run(main())
    assert clock.monotonic() == pytest.approx(clocks.START + 10)
    assert (clock.now() - clocks.DAY_ONE).total_seconds() == pytest.approx(10 - 3600)
