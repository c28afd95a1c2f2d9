"""How a rollout ended, read from the write that ended it: one row of the journal's list of rollouts."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model import records, rollouts


class End(enum.Enum):
    """The last word about one rollout."""

    DONE = "done"
    FAILED = "failed"
    PREEMPTED = "pre-empted"  # something newer took its place
    DROPPED = "dropped"  # ended without a verdict: `because` is the hold's, or the pass's


_SAYS = {
    records.EventKind.ROLLED_OUT: End.DONE,
    records.EventKind.REVERTED: End.DONE,
    records.EventKind.DRIFT_HEALED: End.DONE,
    records.EventKind.ROLLOUT_FAILED: End.FAILED,
    records.EventKind.REVERT_FAILED: End.FAILED,
    records.EventKind.PREEMPTED: End.PREEMPTED,
}


@dataclass(frozen=True, slots=True)
class Ended:
    """A rollout that the newer ledger no longer carries on."""

    rollout: str
    end: End
    because: str


def ended(old: records.Ledger, new: records.Ledger, *, events: Sequence[records.Event]) -> Ended | None:
    """The rollout under way in `old` that is over in `new`, or None. `events`: what is recorded with `new`; the first
    of them that ends a rollout says how."""
    rollout, after = old.rollout, new.rollout
    if rollout is None or rollout.phase is rollouts.Phase.ENDED:
        return None
    if after is not None and after.id == rollout.id and after.phase is not rollouts.Phase.ENDED:
        return None
    for event in events:
        if end := _SAYS.get(event.kind):
            return Ended(rollout.id, end, event.because)
    return Ended(rollout.id, End.DROPPED, new.hold.because if new.hold else new.because)
