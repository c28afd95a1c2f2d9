"""The pages say what the code does, and what a hold tells people to type exists."""

import pathlib
import string

import pytest

from reconciler.cli import exits, reference
from reconciler.model import outcomes

FOLDER = pathlib.Path(__file__).parents[2] / "docs" / "reference"
COMMANDS = dict(reference.visible())


@pytest.mark.parametrize("name", sorted(reference.pages()))
def test_the_page_is_current(name: str) -> None:
    assert (FOLDER / name).read_text() == reference.pages()[name], "make it anew: .venv/bin/reconciler docs"


def test_every_hold_has_an_exit() -> None:
    assert set(outcomes.EXITS) == set(outcomes.HoldReason)
    assert all(its_exit.meaning and its_exit.ends for its_exit in outcomes.EXITS.values())


@pytest.mark.parametrize("reason", [reason for reason, found in outcomes.EXITS.items() if found.command])
def test_the_command_of_a_hold_exists_and_takes_its_options(reason: outcomes.HoldReason) -> None:
    words = outcomes.EXITS[reason].command.split()
    assert words[0] == "reconciler"
    command = COMMANDS.get(words[1]) or COMMANDS[" ".join(words[1:3])]
    known = {option for parameter in command.params for option in parameter.opts}
    given = {word for word in words if word.startswith("--")}
    assert given <= known
    assert all(
        given & set(parameter.opts)
        for parameter in command.params
        if parameter.required and parameter.opts[0].startswith("-")
    )
    takes_target = any(parameter.name == "target" for parameter in command.params)
    assert ("{environment}/{application}" in words) is takes_target
    fields = {name for _, name, _, _ in string.Formatter().parse(outcomes.EXITS[reason].command) if name}
    assert fields <= {"environment", "application", "revision", "digest"}


@pytest.mark.parametrize("reason", [reason for reason, found in outcomes.EXITS.items() if "`reconciler " in found.ends])
def test_a_command_that_the_exit_mentions_exists(reason: outcomes.HoldReason) -> None:
    mentioned = outcomes.EXITS[reason].ends.split("`")[1::2]
    for words in (text.split() for text in mentioned if text.startswith("reconciler ")):
        name = next(name for name in (" ".join(words[1:3]), words[1]) if name in COMMANDS)
        known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known


def test_exit_codes_are_of_commands_that_exist() -> None:
    assert set(exits.MEANINGS) <= set(COMMANDS)


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"run", "once", "config check", "demo"}))
def test_every_command_teaches_by_example(name: str) -> None:
    assert "Example" in (COMMANDS[name].help or "")
    assert f"`reconciler {name}" in (COMMANDS[name].help or "")
