"""What is asked beside the daemon, in this process: through the same pipeline, and without a counted call."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from reconciler import errors, ports
from reconciler.app import beside, opening
from reconciler.model import ids, live, manifests, outcomes, plans
from reconciler.pipeline import deciding, heads, planning, rendering, world


@dataclass(frozen=True, slots=True)
class Afresh:
    """A plan made as if everything had drifted: every object is read and dry-run.

    What it would still write differs each time: an eternal difference. `warnings` are the API server's.
    """

    writes: tuple[plans.Change, ...]
    holds: tuple[outcomes.Hold, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeftOver:
    """An object that is still there. `because` says what holds it."""

    key: ids.ObjectKey
    because: str


def render(config: pathlib.Path, target: ids.TargetKey) -> manifests.ManifestSet:
    """What the target renders to at the head. Raises `errors.ReconcilerError`."""

    async def rendered() -> manifests.ManifestSet:
        async with _opened(config, target) as (_, _, wanted):
            return wanted

    return asyncio.run(rendered())


def afresh(config: pathlib.Path, target: ids.TargetKey) -> Afresh:
    """Plan against live, believing no watch. Raises `errors.ReconcilerError`."""
    return asyncio.run(_afresh(config, target))


async def _afresh(config: pathlib.Path, target: ids.TargetKey) -> Afresh:
    async with _opened(config, target) as (here, head, wanted):
        cluster = here.clusters[head.target.cluster]
        rows = await here.journal.inventory(target)
        planned = await planning.make(
            cluster,
            target=head.target,
            installation=here.journal.installation,
            manifest_set=wanted,
            rows=[replace(row, drifted=True) for row in rows],
        )
        replies = await asyncio.gather(*(cluster.dry_run(one, force=False) for one in wanted.manifests))
    warnings = [
        f"{manifest.key}: {text}"
        for manifest, reply in zip(wanted.manifests, replies, strict=True)
        if isinstance(reply, live.Applied)
        for text in reply.warnings
    ]
    return Afresh(planned.plan.writes, planned.holds, tuple(dict.fromkeys(warnings)))


def left(config: pathlib.Path, keys: Sequence[ids.ObjectKey]) -> tuple[LeftOver, ...]:
    """Those of `keys` that the cluster still has."""
    return asyncio.run(_left(config, keys))


async def _left(config: pathlib.Path, keys: Sequence[ids.ObjectKey]) -> tuple[LeftOver, ...]:
    its = opening.settings(config)
    async with beside.journal_or_none(its) as (journal, _), beside.build(its, journal) as found:
        cluster = next(iter(found.here.clusters.values()))
        answers = await asyncio.gather(*(_read(cluster, key) for key in keys))
    return tuple(answer for answer in answers if answer is not None)


async def _read(cluster: ports.Cluster, key: ids.ObjectKey) -> LeftOver | None:
    try:
        found = await cluster.read(key)
    except errors.Terminal:
        return None  # its definition has gone, and the object with it
    if found is None:
        return None
    if not found.meta.deleting:
        return LeftOver(key, "nobody asked for its deletion")
    holders = ", ".join(found.meta.finalizers) or "its children"
    return LeftOver(key, f"it is being deleted, and held by {holders}")


@contextlib.asynccontextmanager
async def _opened(
    config: pathlib.Path, target: ids.TargetKey
) -> AsyncIterator[tuple[world.World, heads.Prepared, manifests.ManifestSet]]:
    its = opening.settings(config)
    async with beside.journal_or_none(its) as (journal, _), beside.build(its, journal) as found:
        its_heads = heads.Heads(found.here)
        repository = its.environments[target.environment].repository
        await its_heads.poll(repository)
        head = its_heads.of(target)
        if not isinstance(head, heads.Prepared):
            trouble = head or its_heads.trouble(repository)
            raise errors.Terminal(trouble.because if trouble else f"{target} is not in the repository")
        renderer = rendering.Rendering(found.here.renderer, journal.installation, opener=found.here.opener)
        yield found.here, head, await deciding.Deciding(found.here, renderer, its_heads).render(head)


def changed(plan: Sequence[plans.Change]) -> tuple[str, ...]:
    """One sentence a change, with the fields that differ."""
    return tuple(
        f"{change.key} is {change.action.value} again: {change.because}"
        + "".join(f"; {field.path}: {field.before} → {field.after}" for field in change.fields)
        for change in (replace(found, fields=found.fields[:5]) for found in plan)
    )
