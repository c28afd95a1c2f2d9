"""What goes after something else has gone, on a control plane whose controllers run and in the sandbox: dependents of
an owner, the content of a namespace, the objects of a kind. tests/sandbox/test_collecting.py has what only the sandbox
can be asked for."""

import uuid

import pytest

from reconciler.model import ids, live
from tests.contracts.waiting import until_asked
from tests.contracts.worlds import World, applied, config_map, operation, refused, rendered
from tests.sandbox.test_collecting import THING, definition, thing

HOLD = {"metadata": {"finalizers": ["example.com/hold"]}}
RELEASE = {"metadata": {"finalizers": None}}
PATIENCE = 60.0
"""Seconds for controllers that share two cores with other tests."""


def key(world: World, name: str) -> ids.ObjectKey:
    return ids.ObjectKey("", "ConfigMap", world.namespace, name)


def made(world: World, name: str, *owners: str, blocks: bool = False) -> str:
    """A ConfigMap that the ConfigMaps with these names own; returns its UID. An owner may be a UID that nobody has."""
    manifest = config_map(world.namespace, name)
    manifest["metadata"]["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": found, "uid": uid, "blockOwnerDeletion": blocks}
        for found, _, uid in (owner.partition("=") for owner in owners)
    ]
    return f"{name}={world.outside.apply(manifest)['metadata']['uid']}"


async def delete(
    world: World, which: ids.ObjectKey, propagation: live.Propagation = live.Propagation.BACKGROUND
) -> live.Deleted | live.Refused:
    found = await world.cluster.read(which)
    assert found is not None
    return await world.cluster.delete(which, uid=found.meta.uid, operation=operation(), propagation=propagation)


async def gone(world: World, which: ids.ObjectKey) -> None:
    async def asked() -> bool:
        return await world.cluster.read(which) is None

    await until_asked(asked, what=f"{which} being gone", seconds=PATIENCE)


async def owned_by(world: World, which: ids.ObjectKey, *owners: str) -> None:
    """Until exactly these are named as its owners."""
    wanted = [owner.partition("=")[2] for owner in owners]

    async def asked() -> bool:
        found = await world.cluster.read(which)
        assert found is not None, f"{which} has gone"
        return [one["uid"] for one in found.document()["metadata"].get("ownerReferences", ())] == wanted

    await until_asked(asked, what=f"{which} being owned by {owners}", seconds=PATIENCE)


async def test_dependents_go_down_to_the_last_and_strangers_stay(world: World) -> None:
    made(world, "grandchild", made(world, "child", made(world, "owner")))
    made(world, "stranger")
    assert await delete(world, key(world, "owner")) == live.Deleted(key(world, "owner"), gone=True)
    await gone(world, key(world, "grandchild"))
    await gone(world, key(world, "child"))
    assert await world.cluster.read(key(world, "stranger")) is not None


async def test_what_has_another_owner_stays_and_lets_go_of_the_lost_one(world: World) -> None:
    one, two = made(world, "one"), made(world, "two")
    made(world, "child", one, two)
    await delete(world, key(world, "one"))
    await owned_by(world, key(world, "child"), two)
    await delete(world, key(world, "two"))
    await gone(world, key(world, "child"))


async def test_what_is_made_for_an_owner_that_never_was_goes(world: World) -> None:
    made(world, "child", f"nobody={uuid.uuid4()}")
    await gone(world, key(world, "child"))


async def test_orphans_stay_and_forget_their_owner(world: World) -> None:
    made(world, "child", made(world, "owner"))
    await delete(world, key(world, "owner"), live.Propagation.ORPHAN)
    await gone(world, key(world, "owner"))
    await owned_by(world, key(world, "child"))


@pytest.mark.parametrize("blocks", [True, False], ids=["blocking", "free"])
async def test_in_the_foreground_an_owner_waits_for_those_that_block_it(world: World, blocks: bool) -> None:
    made(world, "child", made(world, "owner"), blocks=blocks)
    world.outside.edit(config_map(world.namespace, "child"), HOLD)
    reply = await delete(world, key(world, "owner"), live.Propagation.FOREGROUND)
    assert reply == live.Deleted(key(world, "owner"), gone=False, finalizers=("foregroundDeletion",))

    async def child_goes() -> bool:
        found = await world.cluster.read(key(world, "child"))
        return found is not None and found.meta.deleting

    await until_asked(child_goes, what="the child being deleted", seconds=PATIENCE)
    if blocks:
        assert await world.cluster.read(key(world, "owner")) is not None
    else:
        await gone(world, key(world, "owner"))
    world.outside.edit(config_map(world.namespace, "child"), RELEASE)
    await gone(world, key(world, "child"))
    await gone(world, key(world, "owner"))


async def test_a_namespace_goes_with_its_content_and_takes_nothing_new(world: World) -> None:
    name = f"going-{uuid.uuid4().hex[:8]}"
    space = rendered({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    await applied(world.cluster, space.document())
    free, held = config_map(name, "free"), config_map(name, "held")
    held["metadata"]["finalizers"] = HOLD["metadata"]["finalizers"]
    for manifest in (free, held):
        await applied(world.cluster, manifest)
    reply = await delete(world, space.key)
    assert isinstance(reply, live.Deleted) and not reply.gone
    assert (await refused(world.cluster, config_map(name, "late"))).why is live.Why.TERMINATING
    await gone(world, rendered(free).key)
    assert await world.cluster.read(space.key) is not None
    again = await applied(world.cluster, held | {"data": {"a": "1"}})  # what is there may change
    assert again.live.document()["data"] == {"a": "1"}
    world.outside.edit(held, RELEASE)
    await gone(world, space.key)
    await applied(world.cluster, space.document())
    assert await world.cluster.read(rendered(held).key) is None


async def test_a_kind_is_served_with_its_definition_and_goes_with_it(world: World) -> None:
    defined = rendered(definition())
    await applied(world.cluster, defined.document())

    async def served() -> bool:
        facts = await world.cluster.facts(fresh=True)
        one = thing(size=1)
        one["metadata"] = {"name": "one", "namespace": world.namespace}
        reply = await world.cluster.dry_run(rendered(one), force=False) if facts.preferred(THING) else None
        return isinstance(reply, live.Applied)

    await until_asked(served, what="the new kind being served", seconds=PATIENCE)
    one = thing(size=1)
    one["metadata"] = {"name": "one", "namespace": world.namespace}
    reply = await applied(world.cluster, one)
    assert reply.live.document()["spec"] == {"size": 1, "mode": "quick"}
    assert (await refused(world.cluster, one | {"spec": {"size": 0}})).why is live.Why.INVALID
    await delete(world, defined.key)
    await gone(world, defined.key)

    async def forgotten() -> bool:
        return (await world.cluster.facts(fresh=True)).preferred(THING) is None

    await until_asked(forgotten, what="the kind being served no more", seconds=PATIENCE)
