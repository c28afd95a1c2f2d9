"""Does the same input render to the same bytes (I12)? Charts may use random passwords, new certificates, the time."""

import json
import re
from collections.abc import Sequence

from reconciler.model import document, fields, ids, manifests, sources

PATHS_SHOWN = 5
RULE_FIELDS = 100
"""As many as the settings take in one rule."""
_BARE = re.compile(r"[A-Za-z][A-Za-z0-9._-]*", re.ASCII)
"""A name or a path that YAML takes as text without quotes."""
_ACTION = re.compile(rb"\{\{.*?\}\}", re.DOTALL)
_NOW = re.compile(rb'"(?:\\.|[^"\\])*"|`[^`]*`|/\*.*?\*/|(?<![\w.$])now\b', re.DOTALL)
_ANOTHER_TIME = b'(toDate "2006-01-02" "2001-02-03")'


def at_another_time(files: Sequence[sources.File]) -> tuple[sources.File, ...]:
    """The same files with the template function `now` replaced by a day long gone.

    Two renders in the same second agree on the date, and would differ tomorrow: so the second render of a comparison
    happens at another time. Packed subcharts are out of reach.
    """
    return tuple(
        sources.File(file.path, file.oid, _ACTION.sub(lambda action: _elsewhen(action[0]), file.content))
        if "templates/" in file.path and b"now" in file.content
        else file
        for file in files
    )


def _elsewhen(action: bytes) -> bytes:
    return _NOW.sub(lambda found: _ANOTHER_TIME if found[0] == b"now" else found[0], action)


def differences(first: manifests.ManifestSet, second: manifests.ManifestSet) -> tuple[str, ...]:
    """A sentence for each object that two renders of one input disagree about; values are never shown."""
    there = {manifest.key: manifest for manifest in second.manifests}
    here = {manifest.key: manifest for manifest in first.manifests}
    found = [_other_name(key, here.get(key) or there[key]) for key in sorted(here.keys() ^ there.keys())]
    for key in sorted(here.keys() & there.keys()):
        if here[key].body != there[key].body:
            paths = _paths(here[key].document(), there[key].document())
            shown = ", ".join(paths[:PATHS_SHOWN]) + (" and more" if len(paths) > PATHS_SHOWN else "")
            found.append(
                f"{here[key].origin}: {key} differs between two renders of the same chart at {shown}; {_REMEDY}:"
                f" keepLive: [{_rule(key, paths)}]"
            )
    return tuple(found)


_REMEDY = (
    "write a fixed value or name an existing Secret instead of a random value, certificate or time; or leave the field"
    " to the cluster after it was made, by keepLive or ignore in application.yaml"
)


def _rule(key: ids.ObjectKey, paths: Sequence[str]) -> str:
    """What goes into `keepLive` to leave these fields to the cluster, ready to be copied."""
    name, *written = [
        text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
        for text in (key.name, *paths[:RULE_FIELDS])
    ]
    return f"{{kind: {key.kind_key}, name: {name}, fields: [{', '.join(written)}]}}"


def _other_name(key: ids.ObjectKey, manifest: manifests.Manifest) -> str:
    return f"{manifest.origin}: {key} is in only one of two renders of the same chart; {_REMEDY}"


def _paths(one: document.JsonValue, other: document.JsonValue) -> list[str]:
    """Paths of the values that differ, sorted, as `keepLive` and `ignore` take them."""
    found: list[str] = []
    nodes: list[tuple[str, document.JsonValue, document.JsonValue]] = [("", one, other)]
    while nodes:
        path, left, right = nodes.pop()
        if isinstance(left, dict) and isinstance(right, dict):
            nodes += [(fields.below(path, key), left.get(key), right.get(key)) for key in left.keys() | right.keys()]
        elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
            nodes += [(f"{path}[{index}]", *pair) for index, pair in enumerate(zip(left, right, strict=True))]
        elif left != right:
            found.append(path)
    return sorted(found)
