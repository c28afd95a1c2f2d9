"""`status` and `history`: what people see at 80 and 140 columns, and what scripts read."""

import asyncio
import json
import re
import select
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from reconciler.edges.journal import journal as sql_journal
from reconciler.model import ids, outcomes, records, rollouts
from tests.cli import desk

LONG = ids.TargetKey("production", "paperless-maverick")
BECAUSE = "the inputs of revision bbbb failed here before (3 restarts of container web, exit code 1)"
QUARANTINED = replace(
    desk.held(outcomes.HoldReason.QUARANTINED, BECAUSE, digest="d" * 64),
    target=LONG,
    quarantined=(records.Quarantine("d" * 64, desk.B, "3 restarts of container web", desk.AT),),
)


def widest(output: str) -> int:
    """Of the lines that may wrap: a command stays whole, to be copied."""
    return max(len(line) for line in output.splitlines() if "$ reconciler" not in line)


@pytest.mark.parametrize("columns", [80, 140])
def test_the_table(a_desk: desk.Desk, columns: int) -> None:
    a_desk.remember(desk.WELL, QUARANTINED)
    result = a_desk.run("status", columns=columns)
    assert result.exit_code == 0
    assert widest(result.output) <= columns
    lines = result.output.splitlines()
    assert lines[0] == "No daemon leads: this is how the last one left it. Start one: reconciler run"
    assert lines[2].split() == ["target", "outcome", "revision", "last", "good", "since"] + ["because"] * (columns > 80)
    (well,) = (line for line in lines if "production/web" in line)
    assert re.search(r"^✓ production/web +unchanged +a{12} +a{12} +\d+ d", well)
    (held,) = (line for line in lines if line.startswith("‖"))
    assert re.search(r"^‖ production/paperless-maverick +held +a{12} +a{12} +\d+ d", held)
    assert "3 restarts of container web" in " ".join(result.output.split())
    command = f"    $ reconciler release-quarantine production/paperless-maverick --digest {'d' * 64}"
    assert command in "\n".join(line.rstrip() for line in lines)
    assert "\x1b" not in result.output


def test_a_name_longer_than_the_terminal_wraps(a_desk: desk.Desk) -> None:
    a_desk.remember(replace(desk.WELL, target=ids.TargetKey("production", "a" * 63)))
    assert widest(a_desk.run("status").output) <= 80


def test_without_colours_on_request_only(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL)
    assert "\x1b[3" in a_desk.run("status", NO_COLOR="", FORCE_COLOR="1").output
    assert "\x1b[3" not in a_desk.run("status", FORCE_COLOR="1").output


def test_text_of_others_moves_no_cursor(a_desk: desk.Desk) -> None:
    a_desk.remember(replace(desk.WELL, because="fine\x1b[2J\nfake [bold]line"))
    output = a_desk.run("status").output
    assert "\x1b" not in output
    assert "fake [bold]line" in output


def test_for_scripts(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL, QUARANTINED)
    found = json.loads(a_desk.run("status", "-o", "json").output)
    assert found["daemon"] == {"leads": False, "epoch": 1}
    paperless, web = found["targets"]
    assert web["target"] == "production/web"
    assert (web["outcome"], web["revision"], web["hold"], web["rollout"]) == ("unchanged", desk.A, None, None)
    assert web["lastGood"] == {"revision": desk.A, "inputDigest": "inputs-a", "at": desk.AT}
    assert paperless["hold"]["reason"] == "quarantined"
    assert paperless["hold"]["command"].startswith("reconciler release-quarantine production/paperless-maverick")
    assert [quarantine["revision"] for quarantine in paperless["quarantined"]] == [desk.B]
    assert list(web) == list(paperless)


@pytest.mark.parametrize(
    ("ledger", "code"),
    [
        (desk.WELL, 0),
        (replace(desk.WELL, outcome=outcomes.Outcome.WAITING), 0),
        (replace(desk.WELL, outcome=outcomes.Outcome.REVERTED), 0),
        (replace(desk.WELL, outcome=outcomes.Outcome.FAILED), 1),
        (desk.held(outcomes.HoldReason.WORLD, "unschedulable"), 1),
    ],
)
def test_exit_code_on_request(a_desk: desk.Desk, ledger: records.Ledger, code: int) -> None:
    a_desk.remember(ledger)
    assert a_desk.run("status").exit_code == 0
    assert a_desk.run("status", "--exit-code").exit_code == code


def test_filters(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL, QUARANTINED)
    assert "paperless" not in a_desk.run("status", "-a", "web").output
    assert "the filter fits nothing" in a_desk.run("status", "-a", "shop").output
    assert a_desk.run("status", "-a", "shop", "--exit-code").exit_code == 1
    assert a_desk.run("status", "-a", "web", "--exit-code").exit_code == 0


@pytest.mark.parametrize("command", [("status", "--exit-code"), ("tree",), ("status", "--watch")])
def test_an_environment_that_nobody_knows_is_refused(a_desk: desk.Desk, command: tuple[str, ...]) -> None:
    a_desk.remember(desk.WELL)
    result = a_desk.run(*command, "-e", "prodution")
    assert result.exit_code == 1
    assert "there is no environment prodution; did you mean 'production'?" in result.stderr


