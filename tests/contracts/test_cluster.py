"""What every `ports.Cluster` promises. Each implementation runs through all of it; a difference is a bug of one."""

import asyncio
import dataclasses

import pytest

from reconciler import errors
from reconciler.model import document, ids, live, records, rights
from reconciler.sandbox import cluster as sandbox_cluster
from tests.contracts.waiting import until_asked
from tests.contracts.worlds import (
    CONFIG_MAP,
    DEPLOYMENT,
    OTHER_UID,
    UNSERVED,
    WEB,
    Json,
    World,
    applied,
    config_map,
    deployment,
    operation,
    refused,
    rendered,
)

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
