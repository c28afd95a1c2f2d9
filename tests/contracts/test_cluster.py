"""What every `ports.Cluster` promises. Each implementation runs through all of it; a difference is a bug of one.

To add one: write a function as `kubernetes` below, and name it in MAKERS.
"""

import asyncio
import contextlib
import dataclasses
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from reconciler import errors, ports
from reconciler.edges import system
from reconciler.edges.kubernetes import cluster as kubernetes_cluster
from reconciler.model import document, ids, live, manifests, records, rights
from reconciler.sandbox import cluster as sandbox_cluster
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import table
from tests.clusterkit import access
from tests.contracts.waiting import until, until_asked

CONFIG_MAP = ids.KindKey("", "ConfigMap")
DEPLOYMENT = ids.KindKey("apps", "Deployment")
POD = ids.KindKey("", "Pod")
UNSERVED = ids.KindKey("example.com", "Nothing")
WEB, SHOP = ids.TargetKey("production", "web"), ids.TargetKey("production", "shop")
OTHER_UID = "00000000-0000-4000-8000-000000000000"
Json = dict[str, Any]


class Outside(Protocol):
    """Somebody else at work in the same cluster."""

    def apply(self, manifest: Json, *, manager: str = ..., force: bool = ...) -> Json:
        """Server-side apply."""

    def edit(self, manifest: Json, change: Json) -> None:
        """A merge patch by `kubectl-edit`."""

    def remove(self, manifest: Json) -> None:
        """Delete it, in the background."""


@dataclass(frozen=True, slots=True)
class World:
    """A cluster under test, and a namespace of it that is the test's own."""

    cluster: ports.Cluster
    namespace: str
    outside: Outside


class Administrator:
    """`Outside` by the administrator of the real control plane."""

    def __init__(self, client: access.Client) -> None:
        self._client = client

    def apply(self, manifest: Json, *, manager: str = "somebody", force: bool = True) -> Json:
        return self._client.apply(manifest, manager=manager, force=force)

    def edit(self, manifest: Json, change: Json) -> None:
        self._client.patch(access.path_of_manifest(manifest), change)

    def remove(self, manifest: Json) -> None:
        self._client.delete(access.path_of_manifest(manifest))


@contextlib.asynccontextmanager
async def kubernetes(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The edge over the real control plane."""
    plane: access.ClusterAccess = request.getfixturevalue("control_plane")
    namespace: str = request.getfixturevalue("namespace")
    records_namespace = f"records-{uuid.uuid4().hex[:8]}"  # made by the first record that is written
    cluster = await kubernetes_cluster.connect(
        "test", kubeconfig=str(plane.kubeconfig), namespace_for_records=records_namespace
    )
    try:
        yield World(cluster, namespace, Administrator(plane))
    finally:
        await cluster.close()
        plane.delete(access.path_of("v1", "Namespace", name=records_namespace))


class Neighbour:
    """`Outside` within a sandbox."""

    def __init__(self, kept: objects.Objects) -> None:
        self._objects = kept

    def apply(self, manifest: Json, *, manager: str = "somebody", force: bool = True) -> Json:
        reply = self._objects.apply(manifest, manager=manager, force=force)
        assert isinstance(reply, live.Applied), reply
        return reply.live.document()

    def edit(self, manifest: Json, change: Json) -> None:
        def merge(body: Json) -> None:
            merge_patch(body, change)

        reply = self._objects.update(rendered(manifest).key, merge, manager="kubectl-edit")
        assert isinstance(reply, objects.Stored), reply

    def remove(self, manifest: Json) -> None:
        self._objects.delete(rendered(manifest).key)


def merge_patch(body: Json, change: Json) -> None:
    for name, value in change.items():
        if value is None:
            body.pop(name, None)
        elif isinstance(value, dict):
            merge_patch(body.setdefault(name, {}), value)
        else:
            body[name] = value


@contextlib.asynccontextmanager
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The model of a cluster in this process."""
    clock = system.SystemClock()
    kept = objects.Objects(clock, system.SystemChance())
    kept.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}, manager="somebody")
    running = asyncio.create_task(table.controllers(kept, clock).run())
    try:
        yield World(sandbox_cluster.SandboxCluster("test", kept), "shop", Neighbour(kept))
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


