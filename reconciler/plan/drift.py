"""Drift from metadata alone: our own Apply entry in managedFields changes exactly when somebody takes or alters a
field of ours (reference/api-server-facts.md §2). Status writes and foreign additions leave it alone."""

from reconciler.model import live, records


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


def newer(meta: live.LiveMeta, row: records.InventoryRow) -> bool:
    """Whether `meta` is of a later write than the row. Resource versions of one resource compare as integers; where
    a server (an aggregated one) gives others, only equality is known, and what is not known counts as newer."""
    seen, known = meta.resource_version, row.resource_version
    if seen.isdecimal() and known.isdecimal():
        return int(seen) > int(known)
    return seen != known


def older(meta: live.LiveMeta, row: records.InventoryRow) -> bool:
    """Whether `meta` is of an earlier write than the row; False where that cannot be known."""
    seen, known = meta.resource_version, row.resource_version
    return seen.isdecimal() and known.isdecimal() and int(seen) < int(known)
