"""What an object's fields are, how two versions of it differ, and how one is merged into another.

A port of the walks of structured-merge-diff, which decides on every API server what an apply changes. Values are read
and shared, never changed. An absent value is MISSING; null is a value.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from reconciler.model import document
from reconciler.sandbox import fields, ordering, shapes


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
Value = document.JsonValue | _Missing


class UntypedError(Exception):
    """The object is not of its kind's shape. `complaints` are in the server's words."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__("; ".join(complaints))
        self.complaints = complaints


# --- an object's own fields


def fields_of(body: document.Json, shape: shapes.Shape) -> fields.Node:
    """The set of everything that `body` says: what an applier owns. Raises UntypedError."""
    complaints: list[str] = []
    found = _fields(body, shape, path="", complaints=complaints)
    if complaints:
        raise UntypedError(complaints)
    return found or fields.EMPTY


def _fields(value: document.JsonValue, shape: shapes.Shape, *, path: str, complaints: list[str]) -> fields.Node | None:
    """The node of `value`; None where it holds nothing that could be owned."""
    if isinstance(value, dict) and shape.what in (shapes.What.MAP, shapes.What.ANY):
        if shape.atomic:
            check(value, shape, path=path, complaints=complaints)
            return fields.EMPTY
        return _fields_of_map(value, shape, path=path, complaints=complaints)
    if isinstance(value, list) and shape.what in (shapes.What.LIST, shapes.What.ANY):
        if shape.atomic or shape.what is shapes.What.ANY:
            check(value, shape, path=path, complaints=complaints)
            return fields.EMPTY
        return _fields_of_list(value, shape, path=path, complaints=complaints)
    if value is not None:
        _complain_of_type(value, shape, path=path, complaints=complaints)
    elif shape.what in (shapes.What.MAP, shapes.What.LIST) and not shape.atomic:
        return None
    return fields.EMPTY


def _fields_of_map(
    value: document.Json, shape: shapes.Shape, *, path: str, complaints: list[str]
) -> fields.Node | None:
    found: fields.Node = {}
    for name, below in value.items():
        declared = shape.field(name) if shape.what is shapes.What.MAP else None
        its = declared or shape.others()
        if its is None:
            complaints.append(f"{path}.{name}: field not declared in schema")
            continue
        node = _fields(below, its, path=f"{path}.{name}", complaints=complaints)
        if declared is None or below is None or below == {}:
            node = fields.EMPTY if not node else fields.with_self(node)
        if node is not None:
            found[f"f:{name}"] = node
    return found or None


def _fields_of_list(
    value: list[document.JsonValue], shape: shapes.Shape, *, path: str, complaints: list[str]
) -> fields.Node | None:
    found: fields.Node = {}
    for place, item in enumerate(value):
        step = _step(item, shape, path=path, place=place, complaints=complaints)
        if step is None:
            continue
        if step in found:
            complaints.append(f"{path}: duplicate entries for key {fields.spelt((step,))}")
        node = _fields(item, shape.item(), path=path + fields.spelt((step,)), complaints=complaints)
        found[step] = fields.with_self(node) if node else fields.EMPTY
    return found or None


def _step(item: document.JsonValue, shape: shapes.Shape, *, path: str, place: int, complaints: list[str]) -> str | None:
    if not shape.keys:
        return fields.step_of_value(item)
    if not isinstance(item, dict):
        complaints.append(f"{path}: element {place}: associative list with keys may not have non-map elements")
        return None
    step = fields.step_of_keys(item, shape.keys)
    if step is None:
        names = " ".join(f'"{name}"' for name, _ in shape.keys)
        complaints.append(
            f"{path}: element {place}: associative list with keys has an element that omits all key fields [{names}]"
            " (and doesn't have default values for any key fields)"
        )
    return step


def check(value: document.JsonValue, shape: shapes.Shape, *, path: str, complaints: list[str]) -> None:
    """The types within what is owned as a whole."""
    if isinstance(value, dict) and shape.what in (shapes.What.MAP, shapes.What.ANY):
        for name, below in value.items():
            its = shape.value(name)
            if its is None:
                complaints.append(f"{path}.{name}: field not declared in schema")
            elif type(below) not in its.plain:
                check(below, its, path=f"{path}.{name}", complaints=complaints)
    elif isinstance(value, list) and shape.what in (shapes.What.LIST, shapes.What.ANY):
        for place, item in enumerate(value):
            check(item, shape.item(), path=f"{path}[{place}]", complaints=complaints)
    elif value is not None:
        _complain_of_type(value, shape, path=path, complaints=complaints)