Maker = Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[World]]
MAKERS = [pytest.param(sandbox, id="sandbox"), pytest.param(kubernetes, id="kubernetes", marks=pytest.mark.cluster)]


@pytest.fixture(params=MAKERS)
def maker(request: pytest.FixtureRequest) -> tuple[Maker, pytest.FixtureRequest]:
    if request.param is kubernetes:
        request.getfixturevalue("namespace")  # made here, outside the event loop, for it blocks
    return request.param, request


@pytest.fixture
async def world(maker: tuple[Maker, pytest.FixtureRequest]) -> AsyncIterator[World]:
    make, request = maker
    async with make(request) as made:
        yield made


def config_map(namespace: str, name: str = "settings", **data: str) -> Json:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(namespace: str, *, image: str = "web:v1", **spec: Any) -> Json:
    pod = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": pod, **spec},
    }


def rendered(manifest: Json) -> manifests.Manifest:
    group, slash, _ = manifest["apiVersion"].partition("/")
    metadata = manifest["metadata"]
    key = ids.ObjectKey(
        group if slash else "", manifest["kind"], str(metadata.get("namespace", "")), str(metadata["name"])
    )
    return manifests.Manifest(key, manifest["apiVersion"], document.encode(manifest), manifests.Origin("test.yaml", 1))


def operation() -> str:
    return str(uuid.uuid4())


async def applied(cluster: ports.Cluster, manifest: Json, *, force: bool = False) -> live.Applied:
    reply = await cluster.apply(rendered(manifest), operation=operation(), force=force)
    assert isinstance(reply, live.Applied), reply
    return reply


async def refused(cluster: ports.Cluster, manifest: Json) -> live.Refused:
    """The refusal, which a dry-run must foretell."""
    foretold = await cluster.dry_run(rendered(manifest), force=False)
    reply = await cluster.apply(rendered(manifest), operation=operation(), force=False)
    assert isinstance(foretold, live.Refused), foretold
    assert isinstance(reply, live.Refused), reply
    assert foretold.why is reply.why
    return reply


# --- facts and reading


async def test_facts_name_the_version_and_every_served_kind(world: World) -> None:
    facts = await world.cluster.facts()
    assert facts.version.startswith("v1.")
    found = facts.find("apps/v1", "Deployment")
    assert found is not None
    assert (found.plural, found.namespaced, found == facts.preferred(DEPLOYMENT)) == ("deployments", True, True)
    node = facts.find("v1", "Node")
    assert node is not None and not node.namespaced
    assert facts.preferred(UNSERVED) is None
    assert await world.cluster.facts(fresh=True) == facts


async def test_reading_what_is_and_what_is_not_there(world: World) -> None:
    key = rendered(config_map(world.namespace)).key
    assert await world.cluster.read(key) is None
    world.outside.apply(config_map(world.namespace, a="1"))
    found = await world.cluster.read(key)
    assert found is not None
    assert (found.meta.key, found.document()["data"], found.meta.entry) == (key, {"a": "1"}, "")


async def test_a_kind_that_is_not_served_is_not_an_absent_object(world: World) -> None:
    with pytest.raises(errors.Terminal, match="serve"):
        await world.cluster.read(ids.ObjectKey(UNSERVED.group, UNSERVED.kind, world.namespace, "x"))


# --- apply


async def test_apply_creates_then_changes_nothing_then_changes(world: World) -> None:
    created = await applied(world.cluster, config_map(world.namespace, a="1"))
    again = await applied(world.cluster, config_map(world.namespace, a="1"))
    changed = await applied(world.cluster, config_map(world.namespace, a="2"))
    assert (created.created, again.created, changed.created) == (True, False, False)
    assert created.live.meta.entry
    assert again.live.meta == created.live.meta
    assert changed.live.meta.uid == created.live.meta.uid
    assert int(changed.live.meta.resource_version) > int(created.live.meta.resource_version)
    assert changed.live.document()["data"] == {"a": "2"}


async def test_a_dropped_field_goes_and_a_foreign_one_stays(world: World) -> None:
    await applied(world.cluster, config_map(world.namespace, a="1", b="1"))
    world.outside.edit(config_map(world.namespace), {"data": {"theirs": "x"}})
    changed = await applied(world.cluster, config_map(world.namespace, a="1"))
    assert changed.live.document()["data"] == {"a": "1", "theirs": "x"}


