"""The schemas for editors take what the settings take, and refuse what is plainly wrong."""

import json
import pathlib
from typing import Any

import jsonschema
import pytest

from reconciler import yamltext
from reconciler.settings import application, base, environment, schemas, structure

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLES = sorted(
    (path, name)
    for folder in ("config", "desired-state")
    for name in schemas.FILES
    for path in (ROOT / folder).rglob(f"{name}.yaml")
)
APPLICATION: dict[str, Any] = {
    "apiVersion": "reconciler.dev/v1",
    "kind": "Application",
    "source": {"manifests": {}},
}


def complaints(name: str, content: Any) -> list[str]:
    return [error.json_path for error in jsonschema.Draft7Validator(schemas.schema(name)).iter_errors(content)]


@pytest.mark.parametrize("name", list(schemas.FILES))
def test_it_is_a_schema(name: str) -> None:
    jsonschema.Draft7Validator.check_schema(schemas.schema(name))


@pytest.mark.parametrize(("path", "name"), EXAMPLES, ids=str)
def test_every_example_is_accepted(path: pathlib.Path, name: str) -> None:
    assert complaints(name, yamltext.load_with_positions(path.read_bytes(), str(path))[0]) == []


def test_there_are_examples_of_every_file() -> None:
    assert {name for _, name in EXAMPLES} == set(schemas.FILES)


@pytest.mark.parametrize(
    ("more", "at"),
    [
        ({}, []),
        ({"verify": {"observe": "1h30m", "probes": [{"url": "http://web/healthz", "interval": 5}]}}, []),
        ({"prune": {"percent": "20%", "count": 3}}, []),
        ({"variables": {"HOST": "a", "REPLICAS": 3, "ON": True}}, []),
        ({"source": {"chart": {"path": "charts/web", "values": {"a": {"b": 1}}}}}, []),
        ({"kind": "Environment"}, ["$.kind"]),
        ({"stratgy": {}}, ["$"]),
        ({"state": "gone"}, ["$.state"]),
        ({"prune": {"count": "3"}}, ["$.prune.count"]),
        ({"dependsOn": "database"}, ["$.dependsOn"]),
        ({"namespace": "Web_1"}, ["$.namespace"]),
    ],
)
def test_what_is_accepted_and_what_is_not(more: dict[str, Any], at: list[str]) -> None:
    assert complaints("application", APPLICATION | more) == at


def defaults(model: type[base.Settings], prefix: str = "") -> list[tuple[str, Any, Any]]:
    """Path, default as a file would write it, schema of each scalar that has one."""
    found = []
    for key, field in structure.by_key(model).items():
        content = structure.content(field)
        if content.group is not None and not (content.by_name or content.listed):
            found += defaults(content.group, f"{prefix}{key}.")
        elif content.shape and not content.listed and not field.is_required() and field.default is not None:
            found.append((f"{prefix}{key}", content.shape.show(field.default), json.loads(content.shape.schema)))
    return found


@pytest.mark.parametrize(
    ("path", "default", "schema"), [*defaults(application.Application), *defaults(environment.Environment)]
)
def test_what_a_file_may_leave_out_it_may_also_write(path: str, default: str, schema: dict[str, Any]) -> None:
    if schema.get("type") != "object":  # those are shown as JSON
        written, _ = yamltext.load_with_positions(f"value: {default}\n", path)
        assert jsonschema.Draft7Validator({"properties": {"value": schema}}).is_valid(written)
