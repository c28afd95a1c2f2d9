"""What the simulation has found in the daemon, each told as shortly as it can be."""

import dataclasses

from reconciler.model import ids, metadata, outcomes, rollouts
from tests.simulation import faults, play, scenery

SHOP = scenery.TARGETS[1]


def phase_of(its: play.Play) -> rollouts.Phase | None:
    rollout = its.ledgers()[SHOP].rollout
    return rollout.phase if rollout else None


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
        while phase_of(its) is not rollouts.Phase.OBSERVING:
            await its.clock.sleep(1.0)
        its.kept.delete(next(key for key in scenery.keys(SHOP, scenery.Version(0)) if key.name == "shop-settings"))

    assert play.simulate(0, plot=plot).complaints == ()


def test_a_write_that_arrives_after_the_next_one_is_found() -> None:
    """Both within one second: the record of our fields, which knows whole seconds, is the same afterwards, and neither
    the watch nor a plan noticed that the content is the older one."""

    async def plot(its: play.Play) -> None:
        await its.rest("at the start")
        old = its.people.version(SHOP)
        assert old is not None
        its.people.commit(SHOP, dataclasses.replace(old, number=1))
        its.storm.armed.append(faults.Armed("write-lost", "cluster", ("apply",)))
        while not its.storm.about:
            await its.clock.sleep(0.01)
        key = its.storm.about[0]
        assert isinstance(key, ids.ObjectKey)
        while phase_of(its) is not rollouts.Phase.WATCHING:
            await its.clock.sleep(0.01)
        older, newer = its.told.sent[key]
        assert older.digest != newer.digest
        its.kept.apply(older.document(), manager=metadata.MANAGER, force=False)

    assert play.simulate(0, plot=plot).complaints == ()
