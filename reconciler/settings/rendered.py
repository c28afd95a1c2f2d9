"""Scalars about what is rendered: paths of fields and names of objects."""

import json
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


VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
MOST_VARIABLES, LONGEST_VALUE = 500, 65_536


def variables(value: object) -> tuple[tuple[str, str | int | bool], ...]:
    """Names and values, sorted. Text stays text, also where it looks like a number: only who writes a number, or true,
    without quotes means one."""
    if not isinstance(value, dict):
        raise ValueError("is no mapping; write NAME: value")
    if len(value) > MOST_VARIABLES:
        raise ValueError(f"has more than {MOST_VARIABLES} variables; move what is alike into a base or a chart")
    for name, held in value.items():
        if not VARIABLE.fullmatch(name):
            raise ValueError(f"{values.quoted(name)} is no name of a variable; write A-Z, a-z, 0-9 and _")
        if not isinstance(held, str | int | bool):
            remedy = "put it in quotes" if isinstance(held, float) else "write text, a whole number, true or false"
            raise ValueError(f"{name} is {values.quoted(held)}; {remedy}")
        if isinstance(held, str) and (len(held) > LONGEST_VALUE or "\0" in held):
            raise ValueError(f"{name} is longer than {LONGEST_VALUE} characters, or holds a NUL; shorten it")
    return tuple(sorted(value.items()))


Variables = Annotated[
    tuple[tuple[str, str | int | bool], ...],
    values.Shape(
        "mapping of names to text, whole numbers or booleans",
        variables,
        lambda held: str(dict(held)),
        '{"type":"object","additionalProperties":{"type":["string","integer","boolean"]}}',
    ),
]
CHART_PLACE = re.compile(r"(https|oci)://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~%-]+)*/?")
SEMVER = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?", re.ASCII)


def chart_place(value: object) -> str:
    """An https:// or oci:// URL without credentials, query and last slash. Never quoted: it may hold a password."""
    url = values.text(value)
    if not CHART_PLACE.fullmatch(url) or "/.." in url:
        raise ValueError("is no place of charts; write https://host/path or oci://host/path, without credentials")
    return url.rstrip("/")


def https_place(value: object) -> str:
    url = chart_place(value)
    if not url.startswith("https://"):
        raise ValueError("is no https:// URL; write https://host")
    return url


def exact_version(value: object) -> str:
    """One version. A range would be another chart tomorrow, without a commit."""
    version = values.text(value)
    if not SEMVER.fullmatch(version):
        raise ValueError(
            f"{values.quoted(version)} is no exact version; write one as 1.2.3, and let a bot or a person raise it by"
            " a commit"
        )
    return version


def canonical(value: object) -> bytes:
    """Chart values as canonical JSON: same values, same bytes (I12). Never quoted: they may hold secrets."""
    if not isinstance(value, dict):
        raise ValueError("is no mapping; write the values as in a values.yaml")
    try:
        packed = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return packed.encode()
    except (TypeError, ValueError, RecursionError):
        raise ValueError(
            "holds something that JSON cannot say; write text, numbers, booleans, lists, mappings"
        ) from None


ChartValues = Annotated[bytes, values.Shape("mapping", canonical, bytes.decode, '{"type":"object"}')]
ChartPlace = Annotated[str, values.Shape("https:// or oci:// URL", chart_place)]
HttpsPlace = Annotated[str, values.Shape("https:// URL", https_place)]
ChartName = Annotated[
    str, values.grammar(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", title="name of a chart", remedy="write it as Chart.yaml")
]
ChartVersion = Annotated[str, values.Shape("exact version", exact_version)]
Digest = Annotated[
    str, values.grammar(r"sha256:[0-9a-f]{64}", title="digest", remedy="write sha256: and 64 digits, as sha256sum does")
]
FieldPath = Annotated[tuple[str, ...], values.Shape("path of a field", field_path, fields.shown)]
ObjectPattern = Annotated[
    str,
    values.grammar(
        r"[A-Za-z0-9][-A-Za-z0-9.:]{0,252}\*?|\*",
        title="name of an object",
        remedy="write a name, or the beginning of one with * at the end",
    ),
]
