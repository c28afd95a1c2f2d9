"""What would be done: a pass up to the gates, beside the daemon. Asks and dry-runs; writes nothing, not even what it
learns."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from reconciler import errors
from reconciler.gates import gates
from reconciler.model import document, ids, outcomes, plans, records, rollouts, verdicts
from reconciler.pipeline import anchoring, deciding, dependencies, handing, heads, hooking, planning, rendering, world
from reconciler.plan import present
from reconciler.source import admission, desired

NO_PLAN = "no plan"
"""In place of the counts: not known is not "no objects"."""

AT_ONCE = 8
"""Targets planned side by side: enough to hide the network, few enough for a laptop."""


@dataclass(frozen=True, slots=True)
class Preview:
    """One target's plan, or why there is none. Where `holds` is not empty the plan would not be carried out."""

    target: ids.TargetKey
    revision: str
    plan: plans.Plan | None
    holds: tuple[outcomes.Hold, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return self.plan is not None and bool(self.plan.writes or self.plan.hooks)


@dataclass(frozen=True, slots=True)
class Previews:
    """All wanted targets, sorted; `troubles`: one sentence per repository that could not be read."""

    found: tuple[Preview, ...]
    troubles: tuple[str, ...]

    @property
    def held(self) -> bool:
        return bool(self.troubles) or any(preview.holds for preview in self.found)

    @property
    def changes(self) -> bool:
        return any(preview.changes for preview in self.found)


@dataclass(frozen=True, slots=True)
class Setting:
    """What is different from a pass of the daemon."""

    elsewhere: bool = False
    """Another ref or commit than the pinned one is looked at: whether it may come is not asked."""
    lonely: bool = False
    """There is no journal: the inventory is unknown, and the installation is that of the target record."""
    unreachable: Mapping[str, str] | None = None
    """Cluster → why it could not even be connected to."""


class Previewing:
    def __init__(self, here: world.World, setting: Setting) -> None:
        self._here = here
        self._setting = setting
        self._heads = heads.Heads(here)

    async def all(self, wanted: Callable[[ids.TargetKey], bool]) -> Previews:
        """Poll the repositories, then plan every wanted target at their heads."""
        names = {its.repository for name, its in self._here.settings.environments.items()}
        await asyncio.gather(*(self._heads.poll(name) for name in names))
        troubles = ((name, self._heads.trouble(name)) for name in sorted(names))
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(key: ids.TargetKey) -> Preview:
            async with gate:
                return await self._contained(key)

        keys = [key for key in self._heads.known() if wanted(key)]
        found = await asyncio.gather(*(one(key) for key in keys))
        return Previews(
            tuple(found), tuple(f"repository {name}: {trouble.because}" for name, trouble in troubles if trouble)
        )

    async def _contained(self, key: ids.TargetKey) -> Preview:
        """What cannot be found out holds, and keeps no other target from being planned."""
        head = self._heads.of(key)
        if not isinstance(head, heads.Prepared):
            return Preview(key, head.revision if head else "", None, (head,) if head else ())
        revision = head.inputs.revision
        try:
            return await self._planned(head)
        except errors.InvalidInput as error:
            return Preview(key, revision, None, (deciding.hold_of(error, revision),))
        except errors.ChartUnavailable as error:
            hold = outcomes.Hold(outcomes.HoldReason.CHART_UNAVAILABLE, str(error), revision)
            return Preview(key, revision, None, (hold,))
        except errors.Forbidden as error:
            return Preview(key, revision, None, (outcomes.Hold(outcomes.HoldReason.RIGHTS_MISSING, str(error)),))
        except (errors.Transient, errors.Terminal) as error:
            return Preview(key, revision, None, (_away(str(error)),))

    async def _planned(self, head: heads.Prepared) -> Preview:
        here, key, revision = self._here, head.target.key, head.inputs.revision
        if head.target.cluster not in here.clusters:
            why = (self._setting.unreachable or {}).get(head.target.cluster, "it is not configured")
            return Preview(key, revision, None, (_away(f"cluster {head.target.cluster}: {why}"),))
        cluster = here.cluster_of(key)
        installation, foreign = await self._installation(key)
        ledger, rows = await here.journal.ledger(key), await here.journal.inventory(key)
        its_rendering = rendering.Rendering(here.renderer, installation, opener=here.opener)
        its_deciding = deciding.Deciding(here, its_rendering, self._heads)
        wanted = await its_deciding.render(head)
        planned = await planning.make(
            cluster,
            target=head.target,
            installation=installation,
            manifest_set=wanted,
            rows=rows,
            hands=handing.Neighbours(here, self._heads, its_deciding.render, of=head, ledger=ledger),
        )
        its_hooks = await hooking.planned(cluster, head, wanted, ledger=ledger, rows=rows, installation=installation)
        plan = replace(planned.plan, hooks=its_hooks.shown)
        facts = gates.Context(
            target=head.target,
            revision=revision,
            purpose=rollouts.Purpose.RELEASE,
            inventory=len(rows),
            confirmations=ledger.confirmations,
        )
        holds = [*foreign, *await self._source_holds(head, ledger), *planned.holds, *its_hooks.holds]
        if not planned.holds:
            holds += _gate_holds(planned.plan, facts)
        notes = [*planned.notes, *self._notes(ledger)]
        if planned.plan.writes and not self._setting.lonely:
            waits = await dependencies.Dependencies(here, self._heads, its_deciding).waits(head)
            notes += [f"waits for what it depends on: {waits.because}"] if waits else []
        return Preview(key, revision, plan, tuple(holds), tuple(notes))

    async def _installation(self, key: ids.TargetKey) -> tuple[str, list[outcomes.Hold]]:
        """Whose marks the rendered objects carry, and the hold when the cluster knows the target as somebody else's."""
        if self._setting.lonely:
            record = await self._here.records_of(key).read_record(key)
            return (record.installation if record else self._here.journal.installation), []
        hold = await anchoring.check(self._here, key)
        return self._here.journal.installation, [hold] if hold else []

    async def _source_holds(self, head: heads.Prepared, ledger: records.Ledger) -> list[outcomes.Hold]:
        """Quarantined inputs, and a history that was rewritten."""
        holds = []
        if choice := desired.choose(head.inputs, ledger).hold:
            holds.append(choice)
        if ledger.deployed and not self._setting.elsewhere:
            repository, revision = self._here.repository_of(ledger.target), head.inputs.revision
            descends = await repository.descends(revision, ancestor=ledger.deployed)
            if not descends and ledger.accepted_history:
                descends = await repository.descends(revision, ancestor=ledger.accepted_history)
            hold = admission.may_come(
                revision, deployed=ledger.deployed, descends=descends, accepted=ledger.accepted_history
            )
            holds += [hold] if hold else []
        return holds

    def _notes(self, ledger: records.Ledger) -> list[str]:
        """What keeps the daemon from carrying this out now, though nothing is wrong with the commit."""
        notes = []
        if self._setting.lonely:
            notes.append("there is no journal here: what would be pruned cannot be told")
        if ledger.pause:
            notes.append(f"paused by {ledger.pause.who}: {ledger.pause.why}")
        if ledger.stopped:
            notes.append(f"automation is stopped: {ledger.stopped}")
        if ledger.rollout:
            notes.append(f"a {ledger.rollout.purpose.value} of {ledger.rollout.revision[:12]} is under way")
        return notes


def _gate_holds(plan: plans.Plan, facts: gates.Context) -> list[outcomes.Hold]:
    """Every rule that does not pass, not only the first: all of them want to be answered."""
    return [
        outcomes.Hold(gates.REASONS[verdict.rule], verdict.because, facts.revision)
        for verdict in gates.verdicts_on(plan, facts)
        if verdict.decision is not verdicts.Decision.PASS
    ]


def _away(because: str) -> outcomes.Hold:
    return outcomes.Hold(outcomes.HoldReason.CLUSTER_UNAVAILABLE, because)


def text(preview: Preview) -> str:
    """For a terminal."""
    shown = present.text(_plan(preview), holds=preview.holds, notes=(*preview.notes, *_exits(preview)))
    if preview.plan:
        return shown
    body = shown.removesuffix(f"{present.counts(_plan(preview))}\n")
    return f"{body}{NO_PLAN}\n"


def markdown(preview: Preview) -> str:
    """For a pull request."""
    shown = present.markdown(_plan(preview), holds=preview.holds, notes=(*preview.notes, *_exits(preview)))
    return shown if preview.plan else shown.replace(f"\n{present.counts(_plan(preview))}\n", f"\n{NO_PLAN}\n", 1)


def data(preview: Preview) -> document.Json:
    """For a script: the plan's keys, and `revision`, `held`, `changes`."""
    shown = present.data(_plan(preview), holds=preview.holds, notes=preview.notes)
    return shown | {"revision": preview.revision, "held": bool(preview.holds), "changes": preview.changes}


def _plan(preview: Preview) -> plans.Plan:
    return preview.plan or plans.Plan(preview.target, "", ())


def _exits(preview: Preview) -> tuple[str, ...]:
    """What ends each hold."""
    key, found = preview.target, []
    for hold in preview.holds:
        command = hold.command(key.environment, key.application)
        found.append(f"{hold.reason.value} ends: {outcomes.EXITS[hold.reason].ends}{f' {command}' if command else ''}")
    return tuple(dict.fromkeys(found))
