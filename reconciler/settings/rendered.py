"""Scalars about what is rendered: paths of fields and names of objects."""

import re
from typing import Annotated

from reconciler.model import fields, ids
from reconciler.settings import values

FIELD_STEP = re.compile(r"(?:^|\.)([^.\[\]]+)|\[([^\[\]]+)\]")
METADATA_LEFT = ("annotations", "labels", "finalizers")


def field_path(value: object) -> tuple[str, ...]:
    """`spec.template.spec.containers[app].image`, as plans show fields, or a JSON pointer: `/spec/template/…`."""
    path = values.text(value)
    if path.startswith("/"):
        steps = tuple(step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/"))
    else:
        found = list(FIELD_STEP.finditer(path))
        steps = tuple(match[1] or match[2] for match in found) if "".join(m[0] for m in found) == path else ()
    if not all(steps) or not steps:
        raise ValueError(
            f"{values.quoted(path)} is no path of a field; write for example data.password, spec.template.spec"
            ".containers[app].image, metadata.annotations[example.com/at] or /spec/replicas"
        )
    of_metadata = steps[0] == "metadata" and (len(steps) < 3 or steps[1] not in METADATA_LEFT)
    if steps[0] in ("apiVersion", "kind", "*") or of_metadata or steps == ("metadata", "annotations", ids.MARK):
        raise ValueError(
            f"{values.quoted(path)} says what the object is, and whose: it cannot be left to the cluster; name a field"
            " of spec or data, one annotation or one label"
        )
    return steps


FieldPath = Annotated[tuple[str, ...], values.Shape("path of a field", field_path, fields.shown)]
ObjectPattern = Annotated[
    str,
    values.grammar(
        r"[A-Za-z0-9][-A-Za-z0-9.:]{0,252}\*?|\*",
        title="name of an object",
        remedy="write a name, or the beginning of one with * at the end",
    ),
]
