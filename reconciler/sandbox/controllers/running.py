"""The controllers at work: who looks at what when something changed, one key after the other, in the order of the
changes, and again when a time comes that a controller waits for."""

import asyncio
import collections
import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from reconciler.model import ids
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import owning, world

Reconcile = Callable[[ids.ObjectKey, world.World], float | None]
"""Take the next steps for one object. Returns in how many seconds to look again though nothing changes; None: never;
`world.AGAIN`: something was refused."""

Wakes = Callable[[objects.Happened, world.World], Iterable[ids.ObjectKey]]
"""Which objects to look at, beside the changed one and its controller, because something changed."""


@dataclass(frozen=True, slots=True)
class Controller:
    """One line of the table of controllers. `kind` is the kind whose objects it reconciles."""

    kind: ids.KindKey
    reconcile: Reconcile
    wakes: Wakes = lambda _, __: ()


SOONEST = 0.001
"""Seconds. A wait that rounding made shorter would be a busy loop, and in virtual time one without end."""

FIRST_PAUSE, LONGEST_PAUSE = 0.005, 1000.0
"""Seconds before something refused is tried again: client-go's, doubled each time."""

_Item = tuple[int, ids.ObjectKey]
"""A controller, by its place in the table, and the object it is to look at."""


@dataclass(slots=True)
class Controllers:
    """`run` it beside whatever uses the sandbox; or `step` it by hand, until `due` says that nothing is due now."""

    world: world.World
    table: tuple[Controller, ...]
    _ready: dict[_Item, None] = field(default_factory=dict)
    _due: dict[_Item, float] = field(default_factory=dict)
    _timers: list[tuple[float, int, _Item]] = field(default_factory=list)
    _timed: int = 0
    _refused: dict[_Item, int] = field(default_factory=dict)
    """How often in a row."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _of_kind: dict[ids.KindKey, list[int]] = field(default_factory=lambda: collections.defaultdict(list))

    def __post_init__(self) -> None:
        for place, controller in enumerate(self.table):
            self._of_kind[controller.kind].append(place)
            for stored in self.world.kept.of_kind(controller.kind):
                self._wake(stored.key)
        self.world.kept.subscribe(self._heard)

    def step(self) -> bool:
        """Look at one object that is due; False when none is."""
        self._ring()
        if not self._ready:
            return False
        item = next(iter(self._ready))
        del self._ready[item]
        self._due.pop(item, None)
        place, key = item
        after = self.table[place].reconcile(key, self.world)
        if after == world.AGAIN:
            times = self._refused[item] = self._refused.get(item, -1) + 1
            self._set(item, min(FIRST_PAUSE * 2.0**times, LONGEST_PAUSE))
        else:
            self._refused.pop(item, None)
            if after is not None:
                self._set(item, after)
        return True

    def due(self) -> float | None:
        """The monotonic time of the next step; None when only a change can bring one."""
        if self._ready:
            return self.world.clock.monotonic()
        while self._timers and self._due.get(self._timers[0][2]) != self._timers[0][0]:
            heapq.heappop(self._timers)  # replaced since
        return self._timers[0][0] if self._timers else None

    async def run(self) -> None:
        """For ever. Between two steps others get their turn, so that they see what is in between."""
        while True:
            self._changed.clear()
            if self.step():
                await asyncio.sleep(0)
            else:
                await self._wait(self.due())

    def _heard(self, happened: objects.Happened) -> None:
        key = happened.stored.key
        self._wake(key)
        for version in (happened.stored, happened.before):
            owner = owning.controller(version.body) if version else None
            if owner:
                group, slash, _ = str(owner.get("apiVersion")).partition("/")
                kind = str(owner.get("kind"))
                self._wake(ids.ObjectKey(group if slash else "", kind, key.namespace, str(owner.get("name"))))
        for place, controller in enumerate(self.table):
            for woken in controller.wakes(happened, self.world):
                self._ready[(place, woken)] = None
        self._changed.set()

    def _wake(self, key: ids.ObjectKey) -> None:
        for place in self._of_kind.get(key.kind_key, ()):
            self._ready[(place, key)] = None

    def _set(self, item: _Item, after: float) -> None:
        due = self.world.clock.monotonic() + max(after, SOONEST)
        self._due[item] = due
        self._timed += 1
        heapq.heappush(self._timers, (due, self._timed, item))

    def _ring(self) -> None:
        """What waited for its time and has reached it is ready."""
        if not self._timers:
            return
        now = self.world.clock.monotonic()
        while self._timers and self._timers[0][0] <= now:
            due, _, item = heapq.heappop(self._timers)
            if self._due.get(item) == due:
                del self._due[item]
                self._ready[item] = None

    async def _wait(self, until: float | None) -> None:
        """Until something changes, or a time comes."""
        waits: list[asyncio.Future[object]] = [asyncio.ensure_future(self._changed.wait())]
        if until is not None:
            left = max(0.0, until - self.world.clock.monotonic())
            waits.append(asyncio.ensure_future(self.world.clock.sleep(left)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
