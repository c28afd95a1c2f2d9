"""Git tells the truth again after a failure: one commit, of the failed target's paths only, and never by force."""

import pathlib
import stat
import threading

import pytest

from reconciler.model import outcomes, records
from tests.conftest import new_namespace
from tests.support import endings, site

Step = records.GitStep
Kind = records.EventKind
Reason = outcomes.HoldReason


def test_what_else_the_commit_changed_stays(a_site: site.Site) -> None:
    """One commit changes two applications: the one that fails goes back, the other one stays."""
    a_site.application("api", [site.deployment("api")])
    endings.begin(a_site)
    a_site.application("web", [site.deployment(image=endings.image("v2-crash-loop"))])
    a_site.application("api", [site.deployment("api", image=endings.image("v2"))])
    a_site.write("docs/notes.md", "of no target\n")
    both = a_site.commit("web v2 and api v2")
    endings.wait_back(a_site, Step.PUSHED, failed=both, also=endings.at_rest)
    a_site.wait_good(both, "api")

    assert a_site.image("api") == endings.image("v2")
    changed = a_site.git("diff", "--name-only", both, a_site.head(), at=a_site.remote)
    assert changed == "desired-state/production/web/manifests/all.yaml"


def test_a_merge_commit_that_fails_is_answered_by_an_ordinary_commit(a_site: site.Site) -> None:
    good = endings.begin(a_site)
    a_site.git("checkout", "--quiet", "-b", "feature")
    a_site.application("web", [site.deployment(image=endings.image("v2-crash-loop"))])
    a_site.git("commit", "--quiet", "--all", "-m", "web v2")
    a_site.git("checkout", "--quiet", "main")
    a_site.git("merge", "--quiet", "--no-ff", "-m", "Merge feature", "feature")
    a_site.git("push", "--quiet", "origin", "main")
    merge = a_site.git("rev-parse", "HEAD")
    endings.wait_back(a_site, Step.PUSHED, failed=merge, also=endings.at_rest)

    assert a_site.git("log", "-1", "--format=%P", a_site.head(), at=a_site.remote) == merge
    assert a_site.git("diff", good, a_site.head(), at=a_site.remote) == ""


def test_an_unrelated_commit_leaves_the_failed_target_held_where_git_is_pinned(a_site: site.Site) -> None:
    endings.set_revert(a_site, git="pin")
    a_site.application("api", [site.deployment("api")])
    endings.begin(a_site)
    bad = endings.release(a_site, "v2-crash-loop")
    endings.wait_back(a_site, Step.PINNED, failed=bad)
    ledger = endings.wait_hold(a_site, Reason.QUARANTINED)
    assert ledger.hold and f"--digest {ledger.hold.digest}" in ledger.hold.command("production", "web")
    pages = endings.pages(a_site)
    assert len(pages) == 1
    assert "policy is pin" in pages[0]

    unrelated = endings.release(a_site, "v2", application="api")
    a_site.wait_good(unrelated, "api")
    assert a_site.image("web") == endings.WELL
    assert a_site.ledger().hold is not None
    assert a_site.head() == unrelated

    fixed = endings.release(a_site, "v3")
    a_site.wait_good(fixed)
    assert endings.pages(a_site) == pages


def hook(where: site.Site, text: str) -> None:
    """A server hook of the repository."""
    file = where.remote / "hooks" / "pre-receive"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.mark.only_kubernetes("the daemon is killed")
def test_a_push_that_the_server_refuses_pins_the_cluster_and_is_not_repeated(a_site: site.Site) -> None:
    endings.begin(a_site)
    bad = endings.release(a_site, "v2-crash-loop-later")
    a_site.wait_good(bad)
    bad = endings.release(a_site, "v3-crash-loop")
    tried = a_site.folder / "tried"
    hook(a_site, f"echo tried >> {tried}; echo 'main is protected: open a merge request' >&2; exit 1")
    endings.wait_back(a_site, Step.PINNED, failed=bad)
    endings.wait_hold(a_site, Reason.QUARANTINED)

    assert a_site.image() == endings.image("v2-crash-loop-later")
    assert a_site.head() == bad
    (page,) = endings.pages(a_site)
    assert "main is protected" in page
    for _ in range(2):
        endings.answer(a_site, endings.ask(a_site, records.RequestKind.SYNC))
    a_site.kill()
    a_site.start()
    endings.answer(a_site, endings.ask(a_site, records.RequestKind.SYNC))
    assert tried.read_text().count("tried") == 1
    assert len(endings.pages(a_site)) == 1


