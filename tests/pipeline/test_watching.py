"""What a rollout is told of its health."""

import asyncio
from dataclasses import replace
from typing import cast

import pytest

from reconciler import ports
from reconciler.model import document, health, rollouts
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
    rollout = rollouts.Rollout("r1", planned.TARGET, purpose, "a" * 40, "i", WANTED.digest, "", "2026-01-01")
    rollout = replace(rollout, phase=rollouts.Phase.OBSERVING, spent=spent)
    target = planned.target()
    target = replace(target, verification=replace(target.verification, observe=observe))
    report = await tested.report(rollout, WANTED, target, rows=())
    assert report.state is expected, report.because
    assert expected is not health.State.UNKNOWN or "has not seen the newest state" in report.because


def _seen(body: document.Json) -> None:
    body["status"] = {"observedGeneration": 1}
