"""Making a plan: look at what the watches know, ask the server about the rest, fold the answers.

What is as wanted costs no call. Nothing here writes: every request is a read or a dry-run.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from reconciler import errors, ports
from reconciler.gates import confinement
from reconciler.model import ids, live, manifests, outcomes, plans, records, rollouts, targets
from reconciler.pipeline import handing
from reconciler.plan import adopting, fold, forcing, giving, left, ownership, prune, replacing, replicas, survey, waves

ATTEMPTS = 4
"""Dry-runs of one object in one plan: as rendered, without replicas, forced, and one for a lost race."""

LOOKS = 3
"""Reads of one object in one plan, each followed by its dry-runs: somebody else's write in between is rare."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and what came with it. Where `holds` is not empty the plan shows the rest, and must not be carried out.

    `learnt` are rows for `Journal.adopt_rows` (objects found as wanted whose fingerprint was not known), `forget` the
    keys of rows whose objects are gone or no longer ours; `notes` says so, one sentence each, and what the API server
    warns of (deprecated versions, fields that mean nothing).
    """

    plan: plans.Plan
    holds: tuple[outcomes.Hold, ...] = ()
    learnt: tuple[records.InventoryRow, ...] = ()
    forget: tuple[ids.ObjectKey, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _View:
    """What the cluster holds of the objects in question. `unserved`: kinds it does not serve. `defined`: kinds whose
    definition is in the set: once that is applied the server needs a moment to serve them."""

    metas: Mapping[ids.ObjectKey, live.LiveMeta | None]
    made: waves.Made
    unserved: frozenset[ids.KindKey]
    defined: frozenset[ids.KindKey]


@dataclass(slots=True)
class _Found:
    """What the closer looks found, collected by `_Planner`."""

    changes: list[plans.Change] = field(default_factory=list)
    holds: list[outcomes.Hold] = field(default_factory=list)
    learnt: list[records.InventoryRow] = field(default_factory=list)
    forget: list[ids.ObjectKey] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


async def make(
    cluster: ports.Cluster,
    *,
    target: targets.Target,
    installation: str,
    manifest_set: manifests.ManifestSet,
    rows: Sequence[records.InventoryRow],
    purpose: rollouts.Purpose = rollouts.Purpose.RELEASE,
    hands: handing.Hands | None = None,
) -> Planned:
    """Plan `manifest_set` for `target`, whose inventory is `rows`.

    A refusal is a hold. Raises `errors.Transient` when the server cannot be asked, a watch is not in sync or an
    object changes faster than it can be planned; `errors.Terminal` when rights are missing to look at all.
    """
    if complaints := confinement.outside((manifest.key for manifest in manifest_set.manifests), target.confinement):
        return _held(target, manifest_set, outcomes.HoldReason.OUTSIDE_LIMITS, "; ".join(complaints))
    if not manifest_set.manifests and target.state is targets.State.PRESENT:
        because = f"there is no object in {target.source.path}; nothing is deleted"
        return _held(target, manifest_set, outcomes.HoldReason.EMPTY, because)
    kept = manifest_set.kept  # hooks are run by a rollout, and never healed
    view = await _look_round(cluster, kept.manifests, rows)
    planner = _Planner(cluster, target, installation, view, purpose, hands)
    pruning, released = await planner.prune(manifest_set, rows)
    await planner.apply(kept, {row.key: row for row in rows}, released=released)
    found = planner.found
    plan = waves.assemble(target.key, found.changes, wanted=manifest_set, made=view.made, prunes=pruning.prunes)
    notes = (*manifest_set.notes, *pruning.notes, *dict.fromkeys(found.warnings))
    return Planned(plan, tuple(found.holds), tuple(found.learnt), (*pruning.forget, *found.forget), notes)


def _held(target: targets.Target, wanted: manifests.ManifestSet, reason: outcomes.HoldReason, because: str) -> Planned:
    """Held before the cluster is asked anything."""
    return Planned(plans.Plan(target.key, wanted.digest, ()), (outcomes.Hold(reason, because),))


async def _look_round(
    cluster: ports.Cluster, wanted: Sequence[manifests.Manifest], rows: Sequence[records.InventoryRow]
) -> _View:
    """Open the watches that the plan needs, and take what they know."""
    openers = waves.opens(wanted)
    await cluster.watch(sorted({(opener.key.kind_key, "") for opener in openers}))
    absent = await _gathered(_read_if_unseen(cluster, opener.key) for opener in openers)
    made = waves.made(opener for opener, meta in zip(openers, absent, strict=True) if meta is None)
    keys = {manifest.key for manifest in wanted} | {row.key for row in rows}
    unserved = await not_served(cluster, {key.kind_key for key in keys} - made.kinds)
    seen = sorted(key for key in keys if key.kind_key not in unserved and not made.holds_up(key))
    await cluster.watch(sorted({(key.kind_key, key.namespace) for key in seen}))
    metas = {key: cluster.meta(key) for key in seen}
    return _View(metas, made, unserved, waves.made(openers).kinds)


async def not_served(cluster: ports.Cluster, needed: Iterable[ids.KindKey]) -> frozenset[ids.KindKey]:
    """Those of `needed` that the cluster does not serve; it is asked afresh before that is believed."""
    missing = frozenset(needed)
    for fresh in (False, True):
        facts = await cluster.facts(fresh=fresh)
        missing = frozenset(kind for kind in missing if facts.preferred(kind) is None)
        if not missing:
            break
    return missing


async def _read_if_unseen(cluster: ports.Cluster, key: ids.ObjectKey) -> live.LiveMeta | None:
    """The metadata, None only when the server itself says so: a watch may lag behind a write of ours."""
    meta = cluster.meta(key)
    found = None if meta else await cluster.read(key)
    return found.meta if found else meta


@dataclass(slots=True)
class _Planner:
    """One plan in the making."""

    cluster: ports.Cluster
    target: targets.Target
    installation: str
    view: _View
    purpose: rollouts.Purpose
    hands: handing.Hands | None
    found: _Found = field(default_factory=_Found)
    claims: Mapping[ids.ObjectKey, str] = field(default_factory=dict)
    """Of what we never made and no watch sees: who else does, '' where nobody."""

    async def prune(
        self, wanted: manifests.ManifestSet, rows: Sequence[records.InventoryRow]
    ) -> tuple[prune.Pruning, frozenset[ids.ObjectKey]]:
        """What leaves, and the workloads that lose their autoscaler by it."""
        kept = {manifest.key for manifest in wanted.manifests}
        left = [row for row in rows if row.key not in kept]
        unknown = {
            row.key: f"the cluster does not serve {row.key.kind_key} now: unknown is not absent"
            for row in left
            if row.key.kind_key in self.view.unserved
        }
        asked = [row.key for row in left if row.key not in unknown and not self.view.made.holds_up(row.key)]
        # Read, whatever the watches know: what a late one shows as ours may have changed hands, and keeps its UID (I7).
        answers = await _gathered(self.cluster.read(key) for key in asked)
        # What lies in a namespace, or is of a kind, that is yet to be created does not exist.
        metas = {row.key: None for row in left} | {key: it.meta for key, it in zip(asked, answers, strict=True) if it}
        pruning = prune.leftovers(
            left,
            metas,
            target=self.target.key,
            installation=self.installation,
            spare_protected=self.purpose is not rollouts.Purpose.RELEASE,
            orphan=self.target.state is targets.State.ORPHANED,
            unknown=unknown,
        )
        leaving = [change.key for change in pruning.prunes if change.action.writes]
        takers = await self.hands.takers(leaving) if self.hands else {}
        settled = [fold.handed(change, takers) for change in pruning.prunes]
        pruning = replace(pruning, prunes=tuple(await _gathered(self._given_up(each) for each in settled)))
        going = [change.key for change in pruning.prunes if change.action is plans.Action.PRUNED]
        autoscalers = await _gathered(self.cluster.read(key) for key in going if key.kind_key == replicas.HPA)
        scaled = {
            replicas.scaled_by(found.document(), namespace=found.meta.key.namespace) for found in autoscalers if found
        }
        return pruning, frozenset(key for key in scaled if key) - replicas.scaled_in(wanted.manifests).keys()

    async def _given_up(self, change: plans.Change) -> plans.Change:
        """With what has to be sent where the object is given up."""
        found = await self.cluster.read(change.key) if change.action is plans.Action.ORPHANED else None
        return replace(change, handover=giving.up(found)) if found else change

    async def apply(
        self,
        wanted: manifests.ManifestSet,
        rows: Mapping[ids.ObjectKey, records.InventoryRow],
        *,
        released: frozenset[ids.ObjectKey],
    ) -> None:
        """What is applied: settled from what the watches know where possible, else by a closer look each."""
        present: list[manifests.Manifest] = []
        for manifest in wanted.manifests:
            if unknown := self.view.made.holds_up(manifest.key):
                self.found.changes.append(fold.later(manifest, unknown))
            elif manifest.key.kind_key in self.view.unserved & self.view.defined:
                self.found.changes.append(fold.not_yet(manifest))
            elif manifest.key.kind_key in self.view.unserved:
                because = f"{manifest.key} ({manifest.origin}): the cluster does not serve {manifest.key.kind_key}"
                self.found.holds.append(outcomes.Hold(outcomes.HoldReason.REFUSED, because))
            else:
                present.append(manifest)
        surveyed = survey.survey(present, rows, self.view.metas, again=released)
        self.found.changes.extend(surveyed.settled)
        scaled = replicas.scaled_in(wanted.manifests)
        keys = [look.manifest.key for look in surveyed.closer if look.row is None]
        unmade = [key for key in keys if self.view.metas.get(key) is None]
        self.claims = dict.fromkeys(unmade, "") | (await self.hands.claimed(unmade) if self.hands else {})
        answers = await _gathered(self._closer(look, scaled, released=released) for look in surveyed.closer)
        self.found.holds += [answer for answer in answers if isinstance(answer, outcomes.Hold)]
        self.found.changes += [answer for answer in answers if not isinstance(answer, outcomes.Hold)]

    async def _closer(
        self, look: survey.Look, scaled: Mapping[ids.ObjectKey, str], *, released: frozenset[ids.ObjectKey]
    ) -> plans.Change | outcomes.Hold:
        """Read one object and dry-run its manifest. What cannot be read with our rights holds, by name.

        A write of somebody else between the two would look like a change of ours (the revision that its controller
        notes on a Deployment that was just edited): such a pair is not compared but taken again.
        """
        if created := await self._created(look, scaled, released=released):
            return created
        for more in reversed(range(LOOKS)):
            answer = await self._look(look, scaled, released=released, final=not more)
            if answer is not None:
                return answer
        raise errors.Transient(f"{look.manifest.key} changed while it was being planned")

    async def _created(
        self, look: survey.Look, scaled: Mapping[ids.ObjectKey, str], *, released: frozenset[ids.ObjectKey]
    ) -> plans.Change | outcomes.Hold | None:
        """What we never made and no watch sees is created: its dry-run says so by itself, without a read before. None
        when the server says anything else: it is looked at closely then."""
        if look.manifest.key not in self.claims:
            return None
        if given := await self._left_to_its_taker(look, None):
            return given
        if other := self.claims[look.manifest.key]:
            because = f"{look.manifest.key} ({look.manifest.origin}): {self.target.key} wants it as well; {other}"
            return outcomes.Hold(outcomes.HoldReason.OTHER_OWNER, because)
        whole = left.overlay(look.manifest, None)
        overlaid = replicas.overlay(whole, None, scaled=scaled, released=released)
        try:
            reply = await self.cluster.dry_run(overlaid.manifest, force=False)
        except errors.Terminal:
            return None
        if isinstance(reply, live.Applied) and reply.created:
            return self._answered(look, None, reply, overlaid=overlaid, forced="")
        return None

    async def _look(
        self,
        look: survey.Look,
        scaled: Mapping[ids.ObjectKey, str],
        *,
        released: frozenset[ids.ObjectKey],
        final: bool,
    ) -> plans.Change | outcomes.Hold | None:
        """None when the object changed between the read and the dry-run. A `final` look takes a pair that only may
        differ for that reason: an apply of what is live already does no harm."""
        try:
            before = await self.cluster.read(look.manifest.key)
            if before is not None and (given := await self._left_to_its_taker(look, before.meta)):
                return given
            if before is not None and before.meta.deleting:
                return fold.waiting(before.meta)
            if before is not None:
                objection = await self._objection(look, before.meta)
                if objection and objection.reason is outcomes.HoldReason.UNMANAGED and not before.meta.controlled:
                    return await self._adopted(look, before)
                if objection:
                    return objection
            ours = left.overlay(look.manifest, before)
            overlaid = replicas.overlay(ours, before, scaled=scaled, released=released)
            found = await self._dry_run(look, before, overlaid, released=look.manifest.key in released, final=final)
            return fold.taken(found, before, target=self.target.key)
        except errors.Terminal as error:
            return outcomes.Hold(outcomes.HoldReason.REFUSED, f"{look.manifest.key} ({look.manifest.origin}): {error}")

    async def _dry_run(
        self,
        look: survey.Look,
        before: live.LiveObject | None,
        overlaid: replicas.Overlaid,
        *,
        released: bool,
        final: bool,
    ) -> plans.Change | outcomes.Hold | None:
        """Dry-run until the ownership of every field is settled. None: look again."""
        forced = ""
        for _ in range(ATTEMPTS):
            reply = await self.cluster.dry_run(overlaid.manifest, force=bool(forced))
            if isinstance(reply, live.Applied):
                if reply.created is not (before is None):
                    return None  # it came or went between the read and the dry-run
                if before is not None and not final and _moved(before.meta, reply.live.meta):
                    return None
                return self._answered(look, before, reply, overlaid=overlaid, forced=forced)
            if reply.why in fold.AGAIN or (reply.why is live.Why.OWNERSHIP and before is None):
                return None
            if reply.why is live.Why.NO_KIND and look.manifest.key.kind_key in self.view.defined:
                return fold.not_yet(look.manifest)  # one API server of several lags behind
            if reply.why is not live.Why.OWNERSHIP:
                return await self._refused(look, before, reply, sent=overlaid.manifest)
            decision = forcing.decide(reply, released=released)
            if isinstance(decision, outcomes.Hold):
                return decision
            if isinstance(decision, forcing.HandOver):
                overlaid = replicas.without(overlaid.manifest, scaler="an autoscaler")
            else:
                forced = decision.because
        return None

    async def _objection(self, look: survey.Look, meta: live.LiveMeta) -> outcomes.Hold | None:
        """Whose it is, if not ours. Another target's object changes hands when that one has let go of it (I7)."""
        found = ownership.objection(meta, look.row, target=self.target.key, installation=self.installation)
        giver = meta.owner()
        if found is None or giver is None or giver.installation != self.installation or self.hands is None:
            return found
        why = await self.hands.keeps(giver.target, meta.key)
        return replace(found, because=f"{found.because}; {why}") if why else None

    async def _left_to_its_taker(self, look: survey.Look, meta: live.LiveMeta | None) -> plans.Change | None:
        """What has changed hands by the commit that failed here stays where it went: a return has the rest of its
        objects to bring back, and must not be held by this one. Its row goes: it is the other target's to keep."""
        if self.purpose is rollouts.Purpose.RELEASE or self.hands is None:
            return None
        key = look.manifest.key
        owner = await handing.taker(self.hands, key, meta=meta, of=self.target.key, within=self.installation)
        if owner is None:
            return None
        change = fold.left_to(owner, look.manifest, meta=meta)
        self.found.warnings.append(f"{key}: {change.because}")
        self.found.forget += [key] if look.row else []
        return change

    async def _adopted(self, look: survey.Look, before: live.LiveObject) -> plans.Change | outcomes.Hold | None:
        """Somebody else's object: taken over where Git allows it and nobody goes on applying it. None: look again."""
        its = adopting.origin(before.document())
        if refusal := adopting.refusal(before, its, self.target):
            return refusal
        if its.controller and (await self.cluster.facts()).preferred(its.controller.kind_key):
            controller = await self.cluster.read(its.controller)
            if controller and (hold := adopting.at_work(controller.document(), its, before.meta.key)):
                return hold
        sent = left.overlay(look.manifest, before)
        reply = await self.cluster.dry_run(sent, force=True)
        if isinstance(reply, live.Refused):
            return None if reply.why in fold.AGAIN else await self._refused(look, before, reply, sent=sent)
        self.found.warnings += filter(None, [adopting.note(its)])
        return adopting.change(before, its, reply, sent=sent, adopt=self.target.adopt)

    async def _refused(
        self, look: survey.Look, before: live.LiveObject | None, reply: live.Refused, *, sent: manifests.Manifest
    ) -> plans.Change | outcomes.Hold:
        """A no that nothing but the live state is the reason of is told from one to the manifest itself by a dry-run
        of the same manifest under a fresh name: the texts of both are alike."""
        fresh = replacing.probe(sent) if before is not None and reply.status == replacing.UNPROCESSABLE else None
        if before is not None and fresh is not None:
            probed = await self.cluster.dry_run(fresh, force=False)
            if isinstance(probed, live.Applied):
                return replacing.judge(look, before, reply, sent=sent, probed=probed, purpose=self.purpose)
        return fold.refused(look, before, reply, sent=sent)

    def _answered(
        self,
        look: survey.Look,
        before: live.LiveObject | None,
        reply: live.Applied,
        *,
        overlaid: replicas.Overlaid,
        forced: str,
    ) -> plans.Change:
        self.found.warnings += [f"{look.manifest.key} ({look.manifest.origin}): {text}" for text in reply.warnings]
        change = fold.answered(look, before, reply, sent=overlaid.manifest, forced=forced, note=overlaid.note)
        if change.action is plans.Action.UNCHANGED and before is not None:
            row = fold.learnt(look, before.meta)
            if row != look.row:
                self.found.learnt.append(row)
        return change


def _moved(before: live.LiveMeta, after: live.LiveMeta) -> bool:
    """Whether a dry-run ran on another state than was read: its reply carries the resource version it started from."""
    return before.resource_version != after.resource_version


async def _gathered(questions: Iterable[Awaitable[T]]) -> list[T]:
    """All answers, in order. When one fails the others are awaited all the same, so that no request outlives the
    plan; the first failure is raised."""
    answers = await asyncio.gather(*questions, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]
