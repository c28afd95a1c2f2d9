"""What a target record, the marks of live objects and Git still tell of a target whose journal was lost."""

from collections.abc import Iterable, Mapping, Sequence

from reconciler.model import ids, live, records

FORGOTTEN = "the target record has it in quarantine; the journal that knew why was lost"


def ledger(
    record: records.TargetRecord,
    *,
    before: records.Ledger,
    goods: Mapping[str, records.Good],
    revisions: Mapping[str, str],
    at: str,
) -> records.Ledger:
    """The target's ledger by its record, which is newer than the ledger `before` (of a backup, or empty).

    `goods` and `revisions` say of input digests what Git has for them. What was applied last is not known: the next
    pass finds out from what is live. Whatever was under way, confirmed or owed is dropped: it may be done already, and
    a revert commit must not be made twice (I22).
    """
    known = {found.input_digest: found for found in before.quarantined}
    quarantined = tuple(
        known.get(digest) or records.Quarantine(digest, revisions.get(digest, ""), FORGOTTEN, at)
        for digest in record.quarantined
    )
    good = goods.get(record.last_good)
    past = (before.last_good, *before.earlier) if before.last_good else before.earlier
    earlier = tuple(found for found in past if found.input_digest != record.last_good)
    return records.Ledger(
        target=record.target,
        last_good=good,
        earlier=earlier[: records.EARLIER],
        quarantined=quarantined,
        pause=record.pause,
        stopped=record.stopped,
        deployed=record.deployed or (good.revision if good else ""),
        because="rebuilt from its target record",
        since=at,
    )


def inventory(
    before: Sequence[records.InventoryRow], marked: Iterable[live.LiveMeta]
) -> tuple[records.InventoryRow, ...]:
    """Rows of a target: those of a backup that still fit, and one for each further object that carries its mark.

    A new row has no manifest digest: the next plan looks at the object before it believes that it is as wanted. A row
    whose object carries no mark any more stays: planning knows what that means.
    """
    rows = {row.key: row for row in before}
    for meta in marked:
        known = rows.get(meta.key)
        if known is None or known.uid != meta.uid:
            rows[meta.key] = records.InventoryRow(meta.key, meta.uid, "", meta.entry, meta.resource_version, "")
    return tuple(rows[key] for key in sorted(rows))


def whose(ours: str, *, fresh: bool, seen: Mapping[str, Sequence[ids.TargetKey]], asked: str) -> tuple[str, str]:
    """Which installation the journal is rebuilt for, and '', or '' and why that cannot be said.

    `seen`: whose records and marks the clusters hold for targets that are configured here. `fresh`: the journal has
    made nothing yet. `asked`: the installation that a person names. Nothing foreign is taken over silently: another
    reconciler may live and work under that name.
    """
    told = "; ".join(f"{found}: {', '.join(map(str, targets))}" for found, targets in sorted(seen.items()))
    if asked and asked not in seen:
        return "", f"no target record and no mark names installation {asked}; there are: {told or 'none'}"
    if asked and asked != ours and not fresh:
        return "", (
            f"this journal is of installation {ours} and has made objects itself: it cannot become {asked}. Move it"
            " away and rebuild a new one"
        )
    if asked or ours in seen:
        return asked or ours, ""
    if not seen:
        return "", "the clusters hold no target record and no mark for a configured target: there is nothing to rebuild"
    if not fresh:
        return "", f"the clusters hold records and marks of other installations only ({told}); this is {ours}"
    others = "another installation" if len(seen) == 1 else "other installations"
    those = next(iter(seen)) if len(seen) == 1 else "and its name"
    return "", (
        f"the clusters know these targets by {others} ({told}). If one was this reconciler before its journal was lost,"
        f" and no other one works under that name, repeat the command with --installation {those}"
    )
