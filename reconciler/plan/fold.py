"""A dry-run's answer beside the live object: what would change, or why it cannot."""

from collections.abc import Mapping
from dataclasses import replace

from reconciler.model import document, ids, live, manifests, outcomes, plans, records
from reconciler.plan import diff, left, managed, prune, survey

AGAIN = frozenset({live.Why.STALE, live.Why.UID_CHANGED})
"""Refusals that mean nothing but "it changed while we looked": look again."""

BEING_DELETED = "it is being deleted{lingering}; applied again once it is gone"


def answered(
    look: survey.Look,
    before: live.LiveObject | None,
    reply: live.Applied,
    *,
    sent: manifests.Manifest,
    forced: str = "",
    note: str = "",
) -> plans.Change:
    """The change that a successful dry-run shows. `before` is the live object it ran on, `forced` the reason why the
    dry-run was forced, `note` what was altered in `sent`.

    Equal content is not enough for "unchanged": when a field was edited and set back, we own it no more, and would
    not hear of its next edit. One write of the same values takes it back. The time of our record alone is no reason to
    write: the server renews it where another record has the same second, as on a ValidatingAdmissionPolicy whose status
    is noted right after it was made. https://kubernetes.io/docs/reference/using-api/server-side-apply/
    """
    if before is None:
        because = _sentence("it does not exist", note)
        return plans.Change(plans.Action.CREATED, look.manifest.key, because, manifest=sent)
    was_whole, will_whole = before.document(), reply.live.document()
    was, will = diff.comparable(was_whole), diff.comparable(will_whole)
    same = document.encode(was) == document.encode(will)
    if same and (
        before.meta.entry == reply.live.meta.entry or managed.ours(was_whole) == managed.ours(will_whole) != {}
    ):
        change = survey.unchanged(look.manifest, before.meta)
        return replace(change, because=_sentence(change.because, note))
    why = "the values are as wanted, the record of the fields we own is not" if same else _because(look)
    return plans.Change(
        plans.Action.CONFIGURED,
        look.manifest.key,
        _sentence(why, forced, note),
        manifest=sent,
        uid=before.meta.uid,
        live=before.meta,
        fields=() if same else diff.fields(look.manifest.key, was, will),
        force=bool(forced),
    )


def refused(
    look: survey.Look, before: live.LiveObject | None, reply: live.Refused, *, sent: manifests.Manifest
) -> plans.Change | outcomes.Hold:
    """What a refused dry-run means: wait, cannot tell, or hold with the server's own words. Neither an ownership
    conflict (see forcing.py) nor one of `AGAIN` comes here."""
    if reply.why is live.Why.TERMINATING:
        if before:
            return waiting(before.meta)
        because = f"its namespace is being deleted: {reply.message}"
        return plans.Change(plans.Action.SKIPPED, look.manifest.key, because)
    if reply.why is live.Why.NO_DRY_RUN:
        action = plans.Action.CONFIGURED if before else plans.Action.CREATED
        return plans.Change(
            action,
            look.manifest.key,
            _because(look) if before else "it does not exist",
            manifest=sent,
            uid=before.meta.uid if before else "",
            live=before.meta if before else None,
            unknown=reply.message,
        )
    because = f"{look.manifest.key} ({look.manifest.origin}): {reply.message}"
    missing = reply.why is live.Why.NO_RIGHT
    return outcomes.Hold(outcomes.HoldReason.RIGHTS_MISSING if missing else outcomes.HoldReason.REFUSED, because)


def handed(change: plans.Change, takers: Mapping[ids.ObjectKey, plans.Taker]) -> plans.Change:
    """What another target takes over, or may take over, is not pruned: the rollout waits for that."""
    if not change.action.writes or change.key not in takers:
        return change
    taker = takers[change.key]
    unknown = "" if taker.known else taker.because
    return replace(change, action=plans.Action.SKIPPED, because=taker.because, awaited=True, unknown=unknown)


def left_to(owner: ids.TargetKey, manifest: manifests.Manifest, *, meta: live.LiveMeta | None) -> plans.Change:
    """What a return would bring back and another target has by now: neither written nor waited for."""
    because = f"{owner} has it now; a return leaves it there"
    uid = meta.uid if meta else ""
    return plans.Change(plans.Action.UNCHANGED, manifest.key, because, manifest=manifest, uid=uid, live=meta)


def taken(
    found: plans.Change | outcomes.Hold | None, before: live.LiveObject | None, *, target: ids.TargetKey
) -> plans.Change | outcomes.Hold | None:
    """A change of another target's object is a change of hands, whatever else it is."""
    owner = before.meta.owner() if before else None
    if not isinstance(found, plans.Change) or owner is None or owner.target == target:
        return found
    if found.action is not plans.Action.CONFIGURED:
        return found
    because = f"it changes hands from {owner.target}, which renders it no more"
    return replace(found, action=plans.Action.ADOPTED, because=because)


def later(manifest: manifests.Manifest, unknown: str) -> plans.Change:
    """An object that cannot be dry-run before an earlier wave of the same plan."""
    whole = left.overlay(manifest, None)
    return plans.Change(plans.Action.CREATED, manifest.key, "it does not exist", manifest=whole, unknown=unknown)


def not_yet(manifest: manifests.Manifest) -> plans.Change:
    """An object whose definition was applied and is not served yet: Established comes within seconds, and discovery
    after it (facts §11)."""
    because = "its definition was applied, and the server does not serve it yet"
    return plans.Change(plans.Action.SKIPPED, manifest.key, because, manifest=manifest)


def waiting(meta: live.LiveMeta) -> plans.Change:
    """A live object on its way out: an apply would be accepted, and lost with it (facts §5)."""
    because = BEING_DELETED.format(lingering=prune.lingering(meta))
    return plans.Change(plans.Action.SKIPPED, meta.key, because, uid=meta.uid, live=meta)


def learnt(look: survey.Look, meta: live.LiveMeta) -> records.InventoryRow:
    """The inventory row of an object found as wanted: from here on it costs no call.

    It carries the digest of the manifest as rendered, also where replicas were left to an autoscaler: live satisfies
    exactly that manifest, and the next survey compares with it.
    """
    rollout = look.row.rollout if look.row else ""
    return records.InventoryRow(
        meta.key, meta.uid, look.manifest.digest, meta.entry, meta.resource_version, rollout=rollout
    )


def _because(look: survey.Look) -> str:
    return "it is ours, and not in the inventory" if look.row is None else look.because


def _sentence(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
