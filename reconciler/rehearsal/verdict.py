"""What would become of a change, by what was played."""

import enum
from dataclasses import dataclass

from reconciler.model import outcomes, records
from reconciler.rehearsal import played


class End(enum.Enum):
    """How a change ends on one target, or on all: from best to worst."""

    UNTOUCHED = "unchanged"
    SUCCEEDS = "would succeed"
    HELD = "would be held"
    REVERTED = "would fail and be reverted"
    FAILS = "would fail, and nothing is reverted"
    UNKNOWN = "cannot tell"

    @property
    def good(self) -> bool:
        return self in (End.UNTOUCHED, End.SUCCEEDS)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`seconds`: virtual, from the commit being seen until nothing is left to do; what is held has no end."""

    end: End
    because: str
    seconds: float = 0.0


WAITS = (outcomes.HoldReason.SOURCE_UNAVAILABLE,)
K = records.EventKind


def of(target: played.Played) -> Verdict:
    """The verdict on one target. What failed for certain has failed, whatever else cannot be told."""
    found = _seen(target)
    if target.blind and (found.end.good or (found.end is End.HELD and _waits(target))):
        because = "; ".join(target.blind)
        return Verdict(End.UNKNOWN, because, found.seconds)
    return found


def overall(rehearsal: played.Rehearsal) -> End:
    """The worst of all; not known is not passed, but what fails for certain fails."""
    if rehearsal.troubles:
        return End.UNKNOWN
    ends = [of(target).end for target in rehearsal.played]
    for worst in (End.FAILS, End.REVERTED):
        if worst in ends:
            return worst
    for end in (End.UNKNOWN, End.HELD, End.SUCCEEDS):
        if end in ends:
            return end
    return End.UNTOUCHED


def _seen(target: played.Played) -> Verdict:
    before, after = target.before, target.after
    if before.hold or (before.last_good is None and before.outcome is not None):
        because = before.hold.because if before.hold else before.because
        return Verdict(End.UNKNOWN, f"at the base it does not come to rest well: {because}")
    seconds = target.moments[-1].at if target.moments else 0.0
    if failure := _last(target, K.ROLLOUT_FAILED):
        if after.outcome is outcomes.Outcome.FAILED or not _last(target, K.REVERTED):
            because = after.hold.because if after.hold else failure.event.because
            return Verdict(End.FAILS, because, seconds)
        return Verdict(End.REVERTED, failure.event.because, _last_at(target, K.REVERTED, K.REVERT_PUSHED, K.PINNED))
    if after.hold:
        return Verdict(End.HELD, f"{after.hold.reason.value}: {after.hold.because}", seconds)
    if rolled := _last(target, K.ROLLED_OUT):
        return Verdict(End.SUCCEEDS, rolled.event.because, rolled.at)
    if after.outcome is outcomes.Outcome.UNCHANGED:
        return Verdict(End.UNTOUCHED, after.because)
    return Verdict(End.UNKNOWN, f"it did not come to rest in time: {after.because}", seconds)


def _waits(target: played.Played) -> bool:
    """Whether the hold is one that the missing knowledge may have brought."""
    hold = target.after.hold
    return hold is not None and hold.reason in (outcomes.HoldReason.UNPROVEN, outcomes.HoldReason.WORLD)


def _last(target: played.Played, kind: records.EventKind) -> played.Moment | None:
    return next((moment for moment in reversed(target.moments) if moment.event.kind is kind), None)


def _last_at(target: played.Played, *kinds: records.EventKind) -> float:
    return max((moment.at for moment in target.moments if moment.event.kind in kinds), default=0.0)
