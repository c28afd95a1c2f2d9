"""Health checks of `application.yaml`, asked once for each state of an object."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.model import health, ids, live, targets
from reconciler.pipeline import world

AGAIN = 30.0
"""Seconds until what could not be told is asked again of an object that did not change: an expression that has to be
cut off takes a second of processor time."""


@dataclass(frozen=True, slots=True)
class _Known:
    """An answer, the state it was of, and until when (monotonic seconds) it holds."""

    state: tuple[targets.HealthCheck, str, str]
    answer: health.Answer
    until: float


class Checking:
    """Remembers the answers: an object that did not change is not asked again."""

    def __init__(self, here: world.World) -> None:
        self._here = here
        self._known: dict[ids.TargetKey, dict[ids.ObjectKey, _Known]] = {}

    async def answers(
        self,
        key: ids.TargetKey,
        keys: Iterable[ids.ObjectKey],
        found: Mapping[ids.ObjectKey, live.LiveObject],
        *,
        checks: tuple[targets.HealthCheck, ...],
    ) -> Mapping[ids.ObjectKey, health.Answer]:
        """What the checks say of those of `keys` that are there."""
        by_kind = {check.kind: check for check in checks}
        before, self._known[key] = self._known.pop(key, {}), {}
        answers: dict[ids.ObjectKey, health.Answer] = {}
        for one in keys:
            check, seen = by_kind.get(one.kind_key), found.get(one)
            if check is None or seen is None:
                continue
            state = (check, seen.meta.uid, seen.meta.resource_version)
            known, now = before.get(one), self._here.clock.monotonic()
            if known is None or known.state != state or known.until <= now:
                answer = await self._here.expressions.evaluate(check, seen)
                known = _Known(state, answer, now + AGAIN if answer.problem else math.inf)
            self._known[key][one] = known
            answers[one] = known.answer
        return answers

    def forget(self, key: ids.TargetKey) -> None:
        self._known.pop(key, None)
