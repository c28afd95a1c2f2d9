"""JSON Schemas of the files, for editors: names, descriptions, words, numbers. What fields mean to each other only
`reconciler config check` knows."""

import json

from pydantic.fields import FieldInfo

from reconciler.settings import application, base, deployment, environment, structure

DRAFT = "http://json-schema.org/draft-07/schema#"
"""What editors understand: yaml-language-server checks by draft 7."""

FILES: dict[str, type[base.Settings]] = {
    "application": application.Application,
    "deployment-config": deployment.Deployment,
    "environment": environment.Environment,
}
Schema = dict[str, object]


def pages() -> dict[str, str]:
    """File name → content, for docs/reference/schemas."""
    return {f"{name}.json": f"{json.dumps(schema(name), indent=2)}\n" for name in FILES}


def schema(name: str) -> Schema:
    return {"$schema": DRAFT, "title": f"{name}.yaml", **_group(FILES[name])}


def _group(model: type[base.Settings]) -> Schema:
    fields = structure.by_key(model)
    required = [key for key, field in fields.items() if field.is_required()]
    return {
        "type": "object",
        "description": " ".join((model.__doc__ or "").split()),
        "additionalProperties": False,
        **({"required": required} if required else {}),
        "properties": {key: _field(field) for key, field in fields.items()},
    }


def _field(field: FieldInfo) -> Schema:
    found = structure.content(field)
    if found.shape is not None:
        made: Schema = json.loads(found.shape.schema)
    else:
        made = _group(found.group) if found.group else {}
    if found.by_name:
        made = {"type": "object", "additionalProperties": made}
    if found.listed:
        made = {"type": "array", "items": made}
    return made | {"description": field.description or ""}
