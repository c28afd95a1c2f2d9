"""Hooks of a rollout: what is due, how the one in turn does, and what a plan shows of them.

A hook's object is recognised by its inventory row: by the rollout that made it and by its UID. So a start after a
crash goes on waiting for the Job that it finds, and makes none where one has run already.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from reconciler import errors, ports
from reconciler.model import health, hooks, ids, live, manifests, outcomes, plans, records, rollouts, targets
from reconciler.pipeline import heads, planning, watching, world
from reconciler.plan import fold, left, ownership, survey, waves
from reconciler.rollout import commands
from reconciler.rollout import hooks as machine
from reconciler.verify import family, judgement, objects
from reconciler.verify import hooks as verify


@dataclass(frozen=True, slots=True)
class Planned:
    """What a plan shows of the hooks, and why they cannot be run."""

    shown: tuple[tuple[str, plans.Change], ...] = ()
    holds: tuple[outcomes.Hold, ...] = ()


class Hooking:
    def __init__(self, here: world.World, its_watching: watching.Watching) -> None:
        self._here = here
        self._watching = its_watching

    async def look(
        self, rollout: rollouts.Rollout, agenda: machine.Agenda, target: targets.Target
    ) -> tuple[machine.Seen, outcomes.Hold | None]:
        """The facts of the stage that the rollout is in, or why the hook in turn may not be made."""
        here, key = self._here, rollout.target
        rows = {row.key: row for row in await here.journal.inventory(key)}
        todo = machine.left(rollout, agenda, rollout.phase)
        if not todo:
            return machine.Seen(leaving=await self._leaving(rollout, agenda, rows.values())), None
        hook = todo[0]
        try:
            await self._watching.follow(key, manifests.ManifestSet((hook,)))
            found, row = await here.cluster_of(key).read(hook.key), rows.get(hook.key)
        except (errors.Terminal, errors.Forbidden) as error:  # its kind is not served, or we may not read it
            if rollout.phase is not rollouts.Phase.FAILING:
                raise
            return machine.Seen(), outcomes.Hold(outcomes.HoldReason.REFUSED, str(error))
        if found is not None:
            installation = here.journal.installation
            if hold := ownership.objection(found.meta, row, target=key, installation=installation):
                return machine.Seen(), hold
        elif row is not None and _past(row, rollout):
            # Forgotten first, so that the row of the next apply says which rollout made the new object.
            await here.journal.adopt_rows(key, (), forget=[row.key], epoch=here.epoch)
            row = None
        does = await self._health(hook, found, rollout, target.verification)
        sent = left.overlay(hook, found)
        return machine.Seen(machine.Look(sent, found.meta if found else None, row, does)), None

    async def _health(
        self,
        hook: manifests.Manifest,
        found: live.LiveObject | None,
        rollout: rollouts.Rollout,
        verification: targets.Verification,
    ) -> health.Health:
        """By the object just read and, as far as they are followed, its pods."""
        try:
            followed = dict(self._watching.live(rollout.target))
        except errors.Transient as error:
            return health.Health(hook.key, health.State.UNKNOWN, str(error))
        followed.pop(hook.key, None)
        if found is not None:
            followed[hook.key] = found
        patience = judgement.Patience(
            verification.restarts, rollout.spent, verification.progress_deadline, observing=False
        )
        asked = objects.NOTHING_ASKED
        if found is not None and (check := verification.check_of(hook.key.kind_key)):
            answer = await self._here.expressions.evaluate(check, found)
            asked = objects.Asked(frozenset({check.kind}), {hook.key: answer})
        body = found.document() if found else None
        return verify.assess(hook, body, relatives=family.Family(followed), patience=patience, asked=asked)

    async def _leaving(
        self, rollout: rollouts.Rollout, agenda: machine.Agenda, rows: Iterable[records.InventoryRow]
    ) -> tuple[plans.Change, ...]:
        """Objects of hooks that go at the end of a stage: of its own that succeeded, or of any that failed."""
        failing = rollout.phase is rollouts.Phase.FAILING
        removal = hooks.Removal.FAILED if failing else hooks.Removal.SUCCEEDED
        ran = {run.uid for run in rollout.ran}
        stage = agenda.all if failing else tuple((rollout.phase, hook) for hook in agenda.of(rollout.phase))
        keys = {hook.key for _, hook in stage if hook.hook and removal in hook.hook.removals}
        going = []
        for row in rows:
            if row.key in keys and row.rollout == rollout.id and row.uid and (row.uid in ran) is not failing:
                found = await self._here.cluster_of(rollout.target).read(row.key)
                if found and found.meta.uid == row.uid and not found.meta.deleting:
                    because = f"its delete policy is {removal.value}"
                    going.append(plans.Change(plans.Action.PRUNED, row.key, because, uid=row.uid, live=found.meta))
        return tuple(going)


def agenda(ledger: records.Ledger, wanted: manifests.ManifestSet, purpose: rollouts.Purpose) -> machine.Agenda:
    """The hooks of a rollout of `wanted`. The first installation is what comes before anything was good here; what
    is good already has had its hooks."""
    good = ledger.last_good
    if purpose is rollouts.Purpose.RELEASE and good is not None and good.manifest_digest == wanted.digest:
        return machine.Agenda()
    return machine.agenda(wanted, purpose, first=ledger.last_good is None)


async def planned(
    cluster: ports.Cluster,
    head: heads.Prepared,
    wanted: manifests.ManifestSet,
    *,
    ledger: records.Ledger,
    rows: Sequence[records.InventoryRow],
    installation: str,
) -> Planned:
    """What a release of `wanted` would run. A hook that the server refuses holds the release before its first write;
    one whose name an earlier run still has, or whose namespace or kind comes before it, cannot be asked about."""
    due = agenda(ledger, wanted, rollouts.Purpose.RELEASE).all
    known = {row.key: row for row in rows}
    unserved = await planning.not_served(cluster, {hook.key.kind_key for _, hook in due}) if due else frozenset()
    shown, holds = [], []
    for place, (phase, hook) in enumerate(due):
        row, key = known.get(hook.key), head.target.key
        before = waves.made((*_written_before(phase, hook, wanted.kept), *(earlier for _, earlier in due[:place])))
        answer: plans.Change | outcomes.Hold
        if hook.key.kind_key in unserved:
            answer, before = _unknown_kind(hook), replace(before, namespaces=frozenset())
        else:
            answer = await _planned(cluster, hook, row, target=key, installation=installation)
            before = replace(before, kinds=frozenset())  # what is served can be asked about
        if isinstance(answer, plans.Change):
            shown.append((machine.WORDS[phase], answer))
        elif unknown := before.holds_up(hook.key):
            shown.append((machine.WORDS[phase], fold.later(hook, unknown)))
        else:
            holds.append(answer)
    return Planned(tuple(shown), tuple(holds))


def _written_before(
    phase: rollouts.Phase, hook: manifests.Manifest, kept: manifests.ManifestSet
) -> tuple[manifests.Manifest, ...]:
    """The objects that are written when the hook's turn comes: those of its own wave are, and all once it is over."""
    match phase:
        case rollouts.Phase.BEFORE:
            return ()
        case rollouts.Phase.DURING:
            places = waves.places(kept.manifests)
            return tuple(one for one in kept.manifests if places[one.key].wave <= hook.wave)
        case _:
            return kept.manifests