def test_a_fix_that_came_first_wins_and_nothing_is_reverted(a_site: site.Site) -> None:
    """The push is kept waiting by an outage of Git in which somebody else's fix arrives."""
    endings.begin(a_site)
    bad, away = endings.release(a_site, "v2-crash-loop"), a_site.remote.with_name("away.git")
    a_site.wait_ledger(lambda ledger: ledger.deployed == bad, what="the bad release being begun")
    a_site.remote.rename(away)
    ledger = a_site.wait_ledger(lambda found: found.git_revert and found.rollout is None, what="the cluster being back")
    assert ledger.git_revert and ledger.git_revert.step is Step.WANTED
    assert a_site.image() == endings.WELL

    a_site.application("web", [site.deployment(image=endings.image("v3"))])
    a_site.git("commit", "--quiet", "--all", "-m", "web v3 mends v2")
    a_site.git("push", "--quiet", str(away), "HEAD:main")
    fixed = a_site.git("rev-parse", "HEAD")
    away.rename(a_site.remote)
    ledger = a_site.wait_good(fixed)
    assert ledger.git_revert and ledger.git_revert.step is Step.OVERTAKEN
    assert endings.our_commits(a_site) == []
    assert len(endings.events(a_site, Kind.OVERTAKEN)) == 1


def test_a_persons_git_revert_wins_and_is_not_fought(a_site: site.Site) -> None:
    good = endings.begin(a_site)
    bad, away = endings.release(a_site, "v2-crash-loop"), a_site.remote.with_name("away.git")
    a_site.wait_ledger(lambda ledger: ledger.deployed == bad, what="the bad release being begun")
    a_site.remote.rename(away)
    a_site.wait_ledger(lambda found: found.git_revert, what="the revert being wanted")
    a_site.git("revert", "--no-edit", bad)
    a_site.git("push", "--quiet", str(away), "HEAD:main")
    theirs = a_site.git("rev-parse", "HEAD")
    away.rename(a_site.remote)
    ledger = endings.wait_back(a_site, Step.OVERTAKEN, failed=bad, also=endings.at_rest)

    assert a_site.head() == theirs
    assert a_site.image() == endings.WELL
    assert ledger.last_good and a_site.git("diff", good, ledger.last_good.revision) == ""


BEFORE_US = """
tries={tries}
read old new ref
git log -1 --format=%B "$new" | grep -q '^Reconciler-Target:' || exit 0
echo "$new" >> "$tries"
test "$(wc -l < "$tries")" -gt 3 && exit 0
unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
export GIT_AUTHOR_NAME=Dev GIT_AUTHOR_EMAIL=dev@example.com GIT_COMMITTER_NAME=Dev GIT_COMMITTER_EMAIL=dev@example.com
git update-ref "$ref" "$(git commit-tree "$old^{{tree}}" -p "$old" -m 'just before you' < /dev/null)" "$old"
"""
"""Three times somebody's commit comes between our look at the ref and its update: the server cannot lock it for us."""


def test_a_lost_race_is_built_again_on_the_new_head(a_site: site.Site) -> None:
    """Each time another commit, never by force, and one in the end."""
    good = endings.begin(a_site)
    bad, tries = endings.release(a_site, "v2-crash-loop"), a_site.folder / "tries"
    hook(a_site, BEFORE_US.format(tries=tries))
    ledger = endings.wait_back(a_site, Step.PUSHED, failed=bad, also=endings.at_rest)

    tried = tries.read_text().split()
    assert len(set(tried)) == len(tried) == 4
    assert endings.our_commits(a_site) == [tried[-1]] == [a_site.head()]
    history = a_site.git("log", "--format=%s", f"{bad}..main", at=a_site.remote).splitlines()
    assert history[1:] == ["just before you"] * 3
    assert a_site.git("diff", good, a_site.head(), at=a_site.remote) == ""
    pushes = a_site.rows("SELECT result FROM intents WHERE verb = 'push' ORDER BY at")
    assert [result for (result,) in pushes] == ["abandoned"] * 3 + ["done"]
    assert ledger.git_revert and ledger.git_revert.commit == a_site.head()


