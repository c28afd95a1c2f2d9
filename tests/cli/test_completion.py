"""Names of targets in the shell, by typer's own protocol."""

import pytest
from typer import testing

from reconciler.cli import main
from tests.cli import desk


def completed(a_desk: desk.Desk, *typed: str, **more: str) -> list[str]:
    """What bash would be offered for the last word."""
    environment = {
        "_RECONCILER_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("reconciler", *typed)),
        "COMP_CWORD": str(len(typed)),
        "RECONCILER_CONFIG": str(a_desk.config),
    } | more
    return testing.CliRunner().invoke(main.app, [], prog_name="reconciler", env=environment).stdout.split()


@pytest.mark.parametrize("command", ["history", "tree", "diff", "revert", "pause"])
def test_targets_come_from_the_journal(a_desk: desk.Desk, command: str) -> None:
    a_desk.remember(desk.WELL)
    assert completed(a_desk, command, "prod") == ["production/web"]
    assert completed(a_desk, command, "staging") == []


def test_without_a_journal_or_settings_there_is_nothing_to_offer(a_desk: desk.Desk) -> None:
    assert completed(a_desk, "tree", "p") == []
    assert completed(a_desk, "tree", "p", RECONCILER_CONFIG="/nowhere") == []


def test_commands_are_offered(a_desk: desk.Desk) -> None:
    assert "tree" in completed(a_desk, "tr")
