"""A second, slower walk over a text that was read before: where each key and item stands."""

from collections.abc import Iterator
from typing import Any

import yaml
from yaml import events

from reconciler.yamltext import scalars, shapes

_NO_KEY = object()


def places(string: str) -> Iterator[tuple[shapes.Path, Any]]:
    """(path, start mark) of every root, mapping key and sequence item, in the order of the text.

    What stands below a merge key has `<<` in its path; aliases are places without anything below. Raises the
    yaml.YAMLError that the first reading met, if any, after the places before it.
    """
    get = yaml.CBaseLoader(string).get_event
    stack: list[tuple[shapes.Path, Any]] = []  # (path of the container, its open key or its next index)
    path: shapes.Path | None = None  # of the container around; None outside of a document
    step: Any = _NO_KEY
    while True:
        event: Any = get()
        if isinstance(event, events.StreamEndEvent):
            return
        if isinstance(event, events.CollectionEndEvent):
            path, step = stack.pop()
        elif isinstance(event, events.NodeEvent):
            here: shapes.Path = ()
            if path is None:
                yield here, event.start_mark
            elif step is _NO_KEY:
                step = _key(event)
                yield (*path, step), event.start_mark
                if not isinstance(event, events.CollectionStartEvent):
                    continue
                here = (*path, step)
            else:
                here = (*path, step)
                if isinstance(step, int):
                    yield here, event.start_mark
                    step += 1
                else:
                    step = _NO_KEY
            if isinstance(event, events.CollectionStartEvent):
                stack.append((path, step))  # type: ignore[arg-type]  # None only below the root
                path, step = here, (0 if isinstance(event, events.SequenceStartEvent) else _NO_KEY)


def first_lines(string: str, repeated: set[int]) -> dict[int, int]:
    """For each repeated key, by its character index: the 1-based line where it was set first."""
    found: dict[int, int] = {}
    seen: dict[shapes.Path, int] = {}
    for path, mark in places(string):
        if not path:
            seen.clear()
        if mark.index in repeated and path in seen:
            found[mark.index] = seen[path]
            if len(found) == len(repeated):
                break
        seen.setdefault(path, mark.line + 1)
    return found


def _key(event: Any) -> str:
    """The JSON text of a key; an alias or a key that was refused is named by its spelling, which nothing looks up."""
    if not isinstance(event, events.ScalarEvent):
        return f"*{event.anchor}"
    try:
        if event.tag is not None:
            return scalars.key_text(event, scalars.tagged(event.tag, event.value))
        return scalars.key_text(event, scalars.resolved(event.value) if event.implicit[0] else event.value)
    except scalars.UnfitError:
        return str(event.value)
