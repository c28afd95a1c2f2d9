"""How long a target rests after an outage: longer each time, never in step with the others (I20)."""

from dataclasses import dataclass, field

from reconciler import ports
from reconciler.model import ids

FIRST, FACTOR, CAP = 1.0, 2.0, 60.0
"""Seconds: one lost connection is tried again at once, a long outage costs each target one request a minute."""
LONGEST = 600.0
"""Seconds for which the other side may ask: a proxy that says tomorrow, or for ever, is asked again before that."""


@dataclass(slots=True)
class Patience:
    """Counts the outages that each target has met in a row."""

    chance: ports.Chance
    _met: dict[ids.TargetKey, int] = field(default_factory=dict)

    def met(self, key: ids.TargetKey, *, at_least: float | None) -> float:
        """Count one. Returns the seconds to rest; `at_least` is what the other side asked for."""
        count = self._met.get(key, 0)
        self._met[key] = count + 1
        rest = min(CAP, FIRST * FACTOR ** min(count, 10))
        return max(min(at_least or 0.0, LONGEST), self.chance.jitter(rest))

    def over(self, key: ids.TargetKey) -> None:
        """The target was reached."""
        self._met.pop(key, None)
