"""What goes after something else has gone. On a real cluster its controllers do this some moments later
(tests/contracts/test_going.py waits for them); here it is done within the write."""

import pytest

from reconciler.model import document, ids, live
from reconciler.sandbox import objects
from tests.sandbox.test_objects import store

Json = document.Json
HOLD: list[document.JsonValue] = ["example.com/hold"]


def key(name: str, namespace: str = "default") -> ids.ObjectKey:
    return ids.ObjectKey("", "ConfigMap", namespace, name)


def made(kept: objects.Objects, name: str, *owners: str, blocks: bool = False, namespace: str = "default") -> str:
    """A ConfigMap that these own; returns its UID."""
    references: list[document.JsonValue] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid, "blockOwnerDeletion": blocks}
        for uid in owners
    ]
    metadata: Json = {"name": name, "namespace": namespace}
    if references:
        metadata["ownerReferences"] = references
    found = kept.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}, manager="somebody")
    assert isinstance(found, objects.Stored)
    return found.uid


def hold(kept: objects.Objects, which: ids.ObjectKey, finalizers: list[document.JsonValue]) -> None:
    kept.update(
        which, lambda body: document.mapping(body, "metadata").update(finalizers=finalizers), manager="somebody"
    )


def names(kept: objects.Objects) -> set[str]:
    return {found.key.name for found in kept.of_kind(ids.KindKey("", "ConfigMap"))}


def test_dependents_go_in_the_background_down_to_the_last() -> None:
    kept = store()
    child = made(kept, "child", made(kept, "owner"))
    made(kept, "grandchild", child)
    made(kept, "stranger")
    assert kept.delete(key("owner")) == live.Deleted(key("owner"), gone=True)
    assert names(kept) == {"stranger"}


def test_what_has_another_owner_stays_and_lets_go_of_the_lost_one() -> None:
    kept = store()
    one, two = made(kept, "one"), made(kept, "two")
    made(kept, "child", one, two)
    kept.delete(key("one"))
    found = kept.get(key("child"))
    assert found is not None and list(found.owners()) == [two]
    kept.delete(key("two"))
    assert names(kept) == set()


def test_what_is_made_for_an_owner_that_has_gone_goes_at_once() -> None:
    kept = store()
    made(kept, "child", "no-such-uid")
    assert names(kept) == set()


def test_orphans_stay() -> None:
    kept = store()
    made(kept, "child", made(kept, "owner"))
    kept.delete(key("owner"), propagation="Orphan")
    found = kept.get(key("child"))
    assert found is not None and not found.references
    assert names(kept) == {"child"}


@pytest.mark.parametrize("blocks", [True, False])
def test_in_the_foreground_an_owner_waits_for_those_that_block_it(blocks: bool) -> None:
    kept = store()
    made(kept, "child", made(kept, "owner"), blocks=blocks)
    hold(kept, key("child"), HOLD)
    reply = kept.delete(key("owner"), propagation="Foreground")
    assert reply == live.Deleted(key("owner"), gone=False, finalizers=("foregroundDeletion",))
    assert names(kept) == ({"child", "owner"} if blocks else {"child"})
    hold(kept, key("child"), [])
    assert names(kept) == set()


def test_a_namespace_goes_with_its_content_and_takes_nothing_new() -> None:
    kept = store()
    space = ids.ObjectKey("", "Namespace", "", "shop")
    kept.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}, manager="somebody")
    made(kept, "held", namespace="shop")
    made(kept, "free", namespace="shop")
    hold(kept, key("held", "shop"), HOLD)
    assert kept.delete(space) == live.Deleted(space, gone=False, finalizers=("kubernetes",))
    assert names(kept) == {"held"}
    found = kept.get(space)
    assert found is not None and document.text(found.body, "status", "phase") == "Terminating"
    body: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late", "namespace": "shop"}}
    for reply in (kept.create(body, manager="x"), kept.apply(body, manager="x", force=False)):
        assert isinstance(reply, live.Refused) and reply.why is live.Why.TERMINATING
    hold(kept, key("held", "shop"), [])
    assert kept.get(space) is None


THING = ids.KindKey("example.com", "Thing")
DEFINITION = ids.ObjectKey("apiextensions.k8s.io", "CustomResourceDefinition", "", "things.example.com")


def definition() -> Json:
    names: Json = {"plural": "things", "kind": "Thing"}
    schema: Json = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "required": ["size"],
                "properties": {
                    "size": {"type": "integer", "minimum": 1},
                    "mode": {"type": "string", "default": "quick", "enum": ["quick", "slow"]},
                    "parts": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["name"],
                        "items": {
                            "type": "object",
                            "required": ["name"],
                            "properties": {"name": {"type": "string"}, "note": {"type": "string"}},
                        },
                    },
                },
            }
        },
    }
    version: Json = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": DEFINITION.name},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def thing(**spec: document.JsonValue) -> Json:
    metadata: Json = {"name": "one", "namespace": "default"}
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": metadata, "spec": dict(spec)}


def establish(kept: objects.Objects) -> None:
    established: Json = {"type": "Established", "status": "True"}
    kept.update(
        DEFINITION,
        lambda body: document.mapping(body, "status").update(conditions=[established]),
        manager="somebody",
        subresource="status",
    )


def defined() -> objects.Objects:
    kept = store()
    assert isinstance(kept.create(definition(), manager="somebody"), objects.Stored)
    establish(kept)
    return kept


def test_a_kind_is_served_once_its_definition_is_established_and_no_longer_than_it() -> None:
    kept = store()
    kept.create(definition(), manager="somebody")
    refused = kept.apply(thing(size=1), manager="x", force=False)
    assert isinstance(refused, live.Refused) and refused.why is live.Why.NO_KIND
    establish(kept)
    assert kept.served.facts().preferred(THING) is not None
    assert isinstance(kept.apply(thing(size=1), manager="x", force=False), live.Applied)
    assert isinstance(deleted := kept.delete(DEFINITION), live.Deleted) and not deleted.gone
    assert kept.of_kind(THING) == ()
    assert kept.served.facts().preferred(THING) is None


def test_custom_objects_get_their_schemas_defaults_and_merge_rules() -> None:
    kept = defined()
    first: document.JsonValue = {"name": "a", "note": "ours"}
    made = kept.apply(thing(size=1, parts=[first]), manager="ours", force=False)
    assert isinstance(made, live.Applied)
    theirs = kept.apply(thing(size=1, parts=[{"name": "b"}]), manager="theirs", force=False)
    assert isinstance(theirs, live.Applied)
    assert theirs.live.document()["spec"] == {"mode": "quick", "size": 1, "parts": [first, {"name": "b"}]}
    assert document.number(theirs.live.document(), "metadata", "generation") == 2


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        ({"size": "big"}, 500),
        ({"size": 1, "bogus": True}, 500),
        ({"size": 0}, 422),
        ({}, 422),
        ({"size": 1, "mode": "odd"}, 422),
        ({"size": 1, "parts": [{"note": "no name"}]}, 500),
    ],
    ids=["type", "unknown", "minimum", "required", "enum", "key"],
)
def test_custom_objects_are_refused_by_their_schema(spec: Json, status: int) -> None:
    reply = defined().apply(thing(**spec), manager="x", force=False)
    assert isinstance(reply, live.Refused)
    assert (reply.why, reply.status) == (live.Why.INVALID, status)
