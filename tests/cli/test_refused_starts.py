"""A daemon does not start on a journal that it cannot trust, and says how to go on."""

import contextlib
import pathlib
import sqlite3
from collections.abc import Callable

import pytest

from reconciler.model import records
from tests.cli import desk

EVENTS = tuple(
    records.Event(records.EventKind.ROLLED_OUT, desk.AT, f"{number} {'x' * 500}", desk.WEB) for number in range(200)
)


def execute(path: pathlib.Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as opened, opened:
        for statement in statements:
            opened.execute(statement)


def truncated(path: pathlib.Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def corrupted(path: pathlib.Path) -> None:
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + b"\xff" * 4096 + content[middle + 4096 :])


def overwritten(path: pathlib.Path) -> None:
    path.write_bytes(b"this is a text, not a database.\n" * 200)


def newer(path: pathlib.Path) -> None:
    execute(path, "UPDATE alembic_version SET version_num = '9999'")


def of_another_program(path: pathlib.Path) -> None:
    path.unlink()
    execute(path, "CREATE TABLE shopping (list TEXT)")


def in_a_strange_state(path: pathlib.Path) -> None:
    execute(path, "UPDATE alembic_version SET version_num = '0000'")


REFUSED: list[tuple[Callable[[pathlib.Path], None], tuple[str, ...]]] = [
    (truncated, ("damaged", "estore a backup")),
    (corrupted, ("damaged", "restore a backup")),
    (overwritten, ("is not a journal, or is damaged", "Restore a backup, or name another file")),
    (newer, ("made by a newer version", "use that version, or restore a backup")),
    (of_another_program, ("not a journal of the reconciler", "name another file")),
    (in_a_strange_state, ("cannot be upgraded", "Restore a backup")),
]


@pytest.mark.parametrize(("spoil", "words"), REFUSED)
def test_it_says_what_is_wrong_and_how_to_go_on(
    a_desk: desk.Desk, spoil: Callable[[pathlib.Path], None], words: tuple[str, ...]
) -> None:
    a_desk.remember(desk.WELL, events=EVENTS)
    path = a_desk.state / "journal.db"
    for beside in path.parent.glob("journal.db-*"):
        beside.unlink()
    spoil(path)
    content = path.read_bytes()
    result = a_desk.run("run")
    assert result.exit_code == 1
    assert all(word in result.stderr for word in words), result.stderr
    assert "Traceback" not in result.stderr
    assert path.read_bytes() == content
