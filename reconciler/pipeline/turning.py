"""What is sent besides a target's own plan: a moving Deployment is paused before it is turned round, and a failed first
deployment loses its pods. Planned like everything else: replicas of an autoscaler are left alone, forcing is decided.
"""

from collections.abc import Callable, Mapping

from reconciler import errors
from reconciler.model import ids, live, manifests, outcomes, plans, rollouts
from reconciler.pipeline import deciding, heads, planning, world
from reconciler.rollout import quiet, rolling, scaling, stuck

Wanted = Callable[[ids.ObjectKey], bool]


class Turning:
    def __init__(self, here: world.World, its_deciding: deciding.Deciding, its_heads: heads.Heads) -> None:
        self._here = here
        self._deciding = its_deciding
        self._heads = its_heads

    def moving(
        self,
        rollout: rollouts.Rollout,
        wanted: manifests.ManifestSet,
        followed: Mapping[ids.ObjectKey, live.LiveObject],
    ) -> rolling.Seen:
        """Which Deployments still move, before a revert turns them round."""
        return rolling.Seen(moving=quiet.moving(_keys(wanted), followed, paused=frozenset(rollout.quieted)))

    def stuck(
        self,
        rollout: rollouts.Rollout,
        wanted: manifests.ManifestSet,
        followed: Mapping[ids.ObjectKey, live.LiveObject],
    ) -> tuple[plans.Change, ...]:
        """The pods that a revert has to delete itself; nothing else ever deletes one."""
        if rollout.purpose is not rollouts.Purpose.REVERT:
            return ()
        return stuck.stuck(_keys(wanted), followed)

    async def stops(
        self, rollout: rollouts.Rollout, keys: tuple[ids.ObjectKey, ...], *, good: heads.Prepared
    ) -> tuple[plans.Change, ...]:
        """The failed release's own Deployments, paused. Where it cannot be rendered any more nothing is stopped: the
        old template must not wait for that."""
        if rollout.failure is None:
            return ()
        try:
            failed = await self._heads.prepare(rollout.target, rollout.failure.revision)
            wanted = await self._deciding.render(failed)
        except errors.Terminal:
            return ()
        paused = quiet.paused(wanted, keys, good=await self._deciding.render(good))
        changes, _ = await self._some(failed, paused, lambda key: key in keys)
        return changes

    async def scaling(
        self, rollout: rollouts.Rollout, prepared: heads.Prepared, wanted: manifests.ManifestSet
    ) -> tuple[rolling.Seen, outcomes.Hold | None]:
        """What of the failed first deployment still has pods to lose; only what it has made is looked at."""
        made = {row.key for row in await self._here.journal.inventory(rollout.target) if row.uid}
        changes, hold = await self._some(
            prepared, scaling.down(wanted), lambda key: key in made and scaling.scales(key)
        )
        return rolling.Seen(scaling=changes), None if changes else hold

    async def _some(
        self, prepared: heads.Prepared, altered: manifests.ManifestSet, wanted: Wanted
    ) -> tuple[tuple[plans.Change, ...], outcomes.Hold | None]:
        """The writes that make the `wanted` objects as `altered` has them, and what stands against it. The rest of
        the plan, prunes above all, is not carried out."""
        target = prepared.target
        planned = await planning.make(
            self._here.cluster_of(target.key),
            target=target,
            installation=self._here.journal.installation,
            manifest_set=altered,
            rows=await self._here.journal.inventory(target.key),
            purpose=rollouts.Purpose.REVERT,
        )
        found = (change for wave in planned.plan.waves for change in wave)
        writes = tuple(change for change in found if wanted(change.key) and change.action.writes)
        return writes, planned.holds[0] if planned.holds else None


def _keys(wanted: manifests.ManifestSet) -> tuple[ids.ObjectKey, ...]:
    return tuple(manifest.key for manifest in wanted.manifests)
