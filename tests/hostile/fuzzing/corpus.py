"""Inputs that once broke something, kept for ever: one small file each, below the name of their target."""

import base64
import hashlib
import json
import pathlib
from collections.abc import Iterator
from typing import Any

from tests.hostile.fuzzing import of_clusters, of_files, of_git
from tests.hostile.fuzzing.target import Target

FOLDER = pathlib.Path(__file__).parents[1] / "corpus"
TARGETS: dict[str, Target] = {
    target.name: target for target in (*of_files.TARGETS, *of_git.TARGETS, *of_clusters.TARGETS)
}


def known() -> Iterator[tuple[str, pathlib.Path]]:
    """The target's name and the file, in a stable order."""
    for path in sorted(FOLDER.glob("*/*.json")):
        yield path.parent.name, path


def load(path: pathlib.Path) -> Any:
    return _in(json.loads(path.read_text()))


def save(target: str, given: Any, *, folder: pathlib.Path = FOLDER) -> pathlib.Path:
    """Below `folder`; the same input has the same name."""
    text = written(given)
    path = folder / target / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")
    return path


def written(given: Any) -> str:
    """An input as one line of JSON."""
    return json.dumps(_out(given))


def _out(value: Any) -> Any:
    """JSON has no bytes, tuples or enums: they are told by a mapping that no example has."""
    match value:
        case bytes():
            return {"$bytes": base64.b64encode(value).decode()}
        case tuple():
            return {"$tuple": [_out(each) for each in value]}
        case list():
            return [_out(each) for each in value]
        case dict():
            return {"$mapping": [[key, _out(each)] for key, each in value.items()]}
        case None | bool() | int() | float() | str():
            return value
    return {"$stop": value.value}


def _in(value: Any) -> Any:
    if isinstance(value, list):
        return [_in(each) for each in value]
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    match kind:
        case "$bytes":
            return base64.b64decode(held)
        case "$tuple":
            return tuple(_in(each) for each in held)
        case "$mapping":
            return {key: _in(each) for key, each in held}
    return of_git.process.Stop(held)
