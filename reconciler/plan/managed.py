"""The records of who owns which fields (`metadata.managedFields`), as documents."""

from collections.abc import Iterable, Iterator

from reconciler.model import document

MANAGER = "reconciler"
"""Our field manager (S1)."""


def entries(body: document.Json) -> Iterator[document.Json]:
    """The records of a live object, those of subresources included."""
    return (entry for entry in document.items(body, "metadata", "managedFields") if isinstance(entry, dict))


def is_ours(entry: document.Json) -> bool:
    """Whether it is our own Apply record."""
    its = (entry.get("manager"), entry.get("operation"))
    return its == (MANAGER, "Apply") and not entry.get("subresource")


def ours(body: document.Json) -> document.Json:
    """The fields that our record claims; empty when there is none."""
    return next((document.mapping(entry, "fieldsV1") for entry in entries(body) if is_ours(entry)), {})


def texts(body: document.Json, which: str) -> dict[str, str]:
    """The object's `annotations` or `labels`."""
    return {name: value for name, value in document.mapping(body, "metadata", which).items() if isinstance(value, str)}


def union(*claimed: document.Json) -> document.Json:
    """Everything that any of these records (`fieldsV1`) claims."""
    total: document.Json = {}
    for each in claimed:
        for step, below in each.items():
            inside = below if isinstance(below, dict) else {}
            total[step] = union(document.mapping(total, step), inside)
    return total


Path = tuple[str, ...]


def paths(claimed: document.Json, above: Path = ()) -> Iterator[Path]:
    """Each field that a record claims, as its steps: `f:spec`, `k:{"name":"app"}`; a last `.` means the mapping or
    item itself."""
    for step, below in claimed.items():
        if isinstance(below, dict) and below:
            yield from paths(below, (*above, step))
        else:
            yield (*above, step)


def without(claimed: document.Json, *dropped: Path) -> document.Json:
    """`claimed` but for these fields."""
    kept: document.Json = {}
    for step, below in claimed.items():
        rest = [path[1:] for path in dropped if path[0] == step]
        if () in rest:
            continue
        inside = below if isinstance(below, dict) else {}
        kept[step] = without(inside, *rest)
    return kept


def removed(body: document.Json, gone: Iterable[Path]) -> None:
    """Take these fields out of `body`, as the server does when their last owner drops them."""
    for path in sorted(gone, key=len, reverse=True):
        *above, last = path
        if last == ".":
            if above and above[-1].startswith("k:"):
                _drop(_at(body, above[:-1]), above[-1])
        else:
            _drop(_at(body, above), last)


def _at(value: document.JsonValue, steps: Iterable[str]) -> document.JsonValue:
    for step in steps:
        if step.startswith("f:") and isinstance(value, dict):
            value = value.get(step[2:])
        elif step.startswith("k:") and isinstance(value, list):
            value = next((item for item in value if _is(item, step)), None)
        else:
            return None
    return value


def _drop(value: document.JsonValue, step: str) -> None:
    if step.startswith("f:") and isinstance(value, dict):
        value.pop(step[2:], None)
    elif step.startswith("k:") and isinstance(value, list):
        value[:] = [item for item in value if not _is(item, step)]
    elif step.startswith("v:") and isinstance(value, list):
        value[:] = [item for item in value if document.encode(item) != step[2:].encode()]


def _is(item: document.JsonValue, step: str) -> bool:
    """Whether `k:{"name":"app"}` names the item. A key that it leaves out has its default, as a port's protocol."""
    named = keyed(step)
    if not isinstance(item, dict) or not named:
        return False
    return all(item.get(name, value) == value for name, value in named.items())


def keyed(step: str) -> document.Json:
    """What `k:{"name":"app"}` says of the item that it names; empty for any other step, and what no server writes."""
    if not step.startswith("k:"):
        return {}
    try:
        return document.decode(step[2:].encode())
    except ValueError:
        return {}
