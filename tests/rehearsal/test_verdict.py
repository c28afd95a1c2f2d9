"""What would become of a change: by what was heard, and by what cannot be told."""

from dataclasses import replace

import pytest

from reconciler.model import outcomes
from reconciler.rehearsal import played, verdict
from tests.rehearsal import heard

K, WELL = heard.K, heard.WELL
ROLLED = ((0.0, K.ROLLOUT_STARTED, "release"), (4.0, K.ROLLED_OUT, "all healthy"))
FAILED = ((0.0, K.ROLLOUT_STARTED, "release"), (3.0, K.ROLLOUT_FAILED, "web crashes"))
REVERTED = (*FAILED, (3.5, K.REVERT_PUSHED, "restores web"), (4.0, K.REVERTED, "healthy"), (9.0, K.HOLD_ENDED, "over"))
BLIND = ("no controller for Widget",)


def held(reason: outcomes.HoldReason) -> object:
    return replace(WELL, outcome=outcomes.Outcome.HELD, hold=outcomes.Hold(reason, "because of this"))


FIRST = replace(
    WELL,
    last_good=None,
    outcome=outcomes.Outcome.FAILED,
    hold=outcomes.Hold(outcomes.HoldReason.FIRST_FAILED, "the first deployment failed"),
)
PRUNE, UNPROVEN = held(outcomes.HoldReason.PRUNE_LIMIT), held(outcomes.HoldReason.UNPROVEN)
CASES = {
    "nothing to do": (heard.target(), verdict.End.UNTOUCHED, "in sync", 0.0),
    "rolled out": (heard.target(*ROLLED), verdict.End.SUCCEEDS, "all healthy", 4.0),
    "rolled out, and something cannot be told": (
        heard.target(*ROLLED, blind=BLIND),
        verdict.End.UNKNOWN,
        "no controller for Widget",
        4.0,
    ),
    "failed for certain, whatever else cannot be told": (
        heard.target(*REVERTED, blind=BLIND),
        verdict.End.REVERTED,
        "web crashes",
        4.0,
    ),
    "reverted": (heard.target(*REVERTED), verdict.End.REVERTED, "web crashes", 4.0),
    "failed at first": (heard.target(*FAILED, after=FIRST), verdict.End.FAILS, "the first deployment failed", 3.0),
    "held": (heard.target(after=PRUNE), verdict.End.HELD, "prune-limit: because of this", 0.0),
    "held for certain": (heard.target(after=PRUNE, blind=BLIND), verdict.End.HELD, "because of this", 0.0),
    "held for what cannot be told": (heard.target(after=UNPROVEN, blind=BLIND), verdict.End.UNKNOWN, BLIND[0], 0.0),
    "held at the base": (
        heard.target(*ROLLED, before=held(outcomes.HoldReason.WORLD)),
        verdict.End.UNKNOWN,
        "at the base it does not come to rest well: because of this",
        0.0,
    ),
    "never at rest": (
        heard.target(*FAILED[:1], after=replace(WELL, outcome=outcomes.Outcome.WAITING, because="1 of 2 ready")),
        verdict.End.UNKNOWN,
        "it did not come to rest in time: 1 of 2 ready",
        0.0,
    ),
}


@pytest.mark.parametrize(("target", "end", "because", "seconds"), CASES.values(), ids=CASES)
def test_of_a_target(target: played.Played, end: verdict.End, because: str, seconds: float) -> None:
    found = verdict.of(target)
    assert (found.end, found.seconds) == (end, seconds)
    assert because in found.because


GOOD, BACK, HELD, BLIND_ONE = (
    heard.target(*ROLLED),
    heard.target(*REVERTED),
    heard.target(after=PRUNE),
    heard.target(*ROLLED, blind=BLIND),
)


@pytest.mark.parametrize(
    ("targets", "end"),
    [
        ((), verdict.End.UNTOUCHED),
        ((heard.target(), GOOD), verdict.End.SUCCEEDS),
        ((GOOD, HELD), verdict.End.HELD),
        ((HELD, BLIND_ONE), verdict.End.UNKNOWN),
        ((GOOD, BACK, HELD, BLIND_ONE), verdict.End.REVERTED),
        ((BACK, heard.target(*FAILED, after=FIRST)), verdict.End.FAILS),
    ],
)
def test_of_all(targets: tuple[played.Played, ...], end: verdict.End) -> None:
    assert verdict.overall(heard.rehearsal(*targets)) is end


def test_trouble_makes_all_of_it_unknown() -> None:
    assert verdict.overall(heard.rehearsal(GOOD, troubles=("a bug",))) is verdict.End.UNKNOWN
