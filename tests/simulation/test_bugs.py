"""What the simulation is worth: bugs put in on purpose, and the seeds that find them."""

import pytest

from tests.simulation import bugs, play

OTHERS = range(120)
"""What a seed meets changes with each call that the daemon makes more or fewer: then one of these finds the bug."""


def catches(bug: bugs.Bug, seed: int) -> bool:
    with bugs.put_in(bug):
        return any(complaint.startswith(f"{bug.caught}: ") for complaint in play.simulate(seed).complaints)


@pytest.mark.parametrize("bug", bugs.BUGS, ids=lambda bug: bug.name)
def test_a_bug_is_found(bug: bugs.Bug) -> None:
    found = next((seed for seed in (bug.seed, *OTHERS) if catches(bug, seed)), None)
    assert found is not None
    assert play.simulate(found).complaints == ()  # without it
