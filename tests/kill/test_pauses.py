"""A few of the pauses of `make pauses`, on every change: no stale intent, and late calls are corrected (I2, F05)."""

import pathlib

import pytest

from tests.clusterkit import access
from tests.kill import pauses

PAUSES = 8


@pytest.mark.once("random instants")
def test_a_paused_leader_writes_nothing_stale(tmp_path: pathlib.Path, control_plane: access.ClusterAccess) -> None:
    pair = pauses.Pair(tmp_path, control_plane, seed=1)
    try:
        tally = pair.run(pauses.orders(PAUSES, seed=1))
    finally:
        pair.close()
    assert tally.problems == []
    assert set(tally.pauses) == set(pauses.ORDERS)
    assert tally.late, "no call of an overtaken batch landed: the correction was not tried"