async def test_a_dry_run_writes_nothing(world: World) -> None:
    reply = await world.cluster.dry_run(rendered(config_map(world.namespace, a="1")), force=False)
    assert isinstance(reply, live.Applied)
    assert reply.created
    assert reply.live.document()["data"] == {"a": "1"}
    assert await world.cluster.read(rendered(config_map(world.namespace)).key) is None


async def test_a_mark_is_read_back_and_void_elsewhere(world: World) -> None:
    manifest = config_map(world.namespace)
    mark = ids.Mark("installation-1", WEB, rendered(manifest).key)
    manifest["metadata"]["annotations"] = {ids.MARK: str(mark)}
    assert (await applied(world.cluster, manifest)).live.meta.owner() == mark
    copied = config_map(world.namespace, "copy")
    copied["metadata"]["annotations"] = {ids.MARK: str(mark)}
    assert (await applied(world.cluster, copied)).live.meta.owner() is None


@pytest.mark.parametrize("by_apply", [True, False], ids=["apply", "edit"])
async def test_a_field_of_another_manager_is_a_conflict_that_force_wins(world: World, by_apply: bool) -> None:
    manifest = config_map(world.namespace, a="1", b="1")
    await applied(world.cluster, manifest)
    if by_apply:
        world.outside.apply(config_map(world.namespace, a="theirs"), manager="flux", force=True)
    else:
        world.outside.edit(manifest, {"data": {"a": "theirs"}})
    reply = await refused(world.cluster, config_map(world.namespace, a="2", b="2"))
    assert reply.why is live.Why.OWNERSHIP
    assert reply.conflicts == (live.FieldConflict(".data.a", "flux" if by_apply else "kubectl-edit", by_apply),)
    forced = await applied(world.cluster, config_map(world.namespace, a="2", b="2"), force=True)
    assert forced.live.document()["data"] == {"a": "2", "b": "2"}


async def test_our_entry_tells_of_a_foreign_edit_and_of_nothing_else(world: World) -> None:
    manifest = config_map(world.namespace, a="1")
    entry = (await applied(world.cluster, manifest)).live.meta.entry
    key = rendered(manifest).key
    for change, same in (({"data": {"theirs": "x"}}, True), ({"data": {"a": "2"}}, False)):
        world.outside.edit(manifest, change)
        found = await world.cluster.read(key)
        assert found is not None
        assert (found.meta.entry == entry) is same


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"bogus": 1}, live.Why.INVALID),
        ({"replicas": "three"}, live.Why.INVALID),
        ({"replicas": -1}, live.Why.INVALID),
        ({"selector": {"matchLabels": {"app": "another"}}}, live.Why.INVALID),
    ],
    ids=["unknown-field", "wrong-type", "out-of-range", "selector-not-of-the-template"],
)
async def test_a_bad_manifest_is_refused(world: World, change: Json, why: live.Why) -> None:
    reply = await refused(world.cluster, deployment(world.namespace, **change))
    assert reply.why is why
    assert reply.message


async def test_an_immutable_field_is_refused(world: World) -> None:
    await applied(world.cluster, deployment(world.namespace))
    other = deployment(world.namespace)
    other["spec"]["selector"] = other["spec"]["template"]["metadata"] = {"matchLabels": {"app": "b"}}
    other["spec"]["template"]["metadata"] = {"labels": {"app": "b"}}
    reply = await refused(world.cluster, other)
    assert reply.why is live.Why.INVALID
    assert "immutable" in reply.message


async def test_absent_surroundings_are_told_apart(world: World) -> None:
    reply = await refused(world.cluster, config_map("no-such-namespace"))
    assert reply.why is live.Why.NO_NAMESPACE
    nothing = config_map(world.namespace) | {"apiVersion": "example.com/v1", "kind": "Nothing"}
    assert (await refused(world.cluster, nothing)).why is live.Why.NO_KIND


# --- hand over


