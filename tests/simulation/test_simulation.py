"""A fixed part of the seeds. `make simulate SEED=… COUNT=…` runs any others."""

import pytest

from tests.simulation import play

SEEDS = 60
EACH = 6


@pytest.mark.parametrize("first", range(0, SEEDS, EACH))
def test_whatever_happens_the_invariants_hold(first: int) -> None:
    results = [play.simulate(seed) for seed in range(first, first + EACH)]
    assert [(result.seed, result.complaints) for result in results if result.complaints] == []
    assert min(result.faults for result in results) >= play.LEAST_FAULTS


def test_the_same_seed_is_the_same_history() -> None:
    assert play.simulate(1).lines == play.simulate(1).lines
