"""Paths of fields: found, taken away, set, also within lists."""

import copy
from typing import Any

import pytest

from reconciler.model import fields, ids

BODY: dict[str, Any] = {
    "metadata": {"annotations": {"checksum/config": "1"}},
    "spec": {
        "replicas": 3,
        "args": ["a", "b"],
        "empty": {},
        "containers": [
            {"name": "app", "env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 80, "protocol": "TCP"}]},
            {"name": "side", "image": "s"},
        ],
        "webhooks": [{"client": {"ca": "x"}}, {"client": {"ca": "y"}}],
    },
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("spec/replicas", ["spec.replicas"]),
        ("metadata/annotations", ["metadata.annotations[checksum/config]"]),
        ("spec/args", ["spec.args"]),
        ("spec/args/0", []),
        ("spec/empty", ["spec.empty"]),
        ("spec/containers/app/env/A/value", ["spec.containers.app.env.A.value"]),
        ("spec/containers/0/env/0/value", ["spec.containers.app.env.A.value"]),
        ("spec/containers/1/image", ["spec.containers.side.image"]),
        ("spec/containers/*/image", ["spec.containers.side.image"]),
        ("spec/containers/app", []),
        ("spec/containers/other/image", []),
        ("spec/containers/app/ports/80/protocol", ["spec.containers.app.ports.80.protocol"]),
        ("spec/webhooks/*/client/ca", ["spec.webhooks.0.client.ca", "spec.webhooks.1.client.ca"]),
        ("spec/webhooks/*/client", ["spec.webhooks.0.client.ca", "spec.webhooks.1.client.ca"]),
        ("*/replicas", ["spec.replicas"]),
        ("spec/replicas/deeper", []),
        ("status", []),
    ],
)
def test_leaves(path: str, found: list[str]) -> None:
    assert [fields.shown(each) for each in fields.leaves(BODY, tuple(path.split("/")))] == found


@pytest.mark.parametrize("path", [("spec", "webhooks", "*", "client", "ca"), ("spec", "containers", "app", "env", "A")])
def test_what_is_cut_is_put_back(path: fields.Path) -> None:
    body = copy.deepcopy(BODY)
    there = [(each, fields.at(body, each)) for each in fields.leaves(body, path)]
    for each, _ in there:
        fields.cut(body, each)
        assert fields.at(body, each) == ()
    for each, values in there:
        fields.put(body, each, *values)
    assert body == BODY


def test_mappings_that_become_empty_go_and_items_of_lists_stay() -> None:
    body = copy.deepcopy(BODY)
    fields.cut(body, ("metadata", "annotations", "checksum/config"))
    fields.cut(body, ("spec", "webhooks", "0", "client", "ca"))
    assert "metadata" not in body
    assert body["spec"]["webhooks"] == [{}, {"client": {"ca": "y"}}]
    fields.put(body, ("spec", "webhooks", "5", "client", "ca"), "z")
    assert len(body["spec"]["webhooks"]) == 2


@pytest.mark.parametrize(
    ("kind", "name", "namespace", "selected"),
    [
        ("Secret", "*", "*", True),
        ("Secret", "web", "*", True),
        ("Secret", "we*", "shop", True),
        ("Secret", "w", "*", False),
        ("Secret", "*", "other", False),
        ("ConfigMap", "*", "*", False),
    ],
)
def test_a_rule_selects(kind: str, name: str, namespace: str, selected: bool) -> None:
    rule = fields.Rule(ids.KindKey("", kind), name, namespace, ("data",), keep=True, where="keepLive[0].fields[0]")
    assert rule.selects(ids.ObjectKey("", "Secret", "shop", "web")) is selected
