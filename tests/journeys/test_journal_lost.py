"""The journal is lost, or yesterday's: nothing is done until it is rebuilt, and nothing bad comes back (I1, I6, I7)."""

import asyncio
import json
import pathlib
import shutil
from collections.abc import Callable

import pytest
from typer import testing

from reconciler.cli import main
from reconciler.edges.journal import backup as backups
from reconciler.model import outcomes, records
from tests.support import dying, endings, site

pytestmark = pytest.mark.only_kubernetes("`journal rebuild` asks the cluster from another process")

Held = outcomes.HoldReason


def command(where: site.Site, *arguments: str) -> testing.Result:
    """A command in this process: it needs none of its own, and each would take a second to load."""
    variables = {"RECONCILER_CONFIG": str(where.config), "NO_COLOR": "1"}
    return testing.CliRunner().invoke(main.app, list(arguments), env=variables)


def start(where: site.Site) -> None:
    """The daemon as a process that is forked with everything loaded."""
    where.process = dying.Child(where.config, where.log_file, death=None, trace=where.folder / "trace")


def begin(where: site.Site) -> str:
    good = endings.release(where, "v1")
    start(where)
    where.wait_good(good)
    return good


def lose(where: site.Site) -> None:
    """The disk is gone: journal, lock and mirrors."""
    shutil.rmtree(where.state)


def restore(where: site.Site, backup: pathlib.Path) -> None:
    lose(where)
    where.state.mkdir()
    shutil.copy(backup, where.state / "journal.db")


def backup(where: site.Site) -> pathlib.Path:
    copy = where.folder / "backup.db"
    done = command(where, "journal", "backup", str(copy))
    assert done.exit_code == 0, done.stderr
    return copy


def installation(where: site.Site) -> str:
    return str(where.rows("SELECT installation FROM meta")[0][0])


def rebuild(where: site.Site, *arguments: str) -> None:
    done = command(where, "journal", "rebuild", "--why", "the disk died", *arguments)
    assert done.exit_code == 0, done.stderr


def in_sync_without_a_call(where: site.Site, revision: str) -> records.Ledger:
    """Start the daemon; it finds everything as it should be."""
    mark = where.cluster.audit_mark()
    start(where)
    where.wait_good(revision)
    ledger = where.wait_in_sync()
    assert where.counted_calls(after=mark) == []
    return ledger


def test_a_lost_journal_holds_until_it_is_rebuilt_and_then_costs_no_call(a_site: site.Site) -> None:
    good = begin(a_site)
    endings.ask(a_site, records.RequestKind.SYNC)
    who = installation(a_site)
    assert a_site.stop() == 0
    lose(a_site)

    mark = a_site.cluster.audit_mark()
    endings.release(a_site, "v2")
    a_site.application("other", [site.config_map("other", of="another application")])
    newer = a_site.commit("one that no record knows")
    start(a_site)
    for application in ("web", "other"):
        held = a_site.wait_hold(Held.FOREIGN_INSTALLATION, application)
        assert who in held.because
    assert "reconciler journal rebuild" in command(a_site, "status").stdout
    busy = command(a_site, "journal", "rebuild", "--why", "x", "--installation", who)
    assert busy.exit_code == 1
    assert "Stop the daemon first" in busy.stderr
    assert a_site.stop() == 0
    assert a_site.counted_calls(after=mark) == []

    unsaid = command(a_site, "journal", "rebuild", "--why", "the disk died")
    assert unsaid.exit_code == 1
    assert "--installation" in unsaid.stderr
    assert f"{who}: production/" in unsaid.stderr  # beside those of other tests whose namespaces are still going
    strange = command(a_site, "journal", "rebuild", "--why", "x", "--installation", "somebody-else")
    assert strange.exit_code == 1
    assert "no target record and no mark names" in strange.stderr
    rebuild(a_site, "--installation", who)
    assert a_site.counted_calls(after=mark) == []
    assert installation(a_site) == who
    ledger = a_site.ledger()
    assert ledger.last_good is not None
    assert ledger.last_good.revision == good
    assert json.loads(command(a_site, "audit", "verify", "-o", "json").stdout)["sound"] is True

    start(a_site)
    a_site.wait_ledger(lambda found: found.last_good and found.last_good.revision == newer, what="v2 being good")
    a_site.wait_in_sync("other")
    epochs = [row[0] for row in a_site.rows("SELECT epoch FROM leadership ORDER BY rowid")]
    assert epochs == sorted(set(epochs))
    again = command(a_site, "journal", "rebuild", "--why", "once more")
    assert again.exit_code == 1


