"""What the simulation has found in the daemon, each told as shortly as it can be."""

import dataclasses

from reconciler.model import outcomes
from tests.simulation import play, scenery

SHOP = scenery.TARGETS[1]


def test_a_release_in_quarantine_is_told_after_a_restart_too() -> None:
    """The first pass after a start looks for drift; where it found none it said "in sync", and ended the hold. Where
    that pass took two tries no other one put it right."""

    async def plot(its: play.Play) -> None:
        await its.rest("at the start")
        its.people.commit(SHOP, dataclasses.replace(its.people.fresh(SHOP), behaviour="never-ready"))
        await its.rest("after the revert")
        its.people.back(SHOP)
        await its.rest("after somebody brought the same back")
        told = len(its.told.lines)
        its.kill("the test wants it")
        await its.rest("after the restart")
        hold = its.ledgers()[SHOP].hold
        assert hold is not None
        assert hold.reason is outcomes.HoldReason.QUARANTINED
        assert [line for line in its.told.lines[told:] if f"{SHOP} hold ended" in line] == []

    assert play.simulate(0, plot=plot).complaints == ()


def test_what_is_deleted_while_a_release_is_observed_comes_back() -> None:
    """The end of a rollout forgot every suspicion, as if only its own writes had raised any."""

    async def plot(its: play.Play) -> None:
        await its.rest("at the start")
        its.people.commit(SHOP, its.people.fresh(SHOP))
        await its.clock.sleep(scenery.POLL + scenery.OBSERVE / 2)
        assert its.states()[1] == "release observing"
        its.kept.delete(next(key for key in scenery.keys(SHOP, scenery.Version(0)) if key.name == "shop-settings"))

    assert play.simulate(0, plot=plot).complaints == ()
