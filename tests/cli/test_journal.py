"""`journal backup` and `journal verify`: what they say of a copy, for people and for scripts."""

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


@pytest.fixture
def copy(a_desk: desk.Desk, tmp_path: pathlib.Path) -> pathlib.Path:
    """A backup of a journal with five events."""
    a_desk.remember(desk.WELL, events=EVENTS)
    to = tmp_path / "backup.db"
    result = a_desk.run("journal", "backup", str(to))
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{to}: 5 events, 1 targets, epoch 1, all sound")
    return to


def test_a_sound_backup(a_desk: desk.Desk, copy: pathlib.Path) -> None:
    found = json.loads(a_desk.run("journal", "verify", str(copy), "-o", "json").output)
    assert (found["sound"], found["events"], found["targets"], found["epoch"]) == (True, 5, 1, 1)


def test_a_backup_that_was_changed(a_desk: desk.Desk, copy: pathlib.Path) -> None:
    with contextlib.closing(sqlite3.connect(copy)) as opened, opened:
        opened.execute("DROP TRIGGER events_refuse_update")
        opened.execute("UPDATE events SET because = 'nothing happened' WHERE sequence = 3")
    result = a_desk.run("journal", "verify", str(copy))
    assert (result.exit_code, "broken at event 3" in result.output) == (1, True)


def test_what_is_no_backup(a_desk: desk.Desk, copy: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for content, words in ((b"no database " * 500, "is not a journal"), (copy.read_bytes()[:9000], "damaged")):
        (tmp_path / "other").write_bytes(content)
        result = a_desk.run("journal", "verify", str(tmp_path / "other"))
        assert result.exit_code == 1
        assert words in result.stderr
    assert "exists already" in a_desk.run("journal", "backup", str(copy)).stderr