async def test_records_and_marks_are_handed_over_and_what_nobody_wants_leaves(world: World) -> None:
    theirs = config_map(world.namespace, a="1", b="2")
    theirs["metadata"]["annotations"] = {"theirs": "yes"}
    world.outside.apply(theirs)
    key = rendered(theirs).key
    found = await world.cluster.read(key)
    assert found is not None
    (entry,) = document.items(found.document(), "metadata", "managedFields")
    assert isinstance(entry, dict)
    managed = document.encode([{**entry, "manager": "reconciler"}])
    handover = live.Handover(
        found.meta.uid, found.meta.resource_version, managed, (("ours", "yes"),), (("tier", "web"),)
    )
    reply = await world.cluster.hand_over(key, handover, operation=operation())
    assert isinstance(reply, live.Applied) and reply.live.meta.entry and not reply.created
    metadata = document.mapping(reply.live.document(), "metadata")
    assert (metadata["annotations"], metadata["labels"]) == ({"ours": "yes"}, {"tier": "web"})

    # Now it is as if we had applied it: a field that we do not send leaves, without force.
    after = await applied(world.cluster, config_map(world.namespace, a="1"))
    assert document.mapping(after.live.document(), "data") == {"a": "1"}

    # Decided on another state, or on another object, it changes nothing.
    for stale in (handover, dataclasses.replace(handover, uid=OTHER_UID)):
        refused = await world.cluster.hand_over(key, stale, operation=operation())
        assert isinstance(refused, live.Refused) and refused.why is live.Why.STALE


async def test_given_up_nobody_owns_a_field(world: World) -> None:
    meta = (await applied(world.cluster, config_map(world.namespace, a="1"))).live.meta
    handover = live.Handover(meta.uid, meta.resource_version, b"[{}]", (), ())
    reply = await world.cluster.hand_over(meta.key, handover, operation=operation())
    assert isinstance(reply, live.Applied) and reply.live.meta.entry == ""
    assert document.mapping(reply.live.document(), "data") == {"a": "1"}


# --- delete


async def test_delete_takes_exactly_the_object_of_that_uid(world: World) -> None:
    meta = (await applied(world.cluster, config_map(world.namespace))).live.meta
    reply = await world.cluster.delete(meta.key, uid=OTHER_UID, operation=operation())
    assert isinstance(reply, live.Refused)
    assert reply.why is live.Why.UID_CHANGED
    assert await world.cluster.read(meta.key) is not None
    for _ in range(2):  # what is gone stays gone
        assert await world.cluster.delete(meta.key, uid=meta.uid, operation=operation()) == live.Deleted(meta.key, True)
    assert await world.cluster.read(meta.key) is None


@pytest.mark.parametrize("propagation", live.Propagation)
async def test_what_has_no_children_goes_whatever_is_said_of_them(world: World, propagation: live.Propagation) -> None:
    meta = (await applied(world.cluster, config_map(world.namespace))).live.meta
    reply = await world.cluster.delete(meta.key, uid=meta.uid, operation=operation(), propagation=propagation)
    assert isinstance(reply, live.Deleted)
    async with asyncio.timeout(15):
        while await world.cluster.read(meta.key) is not None:  # noqa: ASYNC110 - the port tells it by no event
            await asyncio.sleep(0.01)  # its garbage collector has a finalizer on it until it has looked


async def test_a_finalizer_holds_a_deleted_object(world: World) -> None:
    manifest = config_map(world.namespace)
    manifest["metadata"]["finalizers"] = ["example.com/hold"]
    meta = (await applied(world.cluster, manifest)).live.meta
    reply = await world.cluster.delete(meta.key, uid=meta.uid, operation=operation())
    assert reply == live.Deleted(meta.key, gone=False, finalizers=("example.com/hold",))
    found = await world.cluster.read(meta.key)
    assert found is not None and found.meta.deleting
    world.outside.edit(manifest, {"metadata": {"finalizers": None}})
    assert await world.cluster.read(meta.key) is None


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


# --- target records and check


RECORD = records.TargetRecord(
    target=WEB,
    installation="installation-1",
    epoch=3,
    last_good="good",
    quarantined=("bad", "worse"),
    inventory_digest="inventory",
    sequence=12,
    head_hash="head",
    revision="c" * 40,
    deployed="d" * 40,
    pause=records.Pause("ann", "a freeze", "2026-01-01T10:00:00Z"),
    stopped="the revert failed too",
)


