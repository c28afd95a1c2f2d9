"""How the commands are found, and what a quick one does without."""

import subprocess
import sys

import pytest
from typer import testing

from reconciler.cli import main

SLOW = ("kubernetes", "aiohttp", "git", "httpx")
"""What takes long to load: the clients of clusters, Git and charts."""


@pytest.mark.parametrize("command", ["status", "explain", "config"])
def test_a_command_that_only_reads_loads_no_client(command: str) -> None:
    code = (
        f"import sys\nfrom reconciler.cli import main\ntry: main.app([{command!r}, '--help'])\nexcept SystemExit: pass"
    )
    code += "\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout
    assert [name for name in SLOW if name in done.stderr.split()] == []


@pytest.mark.parametrize("room", main.ROOMS)
def test_the_table_names_every_command_of_a_module(room: str) -> None:
    assert tuple(sorted(main.loaded(room))) == tuple(sorted(main.ROOMS[room]))


def test_help_lists_them_and_a_typo_is_told_the_nearest() -> None:
    runner = testing.CliRunner()
    listed = runner.invoke(main.app, ["--help"]).stdout.split()
    assert [name for names in main.ROOMS.values() for name in names if name not in listed] == ["docs"]
    wrong = runner.invoke(main.app, ["statsu"])
    assert wrong.exit_code == 64
    assert "Did you mean 'status'?" in wrong.stderr
