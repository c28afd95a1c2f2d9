"""What a rehearsal has seen, before anybody judges it."""

from dataclasses import dataclass

from reconciler.model import ids, records
from reconciler.pipeline import previewing


@dataclass(frozen=True, slots=True)
class Moment:
    """An event, and in which virtual second after the daemon saw the change."""

    at: float
    event: records.Event


@dataclass(frozen=True, slots=True)
class Played:
    """One target. `before` and `after`: its ledger at rest, at the base and with the change."""

    preview: previewing.Preview
    before: records.Ledger
    after: records.Ledger
    moments: tuple[Moment, ...]
    blind: tuple[str, ...] = ()
    """What its health depends on and the sandbox cannot tell, one sentence each."""

    @property
    def target(self) -> ids.TargetKey:
        return self.preview.target


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """All wanted targets, sorted. `base` and `change` are commits; `ref` is how the change was called."""

    base: str
    change: str
    ref: str
    played: tuple[Played, ...]
    notes: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()
    """What kept the whole of it from being rehearsed, one sentence each."""