async def test_target_records_are_kept_apart_and_replaced(world: World) -> None:
    hyphens = records.TargetRecord(ids.TargetKey("a-b", "c"), "installation-1", 1, "", (), "", 0, "")
    also = dataclasses.replace(hyphens, target=ids.TargetKey("a", "b-c"), epoch=2)
    kept = (RECORD, hyphens, also)
    for record in kept:
        assert await world.cluster.read_record(record.target) is None
        await world.cluster.write_record(record)
    assert tuple([await world.cluster.read_record(record.target) for record in kept]) == kept
    assert sorted(await world.cluster.read_records(), key=lambda record: record.target) == sorted(
        kept, key=lambda record: record.target
    )
    newer = dataclasses.replace(RECORD, last_good="", quarantined=(), sequence=13, pause=None)
    await world.cluster.write_record(newer)
    assert await world.cluster.read_record(WEB) == newer


async def test_a_healthy_cluster_has_no_complaints(world: World) -> None:
    findings = await world.cluster.check()
    assert findings
    assert [finding for finding in findings if finding.ok is not True] == []


async def test_its_administrator_lacks_no_right_and_is_named(world: World) -> None:
    needed = (
        rights.Need(CONFIG_MAP, world.namespace, rights.VERBS),
        rights.Need(ids.KindKey("", "Namespace"), "", ("get",)),
        rights.Need(UNSERVED, world.namespace, ("get",)),
    )
    found = await world.cluster.rights(needed)
    assert found.user
    assert tuple(answer.need for answer in found.answers) == needed
    assert [answer.plural for answer in found.answers] == ["configmaps", "namespaces", ""]
    assert [answer.missing for answer in found.answers] == [(), (), ()]


async def test_objects_that_carry_a_mark_are_found_and_copies_of_one_are_not(world: World) -> None:
    def marked(manifest: Json, *, on: str = "") -> Json:
        key = rendered(manifest).key
        mark = ids.Mark("installation-1", WEB, key._replace(name=on or key.name))
        metadata = {**manifest["metadata"], "annotations": {ids.MARK: str(mark)}}
        return {**manifest, "metadata": metadata}

    space = world.namespace
    ours = [marked(config_map(space, "ours")), marked(deployment(space))]
    for manifest in (*ours, marked(config_map(space, "copy"), on="ours"), config_map(space, "plain")):
        await applied(world.cluster, manifest)
    found = await world.cluster.marked([space])
    here = [meta for meta in found.found if meta.key.namespace == space]
    assert {meta.key for meta in here} == {rendered(manifest).key for manifest in ours}
    assert all(meta.uid and meta.entry for meta in here)
    assert found.unseen == ()


async def test_every_object_of_a_kind_and_namespace(world: World) -> None:
    for name in ("a", "b"):
        await applied(world.cluster, config_map(world.namespace, name, color="blue"))
    found = {one.meta.key.name: one for one in await world.cluster.every(CONFIG_MAP, world.namespace)}
    assert {"a", "b"} <= set(found)
    read = await world.cluster.read(found["a"].meta.key)
    assert read is not None
    assert (found["a"].meta, found["a"].document()) == (read.meta, read.document())
    with pytest.raises(errors.Terminal):
        await world.cluster.every(UNSERVED, world.namespace)


async def test_logs_and_events_are_given_or_said_not_to_be(world: World) -> None:
    """Simulated nodes and sandboxes keep no logs; a sandbox keeps no events either: never an empty answer in place."""
    pod = config_map(world.namespace) | {"kind": "Pod", "spec": {"containers": [{"name": "app", "image": "web:v1"}]}}
    pod.pop("data")
    key = rendered(pod).key
    world.outside.apply(pod)

    async def scheduled() -> bool:
        found = await world.cluster.read(key)
        return found is not None and bool(document.text(found.document(), "spec", "nodeName"))

    await until_asked(scheduled, what="the pod on a node")
    with pytest.raises(errors.Terminal):
        await world.cluster.tail(key, container="app", previous=False, lines=3)
    found = await world.cluster.read(key)
    assert found is not None
    if isinstance(world.cluster, sandbox_cluster.SandboxCluster):
        with pytest.raises(errors.Terminal, match="keeps no events"):
            await world.cluster.happenings(found.meta)
        return

    async def noted() -> bool:
        assert found is not None
        return any(one.reason == "Scheduled" for one in await world.cluster.happenings(found.meta))

    await until_asked(noted, what="the event of its scheduling")
