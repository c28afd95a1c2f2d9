"""What the simulation has found in the daemon, each told as shortly as it can be."""

import dataclasses
import json
from typing import Any

import pytest

from reconciler.model import document, ids, metadata, outcomes, records, rollouts
from reconciler.rollout import rolling
from tests.simulation import faults, play, scenery

SHOP = scenery.TARGETS[1]


def purpose_of(its: play.Play) -> rollouts.Purpose | None:
    rollout = its.ledgers()[SHOP].rollout
    return rollout.purpose if rollout else None


def phase_of(its: play.Play, key: ids.TargetKey = SHOP) -> rollouts.Phase | None:
    rollout = its.ledgers()[key].rollout
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


@pytest.mark.parametrize("restarted", [False, True])
def test_a_write_that_arrives_after_the_next_one_is_found(*, restarted: bool) -> None:
    """Both within one second: the record of our fields, which knows whole seconds, is the same afterwards, and neither
    the watch nor a plan noticed that the content is the older one. Nor did the next process: the doubt was one of this
    one's memory."""

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
        if restarted:
            its.kill("the test wants it")

    assert play.simulate(0, plot=plot).complaints == ()


def test_two_bad_commits_in_a_row_are_taken_back() -> None:
    """The first was pre-empted before it had failed. Then its pods failed as well, which passed for proof that the
    world was at fault: nothing served, and it was held for ever although a last good was there."""

    async def plot(its: play.Play) -> None:
        await its.rest("at the start")
        its.people.commit(SHOP, dataclasses.replace(its.people.fresh(SHOP), behaviour="fails-later"))
        while phase_of(its) is not rollouts.Phase.OBSERVING:
            await its.clock.sleep(1.0)
        its.people.commit(SHOP, dataclasses.replace(its.people.fresh(SHOP), behaviour="never-ready"))
        await its.rest("after both")
        hold = its.ledgers()[SHOP].hold
        assert hold is None or hold.reason is outcomes.HoldReason.QUARANTINED

    assert play.simulate(0, plot=plot).complaints == ()


def test_a_bad_commit_that_cuts_a_return_short_is_taken_back() -> None:
    """The return had only just begun: what it would have brought back was good, and the pods that still ran were those
    of the failed release. They passed for proof that the world was at fault."""

    async def plot(its: play.Play) -> None:
        await its.rest("at the start")
        its.people.commit(SHOP, dataclasses.replace(its.people.fresh(SHOP), behaviour="fails-later"))
        while purpose_of(its) is not rollouts.Purpose.REVERT:
            await its.clock.sleep(0.001)
        its.kill("the test wants it")
        its.people.commit(SHOP, dataclasses.replace(its.people.fresh(SHOP), behaviour="never-ready"))
        await its.rest("after both")
        hold = its.ledgers()[SHOP].hold
        assert hold is None or hold.reason is outcomes.HoldReason.QUARANTINED

    assert play.simulate(0, plot=plot).complaints == ()


def test_a_return_to_fewer_pods_takes_none_too_many() -> None:
    """Those that served were of a release between last good and the failed one, and were the younger ones by a clock
    that somebody had set back. Asked for fewer pods and for the old template at once, the Deployment's controller took
    one too many away before it heard of the first."""
    web = scenery.TARGETS[0]

    async def plot(its: play.Play) -> None:
        while web not in its.ledgers() or its.ledgers()[web].last_good is None:
            await its.clock.sleep(1.0)  # no longer: while last good is young, a release makes way for the next
        its.people.commit(web, dataclasses.replace(its.people.fresh(web), replicas=3))
        while phase_of(its, web) is not rollouts.Phase.OBSERVING:
            await its.clock.sleep(1.0)
        its.clock.jump(-3600)
        its.people.commit(web, dataclasses.replace(its.people.fresh(web), behaviour="crash-loop"))
        await its.rest("after the return")
        assert any(f"{web} reverted: 3986b7bd6474" in line for line in its.told.lines)

    assert play.simulate(0, plot=plot).complaints == ()


