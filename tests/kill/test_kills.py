"""A few kills of `make kill` on every change (F01): nothing lost, doubled or stuck, the same end (I1, I3, I22)."""

import pathlib

import pytest

from tests.clusterkit import access
from tests.kill import campaign

KILLS = 12


@pytest.mark.once("random instants")
@pytest.mark.row("F03")
def test_killed_at_random_instants_nothing_is_lost_doubled_or_stuck(
    tmp_path: pathlib.Path, control_plane: access.ClusterAccess
) -> None:
    tally = campaign.run(tmp_path, control_plane, kills=KILLS, boundaries=False, seed=1, lanes=3)
    assert tally.problems == []
    assert sum(tally.kills.values()) >= KILLS
    assert set(tally.kills) == set(campaign.ROUND)
    assert tally.acknowledged
    assert tally.calls
    assert tally.pushes
