"""Drift from metadata alone: our own Apply entry in managedFields changes exactly when somebody takes or alters a
field of ours. Status writes and foreign additions leave it alone.
https://kubernetes.io/docs/reference/using-api/server-side-apply/"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciler.model import live, plans, records

NAMED = 3
"""Fields that a sentence names before it counts the rest."""


def suspicious(row: records.InventoryRow, meta: live.LiveMeta | None) -> str:
    """Why the object deserves a plan, as a sentence; '' when nothing of ours can have changed.

    `meta` is what a watch saw, None when the object is gone. A pending row (uid '') is never suspicious: the pass
    that wrote it is still at work, or the next one reads what became of it.
    """
    if not row.uid:
        return ""
    if meta is None:
        return "it was deleted"
    if not newer(meta, row):
        return ""
    if meta.uid != row.uid:
        return "it was replaced by another object of the same name"
    if meta.deleting:
        return "it is being deleted"
    if not meta.entry:
        return "the record of the fields we own is gone from it"
    if meta.entry != row.entry:
        return "fields of ours were changed or taken by another manager"
    if row.drifted:
        # Once a field is lost our entry is blind to further edits of it, so any change may be one (gap iii).
        return "it changed again before it was healed"
    return ""


def newer(meta: live.LiveMeta, row: records.InventoryRow | live.LiveMeta) -> bool:
    """Whether `meta` is of a later write than the row, or than what a watch has shown. Resource versions of one
    resource compare as integers; where a server (an aggregated one) gives others, only equality is known, and what is
    not known counts as newer."""
    seen, known = meta.resource_version, row.resource_version
    if seen.isdecimal() and known.isdecimal():
        return int(seen) > int(known)
    return seen != known


def older(meta: live.LiveMeta, row: records.InventoryRow) -> bool:
    """Whether `meta` is of an earlier write than the row; False where that cannot be known."""
    seen, known = meta.resource_version, row.resource_version
    return seen.isdecimal() and known.isdecimal() and int(seen) < int(known)


def told(plan: plans.Plan, *, healing: bool) -> str:
    """What drifted, in a sentence: the first object with the paths of its fields, and how many more there are; with
    what `healing` will do about it. No values: who edited past Git may have typed a secret where none is expected."""
    first, *others = plan.writes
    paths = [change.path for change in first.fields]
    rest = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    where = f" in {', '.join(paths[:NAMED])}{rest}" if paths else ""
    why = f": {first.because}" if healing or not paths else ""
    more = f" (and {len(others)} more)" if others else ""
    return f"drift: {first.key} differs from Git{where}{why}{more}"


@dataclass(frozen=True, slots=True)
class Tolerated:
    """Drift that is left as it is. `because` is '' when all values are as wanted (only who owns them is not); `rows`
    are to be remembered; `news`: not all of it was known before."""

    because: str
    rows: tuple[records.InventoryRow, ...]
    news: bool


def tolerated(plan: plans.Plan, rows: Sequence[records.InventoryRow]) -> Tolerated:
    """What to say and to remember of the drift in `plan`, where it is only reported.

    A row takes the live fingerprint, so that the same drift is not news again, and is `drifted`, so that what comes
    on top of a lost field is seen. A row whose values are as wanted again takes none: whatever its field becomes next
    is news. A deleted object keeps its own.
    """
    found, news = [], False
    writes = {change.key: change for change in plan.writes}
    for row in rows:
        change = writes.get(row.key)
        if change is None or change.action is plans.Action.PRUNED:
            continue
        entry = row.entry if change.live is None else change.live.entry if change.fields else ""
        if not row.drifted or row.entry != entry:
            found.append(replace(row, entry=entry, drifted=True))
            news = news or _differs(change)
    differing = tuple(change for change in plan.writes if _differs(change))
    because = told(replace(plan, waves=(differing,), prunes=()), healing=False) if differing else ""
    return Tolerated(because, tuple(found), news)


def _differs(change: plans.Change) -> bool:
    return bool(change.fields) or change.action is not plans.Action.CONFIGURED
