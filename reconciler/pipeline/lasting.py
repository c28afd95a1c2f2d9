"""Which holds have lasted so long that somebody must hear of them, though they may end by themselves."""

from dataclasses import dataclass, field

from reconciler import ports
from reconciler.model import ids, outcomes
from reconciler.rollout import rolling

LATE = rolling.UNKNOWN_GRACE
"""Seconds: as long as a rollout waits for health that cannot be read before it calls somebody."""


@dataclass(slots=True)
class Lasting:
    """Since when each target is held by want of somebody's deed; a process that starts anew counts anew."""

    clock: ports.Clock
    _since: dict[ids.TargetKey, float] = field(default_factory=dict)
    _told: set[ids.TargetKey] = field(default_factory=set)

    def late(self, key: ids.TargetKey, hold: outcomes.Hold | None) -> bool:
        """Note how a pass ended. True once for each hold that has lasted."""
        if hold is None or hold.reason not in outcomes.PAGED_LATE:
            self._since.pop(key, None)
            self._told.discard(key)
            return False
        now = self.clock.monotonic()
        if key in self._told or now - self._since.setdefault(key, now) < LATE:
            return False
        self._told.add(key)
        return True
