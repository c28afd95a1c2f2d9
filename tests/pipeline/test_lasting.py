"""What holds for want of somebody's deed calls somebody when it lasts, once."""

import datetime

import pytest

from reconciler.model import ids, outcomes
from reconciler.pipeline import lasting

WEB = ids.TargetKey("production", "web")
FORBIDDEN = outcomes.Hold(outcomes.HoldReason.RIGHTS_MISSING, "no right")
AWAY = outcomes.Hold(outcomes.HoldReason.CLUSTER_UNAVAILABLE, "told once for the whole cluster")


class Clock:
    at = 0.0

    def monotonic(self) -> float:
        return self.at

    def now(self) -> datetime.datetime:
        raise AssertionError("nobody asks")

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits")


@pytest.mark.parametrize(
    ("passes", "called"),
    [
        ([(0, FORBIDDEN), (59, FORBIDDEN)], []),
        ([(0, FORBIDDEN), (60, FORBIDDEN), (120, FORBIDDEN)], [60]),
        ([(0, FORBIDDEN), (50, None), (60, FORBIDDEN), (119, FORBIDDEN), (120, FORBIDDEN)], [120]),
        ([(0, FORBIDDEN), (60, FORBIDDEN), (70, None), (80, FORBIDDEN), (140, FORBIDDEN)], [60, 140]),
        ([(0, AWAY), (600, AWAY)], []),
        ([(0, AWAY), (60, FORBIDDEN), (120, FORBIDDEN)], [120]),
    ],
)
def test_when_somebody_is_called(passes: list[tuple[float, outcomes.Hold | None]], called: list[float]) -> None:
    clock = Clock()
    its, found = lasting.Lasting(clock), []
    for at, hold in passes:
        clock.at = at
        if its.late(WEB, hold):
            found.append(at)
    assert found == called