def test_a_pause_that_arrives_late_is_taken_off_the_next_release() -> None:
    """A return had paused the failed release, and given way to a new commit. The pause arrived after that one's write,
    and kept its rollout, which waited to heal it until its end, from ending."""

    async def plot(its: play.Play) -> None:
        await its.rest("at the start")
        its.people.commit(SHOP, dataclasses.replace(its.people.fresh(SHOP), behaviour="crash-loop"))
        while phase_of(its) is not rollouts.Phase.QUIETING:
            await its.clock.sleep(0.01)
        its.storm.armed.append(faults.Armed("write-lost", "cluster", ("apply",)))
        its.people.commit(SHOP, its.people.fresh(SHOP))
        while (phase_of(its), purpose_of(its)) != (rollouts.Phase.OBSERVING, rollouts.Purpose.RELEASE):
            await its.clock.sleep(0.1)
        (key,) = its.storm.about
        assert isinstance(key, ids.ObjectKey)
        body = its.told.sent[key][-1].document()
        document.mapping(body, "spec")["paused"] = True
        its.kept.apply(body, manager=metadata.MANAGER, force=False)

    assert play.simulate(0, plot=plot).complaints == ()


def test_what_another_target_may_have_taken_over_holds_until_that_one_can_be_read() -> None:
    """It waited without an end, and without a hold that says whose commit brings one."""
    other = scenery.TARGETS[2]

    async def plot(its: play.Play) -> None:
        await its.rest("at the start")
        more = dataclasses.replace(its.people.fresh(SHOP), behaviour="never-ready", extras=6)
        its.people.commit(SHOP, more)
        await its.clock.sleep(30)
        its.people.commit(other, dataclasses.replace(its.people.fresh(other), broken="yaml"))
        await its.rest("after the return")
        hold = its.ledgers()[SHOP].hold
        assert hold is not None
        assert hold.reason is outcomes.HoldReason.HANDS_UNKNOWN
        its.people.good(other)

    assert play.simulate(0, plot=plot).complaints == ()


def test_what_fails_while_the_watches_lag_behind_does_not_become_last_good() -> None:
    """The watches said nothing of it until after the observation window: it was good, and "the same inputs were good"
    kept it from ever being taken back."""

    async def plot(its: play.Play) -> None:
        await its.rest("at the start")
        its.people.commit(SHOP, dataclasses.replace(its.people.fresh(SHOP), behaviour="fails-later"))
        while phase_of(its) is not rollouts.Phase.OBSERVING:
            await its.clock.sleep(1.0)
        its.watches().pause()
        await its.clock.sleep(scenery.OBSERVE + 10)
        assert phase_of(its) is rollouts.Phase.OBSERVING
        its.watches().resume()

    assert play.simulate(0, plot=plot).complaints == ()


def test_an_edit_that_hides_what_fails_does_not_make_it_last_good() -> None:
    """The window ended while the edited image ran. The healing brought the failing one back, "the same inputs were
    good", and it stayed."""

    async def plot(its: play.Play) -> None:
        await its.rest("at the start")
        its.people.commit(SHOP, dataclasses.replace(its.people.fresh(SHOP), behaviour="fails-later"))
        while phase_of(its) is not rollouts.Phase.OBSERVING:
            await its.clock.sleep(0.1)
        deployment = ids.ObjectKey("apps", "Deployment", SHOP.environment, SHOP.application)
        its.kept.update(deployment, its.people.other_image, manager="kubectl-edit")
        await its.rest("after the edit")
        assert len(its.ledgers()[SHOP].quarantined) == 1

    assert play.simulate(0, plot=plot).complaints == ()


def test_where_drift_is_only_reported_an_edited_release_is_held_until_it_is_put_back() -> None:
    """Then it is observed for a whole window. Until then nothing changes, and the cluster is not asked: each look
    planned it, and read what was judged."""
    settings = ids.ObjectKey("", "ConfigMap", SHOP.environment, "shop-settings")

    async def plot(its: play.Play) -> None:
        version = its.people.fresh(SHOP)
        about = f"{scenery.folder(SHOP)}/application.yaml"
        files = scenery.files(SHOP, version)
        files[about] = document.encode({**json.loads(files[about]), "drift": "warn"})
        its.people.push(files, "drift: warn", {SHOP: version})
        while phase_of(its) is not rollouts.Phase.OBSERVING:
            await its.clock.sleep(0.1)
        its.kept.update(settings, lambda body: body.update(data={"number": "edited"}), manager="kubectl-edit")
        await its.clock.sleep(scenery.OBSERVE + rolling.HEARTBEAT)
        hold = its.ledgers()[SHOP].hold
        assert hold is not None
        assert hold.reason is outcomes.HoldReason.UNPROVEN
        assert "data.number" in hold.because
        await its.clock.sleep(60)  # the others are at rest by then
        called = its.storm.calls["cluster"]
        await its.clock.sleep(600)
        assert its.storm.calls["cluster"] == called
        number = str(version.number)
        its.kept.update(settings, lambda body: body.update(data={"number": number}), manager="kubectl-edit")
        await its.clock.sleep(scenery.OBSERVE - rolling.HEARTBEAT)
        assert its.ledgers()[SHOP].last_good is None
        await its.rest("after it was put back")
        good = its.ledgers()[SHOP].last_good
        assert good is not None
        assert good.revision == its.server.ref_head

    assert play.simulate(0, plot=plot).complaints == ()


