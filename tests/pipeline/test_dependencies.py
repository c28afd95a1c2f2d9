"""What speaks against depending on a target: everything but good with the very inputs, at rest and not held."""

import pytest

from reconciler.model import ids, outcomes, records, rollouts, sources
from reconciler.pipeline import dependencies, heads
from tests.support import planned

KEY = planned.TARGET
INPUTS = sources.Inputs("b" * 40, (sources.InputPath("desired-state/production/web", "oid", own=True),))
WANTED = heads.Prepared(planned.target(), INPUTS)
GOOD = records.Good("a" * 40, INPUTS.digest, "manifests", "2026-01-01T00:00:00Z")
HEAL = rollouts.Rollout("r", KEY, rollouts.Purpose.HEAL, "a" * 40, INPUTS.digest, "m", "drift", "2026-01-01T00:00:00Z")


def held(reason: outcomes.HoldReason) -> outcomes.Hold:
    return outcomes.Hold(reason, "says so")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"last_good": GOOD}, ""),
        ({}, "production/web is not good with what it reads at bbbbbbbbbbbb yet"),
        (
            {"last_good": records.Good("a" * 40, "other", "m", "2026-01-01T00:00:00Z")},
            "production/web is not good with what it reads at bbbbbbbbbbbb yet",
        ),
        ({"last_good": GOOD, "rollout": HEAL}, "a heal of production/web is under way"),
        ({"last_good": GOOD, "hold": held(outcomes.HoldReason.WORLD)}, "production/web holds: says so"),
        ({"last_good": GOOD, "hold": held(outcomes.HoldReason.PAUSED)}, ""),
        (
            {"quarantined": (records.Quarantine(INPUTS.digest, "b" * 40, "it crashes", "2026-01-01T00:00:00Z"),)},
            "production/web failed with what it reads at bbbbbbbbbbbb: it crashes",
        ),
    ],
)
def test_what_a_dependency_lacks(facts: dict[str, object], said: str) -> None:
    ledger = records.Ledger(ids.TargetKey("production", "web"), **facts)  # type: ignore[arg-type]
    assert dependencies.standing(ledger, WANTED) == said
