"""Field by field, as a person would name the difference, and never a secret."""

from typing import Any

import pytest

from reconciler.model import document, ids
from reconciler.plan import diff

DEPLOYMENT = ids.ObjectKey("apps", "Deployment", "web", "web")
SECRET = ids.ObjectKey("", "Secret", "web", "s")


def told(before: Any, after: Any, *, key: ids.ObjectKey = DEPLOYMENT) -> list[tuple[str, str | None, str | None]]:
    return [(change.path, change.before, change.after) for change in diff.fields(key, before, after)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param({"a": 1}, {"a": 1}, [], id="equal"),
        pytest.param({"a": 1}, {"a": 2}, [("a", "1", "2")], id="changed"),
        pytest.param({}, {"a": {"b": 1}}, [("a", None, '{"b":1}')], id="added whole"),
        pytest.param({"a": {"b": 1}}, {}, [("a", '{"b":1}', None)], id="removed whole"),
        pytest.param({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, [("a.c", "2", None)], id="nested"),
        pytest.param({"a": None}, {}, [("a", "null", None)], id="null is not absent"),
        pytest.param({"a": 1}, {"a": True}, [("a", "1", "true")], id="a number is no boolean"),
        pytest.param({"a": [{"b": 1}]}, {"a": [{"b": True}]}, [("a[0].b", "1", "true")], id="nor inside a list"),
        pytest.param({"a": [1]}, {"a": [True]}, [("a", "[1]", "[true]")], id="nor as an item"),
        pytest.param({"a": ""}, {"a": {}}, [("a", '""', "{}")], id="other shape"),
        pytest.param({"a": ["x"]}, {"a": ["x", "y"]}, [("a", '["x"]', '["x","y"]')], id="words"),
        pytest.param({"a": {"b.c/d": 1}}, {"a": {"b.c/d": 2}}, [("a[b.c/d]", "1", "2")], id="awkward key"),
        pytest.param(
            {"c": [{"name": "x", "image": "1"}, {"name": "y"}]},
            {"c": [{"name": "new"}, {"name": "x", "image": "2"}, {"name": "y"}]},
            [("c[x].image", '"1"', '"2"'), ("c[new]", None, '{"name":"new"}')],
            id="items by name: one put in front moves nothing",
        ),
        pytest.param(
            {"ports": [{"containerPort": 80, "name": "a"}, {"containerPort": 81}]},
            {"ports": [{"containerPort": 80, "name": "b"}, {"containerPort": 81}]},
            [("ports[80/TCP].name", '"a"', '"b"')],
            id="ports by number where not all have a name",
        ),
        pytest.param(
            {"ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53}]},
            {"ports": [{"containerPort": 53, "protocol": "UDP"}]},
            [("ports[53/TCP]", '{"containerPort":53}', None)],
            id="one port, two protocols",
        ),
        pytest.param(
            {"e": [{"name": "a"}, {"name": "b"}]},
            {"e": [{"name": "b"}, {"name": "a"}]},
            [("e (order)", '["a","b"]', '["b","a"]')],
            id="only the order",
        ),
        pytest.param(
            {"e": [{"name": "a", "v": 1}, {"name": "a", "v": 2}]},
            {"e": [{"name": "a", "v": 1}, {"name": "a", "v": 3}]},
            [("e[1].v", "2", "3")],
            id="a name twice names nothing: by position",
        ),
        pytest.param({"r": [{"x": 1}]}, {"r": [{"x": 1}, {"x": 2}]}, [("r[1]", None, '{"x":2}')], id="by position"),
    ],
)
def test_differences(before: Any, after: Any, expected: list[tuple[str, str | None, str | None]]) -> None:
    assert told(before, after) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(
            {"data": {"p": "b2xk"}}, {"data": {"p": "bmV3"}}, [("data.p", "***", "*** (changed)")], id="changed"
        ),
        pytest.param({"data": {"p": "b2xk"}}, {"data": {"p": "b2xk"}}, [], id="equal"),
        pytest.param({}, {"data": {"p": "bmV3"}}, [("data.p", None, "***")], id="all of it added"),
        pytest.param(
            {"data": {"p": "b2xk", "q": "eA=="}}, {"data": {"q": "eA=="}}, [("data.p", "***", None)], id="one removed"
        ),
        pytest.param({"stringData": {"p": "old"}}, {}, [("stringData.p", "***", None)], id="in clear"),
        pytest.param({"data": "b2xk"}, {"data": "bmV3"}, [("data", "***", "*** (changed)")], id="no mapping at all"),
        pytest.param({"data": None}, {"data": {"p": "bmV3"}}, [("data", "***", "*** (changed)")], id="null"),
        pytest.param({"type": "Opaque"}, {"type": "x"}, [("type", '"Opaque"', '"x"')], id="its type is no secret"),
    ],
)
def test_a_secret_shows_that_it_changed_and_nothing_else(
    before: Any, after: Any, expected: list[tuple[str, str | None, str | None]]
) -> None:
    assert told(before, after, key=SECRET) == expected


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"metadata": {"annotations": {LAST_APPLIED: "b2xk"}}}, {"metadata": {"annotations": {LAST_APPLIED: "bmV3"}}}),
        ({"metadata": {"annotations": {LAST_APPLIED: "b2xk"}}}, {"metadata": {}}),
        ({"metadata": {}}, {"metadata": {"annotations": {LAST_APPLIED: "bmV3"}}}),
        ({}, {"metadata": {"annotations": {LAST_APPLIED: "bmV3"}}}),
        ({"metadata": {"annotations": {LAST_APPLIED: "b2xk"}}}, {}),
        ({"metadata": None}, {"metadata": {"annotations": {LAST_APPLIED: "bmV3"}}}),
    ],
)
@pytest.mark.parametrize("key", [SECRET, DEPLOYMENT])
def test_the_annotation_that_copies_a_whole_object_is_secret(before: Any, after: Any, key: ids.ObjectKey) -> None:
    found = told(before, after, key=key)
    assert found
    assert not any(secret in str(found) for secret in ("b2xk", "bmV3"))


def test_status_and_the_servers_part_of_the_metadata_are_no_difference() -> None:
    body: document.Json = {
        "kind": "Deployment",
        "metadata": {"name": "a", "uid": "u", "resourceVersion": "1", "generation": 2, "managedFields": []},
        "spec": {"x": 1},
        "status": {"ready": 1},
    }
    assert diff.comparable(body) == {"kind": "Deployment", "metadata": {"name": "a"}, "spec": {"x": 1}}
