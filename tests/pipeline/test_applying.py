"""Intent before effect: whatever a call meets, its intent is on disk before it and closed after it (I1)."""

import asyncio
import functools

import pytest

from reconciler import errors, ports
from reconciler.model import ids, live, manifests, plans, rollouts
from reconciler.pipeline import applying, world
from reconciler.sandbox import cluster, objects
from tests.support import planned, worlds

ROLLOUT = rollouts.Rollout(
    "r1", planned.TARGET, rollouts.Purpose.RELEASE, "a" * 40, "inputs", "manifests", "it is the head", "2026-01-01"
)


class Watched(cluster.SandboxCluster):
    """Notes of each call which intents were open when it came; `lost`: names whose answer never arrives."""

    def __init__(self, name: str, kept: objects.Objects, journal: ports.Journal) -> None:
        super().__init__(name, kept)
        self.journal = journal
        self.without_intent: list[str] = []
        self.lost: set[str] = set()

    async def _look(self, operation: str) -> None:
        found = await self.journal.open_intents(planned.TARGET)
        if operation not in {intent.operation for intent in found}:
            self.without_intent.append(operation)

    async def apply(self, manifest: manifests.Manifest, *, operation: str, force: bool) -> live.Applied | live.Refused:
        await self._look(operation)
        reply = await super().apply(manifest, operation=operation, force=force)
        if manifest.key.name in self.lost:
            raise errors.Transient(f"{manifest.key}: the answer is lost")
        return reply

    async def delete(
        self,
        key: ids.ObjectKey,
        *,
        uid: str,
        operation: str,
        propagation: live.Propagation = live.Propagation.BACKGROUND,
    ) -> live.Deleted | live.Refused:
        await self._look(operation)
        if key.name in self.lost:
            raise errors.Transient(f"{key}: the answer is lost")
        return await super().delete(key, uid=uid, operation=operation, propagation=propagation)


@pytest.fixture
async def here() -> world.World:
    return await worlds.made(Watched)


def watched(here: world.World) -> Watched:
    found = here.clusters["one"]
    assert isinstance(found, Watched)
    return found


def created(*names: str) -> list[plans.Change]:
    made = (planned.config(name, of=name) for name in names)
    return [plans.Change(plans.Action.CREATED, manifest.key, "new", manifest=manifest) for manifest in made]


async def test_each_call_has_its_intent_before_and_its_outcome_after(here: world.World) -> None:
    doubted: list[ids.ObjectKey] = []
    done = await applying.carry_out(here, ROLLOUT, created("one", "two", "three"), doubt=doubted.extend)
    assert doubted == []
    assert (done.written, done.held) == (3, None)
    rows = await here.journal.inventory(planned.TARGET)
    prunes = [plans.Change(plans.Action.PRUNED, row.key, "not in Git", uid=row.uid) for row in rows]
    assert (await applying.prune(here, ROLLOUT, prunes)).written == 3
    seen = watched(here)
    assert len({call.operation for call in seen.calls}) == len(seen.calls) == 6
    assert seen.without_intent == []
    assert await here.journal.open_intents(planned.TARGET) == ()
    assert await here.journal.inventory(planned.TARGET) == ()


async def test_a_lost_answer_closes_every_intent_as_unknown_or_done(here: world.World) -> None:
    seen = watched(here)
    seen.lost = {"two"}
    doubted: list[ids.ObjectKey] = []
    with pytest.raises(errors.Transient, match="the answer is lost"):
        await applying.carry_out(here, ROLLOUT, created("one", "two", "three"), doubt=doubted.extend)
    assert [key.name for key in doubted] == ["two"]
    assert seen.without_intent == []
    assert await here.journal.open_intents(planned.TARGET) == ()
    uids = {row.key.name: bool(row.uid) for row in await here.journal.inventory(planned.TARGET)}
    assert uids == {"one": True, "two": False, "three": True}  # pending: the next plan reads what became of it
    prunes = [
        plans.Change(plans.Action.PRUNED, row.key, "not in Git", uid=row.uid)
        for row in await here.journal.inventory(planned.TARGET)
    ]
    with pytest.raises(errors.Transient):
        await applying.prune(here, ROLLOUT, prunes)
    assert await here.journal.open_intents(planned.TARGET) == ()


async def test_a_leader_that_was_overtaken_calls_nothing(here: world.World) -> None:
    """The epoch is checked where the intent is written, so no call follows (I2)."""
    await here.journal.lead("another")
    for deed in (functools.partial(applying.carry_out, doubt=pytest.fail), applying.prune):
        with pytest.raises(errors.LeadershipLost):
            await deed(here, ROLLOUT, created("one"))
    assert watched(here).calls == []
    assert await asyncio.wait_for(here.journal.inventory(planned.TARGET), 5) == ()
