"""A fixed part of the seeds. `make simulate SEED=… COUNT=…` runs any others."""

import os
import subprocess
import sys

import pytest

from tests.simulation import play

SEEDS = 80
EACH = 10
TWINS = 8


@pytest.mark.parametrize("first", range(0, SEEDS, EACH))
@pytest.mark.row("F24")
def test_whatever_happens_the_invariants_hold(first: int) -> None:
    results = [play.simulate(seed) for seed in range(first, first + EACH)]
    assert [(result.seed, result.complaints) for result in results if result.complaints] == []
    assert min(result.faults for result in results) >= play.LEAST_FAULTS


def test_the_same_seed_is_the_same_history_whatever_order_python_gives_its_sets() -> None:
    told = []
    for hash_seed in ("1", "2"):
        command = [sys.executable, "-m", "tests.simulation", "--seed", "1", "--story"]
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        told.append(done.stdout.partition("history ")[0])
    assert told[0] == told[1]
    assert "at rest after the storm" in told[0]


async def one_deed(its: play.Play) -> None:
    await its.rest("at the start")
    await its.weather(deeds=1)


def test_it_ends_as_if_nothing_had_befallen_it() -> None:
    """Where that is defined: the same people did the same, and nobody kept us from pushing."""
    compared = 0
    for seed in range(TWINS):
        stormy, calm = (play.simulate(seed, calm=calm, plot=one_deed) for calm in (False, True))
        assert stormy.complaints == calm.complaints == ()
        if stormy.deeds == calm.deeds and not any("fault push-refused" in line for line in stormy.lines):
            compared += 1
            assert stormy.ends == calm.ends, seed
    assert compared >= TWINS // 2
