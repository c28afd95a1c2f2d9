"""What a rehearsal may have heard."""

from reconciler.model import ids, outcomes, records
from reconciler.pipeline import previewing
from reconciler.rehearsal import played

WEB = ids.TargetKey("production", "web")
AT = "2026-01-01T10:00:00.000Z"
BASE, CHANGE = "a" * 40, "b" * 40
GOOD = records.Good(BASE, "inputs-a", "manifests-a", AT)
WELL = records.Ledger(WEB, last_good=GOOD, outcome=outcomes.Outcome.UNCHANGED, because="in sync")
K = records.EventKind


def moments(*heard: tuple[float, records.EventKind, str]) -> tuple[played.Moment, ...]:
    return tuple(played.Moment(at, records.Event(kind, AT, because, WEB)) for at, kind, because in heard)


def target(
    *heard: tuple[float, records.EventKind, str],
    before: records.Ledger = WELL,
    after: records.Ledger = WELL,
    blind: tuple[str, ...] = (),
) -> played.Played:
    return played.Played(previewing.Preview(WEB, CHANGE, None), before, after, moments(*heard), blind)


def rehearsal(*targets: played.Played, troubles: tuple[str, ...] = ()) -> played.Rehearsal:
    return played.Rehearsal(BASE, CHANGE, "fix", targets, troubles=troubles)
