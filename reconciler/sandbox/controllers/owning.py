"""Who belongs to whom: controllers adopt what matches their selector and let go of what no longer does."""

from collections.abc import Mapping

from reconciler.model import document, ids
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import world


def controller(body: Mapping[str, document.JsonValue]) -> document.Json | None:
    """The owner reference of the one object that controls this one."""
    for owner in document.items(body, "metadata", "ownerReferences"):
        if isinstance(owner, dict) and owner.get("controller") is True:
            return owner
    return None


def reference(owner: objects.Stored) -> document.Json:
    """What a child carries of its controller."""
    return {
        "apiVersion": document.text(owner.body, "apiVersion"),
        "kind": owner.key.kind,
        "name": owner.key.name,
        "uid": world.uid(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def matches(selector: Mapping[str, document.JsonValue], labels: Mapping[str, document.JsonValue]) -> bool:
    """A label selector; an empty one matches everything."""
    wanted = document.mapping(selector, "matchLabels")
    if any(labels.get(name) != value for name, value in wanted.items()):
        return False
    return all(_holds(one, labels) for one in document.items(selector, "matchExpressions") if isinstance(one, dict))


def _holds(expression: document.Json, labels: Mapping[str, document.JsonValue]) -> bool:
    name, values = document.text(expression, "key"), document.items(expression, "values")
    match document.text(expression, "operator"):
        case "In":
            return labels.get(name) in values if name in labels else False
        case "NotIn":
            return name not in labels or labels[name] not in values
        case "Exists":
            return name in labels
        case "DoesNotExist":
            return name not in labels
        case _:
            return False  # Gt and Lt: for nodes only, and ours has no numbers


def claim(cluster: world.World, owner: objects.Stored, kind: ids.KindKey) -> list[objects.Stored]:
    """The objects of `kind` that `owner` controls, sorted by name, after adopting and letting go."""
    selector, own = document.mapping(owner.body, "spec", "selector"), world.uid(owner)
    claimed = []
    for one in cluster.kept.of_kind(kind, owner.key.namespace):
        holder = controller(one.body)
        if holder is not None and holder.get("uid") != own:
            continue
        fits = bool(selector) and matches(selector, world.labels(one.body))
        if holder is not None and (fits or world.deleting(owner)):
            claimed.append(one)
        elif holder is not None:
            _replace_owner(cluster, one, own, None)
        elif fits and not world.deleting(one) and not world.deleting(owner):
            claimed.append(_replace_owner(cluster, one, own, reference(owner)))
    return claimed


def _replace_owner(
    cluster: world.World, child: objects.Stored, gone: str, owner: document.Json | None
) -> objects.Stored:
    held = document.items(child.body, "metadata", "ownerReferences")
    kept = [one for one in held if isinstance(one, dict) and one.get("uid") != gone]
    metadata = dict(document.mapping(child.body, "metadata"))
    metadata["ownerReferences"] = [*kept, *([owner] if owner else [])]
    return cluster.change(child, {"metadata": metadata})
