"""Records of fields as documents: united, taken apart, taken out of an object."""

from typing import Any

import pytest

from reconciler.model import document
from reconciler.plan import managed

IMAGE = ("f:spec", "f:containers", 'k:{"name":"app"}', "f:image")


def test_union_is_everything_that_any_claims() -> None:
    one: document.Json = {"f:data": {"f:a": {}}, "f:spec": {"f:x": {}}}
    other: document.Json = {"f:data": {".": {}, "f:b": {}}}
    assert managed.union(one, other) == {"f:data": {".": {}, "f:a": {}, "f:b": {}}, "f:spec": {"f:x": {}}}
    assert managed.union() == {}


def test_paths_and_what_is_left_without_some() -> None:
    claimed: document.Json = {"f:data": {".": {}, "f:a": {}}, "f:kind": {}}
    assert set(managed.paths(claimed)) == {("f:data", "."), ("f:data", "f:a"), ("f:kind",)}
    assert managed.without(claimed, ("f:data", "f:a"), ("f:kind",)) == {"f:data": {".": {}}}


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        ([("f:data", "f:a")], {"data": {"b": 2}, "items": [{"name": "x", "v": 1}], "words": ["p", "q"]}),
        (
            [("f:items", 'k:{"name":"x"}', "f:v")],
            {"data": {"a": 1, "b": 2}, "items": [{"name": "x"}], "words": ["p", "q"]},
        ),
        ([("f:items", 'k:{"name":"x"}', ".")], {"data": {"a": 1, "b": 2}, "items": [], "words": ["p", "q"]}),
        ([("f:words", 'v:"p"')], {"data": {"a": 1, "b": 2}, "items": [{"name": "x", "v": 1}], "words": ["q"]}),
        (
            [("f:absent", "f:x"), IMAGE],
            {"data": {"a": 1, "b": 2}, "items": [{"name": "x", "v": 1}], "words": ["p", "q"]},
        ),
    ],
)
def test_what_its_last_owner_drops_goes(gone: list[managed.Path], left: dict[str, Any]) -> None:
    body: document.Json = {"data": {"a": 1, "b": 2}, "items": [{"name": "x", "v": 1}], "words": ["p", "q"]}
    managed.removed(body, gone)
    assert body == left


def test_only_our_own_apply_record_is_ours() -> None:
    ours = {"manager": "reconciler", "operation": "Apply"}
    assert managed.is_ours({**ours})
    assert not managed.is_ours({**ours, "operation": "Update"})
    assert not managed.is_ours({**ours, "subresource": "scale"})
    assert not managed.is_ours({**ours, "manager": "kubectl"})
