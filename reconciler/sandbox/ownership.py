"""Who owns which fields: `managedFields`, and what an apply or an update makes of them.

As `managedfields` of Kubernetes' apimachinery does it, on top of structured-merge-diff: each step here has its
counterpart there, and their order matters.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.model import document, live
from reconciler.sandbox import fields, merging, shapes

BEFORE = "before-first-apply"
"""The owner of everything in an object that nobody is recorded to own, when somebody applies to it."""


@dataclass(frozen=True, slots=True, order=True)
class Manager:
    """An entry's identity. Of an Update writer its version belongs to it, of an applier it does not."""

    operation: str
    name: str
    api_version: str = ""
    subresource: str = ""

    @property
    def applied(self) -> bool:
        return self.operation == "Apply"


@dataclass(frozen=True, slots=True)
class Owned:
    """What a manager owns; `time` '' where none is recorded."""

    fields: fields.Node
    api_version: str
    time: str = ""


Owners = Mapping[Manager, Owned]


class ConflictError(Exception):
    """Somebody else owns what the applier would change."""

    def __init__(self, conflicts: tuple[live.FieldConflict, ...]) -> None:
        super().__init__(f"{len(conflicts)} conflicts")
        self.conflicts = conflicts


@dataclass(frozen=True, slots=True)
class Outcome:
    """The object before defaults, and who owns it. `changed`: it differs, be it in the order of a list."""

    body: document.Json
    owners: Owners
    changed: bool


def stripped(node: fields.Node, ignored: fields.Node) -> fields.Node:
    """Without what nobody owns (a name, the server's own metadata) and what this subresource does not write."""
    return fields.without_below(fields.difference(node, UNOWNED), ignored)


UNOWNED: fields.Node = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {
        fields.SELF: {},
        **{
            f"f:{name}": {}
            for name in (
                "name",
                "namespace",
                "creationTimestamp",
                "selfLink",
                "uid",
                "generation",
                "managedFields",
                "resourceVersion",
            )
        },
    },
}


def parsed(metadata: document.Json) -> Owners:
    found: dict[Manager, Owned] = {}
    for entry in document.items(metadata, "managedFields"):
        if not isinstance(entry, dict) or not entry:
            continue
        operation, version = document.text(entry, "operation"), document.text(entry, "apiVersion")
        identity = "" if operation == "Apply" else version
        manager = Manager(operation, document.text(entry, "manager"), identity, document.text(entry, "subresource"))
        owned = entry.get("fieldsV1")
        node: fields.Node = owned if isinstance(owned, dict) else {}  # type: ignore[assignment]  # a tree of mappings
        found[manager] = Owned(node, version, document.text(entry, "time"))
    return found


def encoded(owners: Owners) -> list[document.JsonValue]:
    """As `managedFields` lists them: appliers first, then by time and name."""
    entries: list[document.JsonValue] = []
    for manager, owned in sorted(owners.items(), key=_place):
        entry: document.Json = {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": owned.api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": owned.fields,  # type: ignore[dict-item]  # a tree of mappings is JSON
        }
        if owned.time:
            entry["time"] = owned.time
        if manager.subresource:
            entry["subresource"] = manager.subresource
        entries.append(entry)
    return entries


def alike(one: Owners, other: Owners) -> bool:
    """The same but for their times, which alone are no reason to write."""
    return one.keys() == other.keys() and all(
        owned.fields == other[manager].fields and owned.api_version == other[manager].api_version
        for manager, owned in one.items()
    )


def _place(pair: tuple[Manager, Owned]) -> tuple[str, str, str, str, str]:
    manager, owned = pair
    return manager.operation, owned.time, manager.name, owned.api_version, manager.subresource


