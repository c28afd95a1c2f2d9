"""The keyed queue: one key, one worker; a key comes back at its due time or when something wakes it."""

import asyncio
import collections
import contextlib
import heapq
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from reconciler import ports
from reconciler.model import ids


@dataclass(slots=True)
class Queue:
    """Due times are monotonic seconds. Waking a key that a worker holds makes it come back right after."""

    clock: ports.Clock
    lane: Callable[[ids.TargetKey], str] = lambda key: ""
    """Keys that wait for the same thing: a cluster, which may answer nothing for as long as a call may take."""
    most: Callable[[], int | None] = lambda: None
    """Keys of one lane that workers may hold at once, so that those of another find a free one; None: any number."""
    _due: dict[ids.TargetKey, float] = field(default_factory=dict)
    _heap: list[tuple[float, ids.TargetKey]] = field(default_factory=list)
    _busy: set[ids.TargetKey] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _line: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Whoever waits for a key stands in line: each change wakes the first, not everybody."""
    _held: int = 0

    def wake(self, key: ids.TargetKey, *, after: float = 0.0) -> None:
        """Have `key` looked at in `after` seconds at the latest."""
        due = self.clock.monotonic() + after
        if key not in self._due or due < self._due[key]:
            self._due[key] = due
            heapq.heappush(self._heap, (due, key))
            self._changed.set()

    def drop(self, key: ids.TargetKey) -> None:
        """The key no longer exists."""
        self._due.pop(key, None)

    async def take(self) -> ids.TargetKey:
        """The next key that is due and that no worker holds; waits for one."""
        async with self._line:
            while True:
                self._changed.clear()
                key, wait = (None, None) if self._held else self._next()
                if key is not None:
                    self._busy.add(key)
                    return key
                await self._sleep(wait)

    def done(self, key: ids.TargetKey) -> None:
        """The worker has finished with `key`."""
        self._busy.discard(key)
        self._changed.set()

    @contextlib.asynccontextmanager
    async def still(self, *, within: float) -> AsyncIterator[None]:
        """Hand nothing out inside the block, which begins when no worker has a key in hand any more, or `within`
        seconds from now."""
        self._held += 1
        deadline = self.clock.monotonic() + within
        try:
            while self._busy and (left := deadline - self.clock.monotonic()) > 0:
                self._changed.clear()
                await self._sleep(left)
            yield
        finally:
            self._held -= 1
            self._changed.set()

    def __len__(self) -> int:
        """Keys that are due now or later."""
        return len(self._due)

    @property
    def busy(self) -> int:
        """Keys in a worker's hands."""
        return len(self._busy)

    def _next(self) -> tuple[ids.TargetKey | None, float | None]:
        """A key to work on, or else how long until one is due (None: until something changes)."""
        now, held, full = self.clock.monotonic(), [], self._full()
        found: ids.TargetKey | None = None
        while self._heap and found is None:
            due, key = self._heap[0]
            if self._due.get(key) != due:
                heapq.heappop(self._heap)
            elif due > now:
                break
            elif key in self._busy or self.lane(key) in full:
                held.append(heapq.heappop(self._heap))
            else:
                heapq.heappop(self._heap)
                del self._due[key]
                found = key
        for item in held:
            heapq.heappush(self._heap, item)
        if found is not None:
            return found, None
        later = [due for due, key in self._heap if key not in self._busy and self.lane(key) not in full]
        return None, (min(later) - now if later else None)

    def _full(self) -> frozenset[str]:
        """Lanes of which no further key is handed out before one comes back."""
        most = self.most()
        if most is None:
            return frozenset()
        held = collections.Counter(self.lane(key) for key in self._busy)
        return frozenset(lane for lane, count in held.items() if count >= most)

    async def _sleep(self, seconds: float | None) -> None:
        changed = asyncio.ensure_future(self._changed.wait())
        timer = asyncio.ensure_future(self.clock.sleep(max(0.0, seconds))) if seconds is not None else None
        waits = [changed, timer] if timer else [changed]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
