"""How a rollout ended, read from the ledgers before and after: one row of the journal's list of rollouts."""

import enum
from dataclasses import dataclass

from reconciler.model import records, rollouts


class End(enum.Enum):
    """The last word about one rollout."""

    DONE = "done"
    FAILED = "failed"
    HELD = "held"  # ended without a verdict: the hold says why
    PREEMPTED = "pre-empted"  # another rollout took its place


@dataclass(frozen=True, slots=True)
class Ended:
    """A rollout that the newer ledger no longer carries on."""

    rollout: str
    end: End
    because: str


def ended(old: records.Ledger, new: records.Ledger) -> Ended | None:
    """The rollout under way in `old` that is over in `new`, or None."""
    rollout, after = old.rollout, new.rollout
    if rollout is None or rollout.phase is rollouts.Phase.ENDED:
        return None
    replaced = after is not None and after.id != rollout.id
    if after is not None and not replaced and after.phase is not rollouts.Phase.ENDED:
        return None
    end, because = _verdict(rollout, new=new, replaced=replaced)
    return Ended(rollout.id, end, because)


def _verdict(rollout: rollouts.Rollout, *, new: records.Ledger, replaced: bool) -> tuple[End, str]:
    """Failure comes first: the revert that answers a failed rollout takes its place, yet pre-empts nothing."""
    quarantine = new.quarantine_of(rollout.input_digest)
    if quarantine is not None:
        return End.FAILED, quarantine.because
    if new.stopped and rollout.purpose is rollouts.Purpose.REVERT:
        return End.FAILED, new.stopped
    if replaced and new.rollout is not None:
        return End.PREEMPTED, new.rollout.because
    if new.hold is not None:
        return End.HELD, new.hold.because
    return End.DONE, new.because
