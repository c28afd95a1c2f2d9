"""Field-level difference of two documents, with secrets masked (I13).

List items are matched by the name they carry in their list, as the API server merges them; a list without names is
compared by position.
"""

import itertools
from collections.abc import Iterator, Mapping

from reconciler import kinds
from reconciler.model import document, ids, plans

MASK = "***"
MASK_CHANGED = "*** (changed)"
"""Says that a secret differs, and neither its old nor its new length."""

SECRET_ANNOTATIONS = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})
"""Annotations that copy the whole object, so also what is secret in it."""

SERVER_METADATA = frozenset({"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"})
"""Metadata that the server keeps: never a difference of ours."""

_ALWAYS_OPENED = frozenset({"metadata", "metadata.annotations"})
_ABSENT = object()


def comparable(body: document.Json) -> document.Json:
    """The document without what the server and the controllers write: status and their part of the metadata."""
    kept = {name: value for name, value in body.items() if name != "status"}
    kept["metadata"] = {
        name: value for name, value in document.mapping(body, "metadata").items() if name not in SERVER_METADATA
    }
    return kept


def fields(key: ids.ObjectKey, before: document.Json, after: document.Json) -> tuple[plans.FieldChange, ...]:
    """Every field of `key` that differs, in the order of `before`, then what `after` adds. Give `comparable` ones."""
    kind = kinds.of(key)
    hidden = frozenset(kind.secret_fields) if kind else frozenset()
    found: list[plans.FieldChange] = []
    for name, old, new in _pairs(before, after):
        if name in hidden:
            found.extend(_masked(name, old, new))
        else:
            found.extend(_walk(name, old, new))
    return tuple(found)


def _walk(path: str, old: object, new: object) -> Iterator[plans.FieldChange]:
    if old is new:
        return
    if path in _ALWAYS_OPENED:
        yield from _opened(path, old, new)
    elif isinstance(old, dict) and isinstance(new, dict):
        for name, left, right in _pairs(old, new):
            yield from _walk(_below(path, name), left, right)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list(path, old, new)
    elif old != new or isinstance(old, bool) is not isinstance(new, bool):  # to Python 1 equals True
        yield plans.FieldChange(path, _shown(old), _shown(new))


def _opened(path: str, old: object, new: object) -> Iterator[plans.FieldChange]:
    """Entry by entry also when all of it comes or goes, so that a secret one cannot slip through inside the whole."""
    left = old if isinstance(old, dict) else {}
    right = new if isinstance(new, dict) else {}
    for name, before, after in _pairs(left, right):
        if path == "metadata.annotations" and name in SECRET_ANNOTATIONS:
            yield from _mask(_below(path, name), before, after)
        else:
            yield from _walk(_below(path, name), before, after)


def _list(path: str, old: list[object], new: list[object]) -> Iterator[plans.FieldChange]:
    named = next((key for key in document.ITEM_KEYS if _names(key, old) and _names(key, new)), None)
    if named is not None:
        yield from _named(path, {_name(item, named): item for item in old}, {_name(item, named): item for item in new})
    elif any(isinstance(item, dict | list) for item in (*old, *new)):
        for place, (left, right) in enumerate(itertools.zip_longest(old, new, fillvalue=_ABSENT)):
            yield from _walk(f"{path}[{place}]", left, right)
    elif document.encode(old) != document.encode(new):
        yield plans.FieldChange(path, _shown(old), _shown(new))  # a list of words reads best whole


def _named(path: str, old: dict[str, object], new: dict[str, object]) -> Iterator[plans.FieldChange]:
    for name, left, right in _pairs(old, new):
        yield from _walk(f"{path}[{name}]", left, right)
    if [name for name in old if name in new] != [name for name in new if name in old]:
        yield plans.FieldChange(f"{path} (order)", _shown(list(old)), _shown(list(new)))


def _names(key: str, items: list[object]) -> bool:
    """Whether `key` names every item of the list, each once."""
    found = {_name(item, key) for item in items}
    return len(found) == len(items) and "" not in found


def _name(item: object, key: str) -> str:
    if not isinstance(item, dict) or not isinstance(item.get(key), str | int):
        return ""
    protocol = item.get("protocol", "TCP") if key in ("containerPort", "port") else ""
    return f"{item[key]}/{protocol}" if protocol else str(item[key])


def _masked(path: str, old: object, new: object) -> Iterator[plans.FieldChange]:
    """A field whose values are secret and whose keys are not."""
    left = {} if old is _ABSENT else old
    right = {} if new is _ABSENT else new
    if not isinstance(left, dict) or not isinstance(right, dict):
        yield from _mask(path, old, new)
        return
    for name, before, after in _pairs(left, right):
        yield from _mask(_below(path, name), before, after)


def _mask(path: str, old: object, new: object) -> Iterator[plans.FieldChange]:
    if old == new:
        return
    before = None if old is _ABSENT else MASK
    after = None if new is _ABSENT else MASK
    yield plans.FieldChange(path, before, MASK_CHANGED if before and after else after)


def _pairs(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[tuple[str, object, object]]:
    for name, value in old.items():
        yield name, value, new.get(name, _ABSENT)
    for name, value in new.items():
        if name not in old:
            yield name, _ABSENT, value


def _below(path: str, name: str) -> str:
    """`spec.replicas`; a name with dots or slashes goes into brackets, so that the path stays readable."""
    return f"{path}.{name}" if name.replace("-", "").replace("_", "").isalnum() else f"{path}[{name}]"


def _shown(value: object) -> str | None:
    return None if value is _ABSENT else document.encode(value).decode()
