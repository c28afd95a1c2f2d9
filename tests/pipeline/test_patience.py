"""How long a target rests after an outage (I20)."""

import math

import pytest

from reconciler.model import ids
from reconciler.pipeline import patience
from tests.sandbox import test_objects as still

WEB, API = ids.TargetKey("production", "web"), ids.TargetKey("production", "api")


def test_it_rests_longer_each_time_up_to_a_minute_until_the_target_is_reached() -> None:
    its = patience.Patience(still.Counting())
    assert [its.met(WEB, at_least=None) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert its.met(API, at_least=None) == 1
    its.over(WEB)
    assert its.met(WEB, at_least=None) == 1


@pytest.mark.parametrize(("asked", "rest"), [(0.0, 1), (30.0, 30), (86_400.0, 600), (math.inf, 600)])
def test_what_the_other_side_asks_for_is_granted_within_reason(asked: float, rest: float) -> None:
    assert patience.Patience(still.Counting()).met(WEB, at_least=asked) == rest
