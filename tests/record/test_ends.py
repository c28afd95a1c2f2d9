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
HOLD = outcomes.Hold(outcomes.HoldReason.UNPROVEN, "health was not known")
EMPTY = records.Ledger(TARGET)
UNDER_WAY = replace(EMPTY, rollout=RELEASE)
ENDED = replace(EMPTY, rollout=RELEASE.enter(rollouts.Phase.ENDED, now=1))


def said(*kinds: records.EventKind) -> tuple[records.Event, ...]:
    return tuple(records.Event(kind, "2026-01-01T10:05:00Z", f"said by {kind.value}", TARGET) for kind in kinds)


Kind = records.EventKind
Case = tuple[str, records.Ledger, records.Ledger, tuple[records.Event, ...], tuple[ends.End, str] | None]
CASES: list[Case] = [
    ("none", EMPTY, EMPTY, (), None),
    ("started", EMPTY, UNDER_WAY, said(Kind.ROLLOUT_STARTED), None),
    ("goes on", UNDER_WAY, replace(EMPTY, rollout=RELEASE.enter(rollouts.Phase.WATCHING, now=1)), (), None),
    ("goes on, while something else is told", UNDER_WAY, UNDER_WAY, said(Kind.DRIFT_HEALED), None),
    ("done", UNDER_WAY, EMPTY, said(Kind.ROLLED_OUT), (ends.End.DONE, "said by rolled-out")),
    ("done, kept in the ledger", UNDER_WAY, ENDED, said(Kind.ROLLED_OUT), (ends.End.DONE, "said by rolled-out")),
    ("over before", ENDED, EMPTY, said(Kind.ROLLED_OUT), None),
    (
        "failed, and the revert that answers it takes its place",
        UNDER_WAY,
        replace(EMPTY, rollout=REVERT),
        said(Kind.ROLLOUT_FAILED, Kind.QUARANTINED, Kind.ROLLOUT_STARTED),
        (ends.End.FAILED, "said by rollout-failed"),
    ),
    (
        "the revert went well",
        replace(EMPTY, rollout=REVERT),
        EMPTY,
        said(Kind.REVERTED),
        (ends.End.DONE, "said by reverted"),
    ),
    (
        "the revert failed",
        replace(EMPTY, rollout=REVERT),
        replace(EMPTY, stopped="so"),
        said(Kind.REVERT_FAILED, Kind.PAGE),
        (ends.End.FAILED, "said by revert-failed"),
    ),
    ("a newer commit", UNDER_WAY, EMPTY, said(Kind.PREEMPTED), (ends.End.PREEMPTED, "said by preempted")),
    ("held", UNDER_WAY, replace(EMPTY, hold=HOLD), said(Kind.HELD), (ends.End.DROPPED, HOLD.because)),
    ("no word", UNDER_WAY, replace(EMPTY, because="nothing is wanted"), (), (ends.End.DROPPED, "nothing is wanted")),
]


@pytest.mark.parametrize(
    ("old", "new", "events", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_how_it_ended(
    old: records.Ledger,
    new: records.Ledger,
    events: tuple[records.Event, ...],
    expected: tuple[ends.End, str] | None,
) -> None:
    found = ends.ended(old, new, events=events)
    assert (found and (found.rollout, found.end, found.because)) == (
        expected and (old.rollout and old.rollout.id, *expected)
    )
