"""Whose a live object is: nothing is adopted silently, and nothing of another target or installation is touched."""

from reconciler.model import ids, live, outcomes, records


def objection(
    meta: live.LiveMeta, row: records.InventoryRow | None, *, target: ids.TargetKey, installation: str
) -> outcomes.Hold | None:
    """Why we may not apply over the live object; None when it is ours.

    Ours is what carries our own mark (also without a row: an apply whose answer was lost), or what the inventory
    knows by its UID (somebody removed the mark; the apply puts it back).
    """
    if meta.controlled:
        return _unmanaged(meta, "a controller owns it, so it is not ours to apply")
    owner = meta.owner()
    if owner is None:
        if row is not None and row.uid and row.uid == meta.uid:
            return None
        return _unmanaged(meta, "it exists already and was not made by this reconciler")
    if owner.installation != installation:
        because = f"{meta.key} belongs to {owner.target} of installation {owner.installation}, not to {target} of ours"
        return outcomes.Hold(outcomes.HoldReason.OTHER_OWNER, f"{because} ({installation})")
    if owner.target != target:
        because = f"{meta.key} belongs to {owner.target}, and {target} wants it as well"
        return outcomes.Hold(outcomes.HoldReason.OTHER_OWNER, because)
    return None


def _unmanaged(meta: live.LiveMeta, because: str) -> outcomes.Hold:
    return outcomes.Hold(outcomes.HoldReason.UNMANAGED, f"{meta.key}: {because}")
