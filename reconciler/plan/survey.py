"""The first look: which objects are known to be as wanted without asking the server, and which need a closer look."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from reconciler.model import document, ids, live, manifests, plans, records
from reconciler.plan import drift


@dataclass(frozen=True, slots=True)
class Look:
    """One object that must be read and dry-run, and why. `row` is None when we never made it."""

    manifest: manifests.Manifest
    row: records.InventoryRow | None
    because: str


@dataclass(frozen=True, slots=True)
class Survey:
    """`settled` cost no call; `closer` costs a read and a dry-run each."""

    settled: tuple[plans.Change, ...]
    closer: tuple[Look, ...]


def survey(
    wanted: Iterable[manifests.Manifest],
    rows: Mapping[ids.ObjectKey, records.InventoryRow],
    metas: Mapping[ids.ObjectKey, live.LiveMeta | None],
    *,
    again: Container[ids.ObjectKey] = (),
) -> Survey:
    """Sort `wanted` into settled and not. `metas` holds what the watches say of each object, None: nothing there.

    `again` names objects that need a closer look whatever is known of them: their surroundings changed.
    """
    settled: list[plans.Change] = []
    closer: list[Look] = []
    for manifest in wanted:
        row, meta = rows.get(manifest.key), metas.get(manifest.key)
        if row and meta is None and _over(manifest, row):
            because = "it has run, and its time to live is over"
            settled.append(plans.Change(plans.Action.UNCHANGED, manifest.key, because, manifest, uid=row.uid))
            continue
        because = _unsettled(manifest, row, meta) or ("its autoscaler goes" if manifest.key in again else "")
        if because or meta is None:
            closer.append(Look(manifest, row, because))
        else:
            settled.append(unchanged(manifest, meta))
    return Survey(tuple(settled), tuple(closer))


def _over(manifest: manifests.Manifest, row: records.InventoryRow) -> bool:
    """A Job that its TTL removed is not missing: to make it again would be to run it twice (I3)."""
    if (manifest.key.group, manifest.key.kind) != ("batch", "Job") or row.manifest_digest != manifest.digest:
        return False
    return bool(row.uid) and document.at(manifest.document(), "spec", "ttlSecondsAfterFinished") is not None


def unchanged(manifest: manifests.Manifest, meta: live.LiveMeta) -> plans.Change:
    return plans.Change(
        plans.Action.UNCHANGED, manifest.key, "live is as wanted", manifest=manifest, uid=meta.uid, live=meta
    )


def _unsettled(manifest: manifests.Manifest, row: records.InventoryRow | None, meta: live.LiveMeta | None) -> str:
    """Why the object is not known to be as wanted; '' when it is."""
    if row is None:
        return "it is not in the inventory"
    if not row.uid:
        return "an earlier apply has no answer yet"
    if row.manifest_digest != manifest.digest:
        return "its manifest changed"
    if meta is None:
        return "the watch does not see it"
    if meta.uid != row.uid:
        return "another object has its name now"
    if meta.deleting:
        return "it is being deleted"
    if row.drifted:
        return "it has drifted"
    return drift.suspicious(row, meta)
