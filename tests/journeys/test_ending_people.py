"""What people can do about an ending: ask to go back, let quarantined inputs in again, resume what has stopped."""

from typing import Any

from reconciler.model import outcomes, records, rollouts
from tests.support import endings, site

Step = records.GitStep
Kind = records.EventKind
Reason = outcomes.HoldReason
Ask = records.RequestKind


def hungry(version: str, **spec: Any) -> dict[str, Any]:
    """A Deployment whose pods a LimitRange of 1 processor does not let in."""
    found = site.deployment(image=endings.image(version), **spec)
    found["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "2"}}
    return found


def limit(where: site.Site) -> None:
    """Refuse pods of more than 1 processor from now on."""
    spec = {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}
    metadata = {"name": "small", "namespace": where.namespace}
    where.cluster.create({"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": spec})


def unlimit(where: site.Site) -> None:
    where.cluster.delete(f"/api/v1/namespaces/{where.namespace}/limitranges/small")


def test_a_person_takes_a_good_release_back(a_site: site.Site) -> None:
    """It was good by every measure, and is slow all the same."""
    good = endings.begin(a_site)
    slow = endings.release(a_site, "v2")
    a_site.wait_good(slow)
    request = endings.ask(a_site, Ask.REVERT, why="checkout is slow")
    assert endings.answer(a_site, request) == f"going back to {good[:12]}; a revert commit follows"
    ledger = endings.wait_back(a_site, Step.PUSHED, failed=slow, also=endings.at_rest)

    assert a_site.image() == endings.WELL
    assert a_site.git("diff", good, a_site.head(), at=a_site.remote) == ""
    message = a_site.git("log", "-1", "--format=%B", a_site.head(), at=a_site.remote)
    assert f"alice took the release {slow[:12]} back: checkout is slow." in message
    assert [(found.by, found.because) for found in ledger.quarantined] == [("alice", "checkout is slow")]
    assert ledger.last_good and ledger.last_good.revision == good
    assert endings.pages(a_site) == []

    a_site.pull()
    again = endings.release(a_site, "v2")
    held = endings.wait_hold(a_site, Reason.QUARANTINED)
    assert held.hold and held.hold.because.endswith("alice took them back: checkout is slow")
    assert again[:12] in held.hold.because
    assert a_site.image() == endings.WELL


def test_a_person_names_where_to_return_to(a_site: site.Site) -> None:
    first = endings.begin(a_site)
    a_site.wait_good(endings.release(a_site, "v2"))
    never = endings.release(a_site, "v3-crash-loop")
    endings.wait_back(a_site, Step.PUSHED, failed=never, also=endings.at_rest)
    a_site.pull()
    a_site.wait_good(endings.release(a_site, "v4"))

    for revision, refusal in [
        (never, "are in quarantine: release-quarantine them first"),
        (a_site.head(), "already"),
        ("0" * 40, "cannot be read"),
    ]:
        refused = endings.answer(a_site, endings.ask(a_site, Ask.REVERT, revision))
        assert refused.startswith("refused: ")
        assert refusal in refused
    assert a_site.image() == endings.image("v4")

    assert endings.answer(a_site, endings.ask(a_site, Ask.REVERT, first)).startswith(f"going back to {first[:12]}")
    endings.wait_back(a_site, Step.PUSHED, also=endings.at_rest)
    assert a_site.image() == endings.WELL
    nowhere = endings.answer(a_site, endings.ask(a_site, Ask.REVERT))
    assert nowhere == "refused: nothing earlier was good here: commit what should run instead"


def test_a_person_ends_a_rollout_that_is_under_way(a_site: site.Site) -> None:
    good = endings.begin(a_site)
    slow = endings.release(a_site, "v2-never-ready")
    a_site.wait_ledger(
        lambda ledger: ledger.rollout and ledger.rollout.phase is rollouts.Phase.WATCHING, what="v2 being watched"
    )
    endings.answer(a_site, endings.ask(a_site, Ask.REVERT, why="wrong version"))
    endings.wait_back(a_site, Step.PUSHED, failed=slow, also=endings.at_rest)
    assert a_site.image() == endings.WELL
    assert a_site.git("diff", good, a_site.head(), at=a_site.remote) == ""
    assert endings.events(a_site, Kind.PREEMPTED) == [f"release of {slow[:12]} makes way: alice: wrong version"]


def test_quarantined_bytes_stay_out_until_a_person_lets_them_in(a_site: site.Site) -> None:
    """The same content in another commit is held; released, it is tried again, and now it is well."""
    endings.begin(a_site)
    limit(a_site)
    a_site.application("web", [hungry("v2")])
    bad = a_site.commit("web v2")
    endings.wait_back(a_site, Step.PUSHED, failed=bad, also=endings.at_rest)
    assert "maximum cpu usage" in endings.events(a_site, Kind.ROLLOUT_FAILED)[0]
    unlimit(a_site)

    a_site.pull()
    a_site.application("web", [hungry("v2")])
    again = a_site.commit("web v2 once more")
    held = endings.wait_hold(a_site, Reason.QUARANTINED)
    assert a_site.image() == endings.WELL
    assert len(endings.our_commits(a_site)) == 1

    digest = held.hold.digest if held.hold else ""
    assert endings.answer(a_site, endings.ask(a_site, Ask.RELEASE_QUARANTINE, digest)) == "1 released"
    a_site.wait_good(again)
    assert a_site.image() == endings.image("v2")
    assert len(endings.our_commits(a_site)) == 1


def test_a_revert_that_fails_too_stops_until_a_person_resumes(a_site: site.Site) -> None:
    """The namespace has become too small for last good itself: nothing is reverted twice (I22)."""
    recreate: dict[str, Any] = {"strategy": {"type": "Recreate"}}
    a_site.application("web", [hungry("v1", **recreate)])
    good = a_site.commit("web v1")
    a_site.start()
    a_site.wait_good(good)
    limit(a_site)
    a_site.application("web", [site.deployment(image=endings.image("v2-crash-loop"), **recreate)])
    bad = a_site.commit("web v2")
    ledger = endings.wait_hold(a_site, Reason.STOPPED)
    assert "the return to last good failed too" in ledger.stopped
    a_site.wait_ledger(lambda found: found.git_revert and found.git_revert.step is Step.PUSHED, what="the push")
    assert len(endings.pages(a_site)) == 1
    assert len(endings.our_commits(a_site)) == 1
    assert a_site.git("rev-parse", f"{a_site.head()}~1", at=a_site.remote) == bad

    unlimit(a_site)
    endings.answer(a_site, endings.ask(a_site, Ask.RESUME))
    a_site.wait_ledger(endings.at_rest, what="being well again")
    assert a_site.image() == endings.WELL
    assert len(endings.our_commits(a_site)) == 1
    assert len(endings.pages(a_site)) == 1


def test_the_third_failure_within_an_hour_stops(a_site: site.Site) -> None:
    endings.begin(a_site)
    for version in ("v2-crash-loop", "v3-crash-loop"):
        bad = endings.release(a_site, version)
        endings.wait_back(a_site, Step.PUSHED, failed=bad, also=endings.at_rest)
        a_site.pull()
    third = endings.release(a_site, "v4-crash-loop")
    ledger = endings.wait_hold(a_site, Reason.STOPPED)
    assert "3 releases failed within an hour" in ledger.stopped
    assert a_site.head() == third
    assert len(endings.our_commits(a_site)) == 2
    assert len(endings.pages(a_site)) == 1

    endings.answer(a_site, endings.ask(a_site, Ask.RESUME))
    endings.wait_hold(a_site, Reason.QUARANTINED)
    assert a_site.image() == endings.WELL
    fixed = endings.release(a_site, "v5")
    a_site.wait_good(fixed)


def test_a_pause_in_the_middle_of_a_rollout_lasts_until_it_is_resumed(a_site: site.Site) -> None:
    """Paused, a release that fails is left as it is; the time does not count against it."""
    a_site.settings["environments"][site.ENVIRONMENT]["verify"]["progressDeadline"] = "4s"
    a_site.configure()
    endings.begin(a_site)
    bad = endings.release(a_site, "v2-never-ready")
    a_site.wait_ledger(
        lambda ledger: ledger.rollout and ledger.rollout.phase is rollouts.Phase.WATCHING, what="v2 being watched"
    )
    assert endings.answer(a_site, endings.ask(a_site, Ask.PAUSE, why="looking at it")) == "paused"
    paused = endings.wait_hold(a_site, Reason.PAUSED)
    assert paused.because == "paused by alice: looking at it"
    unrelated = endings.release(a_site, "v3")
    a_site.wait(lambda: a_site.rows("SELECT 1 FROM events WHERE because LIKE ?", f"%{unrelated[:12]}"), what="the poll")
    assert a_site.image() == endings.image("v2-never-ready")
    assert a_site.ledger().rollout == paused.rollout

    a_site.git("reset", "--quiet", "--hard", bad)
    endings.answer(a_site, endings.ask(a_site, Ask.RESUME))
    a_site.wait_good(unrelated)
    assert endings.events(a_site, Kind.ROLLOUT_FAILED) == []
