"""Virtual time: nothing waits for anything but its turn, and an hour of waiting passes at once.

The event loop itself is virtual, so that everything on it is: `ports.Clock.sleep`, `asyncio.sleep`, `asyncio.timeout`.
When nothing is ready, the loop jumps to the next timer. What is done outside of it takes no virtual time: while some
is under way the clock stands still. Same order of calls, same history.
"""

import asyncio
import contextlib
import datetime
import selectors
from collections.abc import Callable, Coroutine, Iterator
from concurrent import futures
from typing import Any, TypeVar

START = 1_000.0
"""Where the monotonic clock begins, in seconds: like a machine's, not at zero."""

RESOLUTION = 1e-6
"""Seconds that the loop rounds a timer's due time to: what is due sooner is run without any time having passed."""

DAY_ONE = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

T = TypeVar("T")


class Stalled(RuntimeError):  # noqa: N818 - named for what happened, as all our errors are
    """Everything waits, and nothing is due: without this it would wait for ever."""


class VirtualClock:
    """Fulfils `ports.Clock` for what runs on its own loop (`run`)."""

    def __init__(self) -> None:
        self._monotonic = START
        self._skew = 0.0
        self._outside = 0

    def monotonic(self) -> float:
        return self._monotonic

    def now(self) -> datetime.datetime:
        return DAY_ONE + datetime.timedelta(seconds=self._monotonic - START + self._skew)

    async def sleep(self, seconds: float) -> None:
        """Time has passed after it. Who sleeps until a due time would else be woken again and again before it."""
        await asyncio.sleep(max(seconds, 2 * RESOLUTION) if seconds > 0 else 0)

    def jump(self, seconds: float) -> None:
        """The wall clock is set forwards or back; durations do not notice (I24)."""
        self._skew += seconds

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Time stands still inside: work outside of the loop is under way (a child process, a thread). Threads of
        `run_in_executor` and `asyncio.to_thread` hold it by themselves."""
        self._outside += 1
        try:
            yield
        finally:
            self._outside -= 1

    @property
    def holding(self) -> bool:
        """Whether work outside is under way."""
        return self._outside > 0

    def pass_by(self, seconds: float) -> None:
        """For the loop: everybody has waited that long."""
        self._monotonic += seconds

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """`main` from start to end, in virtual time. What it leaves running is cancelled."""
        with asyncio.Runner(loop_factory=lambda: VirtualLoop(self)) as runner:
            return runner.run(main)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is a virtual clock's."""

    def __init__(self, clock: VirtualClock) -> None:
        self._virtual = clock
        super().__init__(_Selector(clock))
        self._clock_resolution = RESOLUTION  # asyncio's own is too fine for a float after a few months

    def time(self) -> float:
        return self._virtual.monotonic()

    def run_in_executor(  # type: ignore[override] # the stubs have it as a coroutine; it returns a future
        self, executor: futures.Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        holding = contextlib.ExitStack()
        holding.enter_context(self._virtual.held())
        try:
            future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        except BaseException:
            holding.close()
            raise
        future.add_done_callback(lambda done: holding.close())
        return future

    async def shutdown_default_executor(self, *args: Any) -> None:
        with self._virtual.held():
            await super().shutdown_default_executor(*args)


class _Selector(selectors.DefaultSelector):
    """Asked by the loop once a round for how long nothing is due: here that time is skipped instead of waited for."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._clock.holding:
            return super().select(0 if timeout == 0 else None)
        if len(self.get_map()) > 1 and (events := super().select(0)):  # more than the loop's own pipe to itself
            return events
        if timeout is None:
            raise Stalled("everything waits for something that nothing will bring about")
        self._clock.pass_by(timeout)
        return []
