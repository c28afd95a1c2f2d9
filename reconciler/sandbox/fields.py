"""Sets of fields, in the very form in which `managedFields` shows them (`fieldsV1`).

A set is a tree of steps: `f:name` into a mapping, `k:{"name":"a"}` to the item of a list by its keys, `v:"x"` to a
value of a set. An empty node is in the set; one with steps below it is only when it also holds `.`. Sets are shared
and never changed. The rules are those of structured-merge-diff, the library that every API server merges by.
"""

from collections.abc import Iterator

from reconciler.model import document

Node = dict[str, "Node"]
"""Not changed once it is made, so parts of one set may be parts of another."""

EMPTY: Node = {}
SELF = "."


def member(node: Node) -> bool:
    """Whether the path of this node is itself in the set."""
    return not node or SELF in node


def with_self(node: Node) -> Node:
    return node if member(node) else {SELF: EMPTY, **node}


def union(one: Node, other: Node) -> Node:
    """What is in either. At the root: an empty set has no steps."""
    if one is other or not other:
        return one
    if not one:
        return other
    both = dict(one)
    for step, theirs in other.items():
        ours = both.get(step)
        both[step] = theirs if ours is None else _united(ours, theirs)
    return both


def _united(one: Node, other: Node) -> Node:
    if not one or not other:
        return with_self(one or other)
    return union(one, other)


def difference(one: Node, other: Node) -> Node:
    """What is in the first and not in the second; of the second only what it names itself, nothing below."""
    if not one or not other:
        return one
    left: Node = {}
    for step, ours in one.items():
        theirs = other.get(step)
        if theirs is None:
            left[step] = ours
        elif step != SELF and (rest := _without(ours, theirs)) is not None:
            left[step] = rest
    return left


def _without(ours: Node, theirs: Node) -> Node | None:
    named = member(theirs)
    if not ours:
        return None if named else ours
    rest = difference(ours, theirs)
    if named and SELF in rest:
        rest = {step: below for step, below in rest.items() if step != SELF}
    if list(rest) == [SELF]:
        return EMPTY
    return rest or None


def without_below(one: Node, other: Node) -> Node:
    """What is in the first and neither in the second nor below anything in it."""
    left: Node = {}
    for step, ours in one.items():
        theirs = other.get(step)
        if theirs is None:
            left[step] = ours
        elif not member(theirs):
            rest = without_below(ours, theirs) if ours else None
            if rest is None:
                left[step] = ours
            elif rest:
                left[step] = EMPTY if list(rest) == [SELF] else rest
    return left


def intersection(one: Node, other: Node) -> Node:
    """What is in both."""
    both: Node = {}
    for step, ours in one.items():
        theirs = other.get(step)
        if theirs is None:
            continue
        if step == SELF:
            both[step] = EMPTY
            continue
        below = intersection(ours, theirs)
        named = member(ours) and member(theirs)
        if below and named:
            both[step] = with_self(below)
        elif below or named:
            both[step] = {step: node for step, node in below.items() if step != SELF} if not named else below
    return both


def paths(node: Node, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path in the set, each as its steps, in order."""
    for step in sorted(node):
        if step == SELF:
            continue
        here = (*above, step)
        if member(node[step]):
            yield here
        yield from paths(node[step], here)


def spelt(path: tuple[str, ...]) -> str:
    """As an API server spells a path: `.spec.template.spec.containers[name="c"].image`."""
    said = ""
    for step in path:
        sort, rest = step[:2], step[2:]
        if sort == "f:":
            said += f".{rest}"
        elif sort == "k:":
            pairs = document.decode(rest.encode()).items()
            said += "[" + ",".join(f"{name}={document.encode(value).decode()}" for name, value in pairs) + "]"
        elif sort == "v:":
            said += f"[={rest}]"
        else:
            said += f"[{rest}]"
    return said


def step_of_keys(item: document.Json, keys: tuple[tuple[str, document.JsonValue], ...]) -> str | None:
    """The step to an item of a list by its keys, sorted, each with its default (None: it has none). A key that is
    absent is no part of the step; None: all are."""
    found: document.Json = {}
    for name, default in keys:
        value = item.get(name, default)
        if value is not None:
            found[name] = value
    return "k:" + document.encode(found).decode() if found else None


def step_of_value(value: document.JsonValue) -> str:
    return "v:" + document.encode(value).decode()
