"""Intent before effect: whatever a call meets, its intent is on disk before it and closed after it (I1)."""

import asyncio
import functools
from collections.abc import Awaitable, Callable

import pytest

from reconciler import errors, ports
from reconciler.model import document, ids, live, manifests, plans, records, rollouts
from reconciler.pipeline import applying, world
from reconciler.plan import prune
from reconciler.sandbox import cluster, objects
from tests.support import planned, worlds

ROLLOUT = rollouts.Rollout(
    "r1", planned.TARGET, rollouts.Purpose.RELEASE, "a" * 40, "inputs", "manifests", "it is the head", "2026-01-01"
)


class Watched(cluster.SandboxCluster):
    """Notes of each call which intents were open when it came; `lost`: names whose answer never arrives, or with
    `swallow` the request itself; `refusals`: what is answered instead, by name."""

    def __init__(self, name: str, kept: objects.Objects, journal: ports.Journal) -> None:
        super().__init__(name, kept)
        self.journal = journal
        self.without_intent: list[str] = []
        self.lost: set[str] = set()
        self.swallow = False
        self.refusals: dict[str, live.Refused] = {}

    async def _look(self, operation: str) -> None:
        found = await self.journal.open_intents(planned.TARGET)
        if operation not in {intent.operation for intent in found}:
            self.without_intent.append(operation)

    async def apply(self, manifest: manifests.Manifest, *, operation: str, force: bool) -> live.Applied | live.Refused:
        return await self._answered(
            manifest.key, operation, functools.partial(super().apply, manifest, operation=operation, force=force)
        )

    async def hand_over(
        self, key: ids.ObjectKey, handover: live.Handover, *, operation: str
    ) -> live.Applied | live.Refused:
        return await self._answered(
            key, operation, functools.partial(super().hand_over, key, handover, operation=operation)
        )

    async def _answered(
        self, key: ids.ObjectKey, operation: str, call: Callable[[], Awaitable[live.Applied | live.Refused]]
    ) -> live.Applied | live.Refused:
        await self._look(operation)
        if key.name in self.refusals:
            return self.refusals[key.name]
        lost = key.name in self.lost
        if lost and self.swallow:
            raise errors.Transient(f"{key}: the request is lost")
        reply = await call()
        if lost:
            raise errors.Transient(f"{key}: the answer is lost")
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
        if key.name in self.refusals:
            return self.refusals[key.name]
        return await super().delete(key, uid=uid, operation=operation, propagation=propagation)


@pytest.fixture
async def here() -> world.World:
    return await worlds.made(Watched)


def watched(here: world.World) -> Watched:
    found = here.clusters["one"]
    assert isinstance(found, Watched)
    return found


def taking(seen: Watched, *, adopt: bool) -> plans.Change:
    """The change that takes over an object which is there already: another tool's, or another target's."""
    other = ids.TargetKey("production", "other")
    body = planned.config("x", of="x").document()
    if adopt:
        body["metadata"] = {"name": "x", "namespace": "web"}
    else:
        body = planned.manifest("ConfigMap", "x", target=other, data={"of": "x"}).document()
    seen._objects.create(body, manager="somebody")
    ours = planned.config("x", of="x")
    meta = seen._objects.get(ours.key)
    assert meta is not None
    its = document.mapping(ours.document(), "metadata")
    annotations, labels = (
        tuple((name, str(value)) for name, value in document.mapping(its, part).items())
        for part in ("annotations", "labels")
    )
    version = document.text(meta.metadata, "resourceVersion")
    handover = live.Handover(meta.uid, version, b"[]", annotations, labels) if adopt else None
    return plans.Change(
        plans.Action.ADOPTED, ours.key, "it is taken over", manifest=ours, handover=handover, force=True
    )


def created(*names: str) -> list[plans.Change]:
    made = (planned.config(name, of=name) for name in names)
    return [plans.Change(plans.Action.CREATED, manifest.key, "new", manifest=manifest) for manifest in made]


async def test_each_call_has_its_intent_before_and_its_outcome_after(here: world.World) -> None:
    doubted: list[ids.ObjectKey] = []
    done = await applying.carry_out(here, ROLLOUT, created("one", "two", "three"), doubt=doubted.extend)
    assert doubted == []
    assert ([key.name for key in done.carried], done.held) == (["one", "three", "two"], None)
    rows = await here.journal.inventory(planned.TARGET)
    prunes = [plans.Change(plans.Action.PRUNED, row.key, "not in Git", uid=row.uid) for row in rows]
    assert len((await applying.prune(here, ROLLOUT, prunes)).carried) == 3
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


