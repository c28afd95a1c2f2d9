"""How many requests are under way at once: grows while the server is quick, halves when it says it is not.

Additive increase, multiplicative decrease, as TCP: each quick answer adds 1/limit, so the limit grows by one a round;
a 429, or an answer that took longer than `SLOW`, halves it, at most once for the requests that were under way
together. After a 429 nothing starts before the time the server asked for. 8 to 32 requests in flight reach 90 % of what
an API server can do, so the window starts in the middle and ends at 32.
"""

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator

START, LEAST, MOST = 16.0, 1.0, 32.0
SLOW = 3.0
"""Seconds. Healthy servers answer within a tenth; API Priority and Fairness queues before it refuses, and this is how
the queue shows."""


class Window:
    def __init__(self) -> None:
        self.limit = START
        self._under_way = 0
        self._waiting: collections.deque[asyncio.Future[None]] = collections.deque()
        self._halved = float("-inf")
        self._closed_until = float("-inf")

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncIterator["Slot"]:
        """One place; first come, first served."""
        await self._enter()
        slot = Slot(asyncio.get_running_loop().time())
        try:
            yield slot
        finally:
            self._leave(slot)

    async def _enter(self) -> None:
        loop = asyncio.get_running_loop()
        while self._under_way >= int(self.limit) or self._waiting:
            turn = loop.create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                elif not turn.cancelled():
                    self._under_way -= 1  # the place was ours already
                    self._hand_on()
                raise
            break
        else:
            self._under_way += 1
        try:
            while (pause := self._closed_until - loop.time()) > 0:  # noqa: ASYNC110 - waits for a time
                await asyncio.sleep(pause)
        except asyncio.CancelledError:
            self._under_way -= 1
            self._hand_on()
            raise

    def _leave(self, slot: "Slot") -> None:
        now = asyncio.get_running_loop().time()
        if slot.refused_for is not None:
            self._closed_until = max(self._closed_until, now + slot.refused_for)
        if slot.refused_for is not None or now - slot.since > SLOW:
            if slot.since > self._halved:
                self.limit = max(LEAST, self.limit / 2)
                self._halved = now
        else:
            self.limit = min(MOST, self.limit + 1 / self.limit)
        self._under_way -= 1
        self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting and self._under_way < int(self.limit):
            turn = self._waiting.popleft()
            if not turn.done():
                self._under_way += 1
                turn.set_result(None)


class Slot:
    """A place in the window. `refused_for`: seconds the server asked to stay away, set by its user after a 429."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.refused_for: float | None = None
