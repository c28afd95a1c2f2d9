"""Whether one failure is many: what the neighbours of a failing target count for."""

import types
from typing import Any, cast

import pytest

from reconciler.model import ids, outcomes, records, rollouts, sources
from reconciler.pipeline import failing, heads
from tests.support import planned, worlds

WEB = planned.TARGET
OTHERS = (ids.TargetKey("production", "cart"), ids.TargetKey("production", "mail"))
HEAD = heads.Prepared(planned.target(), sources.Inputs("b" * 40, ()))
IN_SYNC = records.Present("a" * 40, HEAD.inputs.digest, "manifests", complete=True)
BEHIND = records.Present("a" * 40, "other inputs", "manifests", complete=True)
HELD = outcomes.Hold(outcomes.HoldReason.QUARANTINED, "it failed here")


def rollout(of: ids.TargetKey, phase: rollouts.Phase, purpose: rollouts.Purpose) -> rollouts.Rollout:
    return rollouts.Rollout(str(of), of, purpose, "b" * 40, HEAD.inputs.digest, "manifests", "the head", "now", phase)


Phase, Purpose = rollouts.Phase, rollouts.Purpose


@pytest.mark.parametrize(
    ("present", "phase", "purpose", "hold", "waits"),
    [
        pytest.param(IN_SYNC, None, None, None, False, id="they have nothing to do"),
        pytest.param(BEHIND, None, None, None, True, id="they are about to begin"),
        pytest.param(BEHIND, None, None, HELD, False, id="they are held"),
        pytest.param(IN_SYNC, Phase.APPLYING, Purpose.RELEASE, None, True, id="they are being applied"),
        pytest.param(IN_SYNC, Phase.OBSERVING, Purpose.RELEASE, None, False, id="they have been healthy"),
        pytest.param(IN_SYNC, Phase.APPLYING, Purpose.REVERT, None, False, id="they go back already"),
    ],
)
async def test_a_failure_waits_for_releases_that_nobody_has_looked_at(
    present: records.Present,
    phase: rollouts.Phase | None,
    purpose: rollouts.Purpose | None,
    hold: outcomes.Hold | None,
    *,
    waits: bool,
) -> None:
    """One commit on all of them, and pods that are refused at once: the first was taken back while the others were
    still being applied, and the brake came too late for it."""
    here = await worlds.made()
    for other in OTHERS:
        runs = rollout(other, phase, purpose) if phase and purpose else None
        await here.write(records.Ledger(other, present=present, rollout=runs, hold=hold))
    known = types.SimpleNamespace(known=lambda: (WEB, *OTHERS), of=lambda key: HEAD)
    tested = failing.Failing(here, cast(Any, known), cast(Any, None), lambda key: None)
    failed = records.Ledger(WEB, rollout=rollout(WEB, Phase.WATCHING, Purpose.RELEASE))
    answer = await tested.stays(failed, HEAD, "its pods cannot be created")
    assert (answer is not None and answer.result is not None) is waits
    if answer and answer.result:
        assert answer.result.outcome is outcomes.Outcome.WAITING
        assert "2 other targets look unwell" in answer.result.because
