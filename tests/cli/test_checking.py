"""`audit verify` and `doctor`: what is compared and found out, also where nothing answers."""

import contextlib
import json
import pathlib
import sqlite3

import pytest

from reconciler.model import records
from tests.cli import desk

EVENTS = tuple(
    records.Event(records.EventKind.ROLLED_OUT, desk.AT, f"number {number}", desk.WEB) for number in range(5)
)


def test_a_sound_journal(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL, events=EVENTS)
    result = a_desk.run("audit", "verify", columns=140)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "✓ 5 events, each fits the one before it"
    assert lines[1].startswith("? not compared: production/web: ")


def test_a_changed_event(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL, events=EVENTS)
    with contextlib.closing(sqlite3.connect(a_desk.state / "journal.db")) as opened, opened:
        opened.execute("DROP TRIGGER events_refuse_update")
        opened.execute("UPDATE events SET because = 'nothing happened' WHERE sequence = 3")
    result = a_desk.run("audit", "verify")
    assert result.exit_code == 1
    assert result.output.startswith("✗ broken at event 3: ")
    found = json.loads(a_desk.run("audit", "verify", "-o", "json").output)
    assert (found["sound"], found["broken"]["sequence"], found["events"]) == (False, 3, 2)


def test_the_audit_for_scripts(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL, events=EVENTS)
    found = json.loads(a_desk.run("audit", "verify", "-o", "json").output)
    assert (found["sound"], found["events"], found["broken"], found["compared"]) == (True, 5, None, [])
    assert len(found["head"]) == 64
    assert len(found["notCompared"]) == 1


def test_an_environment_that_has_gone_is_said(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL, events=EVENTS)
    a_desk.settings["environments"] = {"staging": a_desk.settings["environments"]["production"]}
    a_desk.configure()
    result = a_desk.run("audit", "verify", columns=140)
    assert result.exit_code == 0
    assert "not compared: production/web: the environment is not configured any more" in result.output


def findings(a_desk: desk.Desk) -> dict[tuple[str, str], bool | None]:
    found = json.loads(a_desk.run("doctor", "-o", "json").stdout)
    return {(line["group"], line["subject"]): line["ok"] for line in found["findings"]}


def test_before_the_first_start(a_desk: desk.Desk) -> None:
    a_desk.commit(a_desk.application(desk.config_map("web")))
    result = a_desk.run("doctor", columns=140)
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert any(line.startswith(f"✓ settings: {a_desk.config}: repositories desired") for line in lines)
    assert any(line.startswith("✓ versions: git: ") for line in lines)
    assert any(line.startswith("✓ repository desired: ref: refs/heads/main is at ") for line in lines)
    assert "? repository desired: push: not tried: only the first revert of a failed release pushes" in lines
    assert any(line.startswith("? journal: readable: there is none at ") for line in lines)
    (away,) = (number for number, line in enumerate(lines) if line.startswith("✗ cluster main: API server: "))
    assert lines[away + 1].startswith("  → ")
    assert not a_desk.state.joinpath("journal.db").exists()


@pytest.mark.parametrize("columns", [80, 140])
def test_it_fits_the_terminal(a_desk: desk.Desk, columns: int) -> None:
    assert max(map(len, a_desk.run("doctor", columns=columns).output.splitlines())) <= columns


def test_a_journal_without_a_leader(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL)
    found = findings(a_desk)
    assert found["journal", "readable"] is True
    assert found["journal", "leader"] is None
    assert found["state", "writable"] is True


def test_what_is_broken_is_named_and_the_rest_is_checked(a_desk: desk.Desk, tmp_path: pathlib.Path) -> None:
    a_desk.commit(a_desk.application(desk.config_map("web")), branch="other")
    (tmp_path / "nobody.yaml").write_text("no: kubeconfig\n")
    a_desk.state.mkdir()
    (a_desk.state / "journal.db").write_text("no database at all, but long enough to be looked at")
    found = findings(a_desk)
    assert found["repository desired", "ref"] is False
    assert found["cluster main", "credentials"] is False
    assert found["journal", "reachable"] is False
    assert found["versions", "git"] is True


def test_settings_that_are_wrong(a_desk: desk.Desk) -> None:
    a_desk.settings["environments"]["production"] |= {"cluster": "other", "repository": "other"}
    a_desk.configure()
    found = json.loads(a_desk.run("doctor", "-o", "json").stdout)
    wrong = [line["because"] for line in found["findings"] if line["ok"] is False]
    assert found["ok"] is False
    assert len(wrong) == 2
    assert all("deployment-config.yaml:" in because for because in wrong)


def test_pushing_without_credentials(a_desk: desk.Desk) -> None:
    a_desk.settings["repositories"]["desired"] |= {"url": "https://127.0.0.1:1/x.git", "allowLocal": False}
    a_desk.configure()
    result = a_desk.run("doctor", columns=140)
    assert result.exit_code == 1
    assert "✗ repository desired: reachable: " in result.output
    assert "→ `git ls-remote https://127.0.0.1:1/x.git refs/heads/main`" in result.output
