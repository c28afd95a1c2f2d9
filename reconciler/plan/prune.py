"""What leaves the cluster: only what we made, know by its UID, and still carries our mark (I7)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler import kinds
from reconciler.model import ids, live, plans, records


@dataclass(frozen=True, slots=True)
class Pruning:
    """`forget` are rows that are not ours to keep any more; `notes` says why of each that still exists."""

    prunes: tuple[plans.Change, ...] = ()
    forget: tuple[ids.ObjectKey, ...] = ()
    notes: tuple[str, ...] = ()


def leftovers(
    rows: Iterable[records.InventoryRow],
    metas: Mapping[ids.ObjectKey, live.LiveMeta | None],
    *,
    target: ids.TargetKey,
    installation: str,
    spare_protected: bool = False,
    orphan: bool = False,
    unknown: Mapping[ids.ObjectKey, str] | None = None,
) -> Pruning:
    """Decide on inventory rows that the manifest set no longer has, in reverse order of their waves and kinds.

    `metas` holds live metadata, None only where the object is known to be absent; `unknown` says why of those that
    could not be looked at: unknown is not absent, they stay (I6). `spare_protected`: keep protected kinds and say so,
    as a revert does (E2), which neither deletes what was there before the release took it over. `orphan`:
    everything is given up instead.
    """
    prunes: list[plans.Change] = []
    forget: list[ids.ObjectKey] = []
    notes: list[str] = []
    waves = {key: meta.wave for key, meta in metas.items() if meta}
    for row in sorted(rows, key=lambda row: (waves.get(row.key, 0), kinds.sorting(row.key)), reverse=True):
        if unknown and row.key in unknown:
            prunes.append(plans.Change(plans.Action.SKIPPED, row.key, unknown[row.key], uid=row.uid))
            continue
        meta = metas[row.key]
        if meta is None:
            forget.append(row.key)
        elif lost := _lost(row, meta, target=target, installation=installation):
            forget.append(row.key)
            notes.append(f"{row.key} is left alone: {lost}")
        else:
            prunes.append(_change(row, meta, spare_protected=spare_protected, orphan=orphan))
    return Pruning(tuple(prunes), tuple(forget), tuple(notes))


def _lost(row: records.InventoryRow, meta: live.LiveMeta, *, target: ids.TargetKey, installation: str) -> str:
    """Why the live object is not, or no longer, ours; '' when it is."""
    if row.uid and row.uid != meta.uid:
        return "another object has its name now"
    if meta.controlled:
        return "a controller owns it now"
    owner = meta.owner()
    if owner is None:
        return "our mark is gone from it"
    if owner.installation != installation:
        return f"it belongs to installation {owner.installation} now"
    if owner.target != target:
        return f"it belongs to {owner.target} now"
    return ""


def _change(row: records.InventoryRow, meta: live.LiveMeta, *, spare_protected: bool, orphan: bool) -> plans.Change:
    action, because = plans.Action.PRUNED, "it is no longer in Git"
    kind = kinds.of(meta.key)
    if meta.deleting:
        # The row stays until the object is gone: a delete that hangs on a finalizer is not forgotten.
        action, because = plans.Action.SKIPPED, f"it is no longer in Git, and is being deleted{lingering(meta)}"
    elif orphan:
        action, because = plans.Action.ORPHANED, "the application is orphaned: it stays, and is ours no more"
    elif meta.keep:
        action, because = plans.Action.ORPHANED, f'its annotation {ids.KEEP}: "false" leaves it where it is'
    elif spare_protected and row.rollout == records.ADOPTED:
        action, because = plans.Action.ORPHANED, "it was there before it was taken over: it stays, and is ours no more"
    elif spare_protected and row.rollout == records.HANDED:
        action, because = plans.Action.SKIPPED, "it came from another target: going back does not delete it"
    elif spare_protected and kind is not None and kind.protected:
        action, because = plans.Action.SKIPPED, f"it is no longer in Git; a revert removes no {kind.key}"
    return plans.Change(action, meta.key, because, uid=meta.uid, live=meta)


def lingering(meta: live.LiveMeta) -> str:
    """Since when an object is being deleted, and what holds it."""
    since = f" since {meta.deleting_since}" if meta.deleting_since else ""
    held = f", held by the finalizer {', '.join(meta.finalizers)}" if meta.finalizers else ""
    return f"{since}{held}"
