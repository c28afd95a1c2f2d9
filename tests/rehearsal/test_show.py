"""A rehearsal on a terminal, in a pull request, for a script."""

from dataclasses import replace

import pytest

from reconciler.rehearsal import show
from tests.rehearsal import heard

K = heard.K
GOOD = heard.rehearsal(heard.target((0.0, K.ROLLOUT_STARTED, "release of b"), (75.0, K.ROLLED_OUT, "all healthy")))
BAD = heard.rehearsal(
    heard.target(
        (0.0, K.ROLLOUT_FAILED, "pod said `rm -rf` | <b>\x1b[2J " + "word " * 30), (2.0, K.REVERTED, "healthy")
    ),
    troubles=("a controller failed",),
)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.7, "1 min 0 s"), (185, "3 min 5 s"), (7261, "2 h 1 min")],
)
def test_durations(seconds: float, said: str) -> None:
    assert show.duration(seconds) == said


def test_text() -> None:
    lines = show.text(GOOD, width=80).splitlines()
    assert lines[0] == "✓ fix (bbbbbbbbbbbb) onto aaaaaaaaaaaa: would succeed"
    assert "production/web: would succeed after 1 min 15 s" in lines
    assert "        0.0 s  release of b" in lines
    assert "   1 min 15 s  rolled out: all healthy" in lines


@pytest.mark.parametrize("width", [80, 140])
def test_text_keeps_within_the_screen_and_obeys_nobody(width: int) -> None:
    shown = show.text(BAD, width=width)
    assert "\x1b" not in shown
    assert max(len(line) for line in shown.splitlines()) <= width
    assert "cannot tell: a controller failed" in shown
    assert shown.startswith("? fix")


def test_markdown_takes_nothing_for_markup() -> None:
    shown = show.markdown(BAD)
    assert shown.startswith("### Rehearsal: cannot tell :grey_question:\n")
    assert "pod said \\`rm -rf\\` \\| \\<b\\>" in shown
    assert "**`production/web`: would fail and be reverted after 2.0 s**" in shown
    assert "> **Cannot tell:** a controller failed" in shown


def test_data() -> None:
    found = show.data(replace(GOOD, notes=("a note",)))
    assert (found["verdict"], found["ref"], found["notes"]) == ("succeeds", "fix", ["a note"])
    (target,) = found["targets"]  # type: ignore[misc] # the shape is what is asserted
    assert isinstance(target, dict)
    assert (target["verdict"], target["seconds"], target["hold"], target["git"]) == ("succeeds", 75.0, None, None)
