"""Commits that come while something is under way: newer ones, broken ones, and histories that are not ours."""

import pytest

from reconciler.model import outcomes, records, rollouts
from tests.support import endings, site

Step = records.GitStep
Kind = records.EventKind
Reason = outcomes.HoldReason
Ask = records.RequestKind


def wait_phase(where: site.Site, phase: rollouts.Phase, revision: str) -> records.Ledger:
    return where.wait_ledger(
        lambda found: found.rollout and found.rollout.phase is phase and found.rollout.revision == revision,
        what=f"{revision[:12]} {phase.value}",
    )


def test_a_newer_commit_takes_the_place_of_a_waiting_rollout(a_site: site.Site) -> None:
    endings.begin(a_site)
    waits = endings.release(a_site, "v2-never-ready")
    wait_phase(a_site, rollouts.Phase.WATCHING, waits)
    newer = endings.release(a_site, "v3")
    ledger = a_site.wait_good(newer)

    assert endings.events(a_site, Kind.PREEMPTED) == [f"release of {waits[:12]} makes way for {newer[:12]}"]
    assert ledger.quarantined == ()
    assert endings.our_commits(a_site) == []


@pytest.mark.parametrize(("lag", "queues"), [("1h", False), ("0s", True)])
def test_a_newer_commit_ends_an_observation_only_while_last_good_is_young(
    a_site: site.Site, lag: str, queues: bool
) -> None:
    a_site.settings["environments"][site.ENVIRONMENT]["maxLag"] = lag
    a_site.configure()
    endings.begin(a_site)
    a_site.application("web", [site.deployment(image=endings.image("v2"))], verify={"observe": "4s"})
    observed = a_site.commit("web v2")
    wait_phase(a_site, rollouts.Phase.OBSERVING, observed)
    newer = endings.release(a_site, "v3")
    ledger = a_site.wait_good(newer)

    assert bool(endings.events(a_site, Kind.PREEMPTED)) is not queues
    assert (observed in [good.revision for good in ledger.earlier]) is queues


def test_a_release_that_fails_goes_back_also_while_the_head_is_broken(a_site: site.Site) -> None:
    """The commit after the failing one cannot be read. What runs is not left to it."""
    a_site.settings["environments"][site.ENVIRONMENT]["verify"]["progressDeadline"] = "5s"
    a_site.configure()
    endings.begin(a_site)
    bad = endings.release(a_site, "v2-never-ready")
    wait_phase(a_site, rollouts.Phase.WATCHING, bad)
    a_site.write("desired-state/production/web/application.yaml", "kind: Nonsense\n")
    broken = a_site.commit("a slip")
    a_site.wait(lambda: a_site.rows("SELECT 1 FROM events WHERE because LIKE ?", f"%{broken[:12]}"), what="the poll")
    a_site.wait_ledger(lambda ledger: ledger.git_revert and ledger.rollout is None, what="the cluster being back")
    ledger = endings.wait_hold(a_site, Reason.SETTINGS_INVALID)

    assert a_site.image() == endings.WELL
    assert ledger.git_revert and ledger.git_revert.step is Step.OVERTAKEN
    assert a_site.head() == broken


def test_a_rewritten_history_holds_until_it_is_accepted(a_site: site.Site) -> None:
    """Also while a rollout runs: what may not come does not end it."""
    first = endings.begin(a_site)
    second = endings.release(a_site, "v2")
    a_site.wait_good(second)

    a_site.git("reset", "--quiet", "--hard", first)
    a_site.application("web", [site.deployment(image=endings.image("v3"))])
    a_site.git("commit", "--quiet", "--all", "-m", "web v3 beside v2")
    a_site.git("push", "--quiet", "--force", "origin", "HEAD:main")
    rewritten = a_site.git("rev-parse", "HEAD")
    ledger = endings.wait_hold(a_site, Reason.HISTORY_REWRITTEN)
    assert a_site.image() == endings.image("v2")
    assert ledger.hold and ledger.hold.revision == rewritten
    assert len(endings.pages(a_site)) == 1

    stray = endings.answer(a_site, endings.ask(a_site, Ask.ACCEPT_HISTORY, second))
    assert stray == f"refused: {second[:12]} is not in the history of {rewritten[:12]}, the head"
    assert a_site.image() == endings.image("v2")
    answer = endings.answer(a_site, endings.ask(a_site, Ask.ACCEPT_HISTORY, rewritten))
    assert answer == f"{rewritten[:12]} accepted"
    ledger = a_site.wait_good(rewritten)
    assert ledger.accepted_history == ""  # a yes to this rewrite, and to no other


def test_a_rewritten_history_does_not_end_a_rollout(a_site: site.Site) -> None:
    first = endings.begin(a_site)
    a_site.application("web", [site.deployment(image=endings.image("v2"))], verify={"observe": "4s"})
    second = a_site.commit("web v2")
    wait_phase(a_site, rollouts.Phase.OBSERVING, second)
    a_site.git("reset", "--quiet", "--hard", first)
    a_site.application("web", [site.deployment(image=endings.image("v3"))])
    a_site.git("commit", "--quiet", "--all", "-m", "web v3 beside v2")
    a_site.git("push", "--quiet", "--force", "origin", "HEAD:main")
    ledger = endings.wait_hold(a_site, Reason.HISTORY_REWRITTEN)
    assert ledger.last_good and ledger.last_good.revision == second
    assert endings.events(a_site, Kind.PREEMPTED) == []


def test_a_persons_fix_takes_the_place_of_a_revert_that_is_under_way(a_site: site.Site) -> None:
    """The old version is slow to start again; whoever has a fix by then does not wait for it."""
    slow = site.deployment(strategy={"type": "Recreate"})
    slow["spec"]["template"]["metadata"]["annotations"] = {"sandbox.reconciler.dev/ready-after": "4s"}
    a_site.application("web", [slow])
    good = a_site.commit("web v1")
    a_site.start()
    a_site.wait_good(good)
    endings.release(a_site, "v2-crash-loop", strategy={"type": "Recreate"})
    a_site.wait_ledger(
        lambda found: found.git_revert and found.git_revert.step is Step.PUSHED and found.rollout, what="the return"
    )
    a_site.pull()
    fixed = endings.release(a_site, "v3", strategy={"type": "Recreate"})
    a_site.wait_good(fixed)
    assert endings.events(a_site, Kind.PREEMPTED) == [f"return to {good[:12]} makes way for {fixed[:12]}"]
    assert a_site.git("log", "--format=%s", "-2", "main", at=a_site.remote).splitlines() == [
        "web v3",
        f"Revert production/web to {good[:12]}",
    ]
