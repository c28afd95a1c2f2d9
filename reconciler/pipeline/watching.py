"""What a rollout waits for: live objects by watch, answers of probes, folded into one report."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from reconciler import errors, ports
from reconciler.model import health, ids, live, manifests, records, rollouts, targets
from reconciler.pipeline import checking, world
from reconciler.plan import drift
from reconciler.verify import report, scope

SAMPLES = 50
"""Probe answers kept for each target: more than any rule looks back."""


class Watching:
    """Follows the targets that roll out or are observed, and nothing else."""

    def __init__(self, here: world.World, wake: Callable[[ids.TargetKey], None]) -> None:
        self._here = here
        self._wake = wake
        self._following: dict[ids.TargetKey, str] = {}
        self._probes: dict[ids.TargetKey, list[asyncio.Task[None]]] = {}
        self._samples: dict[ids.TargetKey, deque[health.ProbeSample]] = {}
        self._checking = checking.Checking(here)

    async def follow(self, key: ids.TargetKey, wanted: manifests.ManifestSet) -> None:
        """Hold the full watches that the health of `wanted` needs; nothing to do when they are held already."""
        if self._following.get(key) == wanted.digest:
            return
        cluster = self._here.cluster_of(key)
        if key in self._following:
            await cluster.unfollow(key)  # what is held may be from before our newest writes
        await cluster.follow(key, scope.followed(wanted.manifests), woken=lambda: self._wake(key))
        self._following[key] = wanted.digest

    def live(self, key: ids.TargetKey) -> Mapping[ids.ObjectKey, live.LiveObject]:
        """Everything followed for the target. Raises `errors.Transient` when a watch is not in sync."""
        return self._here.cluster_of(key).followed(key)

    async def report(
        self,
        rollout: rollouts.Rollout,
        wanted: manifests.ManifestSet,
        target: targets.Target,
        *,
        rows: Sequence[records.InventoryRow],
        open_end: bool = False,
    ) -> health.Report:
        """The health of everything in `wanted`; unknown when a watch cannot tell, or has not seen our newest writes
        (`rows`: the inventory): what was complete before them would pass for complete. `open_end`: the observation
        does not end now, whatever this says."""
        observing = rollout.phase is rollouts.Phase.OBSERVING
        if observing:
            self._ask(rollout.target, target.verification)
        try:
            found = self.live(rollout.target)
        except errors.Transient as error:
            return health.Report(health.State.UNKNOWN, str(error))
        if late := next((row.key for row in rows if _behind(found.get(row.key), row)), None):
            return health.Report(health.State.UNKNOWN, f"the watch has not seen our newest write of {late} yet")
        keys = [manifest.key for manifest in wanted.manifests]
        answers = await self._checking.answers(rollout.target, keys, found, checks=target.verification.checks)
        made = report.report(
            wanted.manifests,
            found,
            verification=target.verification,
            spent=rollout.spent,
            samples=tuple(self._samples.get(rollout.target, ())) if observing else (),
            observing=observing,
            unproven=rollout.unproven,
            answers=answers,
        )
        released = observing and rollout.purpose is rollouts.Purpose.RELEASE  # nothing else is observed
        over = released and not open_end and rollout.spent >= target.verification.observe
        if over and made.state.well:
            cluster = self._here.cluster_of(rollout.target)
            if behind := await _late(cluster, keys, found, rows={row.key: row for row in rows}):
                return health.Report(health.State.UNKNOWN, behind)
        return made

    async def release(self, key: ids.TargetKey) -> None:
        """The rollout is over: stop following and probing."""
        following = key in self._following
        self.forget(key)
        if following:
            await self._here.cluster_of(key).unfollow(key)

    def forget(self, key: ids.TargetKey) -> None:
        """The connection over which the target was followed is gone."""
        for task in self._probes.pop(key, []):
            task.cancel()
        self._samples.pop(key, None)
        self._checking.forget(key)
        self._following.pop(key, None)

    def _ask(self, key: ids.TargetKey, verification: targets.Verification) -> None:
        if key in self._probes or not verification.probes:
            return
        self._samples[key] = deque(maxlen=SAMPLES * len(verification.probes))
        self._probes[key] = [asyncio.create_task(self._probe(key, probe)) for probe in verification.probes]

    async def _probe(self, key: ids.TargetKey, probe: targets.HttpProbe) -> None:
        """One probe's loop: ask, note, wake the target, wait."""
        while True:
            sample = await self._here.prober.probe(probe)
            self._samples[key].append(sample)
            self._wake(key)
            await self._here.clock.sleep(probe.interval)


def _behind(found: live.LiveObject | None, row: records.InventoryRow) -> bool:
    """Whether the followed object is older than what our last reply said."""
    return found is not None and found.meta.uid == row.uid and drift.older(found.meta, row)


async def _late(
    cluster: ports.Cluster,
    keys: Sequence[ids.ObjectKey],
    found: Mapping[ids.ObjectKey, live.LiveObject],
    *,
    rows: Mapping[ids.ObjectKey, records.InventoryRow],
) -> str:
    """Why what the watches show is not how things are; '' when it is. At the end of the observation each object that
    was judged is read once: a watch that lagged behind in silence showed as healthy what had failed meanwhile, and that
    became last good. What somebody edited is told by the watch of the metadata, which is another one."""
    judged = [one for one in keys if one in found and scope.has_health(one)]
    try:
        answers = await asyncio.gather(*(cluster.read(one) for one in judged))
        for one, now in zip(judged, answers, strict=True):
            shown = [found[one].meta]
            if now and one in rows and drift.suspicious(rows[one], now.meta) and (seen := cluster.meta(one)):
                shown.append(seen)
            if now is None or any(drift.newer(now.meta, meta) for meta in shown):
                return f"the watch has not seen the newest state of {one} yet"
    except errors.Transient as error:
        return str(error)
    return ""