def test_other_peoples_pushes_are_neither_lost_nor_overwritten(a_site: site.Site, tmp_path: pathlib.Path) -> None:
    """Somebody pushes again and again while the revert is on its way."""
    good = endings.begin(a_site)
    forced = tmp_path / "forced"
    hook(
        a_site,
        f'while read old new ref; do git merge-base --is-ancestor "$old" "$new" || echo "$new" >> {forced}; done',
    )
    endings.release(a_site, "v2-crash-loop")
    theirs: list[str] = []
    over = threading.Event()
    crowd = threading.Thread(target=_push_until, args=(a_site, over, theirs))
    crowd.start()
    try:
        endings.wait_back(a_site, Step.PUSHED)
    finally:
        over.set()
        crowd.join()

    history = a_site.git("log", "--format=%H", "main", at=a_site.remote).split()
    assert theirs
    assert set(theirs) <= set(history)
    assert len(endings.our_commits(a_site)) == 1
    assert not forced.exists()
    web = "desired-state/production/web"
    assert a_site.git("diff", good, a_site.head(), "--", web, at=a_site.remote) == ""


def _push_until(where: site.Site, over: threading.Event, pushed: list[str]) -> None:
    """Commit and push a file of no target, again and again; like any person, on top of what is there. The pauses are
    about as long as a push of ours takes, so that some of ours come too late and one gets through."""
    clone = where.folder / "colleague"
    where.git("clone", "--quiet", str(where.remote), str(clone), at=where.folder)
    while not over.wait(0.3):
        (clone / "notes.md").write_text(f"{len(pushed)}\n")
        where.git("add", "--all", at=clone)
        where.git("commit", "--quiet", "-m", f"note {len(pushed)}", at=clone)
        where.git("pull", "--quiet", "--rebase", "origin", "main", at=clone)
        try:
            where.git("push", "--quiet", "origin", "HEAD:main", at=clone)
        except Exception:  # noqa: BLE001, S112 - they lost the race: pull and push again
            continue
        pushed.append(where.git("rev-parse", "HEAD", at=clone))


def test_a_failure_through_a_path_that_another_environment_reads_pins_and_pages(a_site: site.Site) -> None:
    """Bringing the shared folder back would take it away from others who are well with it (E4)."""
    elsewhere = new_namespace(a_site.cluster, "shared-staging")
    environments = a_site.settings["environments"]
    environments["staging"] = environments[site.ENVIRONMENT] | {"namespaces": [elsewhere]}
    a_site.configure()
    folder = {"apiVersion": "reconciler.dev/v1", "kind": "Application", "source": {"manifests": {"path": "/base/web"}}}
    a_site.write("desired-state/staging/environment.yaml", {"apiVersion": "reconciler.dev/v1", "kind": "Environment"})
    a_site.write("desired-state/production/web/application.yaml", folder | {"namespace": a_site.namespace})
    own = {"source": {"manifests": {}}, "namespace": elsewhere, "reads": ["/base/web"]}
    a_site.write("desired-state/staging/web/application.yaml", folder | own)
    a_site.write("desired-state/staging/web/manifests/all.yaml", site.config_map("web", mode="quiet"))
    a_site.write("base/web/all.yaml", site.deployment())
    good = a_site.commit("web v1")
    a_site.start()
    a_site.wait_good(good)

    a_site.write("base/web/all.yaml", site.deployment(image=endings.image("v2-crash-loop")))
    bad = a_site.commit("base: web v2")
    ledger = endings.wait_back(a_site, Step.PINNED, failed=bad)
    assert ledger.git_revert and ledger.git_revert.because == "base/web is read by staging/web too"
    assert a_site.image() == endings.WELL
    assert a_site.head() == bad
    assert "base/web is read by staging/web too" in endings.pages(a_site)[0]
    a_site.cluster.delete(f"/api/v1/namespaces/{elsewhere}")
