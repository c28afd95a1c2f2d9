"""What a rollout is told of its health."""

import asyncio
from dataclasses import replace
from typing import cast

import pytest

from reconciler import ports
from reconciler.model import document, health, ids, live, rollouts
from reconciler.pipeline import watching
from reconciler.sandbox import cluster, objects
from tests.support import planned, worlds

WEB = planned.manifest(
    "Deployment",
    "web",
    api_version="apps/v1",
    spec={
        "paused": True,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "a"}]},
        },
    },
)
WANTED = planned.manifest_set(WEB)


@pytest.mark.parametrize(
    ("purpose", "observe", "spent", "expected"),
    [
        (rollouts.Purpose.RELEASE, 60.0, 60.0, health.State.UNKNOWN),
        (rollouts.Purpose.RELEASE, 60.0, 59.0, health.State.SUSPENDED),
        (rollouts.Purpose.RELEASE, 0.0, 0.0, health.State.UNKNOWN),
        (rollouts.Purpose.REVERT, 0.0, 0.0, health.State.SUSPENDED),
        (rollouts.Purpose.HEAL, 0.0, 0.0, health.State.SUSPENDED),
    ],
    ids=["a window's end", "within it", "without a window", "a return is not observed", "nor is a healing"],
)
async def test_at_its_end_a_release_is_read_once_more(
    purpose: rollouts.Purpose, observe: float, spent: float, expected: health.State
) -> None:
    """Without a window a watch that lagged behind made good what had changed meanwhile."""
    held: dict[str, objects.Objects] = {}

    def make(name: str, kept: objects.Objects, journal: ports.Journal) -> cluster.SandboxCluster:
        held[name] = kept
        return cluster.SandboxCluster(name, kept)

    here = await worlds.made(make)
    its, kept = cast(cluster.SandboxCluster, here.clusters["one"]), held["one"]
    kept.create(WEB.document(), manager="somebody")
    kept.update(WEB.key, _seen, manager="controller", subresource="status")
    listed = asyncio.Event()
    tested = watching.Watching(here, lambda key: listed.set())
    await tested.follow(planned.TARGET, WANTED)
    await asyncio.wait_for(listed.wait(), 15)
    assert WEB.key in tested.live(planned.TARGET)
    its.watches.pause()
    kept.update(WEB.key, lambda body: document.mapping(body, "spec").update(replicas=7), manager="somebody")
    target = planned.target()
    target = replace(target, verification=replace(target.verification, observe=observe))
    report = await tested.report(observed(purpose, spent), WANTED, target, rows=())
    assert report.state is expected, report.because
    assert expected is not health.State.UNKNOWN or "has not seen the newest state" in report.because


class Behind(cluster.SandboxCluster):
    """The watch of the metadata has stopped, and shows what was once."""

    shown: live.LiveMeta | None = None

    def meta(self, key: ids.ObjectKey) -> live.LiveMeta | None:
        return self.shown


@pytest.mark.parametrize("edited", [True, False], ids=["edited", "only its status"])
async def test_what_somebody_edited_is_awaited_in_the_watch_that_tells_of_it(*, edited: bool) -> None:
    """Each watch lags for itself: the health was that of the edited object, and no plan knew of the edit."""
    held: dict[str, objects.Objects] = {}

    def make(name: str, kept: objects.Objects, journal: ports.Journal) -> cluster.SandboxCluster:
        held[name] = kept
        return Behind(name, kept)

    here = await worlds.made(make)
    its, kept = cast(Behind, here.clusters["one"]), held["one"]
    applied = await its.apply(WEB, operation="o1", force=False)
    assert isinstance(applied, live.Applied)
    its.shown = applied.live.meta
    if edited:
        kept.update(WEB.key, lambda body: document.mapping(body, "spec").update(paused=False), manager="kubectl-edit")
    kept.update(WEB.key, _well, manager="controller", subresource="status")
    listed = asyncio.Event()
    tested = watching.Watching(here, lambda key: listed.set())
    await tested.follow(planned.TARGET, WANTED)
    await asyncio.wait_for(listed.wait(), 15)
    rows = [planned.row(applied.live, WEB)]
    report = await tested.report(observed(rollouts.Purpose.RELEASE, 60.0), WANTED, planned.target(), rows=rows)
    assert (report.state is health.State.UNKNOWN) is edited, report.because
    assert (report.state.well) is not edited, report.because


def observed(purpose: rollouts.Purpose, spent: float) -> rollouts.Rollout:
    rollout = rollouts.Rollout("r1", planned.TARGET, purpose, "a" * 40, "i", WANTED.digest, "", "2026-01-01")
    return replace(rollout, phase=rollouts.Phase.OBSERVING, spent=spent)


def _well(body: document.Json) -> None:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    conditions = [
        {"type": "Available", "status": "True"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
    ]
    body["status"] = {"observedGeneration": body["metadata"]["generation"], "conditions": conditions, **counts}


def _seen(body: document.Json) -> None:
    body["status"] = {"observedGeneration": 1}
