"""What the API server itself says of its own objects: namespaces that are active, and CustomResourceDefinitions whose
names are accepted and that are served a moment later (apiextensions-apiserver, `naming` and `establish`)."""

from reconciler.model import document, ids
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import conditions, world

NAMESPACE = ids.KindKey("", "Namespace")
DEFINITION = ids.KindKey("apiextensions.k8s.io", "CustomResourceDefinition")
ESTABLISHED_AFTER = 0.01
"""Seconds from accepted names to being served."""


def namespace(key: ids.ObjectKey, cluster: world.World) -> None:
    found = cluster.kept.get(key)
    if found is not None and not document.text(found.body, "status", "phase"):
        cluster.status(found, {**document.mapping(found.body, "status"), "phase": "Active"})


def definition(key: ids.ObjectKey, cluster: world.World) -> float | None:
    found = cluster.kept.get(key)
    if found is None or world.deleting(found):
        return None
    names, stamp = _names(found.body), cluster.stamp()
    said = document.items(found.body, "status", "conditions")
    taken = _taken(cluster, found, names)
    if taken:
        clash = _condition("NamesAccepted", "False", taken[0], taken[1], stamp)
        never = _condition("Established", "False", "NotAccepted", "not all names are accepted", stamp)
        _write(cluster, found, conditions.put(conditions.put(said, clash), never), {})
        return None
    said = conditions.put(said, _condition("NamesAccepted", "True", "NoConflicts", "no conflicts found", stamp))
    held = conditions.find(said, "Established")
    if held and held.get("status") == "True":
        return None
    accepted = "the initial names have been accepted"
    if held is None or held.get("reason") != "Installing":
        installing = _condition("Established", "False", "Installing", accepted, stamp)
        _write(cluster, found, conditions.put(said, installing), names)
        return ESTABLISHED_AFTER
    done = _condition("Established", "True", "InitialNamesAccepted", accepted, stamp)
    _write(cluster, found, conditions.put(said, done), names)
    return None


def _names(body: document.Json) -> document.Json:
    names = document.mapping(body, "spec", "names")
    kind = document.text(names, "kind")
    return {
        **names,
        "singular": document.text(names, "singular") or kind.lower(),
        "listKind": document.text(names, "listKind") or f"{kind}List",
    }


def _taken(cluster: world.World, found: objects.Stored, names: document.Json) -> tuple[str, str] | None:
    """The reason and the sentence, when another definition of the group has one of the names."""
    group = document.text(found.body, "spec", "group")
    others = [
        document.mapping(one.body, "status", "acceptedNames")
        for one in cluster.kept.of_kind(DEFINITION)
        if one.key != found.key
        and document.text(one.body, "spec", "group") == group
        and conditions.says(one.body, "NamesAccepted") == "True"
    ]
    clashes = [
        (f"{word[0].upper()}{word[1:]}Conflict", f'"{names[word]}" is already in use')
        for word in ("plural", "singular", "kind", "listKind")
        if any(other.get(word) == names.get(word) for other in others)
    ]
    return clashes[-1] if clashes else None


def _write(cluster: world.World, found: objects.Stored, said: conditions.Conditions, names: document.Json) -> None:
    versions = [one for one in document.items(found.body, "spec", "versions") if isinstance(one, dict)]
    stored = [document.text(one, "name") for one in versions if one.get("storage") is True]
    status = document.mapping(found.body, "status")
    new: document.Json = {
        "acceptedNames": names or {"plural": "", "kind": ""},
        "storedVersions": document.items(status, "storedVersions") or [*stored],
        "conditions": said,
    }
    cluster.status(found, {**status, **new})


def _condition(kind: str, status: str, reason: str, message: str, stamp: str) -> document.Json:
    return {
        "type": kind,
        "status": status,
        "lastTransitionTime": stamp,
        "reason": reason,
        "message": message,
    }
