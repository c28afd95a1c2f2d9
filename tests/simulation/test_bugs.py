"""What the simulation is worth: bugs put in on purpose, and the seeds that find them."""

import pytest

from tests.simulation import bugs, play


@pytest.mark.parametrize("bug", bugs.BUGS, ids=lambda bug: bug.name)
def test_a_bug_is_found(bug: bugs.Bug) -> None:
    assert play.simulate(bug.seed).complaints == ()
    with bugs.put_in(bug):
        complaints = play.simulate(bug.seed).complaints
    assert any(complaint.startswith(f"{bug.caught}: ") for complaint in complaints), complaints
    assert play.simulate(bug.seed).complaints == ()  # and it is out again
