"""The demo comes true on a sandbox and on a control plane of its own, and whatever happens nothing of it stays."""

import os
import pathlib
import re
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

Start = Callable[..., subprocess.Popen[str]]
pytestmark = pytest.mark.xdist_group("demo")


@pytest.fixture(params=["sandbox", pytest.param("local", marks=pytest.mark.cluster)])
def ground(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if name == "local":
        controlplane.built_binary()
    return name


@pytest.fixture
def start(tmp_path: pathlib.Path, ground: str) -> Start:
    """Start the demo with its temporary folders below `tmp_path`, where what it leaves can be seen."""

    def started(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "demo", "--cluster", ground, *arguments],
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


def test_the_whole_story_comes_true_and_what_it_says_to_try_then_works(
    tmp_path: pathlib.Path, start: Start, ground: str
) -> None:
    """Kept running, its commands work from another terminal, and Ctrl-C is its ordinary end."""
    demo = start("--keep")
    access.wait_for(lambda: "Ctrl-C ends" in told(tmp_path) or demo.poll(), LONG, what="the end of the story")
    tried = beside(told(tmp_path), "git log --oneline; git status --short; COMMAND status; COMMAND plan; true")
    demo.send_signal(signal.SIGINT)
    code, story = demo.wait(LONG), told(tmp_path)
    assert code == 0, story
    for scene in range(1, 6):
        assert f"\n{scene} · " in story
    assert "has restarted 3 times, last with exit code 1" in story
    assert "Revert production/paperless-maverick to" in story
    assert "Reconciler-Failed-Revision: " in story
    assert "drift healed" in story
    assert "All of it came true" in story
    assert "\x1b" not in story  # no terminal: nothing moves, nothing is coloured
    assert "Revert production/paperless-maverick" in tried.stdout, tried
    assert "✓ production/paperless-maverick  unchanged" in tried.stdout, tried
    looked = {"sandbox": r"inside the daemon's process", "local": r"\n\d+ unchanged\n"}
    assert re.search(looked[ground], tried.stdout), tried
    assert left(tmp_path) == []


def beside(story: str, line: str) -> subprocess.CompletedProcess[str]:
    """Type what the story says, and then `line`, in another terminal."""
    lines = [said.strip() for said in story.splitlines()]
    exports = [said for said in lines if said.startswith(("export ", "cd "))]
    command = next(said for said in lines if said.endswith(" status")).removesuffix(" status")
    script = "\n".join([*exports, line.replace("COMMAND", command)])
    wide = os.environ | {"COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(["bash", "-ec", script], capture_output=True, text=True, check=False, env=wide)


def test_the_story_on_a_sandbox_needs_nothing_of_the_tests() -> None:
    """It is what a fresh machine runs first."""
    found = (
        "import demo.__main__, sys; print([name for name in sys.modules if name.split('.')[0] in ('tests', 'pytest')])"
    )
    done = subprocess.run([sys.executable, "-c", found], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_does_not_come_true_is_said_with_the_daemons_words(tmp_path: pathlib.Path, start: Start) -> None:
    code = start("--patience", "0").wait(LONG)
    story = told(tmp_path)
    assert code == 1, story
    assert "this did not come true within 0 s" in story
    assert "The daemon said last:" in story
    assert "All of it came true" not in story
    assert left(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGHUP])
def test_an_interruption_leaves_nothing(tmp_path: pathlib.Path, start: Start, number: signal.Signals) -> None:
    demo = start()
    access.wait_for(lambda: "rollout started" in told(tmp_path) or demo.poll(), LONG, what="the first rollout")
    demo.send_signal(number)
    assert demo.wait(LONG) == 130, told(tmp_path)
    assert left(tmp_path) == []
