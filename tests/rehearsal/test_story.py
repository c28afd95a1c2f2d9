"""What was heard, as the steps that a person reads."""

import pytest

from reconciler.model import outcomes, records
from reconciler.rehearsal import played, story
from tests.rehearsal import heard

K = heard.K
QUARANTINED = played.Moment(
    3.0,
    records.Event(K.HELD, heard.AT, "it failed here", heard.WEB, (("reason", outcomes.HoldReason.QUARANTINED.value),)),
)


@pytest.mark.parametrize(
    ("moments", "told"),
    [
        ((), []),
        (
            heard.moments(
                (0.0, K.ROLLOUT_STARTED, "release of b"),
                (0.1, K.PHASE_ENTERED, "watching: everything is applied"),
                (4.0, K.ROLLED_OUT, "all healthy"),
            ),
            ["release of b", "watching: everything is applied", "rolled out: all healthy"],
        ),
        (
            heard.moments(
                (3.0, K.ROLLOUT_FAILED, "web crashes"),
                (3.0, K.QUARANTINED, "inputs are not tried again"),
                (3.0, K.ROLLOUT_STARTED, "return to last good a: web crashes"),
                (3.1, K.PAGE, "somebody"),
                (4.0, K.REVERTED, "healthy"),
            ),
            ["rollout failed: web crashes", "return to last good a", "reverted: healthy"],
        ),
        ((QUARANTINED, *heard.moments((9.0, K.HOLD_ENDED, "no longer quarantined"))), []),
        (heard.moments((1.0, K.HELD, "5 would be pruned")), ["held: 5 would be pruned"]),
    ],
)
def test_steps(moments: tuple[played.Moment, ...], told: list[str]) -> None:
    target = played.Played(heard.target().preview, heard.WELL, heard.WELL, moments)
    assert [step.text.strip() for step in story.steps(target)] == told
