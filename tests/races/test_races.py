"""A few races of `make races` on every change: no force, nothing of a person's lost, one revert a failure (I22)."""

import pathlib

from tests.races import campaign

RACES = 24


async def test_a_revert_that_races_a_persons_pushes_is_made_once_and_never_by_force(tmp_path: pathlib.Path) -> None:
    tally = await campaign.run(tmp_path, count=RACES, seed=1)
    assert tally.problems == []
    assert (tally.forced, tally.lost, tally.doubled) == (0, 0, 0)
    assert {kind: tally.races[kind] for kind in campaign.KINDS} == dict.fromkeys(campaign.KINDS, RACES // 6)
    assert tally.ends["pushed"]
    assert tally.ends["overtaken"]
    assert tally.rebuilt, "no revert commit lost a race: they were none"
