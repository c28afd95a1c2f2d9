"""From JSON to the model: metadata, the fingerprint of our entry, discovery, target records, lines of a watch."""

import dataclasses
from typing import Any

import pytest

from reconciler.edges.kubernetes import discovery, objects
from reconciler.model import anchors, ids, live, metadata, records

CONFIG_MAP = ids.KindKey("", "ConfigMap")
OURS: dict[str, Any] = {
    "manager": "reconciler",
    "operation": "Apply",
    "apiVersion": "v1",
    "time": "2026-01-01T00:00:00Z",
    "fieldsV1": {"f:data": {"f:a": {}, "f:b": {}}},
}


def entry(*managed: dict[str, Any]) -> str:
    return metadata.entry({"managedFields": list(managed)})


@pytest.mark.parametrize(
    "change",
    [
        {"manager": "kubectl-edit"},
        {"operation": "Update"},
        {"subresource": "status"},
    ],
)
def test_only_our_own_apply_entry_counts(change: dict[str, Any]) -> None:
    theirs = OURS | change
    assert entry(theirs) == ""
    assert entry(theirs, OURS) == entry(OURS) != ""


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"fieldsV1": {"f:data": {"f:b": {}, "f:a": {}}}}, True),
        ({"apiVersion": "v2"}, True),
        ({"fieldsV1": {"f:data": {"f:a": {}}}}, False),
        ({"time": "2026-01-01T00:00:01Z"}, False),
        ({"time": None}, False),
    ],
)
def test_the_fingerprint_changes_with_fields_and_time(change: dict[str, Any], same: bool) -> None:
    assert (entry(OURS | change) == entry(OURS)) is same


def test_metadata() -> None:
    found = metadata.meta(
        {
            "metadata": {
                "name": "a",
                "namespace": "web",
                "uid": "u",
                "resourceVersion": "7",
                "labels": {"b": "2", "a": "1"},
                "annotations": {ids.MARK: "m"},
                "deletionTimestamp": "2026-01-01T00:00:00Z",
                "ownerReferences": [{"controller": False}, {"controller": True}],
            }
        },
        CONFIG_MAP,
    )
    key = ids.ObjectKey("", "ConfigMap", "web", "a")
    since = "2026-01-01T00:00:00Z"
    assert found == live.LiveMeta(key, "u", "7", "", "m", True, True, (("a", "1"), ("b", "2")), deleting_since=since)


@pytest.mark.parametrize(
    ("group", "namespaced", "namespace", "name", "path"),
    [
        ("", True, "web", "a", "/api/v1/namespaces/web/things/a"),
        ("apps", True, "", "", "/apis/apps/v1/things"),
        ("apps", False, "", "system:a/b", "/apis/apps/v1/things/system:a%2Fb"),
        ("apps", False, "ignored", "", "/apis/apps/v1/things"),
    ],
)
def test_paths(group: str, namespaced: bool, namespace: str, name: str, path: str) -> None:
    resource = live.ResourceType(ids.KindKey(group, "Thing"), "v1", "things", namespaced, frozenset())
    assert objects.path(resource, namespace, name) == path


def group(name: str, *versions: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "versions": list(versions)}


def version(name: str, *kinds: str, freshness: str = "Current") -> dict[str, Any]:
    resources = [
        {
            "resource": f"{kind.lower()}s",
            "responseKind": {"group": "", "version": "", "kind": kind},
            "scope": "Namespaced",
        }
        for kind in kinds
    ]
    return {"version": name, "freshness": freshness, "resources": resources}


def test_the_preferred_version_comes_first_and_a_parent_gives_what_is_missing() -> None:
    page = discovery.parse(
        {"items": [group("example.com", version("v2", "A"), version("v1", "A", "B"))]}, etag="e", known=discovery.Page()
    )
    found = [(each.kind.kind, each.api_version) for each in page.types]
    assert found == [("A", "example.com/v2"), ("A", "example.com/v1"), ("B", "example.com/v1")]
    assert (page.etag, page.broken) == ("e", frozenset())


def test_a_group_that_cannot_be_asked_keeps_what_was_known_and_hides_no_other() -> None:
    known = discovery.parse(
        {"items": [group("metrics", version("v1", "PodMetrics"))]}, etag="e", known=discovery.Page()
    )
    stale = {"items": [group("metrics", version("v1", freshness="Stale")), group("apps", version("v1", "Deployment"))]}
    page = discovery.parse(stale, etag="f", known=known)
    assert [each.kind.kind for each in page.types] == ["PodMetrics", "Deployment"]
    assert (page.etag, page.broken) == ("", {"metrics"})


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (ids.TargetKey("production", "paperless-maverick"), "reconciler-production-paperless-maverick"),
        (ids.TargetKey("a-b", "c"), "reconciler-a-b-c-"),
        (ids.TargetKey("production", "x" * 250), "reconciler-production-xxx"),
        (ids.TargetKey("Production", "web_1"), "reconciler-production-web-1-"),
    ],
)
def test_names_of_target_records(target: ids.TargetKey, name: str) -> None:
    found = anchors.name_of(target)
    assert found.startswith(name)
    assert len(found) <= 253
    assert (found == name) == (not name.endswith(("-", "xxx")))


RECORD = records.TargetRecord(ids.TargetKey("a", "b"), "i", 3, "good", ("bad",), "inventory", 12, "head")


def test_target_records_survive_their_config_map() -> None:
    pause = records.Pause("ann", 'a "freeze"', "2026-01-01T10:00:00Z")
    full = dataclasses.replace(RECORD, revision="c" * 40, deployed="d" * 40, pause=pause, stopped="it failed too")
    for record in (RECORD, full, dataclasses.replace(RECORD, quarantined=(), last_good="")):
        assert anchors.parse(dict(anchors.fields(record))) == record


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": "three"},
        {"epoch": "-1"},
        {"epoch": str(2**63 - 1)},
        {"sequence": str(-(2**63) - 1)},
        {"sequence": str(2**53)},
        {"quarantined": "bad"},
        {"quarantined": "{}"},
        {"target": "x"},
        {"head-hash": None},
        {"pause": "[]"},
    ],
)
def test_a_damaged_target_record_is_no_record(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        anchors.parse({**anchors.fields(RECORD), **change})
