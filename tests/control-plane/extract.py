"""
Write down what the real API server serves and by which rules it merges: `reconciler/sandbox/served.json`.

Run it, with KUBECONFIG naming a control plane that `cluster.py` started, after its version was raised. The file keeps
of the published OpenAPI documents what the sandbox goes by: types, list types and keys, defaults, enums; and of the
types' Go source which fields are not shown when they are zero (`zeros.py`).
"""

import json
import os
import pathlib
import sys
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))  # the checkout: `tests` is not an installed package

import zeros  # beside this file

from tests.clusterkit import access  # found only through the line above

WRITTEN = pathlib.Path(__file__).parents[2] / "reconciler/sandbox/served.json"
DISCOVERY = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
REFERENCE = "#/components/schemas/"
KEPT = (
    "type",
    "format",
    "required",
    "default",
    "enum",
    "oneOf",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
)
JsonSchema = dict[str, Any]


def main() -> None:
    client = access.Client(pathlib.Path(os.environ["KUBECONFIG"]))
    schemas: dict[str, JsonSchema] = {}
    for place, found in (client.get("/openapi/v3") or {})["paths"].items():
        if place == "api/v1" or place.count("/") == 2:
            document = client.get(found["serverRelativeURL"]) or {}
            schemas |= document.get("components", {}).get("schemas", {})
    roots = {
        f"{group}/{version}/{kind}" if group else f"{version}/{kind}": name
        for name, schema in schemas.items()
        for group, version, kind in map(_named, schema.get("x-kubernetes-group-version-kind", ()))
        if kind not in ("DeleteOptions", "WatchEvent") and not kind.endswith("List")
    }
    types = [line for place in ("/api", "/apis") for line in _types(client, place)]
    roots = {root: name for root, name in roots.items() if root in {_root(line) for line in types}}
    kept: dict[str, JsonSchema] = {}
    for name in roots.values():
        _keep(name, schemas, kept)
    version = (client.get("/version") or {})["gitVersion"]
    written = {"version": version, "types": types, "roots": roots, "schemas": kept}
    WRITTEN.write_text(json.dumps(written, sort_keys=True, separators=(",", ":")) + "\n")
    print(f"{WRITTEN}: {len(types)} kinds, {len(kept)} schemas, {WRITTEN.stat().st_size} bytes")


def _named(found: dict[str, str]) -> tuple[str, str, str]:
    return found["group"], found["version"], found["kind"]


def _root(line: list[Any]) -> str:
    group, version, kind = line[:3]
    return f"{group}/{version}/{kind}" if group else f"{version}/{kind}"


def _types(client: access.Client, place: str) -> list[list[Any]]:
    """Group, version, kind, plural, namespaced, verbs and subresources of everything served, preferred versions
    first, as discovery has them."""
    return [
        [
            group["metadata"].get("name", ""),
            version["version"],
            resource["responseKind"]["kind"],
            resource["resource"],
            resource["scope"] == "Namespaced",
            sorted(resource["verbs"]),
            sorted(below["subresource"] for below in resource.get("subresources", ())),
        ]
        for group in client.request("GET", place, headers=DISCOVERY).body["items"]
        for version in group["versions"]
        for resource in version["resources"]
        if resource.get("responseKind", {}).get("kind")
    ]


def _keep(name: str, schemas: dict[str, JsonSchema], kept: dict[str, JsonSchema]) -> None:
    """The schema of that name and all it refers to."""
    if name in kept:
        return
    kept[name] = {}
    kept[name] = _slim(schemas[name])
    for field in sorted(zeros.fields(name) & kept[name].get("properties", {}).keys()):
        kept[name]["properties"][field]["x-omit-zero"] = True
    for found in _references(kept[name]):
        _keep(found, schemas, kept)


def _slim(schema: JsonSchema) -> JsonSchema:
    for whole in [schema, *schema.get("allOf", ())]:
        if "$ref" in whole:
            default = {"default": schema["default"]} if "default" in schema else {}
            return {"$ref": whole["$ref"].removeprefix(REFERENCE), **default}
    slim = {word: schema[word] for word in KEPT if word in schema}
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            slim[word] = _slim(schema[word])
    if "properties" in schema:
        slim["properties"] = {name: _slim(found) for name, found in schema["properties"].items()}
    return slim


def _references(schema: JsonSchema) -> list[str]:
    found = [schema["$ref"]] if "$ref" in schema else []
    below = [schema[word] for word in ("items", "additionalProperties") if word in schema]
    return found + [name for one in [*below, *schema.get("properties", {}).values()] for name in _references(one)]


if __name__ == "__main__":
    main()
