"""Drift, heard from the watches: which target to look at again, and when it may be healed."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from reconciler import errors, ports
from reconciler.model import ids, live, plans, records
from reconciler.pipeline import world
from reconciler.plan import drift

FIRST, FACTOR, CAP, QUIET = 2.0, 3.0, 300.0, 600.0
"""Back-off of healing in seconds, as Argo CD has it (2 s × 3 up to 300 s), after a first one at once; forgotten after
10 quiet minutes (I20)."""


LATE = 60.0
"""Seconds after which nothing that was sent arrives any more: an API server ends a request then."""


@dataclass(frozen=True, slots=True)
class Healing:
    """The newest healing of a target: when, and how long the next one waits."""

    at: float
    pause: float


@dataclass(frozen=True, slots=True)
class Inventory:
    """As learnt last, and in which cluster: a reload of the settings may move an environment to another one."""

    cluster: str
    rows: tuple[records.InventoryRow, ...]


class Drift:
    """What the watches have said since each target was clean last."""

    def __init__(self, here: world.World, wake: Callable[[ids.TargetKey], None]) -> None:
        self._here = here
        self._wake = wake
        self._inventories: dict[ids.TargetKey, Inventory] = {}
        self._claims: dict[tuple[str, ids.ObjectKey], dict[ids.TargetKey, records.InventoryRow]] = {}
        """Who has an object in its inventory: two targets while it changes hands between them."""
        self._dirty: dict[ids.TargetKey, str] = {}
        self._count: dict[ids.TargetKey, int] = {}
        self._healings: dict[ids.TargetKey, Healing] = {}
        self._put_off: dict[ids.TargetKey, str] = {}
        self._tolerated: dict[ids.TargetKey, str] = {}
        self._doubts: dict[ids.TargetKey, dict[ids.ObjectKey, float]] = {}
        """Objects to which something may still be under way, and until when (monotonic seconds)."""

    async def learn(self, key: ids.TargetKey) -> None:
        """Read the target's inventory: against it the watches' news is judged from now on."""
        cluster = self._here.cluster_of(key).name
        rows = await self._here.journal.inventory(key)
        if before := self._inventories.get(key):
            for row in before.rows:
                claims = self._claims[before.cluster, row.key]
                del claims[key]
                if not claims:
                    del self._claims[before.cluster, row.key]
        for row in rows:
            self._claims.setdefault((cluster, row.key), {})[key] = row
        self._inventories[key] = Inventory(cluster, rows)

    def rows(self, key: ids.TargetKey) -> tuple[records.InventoryRow, ...]:
        """The target's inventory as learnt last."""
        known = self._inventories.get(key)
        return known.rows if known else ()

    def heard(self, seen: ports.Seen) -> None:
        """A watch saw a change: one dictionary look-up for what is not ours, one comparison for what is."""
        for key, row in tuple(self._claims.get((seen.cluster, seen.meta.key), {}).items()):
            because = f"{seen.meta.key} was deleted" if seen.gone and _same(row, seen.meta) else ""
            if because := because or ("" if seen.gone else drift.suspicious(row, seen.meta)):
                self.suspect(key, because)

    def lost(self, loss: ports.Lost) -> None:
        """Whatever rests on a watch that is lost is not known to be in sync any more: its next pass asks for the watch
        again, and holds by the reason for which there is none."""
        because = f"the watch of {loss.kind} in {loss.namespace or 'all namespaces'} is lost: {loss.because}"
        for key, known in tuple(self._inventories.items()):
            if known.cluster == loss.cluster and any(
                row.key.kind_key == loss.kind and loss.namespace in ("", row.key.namespace) for row in known.rows
            ):
                self.suspect(key, because)

    def suspect(self, key: ids.TargetKey, because: str) -> None:
        """Look at the target again though nothing of it changed in Git."""
        self._dirty.setdefault(key, because)
        self._count[key] = self.count(key) + 1
        self._wake(key)

    def suspected(self, key: ids.TargetKey) -> str:
        """Why the target may have drifted; '' when nothing was heard since it was clean."""
        return self._dirty.get(key, "")

    def count(self, key: ids.TargetKey) -> int:
        """How often the target was suspected. Asked before a plan is made, for `clean` after it."""
        return self._count.get(key, 0)

    def clean(self, key: ids.TargetKey, *, count: int) -> None:
        """The target is as wanted, as a plan has found that was begun at `count`. What was heard since may be news to
        that plan: an edit of an object that it had read already would never be seen again."""
        if self.count(key) == count:
            self._forget(key)

    async def settle(self, key: ids.TargetKey) -> None:
        """A rollout of the target is over, and with it what its own writes stirred up. What differs from those writes
        now was done by somebody else meanwhile; where no watch can tell, a plan will."""
        self._forget(key)
        await self.learn(key)
        for row in self.rows(key):
            if because := self._changed(key, row):
                self.suspect(key, f"{row.key}: {because}")

    def touched(self, key: ids.TargetKey, objects: Collection[ids.ObjectKey]) -> bool:
        """Whether any of these may not be as our newest write left it, by what was heard: a plan will tell."""
        among, heard = frozenset(objects), bool(self.suspected(key))
        return any(row.drifted or (heard and self._changed(key, row)) for row in self.rows(key) if row.key in among)

    def shown(self, key: ids.TargetKey) -> tuple[str, ...] | None:
        """In which versions the watches show what is left drifted ('' where it is away); None where one cannot tell."""
        its = self._here.cluster_of(key)
        try:
            metas = [its.meta(row.key) for row in self.rows(key) if row.drifted]
        except errors.Transient:
            return None
        return tuple(meta.resource_version if meta else "" for meta in metas)

    def _changed(self, key: ids.TargetKey, row: records.InventoryRow) -> str:
        """Why the object may not be as our newest write left it, by what the watches show or cannot; '' when it is."""
        try:
            return drift.suspicious(row, self._here.cluster_of(key).meta(row.key))
        except errors.Transient as error:
            return str(error)

    def _forget(self, key: ids.TargetKey) -> None:
        for found in (self._dirty, self._put_off, self._tolerated):
            found.pop(key, None)

    async def tolerate(self, key: ids.TargetKey, plan: plans.Plan, *, count: int) -> drift.Tolerated:
        """Leave what `plan`, begun at `count`, would heal as it is, and remember that."""
        found = drift.tolerated(plan, await self._here.journal.inventory(key))
        if found.rows:
            await self._here.journal.adopt_rows(key, found.rows, epoch=self._here.epoch)
            await self.learn(key)
        self.clean(key, count=count)
        self._tolerated[key] = found.because
        return found

    def tolerated(self, key: ids.TargetKey) -> str:
        """The drift that is left as it is; '' when there is none."""
        return self._tolerated.get(key, "")

    def doubt(self, key: ids.TargetKey, objects: Sequence[ids.ObjectKey]) -> None:
        """A write of these has an unknown outcome. It may arrive after a newer one of ours; within the same second
        nothing in the metadata tells the two apart, because the record of our fields knows whole seconds only."""
        until = self._here.clock.monotonic() + LATE
        self._doubts.setdefault(key, {}).update(dict.fromkeys(objects, until))

    def doubted_for(self, key: ids.TargetKey) -> float | None:
        """Seconds until the first doubt can be cleared up; None when there is none to wait for."""
        now = self._here.clock.monotonic()
        return min((until - now for until in self._doubts.get(key, {}).values() if until > now), default=None)

    def doubted(self, key: ids.TargetKey) -> tuple[ids.ObjectKey, ...]:
        """What is in doubt, for the process after this one."""
        return tuple(sorted(self._doubts.get(key, {})))

    async def clear_up(self, key: ids.TargetKey) -> tuple[ids.ObjectKey, ...]:
        """Whatever was in doubt has arrived by now or never will: those objects are pending again, so that a plan reads
        what became of them. Returns them. What was pruned meanwhile has lost its row, and may have been made again."""
        doubts, now = self._doubts.get(key, {}), self._here.clock.monotonic()
        over = tuple(sorted(found for found, until in doubts.items() if until <= now))
        if not over:
            return ()
        known = {row.key: row for row in await self._here.journal.inventory(key)}
        rows = [replace(known.get(one, records.pending(one)), uid="") for one in over]
        await self._here.journal.adopt_rows(key, rows, epoch=self._here.epoch)
        await self.learn(key)
        self.suspect(key, f"the outcome of a write of {over[0]} was unknown")
        self._doubts[key] = {found: until for found, until in doubts.items() if until > now}
        return over

    def put_off(self, key: ids.TargetKey, because: str) -> None:
        """Heal later: until then whatever else the watches say changes nothing, and is not looked at (I20)."""
        self._put_off[key] = f"{because}; healed again after {self._healings[key].pause:.0f} s"

    def overtaken(self, key: ids.TargetKey) -> None:
        """A release applies all there is: what a healing waited for is done, and its sentence is true no more."""
        self._put_off.pop(key, None)

    def waits(self, key: ids.TargetKey) -> str:
        """Why a healing waits; '' when none does, or its time has come."""
        return self._put_off.get(key, "") if self.heals_in(key) else ""

    def heals_in(self, key: ids.TargetKey) -> float:
        """Seconds until the target may be healed again; 0 when it may be now."""
        newest = self._healings.get(key)
        now = self._here.clock.monotonic()
        if newest is None or now - newest.at >= QUIET:
            return 0.0
        return max(0.0, newest.at + newest.pause - now)

    def healed(self, key: ids.TargetKey) -> None:
        """Count one healing."""
        newest, now = self._healings.get(key), self._here.clock.monotonic()
        again = newest is not None and now - newest.at < QUIET
        pause = min(CAP, newest.pause * FACTOR) if newest and again else FIRST
        self._healings[key] = Healing(now, pause)
        self._put_off.pop(key, None)

    def at_once(self, key: ids.TargetKey) -> None:
        """A person asked: forget the back-off."""
        self._healings.pop(key, None)


def _same(row: records.InventoryRow, meta: live.LiveMeta) -> bool:
    return not row.uid or row.uid == meta.uid
