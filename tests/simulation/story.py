"""What happened in one run, in order: read by people when it fails, and by the invariants."""

import hashlib
from dataclasses import dataclass, field, replace

from reconciler import ports
from reconciler.model import ids, manifests, records
from reconciler.sandbox import clock as clocks


@dataclass(frozen=True, slots=True)
class Written:
    """One ledger as it was recorded, with the events beside it, and when (monotonic seconds since the start)."""

    at: float
    ledger: records.Ledger
    events: tuple[records.Event, ...]
    process: int


@dataclass(frozen=True, slots=True)
class Called:
    """One counted call that reached the cluster. `intent`: what the journal had for it at that moment, as (verb,
    subject, manifest digest, epoch, rollout, result); None when nothing."""

    at: float
    process: int
    operation: str
    verb: records.Verb
    key: ids.ObjectKey
    digest: str
    force: bool
    intent: tuple[str, str, str, int, str, str | None] | None
    newest_epoch: int
    version_before: str
    version_after: str
    mark_before: str
    uid: str
    uid_before: str
    foreign: str
    """The Apply manager whose field a forced apply would take; ''."""


def _timeless(ledger: records.Ledger) -> records.Ledger:
    """Without the seconds that a waiting rollout counts."""
    rollout = ledger.rollout
    return replace(ledger, rollout=replace(rollout, clock=0.0, spent=0.0, blind=0.0)) if rollout else ledger


@dataclass(slots=True)
class Story:
    clock: ports.Clock
    lines: list[str] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    newest: dict[ids.TargetKey, records.Ledger] = field(default_factory=dict)
    sent: dict[ids.ObjectKey, list[manifests.Manifest]] = field(default_factory=dict)
    """What was applied, oldest first."""
    called: list[Called] = field(default_factory=list)
    changes: int = 0
    """How many of `written` say more than how long something waits."""
    complaints: list[str] = field(default_factory=list)
    """Broken invariants, found on the way or at the end."""

    def now(self) -> float:
        return self.clock.monotonic() - clocks.START

    def write(self, written: Written) -> None:
        self.written.append(written)
        before = self.newest.get(written.ledger.target)
        self.changes += bool(written.events) or before is None or _timeless(before) != _timeless(written.ledger)
        self.newest[written.ledger.target] = written.ledger

    def tell(self, line: str) -> None:
        self.lines.append(f"{self.now():9.3f}  {line}")

    def complain(self, invariant: str, because: str) -> None:
        self.tell(f"!! {invariant}: {because}")
        self.complaints.append(f"{invariant}: {because}")

    def digest(self) -> str:
        """Equal exactly when the same happened."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()[:16]
