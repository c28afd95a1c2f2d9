"""Conditions of a status, set as the controllers of Kubernetes set them."""

from collections.abc import Mapping, Sequence

from reconciler.model import document

Conditions = list[document.JsonValue]


def find(conditions: Sequence[document.JsonValue], kind: str) -> document.Json | None:
    return next((one for one in conditions if isinstance(one, dict) and one.get("type") == kind), None)


def without(conditions: Sequence[document.JsonValue], kind: str) -> Conditions:
    return [one for one in conditions if not (isinstance(one, dict) and one.get("type") == kind)]


def put(conditions: Sequence[document.JsonValue], new: document.Json) -> Conditions:
    """With `new` at the end, unless one of its type says the same with the same reason already. The time of the
    transition stays while the status does."""
    kind = document.text(new, "type")
    old = find(conditions, kind)
    if old and (old.get("status"), old.get("reason")) == (new.get("status"), new.get("reason")):
        return list(conditions)
    if old and old.get("status") == new.get("status"):
        new = {**new, "lastTransitionTime": old.get("lastTransitionTime")}
    return [*without(conditions, kind), new]


def replace(conditions: Sequence[document.JsonValue], new: document.Json) -> Conditions:
    """With `new` in the place of the one of its type, or at the end."""
    kind = document.text(new, "type")
    if find(conditions, kind) is None:
        return [*conditions, new]
    return [new if isinstance(one, dict) and one.get("type") == kind else one for one in conditions]


def says(body: Mapping[str, document.JsonValue], kind: str) -> str:
    """`True`, `False`, `Unknown`, or '' where the status has no such condition."""
    one = find(document.items(body, "status", "conditions"), kind)
    return document.text(one, "status") if one else ""
