"""What the daemon must be allowed to do, derived from what the desired state renders now. Writes nothing."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler import errors
from reconciler.model import ids, manifests, rights
from reconciler.pipeline import deciding, heads, rendering, world
from reconciler.verify import scope

FOLLOWED = ("list", "watch")
"""Pods and ReplicaSets are never written: the health of a rollout is read from them."""
AT_ONCE = 8
"""Targets rendered side by side."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Of one environment: merged needs of its `targets`, and why those of some targets are not among them."""

    needs: tuple[rights.Need, ...]
    targets: int
    unknown: tuple[str, ...]


def of_target(wanted: manifests.ManifestSet, inventory: Iterable[ids.ObjectKey]) -> tuple[rights.Need, ...]:
    """Rights on all that is rendered, hooks included, and on all that was made before and may be pruned."""
    keys = {manifest.key for manifest in wanted.manifests} | set(inventory)
    managed = [rights.Need(key.kind_key, key.namespace, rights.VERBS) for key in keys]
    followed = [rights.Need(kind, namespace, FOLLOWED) for kind, namespace in scope.followed(wanted.manifests)]
    return rights.merged([*managed, *followed])


class Needing:
    def __init__(self, here: world.World) -> None:
        self._here = here
        self._heads = heads.Heads(here)
        its_rendering = rendering.Rendering(here.renderer, here.journal.installation, opener=here.opener)
        self._deciding = deciding.Deciding(here, its_rendering, self._heads)

    async def all(self) -> dict[str, Needs]:
        """The needs of every environment at the heads of their repositories."""
        environments = self._here.settings.environments
        repositories = sorted({its.repository for its in environments.values()})
        await asyncio.gather(*(self._heads.poll(name) for name in repositories))
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(key: ids.TargetKey) -> tuple[rights.Need, ...] | str:
            async with gate:
                return await self._contained(key)

        known = self._heads.known()
        answers = dict(zip(known, await asyncio.gather(*(one(key) for key in known)), strict=True))
        found = {}
        for name, limits in environments.items():
            mine = {key: answer for key, answer in answers.items() if key.environment == name}
            needs = [need for answer in mine.values() if not isinstance(answer, str) for need in answer]
            unknown = [f"{key}: {answer}" for key, answer in mine.items() if isinstance(answer, str)]
            trouble = self._heads.trouble(limits.repository)
            unknown += [f"repository {limits.repository}: {trouble.because}"] if trouble else []
            found[name] = Needs(rights.merged(needs), len(mine), tuple(unknown))
        return found

    async def _contained(self, key: ids.TargetKey) -> tuple[rights.Need, ...] | str:
        """The target's needs, or why they cannot be told."""
        cluster = self._here.settings.environments[key.environment].cluster
        if cluster not in self._here.clusters:
            return f"cluster {cluster} cannot be connected to"
        head = self._heads.of(key)
        if not isinstance(head, heads.Prepared):
            return head.because if head else "it was not read"
        try:
            wanted = await self._deciding.render(head)
        except errors.ReconcilerError as error:
            return str(error)
        return of_target(wanted, (row.key for row in await self._here.journal.inventory(key)))
