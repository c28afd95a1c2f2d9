"""The demo comes true on a control plane of its own, and whatever happens nothing of it stays."""

import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.clusterkit import access, controlplane

ROOT = pathlib.Path(__file__).parents[2]
PROC = pathlib.Path("/proc")
LONG = 300.0
"""Seconds: far beyond what the story takes, so that only one that hangs meets it."""

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("demo")]


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    controlplane.built_binary()


@pytest.fixture
def start(tmp_path: pathlib.Path) -> Callable[..., subprocess.Popen[str]]:
    """Start the demo with its temporary folders below `tmp_path`, where what it leaves can be seen."""

    def started(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "demo", *arguments],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(tmp_path)} | environment,
            stdout=(tmp_path / "out").open("w"),
            stderr=subprocess.STDOUT,
            text=True,
        )

    return started


def told(folder: pathlib.Path) -> str:
    return (folder / "out").read_text()


def left(folder: pathlib.Path) -> list[str]:
    """Folders of the demo, and processes that were started with a path below `folder`."""
    folders = [str(found) for found in folder.iterdir() if found.is_dir()]
    return folders + [line for line in command_lines() if str(folder) in line]


def command_lines() -> list[str]:
    found = []
    for process in PROC.glob("[0-9]*/cmdline"):
        try:
            found.append(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # it has ended meanwhile
    return found


def test_the_whole_story_comes_true(tmp_path: pathlib.Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    demo = start()
    code = demo.wait(LONG)
    story = told(tmp_path)
    assert code == 0, story
    for scene in range(1, 6):
        assert f"\n{scene} · " in story
    assert "has restarted 3 times, last with exit code 1" in story
    assert "Revert production/paperless-maverick to" in story
    assert "Reconciler-Failed-Revision: " in story
    assert "drift healed" in story
    assert "All of it came true" in story
    assert "\x1b" not in story  # no terminal: nothing moves, nothing is coloured
    assert left(tmp_path) == []


def test_what_does_not_come_true_is_said_with_the_daemons_words(
    tmp_path: pathlib.Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    code = start("--patience", "0").wait(LONG)
    story = told(tmp_path)
    assert code == 1, story
    assert "this did not come true within 0 s" in story
    assert "The daemon said last:" in story
    assert "All of it came true" not in story
    assert left(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_an_interruption_leaves_nothing(
    tmp_path: pathlib.Path, start: Callable[..., subprocess.Popen[str]], number: signal.Signals
) -> None:
    demo = start()
    access.wait_for(lambda: "rollout started" in told(tmp_path) or demo.poll(), LONG, what="the first rollout")
    demo.send_signal(number)
    assert demo.wait(LONG) == 130, told(tmp_path)
    assert left(tmp_path) == []


def test_kept_running_it_says_how_to_go_on(tmp_path: pathlib.Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    """The commands that it prints work while it waits, and Ctrl-C is its ordinary end."""
    demo = start("--keep")
    access.wait_for(lambda: "Ctrl-C ends" in told(tmp_path) or demo.poll(), LONG, what="the end of the story")
    lines = [line.strip() for line in told(tmp_path).splitlines()]
    exports = "\n".join(line for line in lines if line.startswith(("export ", "cd ")))
    tried = subprocess.run(
        ["bash", "-ec", f"{exports}\ngit log --oneline"], capture_output=True, text=True, check=False
    )
    demo.send_signal(signal.SIGINT)
    assert demo.wait(LONG) == 0, told(tmp_path)
    assert "Revert production/paperless-maverick" in tried.stdout, tried.stderr
    assert left(tmp_path) == []