def test_a_healing_that_was_put_off_holds_no_release_that_nobody_edits() -> None:
    """A controller fought for a field, stopped, and a release came: the pause of the healing went on, and held it as
    edited."""
    settings = ids.ObjectKey("", "ConfigMap", SHOP.environment, "shop-settings")

    async def plot(its: play.Play) -> None:
        await its.rest("at the start")
        for _ in range(50):
            its.kept.update(settings, lambda body: body.update(data={"number": "its own"}), manager="a-controller")
            await its.clock.sleep(2.0)
        its.people.commit(SHOP, its.people.fresh(SHOP))
        await its.clock.sleep(scenery.POLL + scenery.DEADLINE / 2 + scenery.OBSERVE)
        ledger = its.ledgers()[SHOP]
        assert ledger.last_good is not None
        assert (ledger.outcome, ledger.last_good.revision) == (outcomes.Outcome.UNCHANGED, its.server.ref_head)
        kinds = [event.kind for one in its.told.written if one.ledger.target == SHOP for event in one.events]
        assert records.EventKind.PAGE not in kinds

    assert play.simulate(0, plot=plot).complaints == ()


def long_window(its: play.Play) -> str:
    """Commit a release that is observed for ten minutes; returns its revision."""
    version = its.people.fresh(SHOP)
    about = f"{scenery.folder(SHOP)}/application.yaml"
    files = scenery.files(SHOP, version)
    files[about] = document.encode({**json.loads(files[about]), "verify": {"observe": "600s"}})
    its.people.push(files, "a long window", {SHOP: version})
    return its.server.ref_head


def test_a_release_whose_field_another_fights_is_held_once_and_makes_way() -> None:
    """Each healing began the window anew. With one that is longer than the pauses between them it waited for ever:
    nobody was called, and as there was no last good no commit got in."""
    settings = ids.ObjectKey("", "ConfigMap", SHOP.environment, "shop-settings")

    async def fight(its: play.Play, seconds: float) -> None:
        end = its.clock.monotonic() + seconds
        while its.clock.monotonic() < end:
            await its.clock.sleep(2.0)
            if phase_of(its) is rollouts.Phase.OBSERVING:
                its.kept.update(settings, lambda body: body.update(data={"number": "its own"}), manager="a-controller")

    async def plot(its: play.Play) -> None:
        long_window(its)
        await fight(its, 1800)
        ledger = its.ledgers()[SHOP]
        assert ledger.hold is not None
        assert ledger.hold.reason is outcomes.HoldReason.UNPROVEN
        assert "data.number" in ledger.hold.because
        assert "`ignore`" in ledger.hold.because
        events = [event.kind for one in its.told.written if one.ledger.target == SHOP for event in one.events]
        kinds = (records.EventKind.HELD, records.EventKind.PAGE, records.EventKind.HOLD_ENDED)
        assert [events.count(kind) for kind in kinds] == [1, 1, 0]
        head = long_window(its)
        await fight(its, 2 * scenery.POLL)
        assert (rollout := its.ledgers()[SHOP].rollout) is not None
        assert rollout.revision == head
        await its.rest("after they have stopped")
        good = its.ledgers()[SHOP].last_good
        assert good is not None
        assert good.revision == head

    assert play.simulate(0, plot=plot).complaints == ()