def _complain_of_type(value: document.JsonValue, shape: shapes.Shape, *, path: str, complaints: list[str]) -> None:
    if shape.what is shapes.What.ANY:
        return
    if shape.what is shapes.What.SCALAR:
        known = shapes.SCALARS.get(shape.type)
        if known is None:
            wanted, fits = "scalar", not isinstance(value, dict | list)
        else:
            types, wanted = known
            fits = isinstance(value, types) and (bool in types or not isinstance(value, bool))
    else:
        wanted, fits = shape.what.value, False
    if not fits:
        complaints.append(f"{path}: expected {wanted}, got {_named(value)}")


def _named(value: document.JsonValue) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict):
        return "map"
    return "list" if isinstance(value, list) else "numeric"


# --- how two versions differ


@dataclass(slots=True)
class Compared:
    """Sets of paths. What came as a whole is in `added` with everything between."""

    added: fields.Node = field(default_factory=dict)
    modified: fields.Node = field(default_factory=dict)
    removed: fields.Node = field(default_factory=dict)

    @property
    def same(self) -> bool:
        return not (self.added or self.modified or self.removed)

    def without(self, ignored: fields.Node) -> "Compared":
        """But for what is ignored, and all below it."""
        without = fields.without_below
        return Compared(*(without(found, ignored) for found in (self.added, self.modified, self.removed)))

    def changed(self) -> fields.Node:
        return fields.union(self.added, self.modified)


def compared(old: document.Json, new: document.Json, shape: shapes.Shape) -> Compared:
    out = Compared()
    if old is not new and old != new:
        _compare_maps(old, new, shape, path=(), out=out)
    return out


def _put(tree: fields.Node, path: tuple[str, ...], node: fields.Node) -> None:
    """Into a set that is still being made."""
    for step in path[:-1]:
        below = tree.get(step)
        if below is None:
            below = tree[step] = {}
        tree = below
    tree[path[-1]] = node


def _compare(old: Value, new: Value, shape: shapes.Shape, *, path: tuple[str, ...], out: Compared) -> None:
    if isinstance(old, _Missing):
        if not isinstance(new, _Missing):
            _put(out.added, path, _everything(new, shape))
    elif isinstance(new, _Missing):
        _put(out.removed, path, _everything(old, shape))
    elif old == new and type(old) is type(new):
        return
    elif _apart(old, shape) and _apart(new, shape) and (old or new):
        if isinstance(old, dict) or isinstance(new, dict):
            was, now = old if isinstance(old, dict) else {}, new if isinstance(new, dict) else {}
            _compare_maps(was, now, shape, path=path, out=out)
        else:
            _compare_lists(_list(old), _list(new), shape, path=path, out=out)
    elif isinstance(old, int | float) and isinstance(new, int | float) and old == new and shape.type != "boolean":
        return
    else:
        _put(out.modified, path, fields.EMPTY)


def _list(value: Value) -> list[document.JsonValue]:
    return value if isinstance(value, list) else []


def _apart(value: Value, shape: shapes.Shape) -> bool:
    """Whether it is owned part by part; null is an empty one of whatever it could be."""
    if shape.atomic or shape.what is shapes.What.SCALAR:
        return False
    if value is None:
        return shape.what is not shapes.What.ANY
    if isinstance(value, dict):
        return shape.what in (shapes.What.MAP, shapes.What.ANY)
    return isinstance(value, list) and shape.what is shapes.What.LIST


def _compare_maps(
    old: document.Json, new: document.Json, shape: shapes.Shape, *, path: tuple[str, ...], out: Compared
) -> None:
    for name in old.keys() | new.keys():
        was: Value = old.get(name, MISSING)
        now: Value = new.get(name, MISSING)
        if (was is now or was == now) and type(was) is type(now):
            continue
        its = shape.value(name) or shapes.ANY
        if shape.built_in:
            was, now = _there(was, its, name, shape), _there(now, its, name, shape)
        _compare(was, now, its, path=(*path, f"f:{name}"), out=out)


def _there(value: Value, its: shapes.Shape, name: str, within: shapes.Shape) -> Value:
    """What a Go struct shows of an absent field: some are always there, empty or null."""
    if not isinstance(value, _Missing):
        return value
    if its.skeleton:
        return {}
    return None if name in within.required and its.what is not shapes.What.SCALAR else value