def test_a_rebuilt_journal_is_in_sync_and_prunes_what_was_made_before(a_site: site.Site) -> None:
    a_site.settings["environments"][site.ENVIRONMENT]["prune"] = {"count": 5, "percent": "60%"}
    a_site.configure()
    a_site.application("web", [site.config_map("one", of="one"), site.config_map("two", of="two")])
    good = a_site.commit("two maps")
    start(a_site)
    a_site.wait_good(good)
    who = installation(a_site)
    assert a_site.stop() == 0
    lose(a_site)
    rebuild(a_site, "--installation", who)
    in_sync_without_a_call(a_site, good)
    a_site.application("web", [site.config_map("one", of="one")])
    a_site.wait_good(a_site.commit("one map"))
    assert a_site.live("configmaps", "one", group="v1") is not None
    assert a_site.live("configmaps", "two", group="v1") is None


def failed(where: site.Site) -> str:
    """A release fails and is pinned: Git still holds it. Returns its revision."""
    bad = endings.release(where, "v2-crash-loop")
    endings.wait_back(where, records.GitStep.PINNED, failed=bad)
    return bad


def lost(where: site.Site, copy: pathlib.Path) -> tuple[str, ...]:
    who = installation(where)
    lose(where)
    return ("--installation", who)


def yesterdays(where: site.Site, copy: pathlib.Path) -> tuple[str, ...]:
    restore(where, copy)
    return ()


@pytest.mark.parametrize("how", [lost, yesterdays])
def test_a_bad_head_is_not_deployed_again(
    a_site: site.Site, how: Callable[[site.Site, pathlib.Path], tuple[str, ...]]
) -> None:
    """The head's inputs stay in quarantine; so does a pause of a neighbour that the journal's loss took with it."""
    endings.set_revert(a_site, git="pin")
    good = begin(a_site)
    a_site.application("quiet", [site.config_map("quiet", of="v1")])
    a_site.wait_good(a_site.commit("quiet"), "quiet")
    copy = backup(a_site)
    bad = failed(a_site)
    a_site.ask(records.RequestKind.PAUSE, "quiet")
    a_site.wait_hold(Held.PAUSED, "quiet")
    endings.ask(a_site, records.RequestKind.SYNC, application="quiet")
    assert a_site.stop() == 0
    arguments = how(a_site, copy)
    mark = a_site.cluster.audit_mark()
    if how is yesterdays:
        start(a_site)
        for application in ("web", "quiet"):
            a_site.wait_hold(Held.JOURNAL_BEHIND, application)
        assert "reconciler journal rebuild" in command(a_site, "status").stdout
        assert a_site.stop() == 0
    rebuild(a_site, *arguments)
    ledger = a_site.ledger()
    assert ledger.last_good is not None
    assert (ledger.last_good.revision, [found.revision for found in ledger.quarantined]) == (good, [bad])

    a_site.application("quiet", [site.config_map("quiet", of="v2")])
    a_site.commit("while it is paused")
    start(a_site)
    a_site.wait_hold(Held.QUARANTINED)
    a_site.wait_hold(Held.PAUSED, "quiet")
    assert a_site.counted_calls(after=mark) == []
    assert a_site.image() == endings.WELL
    assert len(endings.our_commits(a_site)) == 0


def test_a_backup_taken_in_the_middle_of_a_rollout_restores(a_site: site.Site) -> None:
    """The record has not changed since, so the copy may go on: the rollout is taken up from what is live."""
    a_site.settings["environments"][site.ENVIRONMENT]["verify"]["observe"] = "4s"
    a_site.configure()
    begin(a_site)
    newer = endings.release(a_site, "v2")
    a_site.wait_ledger(lambda ledger: ledger.rollout and ledger.rollout.revision == newer, what="v2 under way")
    copy = a_site.folder / "backup.db"
    asyncio.run(backups.make(a_site.state / "journal.db", to=copy))
    a_site.kill()
    restore(a_site, copy)
    start(a_site)
    ledger = a_site.wait_good(newer)
    a_site.wait_in_sync()
    assert ledger.quarantined == ()
    assert a_site.rows("SELECT * FROM intents WHERE result IS NULL") == []
    assert json.loads(command(a_site, "audit", "verify", "-o", "json").stdout)["sound"] is True
