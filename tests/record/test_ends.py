"""How a rollout ended, from the ledgers before and after."""

from dataclasses import replace

import pytest

from reconciler.model import ids, outcomes, records, rollouts
from reconciler.record import ends

TARGET = ids.TargetKey("production", "web")
RELEASE = rollouts.Rollout(
    id="r1",
    target=TARGET,
    purpose=rollouts.Purpose.RELEASE,
    revision="a" * 40,
    input_digest="digest-a",
    manifest_digest="m",
    because="a new revision",
    started_at="2026-01-01T10:00:00Z",
)
REVERT = replace(RELEASE, id="r2", purpose=rollouts.Purpose.REVERT, input_digest="good", because="r1 failed")
NEWER = replace(RELEASE, id="r3", input_digest="digest-b", because="a newer commit")
QUARANTINE = records.Quarantine("digest-a", "a" * 40, "crash loop", "2026-01-01T10:05:00Z")
HOLD = outcomes.Hold(outcomes.HoldReason.UNPROVEN, "health was not known")
EMPTY = records.Ledger(TARGET)
UNDER_WAY = replace(EMPTY, rollout=RELEASE)
REVERTING = replace(EMPTY, rollout=REVERT, quarantined=(QUARANTINE,))

CASES: list[tuple[str, records.Ledger, records.Ledger, ends.Ended | None]] = [
    ("none", EMPTY, EMPTY, None),
    ("started", EMPTY, UNDER_WAY, None),
    ("goes on", UNDER_WAY, replace(EMPTY, rollout=RELEASE.enter(rollouts.Phase.WATCHING, now=1)), None),
    ("done", UNDER_WAY, replace(EMPTY, because="healthy"), ends.Ended("r1", ends.End.DONE, "healthy")),
    (
        "done, kept in the ledger",
        UNDER_WAY,
        replace(EMPTY, rollout=RELEASE.enter(rollouts.Phase.ENDED, now=1), because="healthy"),
        ends.Ended("r1", ends.End.DONE, "healthy"),
    ),
    ("kept, and over before", replace(EMPTY, rollout=RELEASE.enter(rollouts.Phase.ENDED, now=1)), EMPTY, None),
    ("failed, and its revert begins", UNDER_WAY, REVERTING, ends.Ended("r1", ends.End.FAILED, "crash loop")),
    (
        "failed for the first time: held, not reverted",
        UNDER_WAY,
        replace(EMPTY, quarantined=(QUARANTINE,), hold=HOLD),
        ends.Ended("r1", ends.End.FAILED, "crash loop"),
    ),
    (
        "the revert went well, beside the quarantine of another digest",
        REVERTING,
        replace(EMPTY, quarantined=(QUARANTINE,), because="back at last good"),
        ends.Ended("r2", ends.End.DONE, "back at last good"),
    ),
    (
        "the revert failed",
        REVERTING,
        replace(EMPTY, quarantined=(QUARANTINE,), stopped="the revert is unhealthy too"),
        ends.Ended("r2", ends.End.FAILED, "the revert is unhealthy too"),
    ),
    ("a newer commit", UNDER_WAY, replace(EMPTY, rollout=NEWER), ends.Ended("r1", ends.End.PREEMPTED, NEWER.because)),
    ("held", UNDER_WAY, replace(EMPTY, hold=HOLD), ends.Ended("r1", ends.End.HELD, HOLD.because)),
]


@pytest.mark.parametrize(("old", "new", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_how_it_ended(old: records.Ledger, new: records.Ledger, expected: ends.Ended | None) -> None:
    assert ends.ended(old, new) == expected