def _unknown_kind(hook: manifests.Manifest) -> outcomes.Hold:
    because = (
        f"{hook.key} ({hook.origin}): the cluster does not serve {hook.key.kind_key}; where this release brings its "
        "definition, make that a hook of a lower weight"
    )
    return outcomes.Hold(outcomes.HoldReason.REFUSED, because)


async def _planned(
    cluster: ports.Cluster,
    hook: manifests.Manifest,
    row: records.InventoryRow | None,
    *,
    target: ids.TargetKey,
    installation: str,
) -> plans.Change | outcomes.Hold:
    """What is done to one hook's object."""
    found = await cluster.read(hook.key)
    if found is not None:
        if hold := ownership.objection(found.meta, row, target=target, installation=installation):
            return hold
        action = plans.Action.REPLACED if hook.key.kind_key in hooks.RUNS else plans.Action.CONFIGURED
        unknown = "an earlier run has its name"
        return plans.Change(
            action, hook.key, "it is a hook", hook, uid=found.meta.uid, live=found.meta, unknown=unknown
        )
    reply = await cluster.dry_run(left.overlay(hook, None), force=False)
    if isinstance(reply, live.Applied):
        return plans.Change(plans.Action.CREATED, hook.key, "it is a hook", hook)
    refused = fold.refused(survey.Look(hook, None, ""), None, reply, sent=hook)
    if isinstance(refused, outcomes.Hold) and reply.why is live.Why.NO_NAMESPACE:
        because = f"{refused.because}; where this release brings the namespace, make it a hook of a lower weight"
        return outcomes.Hold(refused.reason, because)
    return refused


def _past(row: records.InventoryRow, rollout: rollouts.Rollout) -> bool:
    """Whether a row whose object is gone is of an earlier run."""
    return row.rollout != rollout.id or any(run.uid == row.uid for run in rollout.ran if row.uid)


def passed(rollout: rollouts.Rollout, command: commands.Apply, hold: outcomes.Hold) -> commands.Ran | None:
    """What follows in place of `hold` where the server has refused a hook that the way back waits for."""
    hook = command.changes[0].manifest
    return machine.refused(rollout, hook, hold.because) if hook else None
