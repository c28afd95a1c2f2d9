"""Fields of a document by their path, also within lists, and the rules that leave some of them to the cluster.

A step of a path is a key of a mapping, the name of a list's item or its place (`0`), or `*` for each of either.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.model import document, ids

Path = tuple[str, ...]

EACH = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """Fields that an application leaves to the cluster, of the objects of one kind."""

    kind: ids.KindKey
    name: str
    """A name; `*` at the end stands for any rest."""
    namespace: str
    path: Path
    keep: bool
    """The value that is live is kept, and made when there is none; otherwise the field is simply not ours."""
    where: str
    """`keepLive[0].fields[1]`, for messages."""

    def selects(self, key: ids.ObjectKey) -> bool:
        named = ((self.name, key.name), (self.namespace, key.namespace))
        return key.kind_key == self.kind and all(_fits(pattern, word) for pattern, word in named)


@dataclass(frozen=True, slots=True)
class Left:
    """One field of one object that is left to the cluster: no step of `path` is `*`."""

    path: Path
    keep: bool


def shown(path: Path) -> str:
    """`spec.template.metadata.annotations[checksum/config]`."""
    text = ""
    for step in path:
        text = below(text, step)
    return text


def below(path: str, step: str) -> str:
    """The path that is shown of what lies one step deeper; a step with dots or slashes goes into brackets."""
    if not step.replace("-", "").replace("_", "").isalnum():
        return f"{path}[{step}]" if path else step
    return f"{path}.{step}" if path else step


def leaves(body: document.Json, path: Path) -> tuple[Path, ...]:
    """The paths of all values at or below `path` that are no filled mapping, with every `*` spelt out.

    Fields of list items are found; an item as a whole is not, since a list without it means something else.
    """
    found: list[Path] = []
    todo: list[tuple[Path, document.JsonValue, Path]] = [((), body, path)]
    while todo:
        here, value, rest = todo.pop()
        if rest:
            if len(rest) > 1 or not isinstance(value, list):
                todo += [((*here, step), below, rest[1:]) for step, below in _children(value, rest[0])]
        elif isinstance(value, dict) and value:
            todo += [((*here, step), below, ()) for step, below in value.items()]
        else:
            found.append(here)
    return tuple(sorted(found))


def at(body: document.JsonValue, path: Path) -> tuple[document.JsonValue, ...]:
    """The value at a path without `*`, as a tuple of one; empty where there is none."""
    for step in path:
        children = list(_children(body, step))
        if not children:
            return ()
        body = children[0][1]
    return (body,)


def cut(body: document.Json, path: Path) -> None:
    """Take the field away, and the mappings around it that it leaves empty: an empty mapping claims the field."""
    *around, last = path
    parent = at(body, tuple(around))
    if parent and isinstance(parent[0], dict):
        parent[0].pop(last, None)
        if around and not parent[0] and not _is_item(body, tuple(around)):
            cut(body, tuple(around))


def put(body: document.Json, path: Path, value: document.JsonValue) -> None:
    """Set the field, making mappings on the way; nothing happens where a list lacks the item."""
    here: document.JsonValue = body
    for step in path[:-1]:
        if isinstance(here, dict):
            here = here.setdefault(step, {})
        else:
            children = list(_children(here, step))
            if not children:
                return
            here = children[0][1]
    if isinstance(here, dict):
        here[path[-1]] = value


def _is_item(body: document.Json, path: Path) -> bool:
    parent = at(body, path[:-1])
    return bool(parent) and isinstance(parent[0], list)


def _children(value: document.JsonValue, step: str) -> Iterator[tuple[str, document.JsonValue]]:
    if isinstance(value, dict):
        yield from value.items() if step == EACH else ((step, value[step]),) if step in value else ()
    elif isinstance(value, list):
        named = [(_name(item, place), item) for place, item in enumerate(value)]
        yield from (
            (name, item)
            for place, (name, item) in enumerate(named)
            if step in (EACH, name) or (step == str(place) and step not in {other for other, _ in named})
        )


def _name(item: document.JsonValue, place: int) -> str:
    if isinstance(item, dict):
        for key in document.ITEM_KEYS:
            if isinstance(item.get(key), str | int):
                return str(item[key])
    return str(place)


def _fits(pattern: str, word: str) -> bool:
    return word.startswith(pattern[:-1]) if pattern.endswith("*") else word == pattern