def _compare_lists(
    old: list[document.JsonValue],
    new: list[document.JsonValue],
    shape: shapes.Shape,
    *,
    path: tuple[str, ...],
    out: Compared,
) -> None:
    was, now = by_step(old, shape), by_step(new, shape)
    for step in was.keys() | now.keys():
        _compare(was.get(step, MISSING), now.get(step, MISSING), shape.item(), path=(*path, step), out=out)


def by_step(items: list[document.JsonValue], shape: shapes.Shape) -> dict[str, document.JsonValue]:
    """The items by their steps, in order; of stored lists, whose keys were checked when they came."""
    found: dict[str, document.JsonValue] = {}
    for place, item in enumerate(items):
        step = _step(item, shape, path="", place=place, complaints=[]) or f"i:{place}"
        found.setdefault(step, item)
    return found


def _everything(value: document.JsonValue, shape: shapes.Shape) -> fields.Node:
    """The node of a value and all below it, each step between included."""
    if not value or not _apart(value, shape):
        return fields.EMPTY
    node: fields.Node = {fields.SELF: fields.EMPTY}
    if isinstance(value, dict):
        for name, below in value.items():
            node[f"f:{name}"] = _everything(below, shape.value(name) or shapes.ANY)
    else:
        for step, item in by_step(_list(value), shape).items():
            node[step] = _everything(item, shape.item())
    return node


# --- merging


def merged(live: document.Json, wanted: document.Json, shape: shapes.Shape) -> document.Json:
    """`wanted` laid over `live`; parts of both are shared."""
    return _merged_maps(live, wanted, shape)


def _merged(old: Value, new: Value, shape: shapes.Shape) -> Value:
    if isinstance(new, _Missing):
        return old
    if isinstance(old, _Missing) or not (_apart(old, shape) and _apart(new, shape)) or not (old or new):
        return new
    if isinstance(old, dict) or isinstance(new, dict):
        was, now = old if isinstance(old, dict) else {}, new if isinstance(new, dict) else {}
        return _merged_maps(was, now, shape)
    return list(_merged_lists(by_step(_list(old), shape), by_step(_list(new), shape), shape))


def _merged_maps(old: document.Json, new: document.Json, shape: shapes.Shape) -> document.Json:
    both = dict(old)
    for name, value in new.items():
        found = _merged(old.get(name, MISSING), value, shape.value(name) or shapes.ANY)
        if not isinstance(found, _Missing):
            both[name] = found
    return both


def _merged_lists(
    old: dict[str, document.JsonValue], new: dict[str, document.JsonValue], shape: shapes.Shape
) -> Iterator[document.JsonValue]:
    for step in ordering.merged(list(old), list(new)):
        found = _merged(old.get(step, MISSING), new.get(step, MISSING), shape.item())
        if not isinstance(found, _Missing):
            yield found


# --- taking away


def pruned(value: document.Json, dropped: fields.Node, shape: shapes.Shape) -> document.Json:
    """`value` without the paths of `dropped`. What loses its last part becomes null."""
    found = _pruned(value, dropped, shape)
    return found if isinstance(found, dict) else {}


def _pruned(value: document.JsonValue, dropped: fields.Node, shape: shapes.Shape) -> document.JsonValue:
    if not value or not _apart(value, shape):
        return value
    if isinstance(value, dict):
        left: document.Json = {}
        for name, below in value.items():
            node = dropped.get(f"f:{name}")
            if node is None:
                left[name] = below
            elif not fields.member(node):
                left[name] = _pruned(below, node, shape.value(name) or shapes.ANY)
        return left or None
    kept: list[document.JsonValue] = []
    for step, item in by_step(_list(value), shape).items():
        node = dropped.get(step)
        if node is None:
            kept.append(item)
        elif not fields.member(node):
            kept.append(_pruned(item, node, shape.item()))
    return kept or None


def with_named(node: fields.Node, shape: shapes.Shape) -> fields.Node:
    """The set, with every declared field on the way to something in it: without these, fields that hold others could
    not be taken away with them."""
    found: fields.Node = {}
    for step, below in node.items():
        if not below:
            found[step] = below
            continue
        sort, name = step[:2], step[2:]
        declared = shape.field(name) if sort == "f:" and shape.what is shapes.What.MAP else None
        its = declared or (shape.value(name) or shapes.ANY if sort == "f:" else shape.item())
        inner = with_named(below, its)
        found[step] = fields.with_self(inner) if declared else inner
    return found