@pytest.mark.parametrize("lost", [True, False], ids=["no answer", "refused"])
async def test_what_comes_after_a_failure_is_not_sent_and_leaves_no_trace(here: world.World, lost: bool) -> None:
    """Kinds come in their order: an object that waited for one that failed was neither made nor is it in doubt."""
    seen, doubted = watched(here), list[ids.ObjectKey]()
    first, known, new = planned.manifest("ServiceAccount", "first"), planned.config("known"), planned.config("new")
    earlier = records.pending(known.key, rollout="r0")
    await here.journal.adopt_rows(planned.TARGET, [earlier], epoch=here.epoch)
    changes = [plans.Change(plans.Action.CREATED, made.key, "new", manifest=made) for made in (new, known, first)]
    if lost:
        seen.lost = {"first"}
        with pytest.raises(errors.Transient):
            await applying.carry_out(here, ROLLOUT, changes, doubt=doubted.extend)
    else:
        seen.refusals["first"] = live.Refused(first.key, live.Why.FORBIDDEN, "no")
        done = await applying.carry_out(here, ROLLOUT, changes, doubt=doubted.extend)
        assert done.held is not None and done.carried == ()
    assert [call.key for call in seen.calls] == ([first.key] if lost else [])
    assert doubted == ([first.key] if lost else [])
    assert await here.journal.open_intents(planned.TARGET) == ()
    rows = {row.key: row.rollout for row in await here.journal.inventory(planned.TARGET)}
    assert rows == {known.key: "r0"} | ({first.key: ROLLOUT.id} if lost else {})


@pytest.mark.parametrize("adopt", [True, False], ids=["adopted", "handed"])
@pytest.mark.parametrize("arrives", [True, False], ids=["its answer lost", "lost on its way"])
async def test_what_is_taken_over_stays_where_the_answer_was_lost_and_the_release_fails(
    here: world.World, adopt: bool, arrives: bool
) -> None:
    seen = watched(here)
    change = taking(seen, adopt=adopt)
    seen.lost, seen.swallow = {"x"}, not arrives
    with pytest.raises(errors.Transient):
        await applying.carry_out(here, ROLLOUT, [change], doubt=lambda keys: None)
    seen.lost = set()
    if not arrives:
        await applying.carry_out(here, ROLLOUT, [change], doubt=lambda keys: None)
    ours = planned.config("x", of="x")
    again = plans.Change(plans.Action.CONFIGURED, ours.key, "its manifest changed", manifest=ours, force=True)
    await applying.carry_out(here, ROLLOUT, [again], doubt=lambda keys: None)
    (row,) = await here.journal.inventory(planned.TARGET)
    assert row.uid and row.rollout == (records.ADOPTED if adopt else records.HANDED)
    found = await seen.read(ours.key)
    assert found is not None
    back = prune.leftovers(
        [row],
        {row.key: found.meta},
        target=planned.TARGET,
        installation=planned.INSTALLATION,
        spare_protected=True,
    )
    assert [each.action for each in back.prunes] == [plans.Action.ORPHANED if adopt else plans.Action.SKIPPED]


@pytest.mark.parametrize("adopt", [True, False], ids=["adopted", "handed"])
@pytest.mark.parametrize("known", [True, False])
async def test_a_refused_take_over_leaves_the_inventory_as_it_was(here: world.World, adopt: bool, known: bool) -> None:
    seen = watched(here)
    change = taking(seen, adopt=adopt)
    before = records.InventoryRow(change.key, "uid-before", "digest", "entry", "1", "r0")
    if known:
        await here.journal.adopt_rows(planned.TARGET, [before], epoch=here.epoch)
    seen.refusals["x"] = live.Refused(change.key, live.Why.INVALID, "no", status=422)
    done = await applying.carry_out(here, ROLLOUT, [change], doubt=lambda keys: None)
    assert done.held is not None
    assert await here.journal.inventory(planned.TARGET) == ((before,) if known else ())


@pytest.mark.parametrize("why", [live.Why.STALE, live.Why.UID_CHANGED, live.Why.FORBIDDEN])
async def test_what_was_refused_is_not_said_to_be_done(here: world.World, why: live.Why) -> None:
    """Also where the refusal holds nothing up."""
    seen = watched(here)
    made = created("one", "two")
    await applying.carry_out(here, ROLLOUT, made, doubt=lambda keys: None)
    uids = {row.key: row.uid for row in await here.journal.inventory(planned.TARGET)}
    prunes = [
        plans.Change(plans.Action.PRUNED, change.key, "not in Git", uid=uids[change.key]) for change in reversed(made)
    ]
    seen.refusals["two"] = live.Refused(prunes[0].key, why, "no")
    pruned = await applying.prune(here, ROLLOUT, prunes)
    assert [key.name for key in pruned.carried] == (["one"] if why in applying.GONE else [])
    adopted = taking(seen, adopt=True)
    seen.refusals["x"] = live.Refused(adopted.key, why, "no")
    done = await applying.carry_out(here, ROLLOUT, [adopted, *created("other")], doubt=lambda keys: None)
    assert [key.name for key in done.carried] == ["other"]
    assert (done.held is None) is (why in applying.GONE)


async def test_a_leader_that_was_overtaken_calls_nothing(here: world.World) -> None:
    """The epoch is checked where the intent is written, so no call follows (I2)."""
    await here.journal.lead("another")
    for deed in (functools.partial(applying.carry_out, doubt=pytest.fail), applying.prune):
        with pytest.raises(errors.LeadershipLost):
            await deed(here, ROLLOUT, created("one"))
    assert watched(here).calls == []
    assert await asyncio.wait_for(here.journal.inventory(planned.TARGET), 5) == ()
