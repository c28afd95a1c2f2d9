"""Neither applying nor deleting is a hot loop (I20)."""

import pytest

from reconciler.model import outcomes, plans
from reconciler.pipeline import rounds
from reconciler.rollout import commands
from tests.support import planned

APPLY = commands.Apply((plans.Change(plans.Action.CONFIGURED, planned.key("ConfigMap", "a"), "it differs"),))
GOING = (plans.Change(plans.Action.PRUNED, planned.key("ConfigMap", "b"), "not in Git", uid="u"),)
PRUNE, REMOVE = commands.Prune(GOING), commands.Remove(GOING)
OPEN, RAN = commands.Open(plans.Place(0)), commands.Ran(GOING[0].key, "u", "it has run")


def counted(*sequence: commands.Command) -> list[outcomes.Hold | None]:
    its = rounds.Rounds()
    return [its.count(command) for command in sequence]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (APPLY, "web/a differs again after 5 applies: something changes it each time"),
        (PRUNE, "web/b is still to go after 5 rounds of deletes: something changes it each time"),
        (REMOVE, "web/b is still to go after 5 rounds of deletes: something changes it each time"),
    ],
)
def test_one_round_too_many_holds(command: commands.Command, words: str) -> None:
    *before, last = counted(*[command] * (rounds.MOST + 1))
    assert before == [None] * rounds.MOST
    assert last is not None and last.reason is outcomes.HoldReason.REFUSED and last.because.endswith(words)


@pytest.mark.parametrize(
    ("sequence", "held"),
    [
        pytest.param([*[APPLY] * 5, *[PRUNE] * 5], False, id="each for itself"),
        pytest.param([*[APPLY] * 5, OPEN, *[APPLY] * 5], False, id="a new wave"),
        pytest.param([*[APPLY] * 5, RAN, *[APPLY] * 5], False, id="a hook has run"),
        pytest.param([REMOVE, RAN] * 9, False, id="hooks that go one by one"),
        pytest.param([PRUNE, OPEN, APPLY] * 6, True, id="to and fro between applies and deletes"),
        pytest.param([*[PRUNE] * 3, *[REMOVE] * 3], True, id="deletes of either sort"),
    ],
)
def test_what_counts_together(sequence: list[commands.Command], held: bool) -> None:
    assert any(counted(*sequence)) is held