def test_a_pause_that_is_over_lets_no_commit_into_the_window() -> None:
    """The ledger still said that it was held, by the pause, and a held observation makes way."""

    async def plot(its: play.Play) -> None:
        first = long_window(its)
        while phase_of(its) is not rollouts.Phase.OBSERVING:
            await its.clock.sleep(0.1)
        its.people.request(records.RequestKind.PAUSE, SHOP)
        await its.clock.sleep(scenery.POLL)
        hold = its.ledgers()[SHOP].hold
        assert hold is not None
        assert hold.reason is outcomes.HoldReason.PAUSED
        long_window(its)
        await its.clock.sleep(2 * scenery.POLL)
        its.people.request(records.RequestKind.RESUME, SHOP)
        await its.clock.sleep(2 * scenery.POLL)
        ledger = its.ledgers()[SHOP]
        assert ledger.hold is None
        assert ledger.rollout is not None
        assert ledger.rollout.revision == first

    assert play.simulate(0, plot=plot).complaints == ()


@pytest.mark.parametrize("edited", [False, True])
def test_a_first_release_makes_way_in_its_window_once_it_was_edited(*, edited: bool) -> None:
    """The commit that ends a fight was queued behind the window that the fight began anew each time."""
    settings = ids.ObjectKey("", "ConfigMap", SHOP.environment, "shop-settings")

    async def plot(its: play.Play) -> None:
        long_window(its)
        while phase_of(its) is not rollouts.Phase.OBSERVING:
            await its.clock.sleep(0.1)
        if edited:
            its.kept.update(settings, lambda body: body.update(data={"number": "edited"}), manager="kubectl-edit")
            await its.clock.sleep(1.0)
        head = long_window(its)
        await its.clock.sleep(2 * scenery.POLL)
        ledger = its.ledgers()[SHOP]
        assert ledger.hold is None
        assert ledger.rollout is not None
        assert (ledger.rollout.revision == head) is edited

    assert play.simulate(0, plot=plot).complaints == ()


def test_a_commit_ends_the_hold_of_a_release_that_cannot_be_proven() -> None:
    """It was queued as behind any other observation, though nothing went on being proven: with a first release, or
    where last good was old, for ever."""

    async def plot(its: play.Play) -> None:
        while phase_of(its) is not rollouts.Phase.OBSERVING:
            await its.clock.sleep(0.1)
        assert its.ledgers()[SHOP].last_good is None
        its.watches().pause(trouble="no answer")
        await its.clock.sleep(scenery.OBSERVE + rolling.UNKNOWN_GRACE)
        hold = its.ledgers()[SHOP].hold
        assert hold is not None
        assert hold.reason is outcomes.HoldReason.UNPROVEN
        its.people.commit(SHOP, its.people.fresh(SHOP))
        await its.clock.sleep(2 * scenery.POLL)
        assert its.ledgers()[SHOP].rollout is None
        its.watches().resume()

    assert play.simulate(0, plot=plot).complaints == ()


async def in_doubt(its: play.Play, **changes: Any) -> tuple[scenery.Version, ids.ObjectKey]:
    """Commit one object more, and `changes`; the outcome of the first write is unknown. Returns what was there before,
    and what was written."""
    await its.rest("at the start")
    old = its.people.version(SHOP)
    assert old is not None
    its.storm.armed.append(faults.Armed("write-unknown", "cluster", ("apply",)))
    its.people.commit(SHOP, dataclasses.replace(old, extras=old.extras + 1, **changes))
    while not its.storm.about:
        await its.clock.sleep(0.001)
    key = its.storm.about[0]
    assert isinstance(key, ids.ObjectKey)
    return old, key


def arrives(its: play.Play, key: ids.ObjectKey) -> None:
    """What was sent last is written, at last."""
    its.kept.apply(its.told.sent[key][-1].document(), manager=metadata.MANAGER, force=False)


def test_what_is_made_late_is_pruned_though_it_is_wanted_no_more() -> None:
    """The next release planned before it arrived: what was not there was forgotten, and nothing ever pruned it."""

    async def plot(its: play.Play) -> None:
        old, key = await in_doubt(its)
        its.kill("the test wants it")
        its.kept.delete(key)  # it has not arrived yet
        its.people.commit(SHOP, old)
        await its.clock.sleep(30)
        assert its.ledgers()[SHOP].outcome is outcomes.Outcome.UNCHANGED
        arrives(its, key)

    assert play.simulate(0, plot=plot).complaints == ()