def test_what_the_settings_have_no_more_is_still_shown(a_desk: desk.Desk) -> None:
    a_desk.remember(replace(desk.WELL, target=ids.TargetKey("staging", "web")))
    assert "staging/web" in a_desk.run("status", "-e", "staging").output


def test_a_rollout_under_way(a_desk: desk.Desk) -> None:
    rollout = rollouts.Rollout("r1", desk.WEB, rollouts.Purpose.RELEASE, desk.B, "i", "m", "head", desk.AT)
    because = "deployment web: 1 of 2 updated"
    a_desk.remember(replace(desk.WELL, rollout=rollout, outcome=outcomes.Outcome.WAITING, because=because))
    assert because in a_desk.run("status").output
    (found,) = json.loads(a_desk.run("status", "-o", "json").output)["targets"]
    assert found["rollout"] == {"purpose": "release", "phase": "applying", "revision": desk.B}


@pytest.mark.parametrize("purpose", [None, *rollouts.Purpose])
def test_complete_is_what_is_there_now(a_desk: desk.Desk, purpose: rollouts.Purpose | None) -> None:
    """While a healing put back what had drifted, scripts read that all was there."""
    rollout = purpose and rollouts.Rollout("r1", desk.WEB, purpose, desk.A, "i", "m", "head", desk.AT)
    a_desk.remember(replace(desk.WELL, rollout=rollout))
    (found,) = json.loads(a_desk.run("status", "-o", "json").output)["targets"]
    assert found["complete"] is (purpose is None)


def test_a_daemon_that_leads_is_seen(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL)

    async def while_leading(journal: sql_journal.SqlJournal, epoch: int) -> str:
        return (await asyncio.to_thread(a_desk.run, "status")).output

    assert a_desk.journal(while_leading).startswith("A daemon leads (epoch 2).")


def test_no_journal_yet(a_desk: desk.Desk) -> None:
    result = a_desk.run("status")
    assert result.exit_code == 1
    assert "There is no journal at" in result.stderr
    assert not a_desk.state.exists()


def test_wrong_settings(a_desk: desk.Desk) -> None:
    a_desk.settings["environments"]["production"]["cluster"] = "mian"
    a_desk.configure()
    result = a_desk.run("status")
    assert result.exit_code == 1
    assert "did you mean 'main'?" in result.stderr


def test_watch_shows_each_change_once(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL)
    command = [sys.executable, "-m", "reconciler", "status", "--watch", "-o", "json", "--config", str(a_desk.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        try:
            assert _line(watching)["targets"][0]["because"] == "in sync"
            a_desk.remember(replace(desk.WELL, because="drift: gone"))
            while (seen := _line(watching))["targets"][0]["because"] != "drift: gone":
                assert seen["daemon"]["epoch"] == 2 or seen["daemon"]["leads"]
            watching.send_signal(signal.SIGINT)
            assert watching.wait(timeout=20) == 0
        finally:
            watching.kill()


def _line(process: "subprocess.Popen[str]") -> dict[str, list[dict[str, str]]]:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 30)
    assert ready, "nothing was shown"
    shown: dict[str, list[dict[str, str]]] = json.loads(process.stdout.readline())
    return shown


def event(number: int, because: str) -> records.Event:
    data = (("revision", desk.A),)
    return records.Event(records.EventKind.ROLLED_OUT, f"2026-01-01T10:00:0{number}.000Z", because, desk.WEB, data)


@pytest.mark.parametrize("columns", [80, 140])
def test_history_newest_first(a_desk: desk.Desk, columns: int) -> None:
    a_desk.remember(desk.WELL, events=(event(1, "the first"), event(2, "the second, with a long reason " * 5)))
    result = a_desk.run("history", "production/web", columns=columns)
    assert result.exit_code == 0
    assert widest(result.output) <= columns
    lines = result.output.splitlines()
    assert lines[0].split() == ["at", "(UTC)", "event", "because"]
    assert lines[1].startswith("2026-01-01 10:00:02  rolled out  the second")
    assert lines[-1].rstrip() == "2026-01-01 10:00:01  rolled out  the first"


def test_history_for_scripts(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL, events=(event(1, "one"), event(2, "two"), event(3, "three")))
    found = json.loads(a_desk.run("history", "production/web", "-n", "2", "-o", "json").output)
    assert [(line["sequence"], line["because"]) for line in found] == [(3, "three"), (2, "two")]
    assert found[0] | {"hash": ""} == {
        "sequence": 3,
        "at": "2026-01-01T10:00:03.000Z",
        "kind": "rolled-out",
        "target": "production/web",
        "because": "three",
        "data": {"revision": desk.A},
        "hash": "",
    }


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("production/webb", "did you mean 'web'?"),
        ("prodution/web", "did you mean 'production'?"),
        ("production/other", "known there: web; a new one appears with the next poll of its commit"),
    ],
)
def test_history_of_an_unknown_target(a_desk: desk.Desk, target: str, says: str) -> None:
    a_desk.remember(desk.WELL)
    result = a_desk.run("history", target)
    assert result.exit_code == 1
    assert says in result.stderr


def test_a_target_is_two_names(a_desk: desk.Desk) -> None:
    result = a_desk.run("history", "web", columns=140)
    assert result.exit_code == 64
    assert "write environment/application" in result.stderr
