"""What every `ports.Cluster` promises of its watches while nothing breaks; else see `test_watch.py`."""

import pytest

from reconciler import errors, ports
from reconciler.model import ids, live
from tests.contracts.waiting import until
from tests.contracts.worlds import (
    CONFIG_MAP,
    DEPLOYMENT,
    POD,
    SHOP,
    UNSERVED,
    WEB,
    World,
    applied,
    config_map,
    deployment,
    rendered,
)

# --- metadata watches


def meta_of(world: World, name: str = "settings") -> live.LiveMeta | None:
    return world.cluster.meta(rendered(config_map(world.namespace, name)).key)


async def test_a_watch_has_what_was_there_and_follows_what_comes(world: World) -> None:
    heard: list[ports.Seen] = []
    world.cluster.listen(heard.append)
    first = await applied(world.cluster, config_map(world.namespace, "first"))
    await world.cluster.watch([(CONFIG_MAP, world.namespace)])
    assert meta_of(world, "first") == first.live.meta
    assert meta_of(world) is None
    made = (await applied(world.cluster, config_map(world.namespace, a="1"))).live.meta
    assert await until(lambda: meta_of(world), what="the new object") == made
    world.outside.edit(config_map(world.namespace), {"data": {"a": "2"}})
    edited = await until(lambda: (meta := meta_of(world)) != made and meta, what="the edit")
    assert edited.entry != made.entry
    world.outside.remove(config_map(world.namespace))
    await until(lambda: meta_of(world) is None, what="its removal")
    mine = [seen for seen in heard if seen.meta.key == made.key]
    assert [(seen.cluster, seen.meta.entry, seen.gone) for seen in mine] == [
        (world.cluster.name, made.entry, False),
        (world.cluster.name, edited.entry, False),
        (world.cluster.name, edited.entry, True),
    ]


async def test_what_no_watch_covers_is_unknown_and_watches_add_up(world: World) -> None:
    with pytest.raises(errors.Transient, match="watch"):
        meta_of(world)
    for kind in (CONFIG_MAP, DEPLOYMENT):  # as two targets ask, one after the other
        await world.cluster.watch([(kind, world.namespace)])
        assert meta_of(world) is None


async def test_of_a_kind_that_is_not_served_nothing_exists(world: World) -> None:
    await world.cluster.watch([(UNSERVED, world.namespace)])
    assert world.cluster.meta(ids.ObjectKey(UNSERVED.group, UNSERVED.kind, world.namespace, "x")) is None


# --- full watches


def followed(world: World, target: ids.TargetKey) -> dict[str, live.LiveObject]:
    try:
        return {f"{key.kind}/{key.name}": found for key, found in world.cluster.followed(target).items()}
    except errors.Transient:
        return {}


async def test_followers_see_whole_objects_and_are_woken(world: World) -> None:
    woken: list[ids.TargetKey] = []
    wanted = [(DEPLOYMENT, world.namespace), (POD, world.namespace)]
    await world.cluster.follow(WEB, wanted, woken=lambda: woken.append(WEB))
    await applied(world.cluster, deployment(world.namespace, replicas=1))
    pods = await until(
        lambda: [name for name in followed(world, WEB) if name.startswith("Pod/web-")], what="a pod of the Deployment"
    )
    found = followed(world, WEB)
    assert found["Deployment/web"].document()["kind"] == "Deployment"
    assert found["Deployment/web"].document()["spec"]
    assert found[pods[0]].meta.controlled
    assert woken and set(woken) == {WEB}


async def test_targets_share_a_watch_and_leave_it_one_by_one(world: World) -> None:
    woken: list[ids.TargetKey] = []
    for target in (WEB, SHOP):
        await world.cluster.follow(
            target, [(CONFIG_MAP, world.namespace)], woken=lambda target=target: woken.append(target)
        )
    world.outside.apply(config_map(world.namespace, "one"))
    await until(
        lambda: "ConfigMap/one" in followed(world, WEB) and "ConfigMap/one" in followed(world, SHOP), what="both"
    )
    assert set(woken) == {WEB, SHOP}
    await world.cluster.unfollow(WEB)
    woken.clear()
    world.outside.apply(config_map(world.namespace, "two"))
    await until(lambda: "ConfigMap/two" in followed(world, SHOP), what="the one that stayed")
    assert set(woken) == {SHOP}
    assert world.cluster.followed(WEB) == {}


async def test_following_again_replaces_what_is_followed(world: World) -> None:
    await world.cluster.follow(WEB, [(CONFIG_MAP, world.namespace)], woken=lambda: None)
    await applied(world.cluster, config_map(world.namespace))
    await until(lambda: "ConfigMap/settings" in followed(world, WEB), what="the ConfigMap")
    await world.cluster.follow(WEB, [(DEPLOYMENT, world.namespace)], woken=lambda: None)
    await applied(world.cluster, deployment(world.namespace, replicas=0))
    await until(lambda: set(followed(world, WEB)) == {"Deployment/web"}, what="the Deployment alone")