def test_what_is_made_late_is_pruned_though_it_was_pruned_before() -> None:
    """The second try was answered, the release failed and took back what it had made: then the first try arrived."""

    async def plot(its: play.Play) -> None:
        _, key = await in_doubt(its, behaviour="crash-loop")
        while its.ledgers()[SHOP].git_revert is None or its.kept.get(key):
            await its.clock.sleep(0.1)
        arrives(its, key)

    assert play.simulate(0, plot=plot).complaints == ()


def test_what_is_made_late_is_pruned_though_its_application_is_taken_away() -> None:
    """It was away before that arrived. With its folder gone as well nobody looked any more."""

    async def plot(its: play.Play) -> None:
        old, key = await in_doubt(its)
        its.kill("the test wants it")
        its.kept.delete(key)  # it has not arrived yet
        its.people.commit(SHOP, dataclasses.replace(old, absent=True))
        while not ((hold := its.ledgers()[SHOP].hold) and its.people.follow_exit(SHOP, hold)):
            await its.clock.sleep(1)
        await its.clock.sleep(scenery.OBSERVE + 10)
        ledger = its.ledgers()[SHOP]
        assert (ledger.doubted, ledger.gone) == ((key,), "")
        arrives(its, key)
        await its.rest("when it is away")
        assert (its.ledgers()[SHOP].doubted, its.ledgers()[SHOP].gone) == ((), "absent")

    assert play.simulate(0, plot=plot).complaints == ()


def test_a_revert_that_somebody_forces_out_of_the_history_is_pushed_once_more() -> None:
    """Found in the invariants: they took the second one for a revert too many."""

    async def plot(its: play.Play) -> None:
        await its.rest("at the start")
        its.people.commit(SHOP, dataclasses.replace(its.people.fresh(SHOP), behaviour="crash-loop"))
        its.storm.armed.append(faults.Armed("push-unknown", "git", ("push",)))
        while not its.storm.struck:
            await its.clock.sleep(0.001)
        its.kill("the test wants it")
        its.people.rewrite(scenery.TARGETS[2])
        await its.rest("after the restart")
        assert [who for who, _ in its.server.pushes].count("reconciler") == 2

    assert play.simulate(0, plot=plot).complaints == ()


def test_what_a_healing_waits_for_keeps_no_mend_of_a_later_wave_waiting() -> None:
    """The healing made way, and passed for a release that had: the mend waited for the very wave that it mends, was
    quarantined and pushed back."""
    settings = ids.ObjectKey("", "ConfigMap", SHOP.environment, "shop-settings")

    def serve(its: play.Play, word: str) -> None:
        for pod in its.kept.of_kind(ids.KindKey("", "Pod"), SHOP.environment):
            if pod.key.name.startswith("shop-"):
                its.kept.update(pod.key, lambda body: _say(body, word), manager="kubelet", subresource="status")

    async def plot(its: play.Play) -> None:
        await its.rest("at the start")
        good = dataclasses.replace(its.people.fresh(SHOP), late=True)
        its.people.commit(SHOP, good)
        await its.rest("with two waves")
        serve(its, "False")
        its.kept.update(settings, lambda body: body.update(data={"number": "edited"}), manager="kubectl-edit")
        await its.clock.sleep(scenery.DEADLINE + 10)
        assert purpose_of(its) is rollouts.Purpose.HEAL
        mend = dataclasses.replace(good, extras=good.extras + 1)
        (late,) = scenery.keys(SHOP, mend) - scenery.keys(SHOP, good)
        its.people.commit(SHOP, mend)
        await its.clock.sleep(scenery.DEADLINE / 2)
        assert its.kept.get(late) is not None
        serve(its, "True")
        await its.rest("after the mend")
        ledger = its.ledgers()[SHOP]
        assert (ledger.outcome, ledger.quarantined) == (outcomes.Outcome.UNCHANGED, ())

    assert play.simulate(0, plot=plot).complaints == ()


def _say(body: document.Json, word: str) -> None:
    """Make a pod ready, or take that from it."""
    for condition in document.items(body, "status", "conditions"):
        if isinstance(condition, dict) and condition["type"] in ("Ready", "ContainersReady"):
            condition["status"] = word