def updated(
    old: document.Json | None,
    new: document.Json,
    *,
    shape: shapes.Shape,
    manager: Manager,
    ignored: fields.Node,
    now: str,
) -> Owners:
    """Who owns what after an Update writer wrote `new`. Of an object that nobody is recorded to own, nobody is."""
    owners = dict(parsed(document.mapping(old, "metadata"))) if old is not None else {}
    if old is not None and not owners:
        return owners
    difference = merging.compared(old or {}, new, shape)
    if difference.same:
        return owners
    owners = _after(owners, difference.without(ignored), but=None)
    took = stripped(difference.changed(), ignored)
    if took:
        before = owners.get(manager)
        mine = fields.union(took, before.fields) if before else took
        owners[manager] = Owned(mine, manager.api_version, "" if manager.subresource == "scale" else now)
    return owners


def applied(
    old: document.Json | None,
    wanted: document.Json,
    *,
    shape: shapes.Shape,
    manager: Manager,
    ignored: fields.Node,
    force: bool,
    now: str,
) -> Outcome:
    """A server-side apply of `wanted`. Raises `merging.UntypedError`, ConflictError."""
    version = document.text(wanted, "apiVersion")
    said = merging.fields_of(wanted, shape)
    mine = stripped(said, ignored)
    owners = dict(parsed(document.mapping(old, "metadata"))) if old is not None else {}
    if old is not None and not owners:
        everything = stripped(merging.compared({}, old, shape).changed(), ignored)
        if everything:
            owners[Manager("Update", BEFORE, version)] = Owned(everything, version, now)
    before = owners.get(manager)
    body = merging.merged(old or {}, wanted, shape)
    owners[manager] = Owned(mine, version, before.time if before else "")
    if before:
        held = said  # with the name: without it, all metadata would go with the last field of it
        for owned in owners.values():
            held = fields.union(held, owned.fields)
        body = _without_dropped(body, before.fields, held=held, shape=shape)
    difference = merging.compared(old or {}, body, shape).without(ignored)
    changed = old is None or body != old
    if changed:
        if not force and (conflicts := tuple(_conflicts(owners, difference, but=manager))):
            raise ConflictError(conflicts)
        owners = _after(owners, difference, but=manager)
        owners[manager] = Owned(mine, version, now)
    if not mine:
        owners.pop(manager, None)
    return Outcome(body, owners, changed=changed)


def _after(
    owners: Mapping[Manager, Owned], difference: merging.Compared, *, but: Manager | None
) -> dict[Manager, Owned]:
    """What is changed or removed leaves everybody else's entry; empty entries go."""
    lost = fields.union(difference.changed(), difference.removed)
    left: dict[Manager, Owned] = {}
    for manager, owned in owners.items():
        if manager == but:
            left[manager] = owned
        elif kept := fields.difference(owned.fields, lost):
            left[manager] = owned if kept == owned.fields else Owned(kept, owned.api_version, owned.time)
    return left


def _conflicts(owners: Owners, difference: merging.Compared, *, but: Manager) -> Iterable[live.FieldConflict]:
    changed = difference.changed()
    for manager, owned in sorted(owners.items()):
        if manager == but:
            continue
        name = f'{manager.name} with subresource "{manager.subresource}"' if manager.subresource else manager.name
        for path in fields.paths(fields.intersection(owned.fields, changed)):
            yield live.FieldConflict(fields.spelt(path), name, manager.applied)


def _without_dropped(
    body: document.Json, last: fields.Node, *, held: fields.Node, shape: shapes.Shape
) -> document.Json:
    """Without what the applier owned alone and says no more. An item of a list that it drops goes with all in it that
    no other applier or writer owns together with the item itself. `held`: what is owned from now on."""
    if not fields.difference(last, held):
        return body
    named = merging.with_named
    everything = named(merging.fields_of(body, shape), shape)
    without = merging.pruned(body, named(last, shape), shape)
    remaining = named(merging.fields_of(without, shape), shape)
    kept = fields.union(remaining, named(held, shape))
    without = merging.pruned(body, fields.difference(everything, kept), shape)
    remaining = named(merging.fields_of(without, shape), shape)
    dangling = fields.intersection(fields.difference(everything, remaining), named(last, shape))
    return merging.pruned(body, dangling, shape)
