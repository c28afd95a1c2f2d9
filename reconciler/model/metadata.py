"""From the JSON of a live object to what the model knows of it, on whichever cluster it lives."""

import sys
from collections.abc import Mapping

from reconciler.model import document, ids, live, order

MANAGER = "reconciler"
"""Our one server-side-apply field manager (S1)."""


def meta(found: document.Json, kind: ids.KindKey) -> live.LiveMeta:
    """The metadata of an object of that kind. Strings that repeat over many objects are shared: an index of a whole
    cluster stays small. Each object is looked at in every answer and every event about it, so the steps are short."""
    metadata = document.mapping(found, "metadata")
    annotations, labels = metadata.get("annotations"), metadata.get("labels")
    annotations = annotations if isinstance(annotations, dict) else {}
    namespace, name = _text(metadata.get("namespace")), _text(metadata.get("name"))
    deleting = "deletionTimestamp" in metadata
    return live.LiveMeta(
        key=ids.ObjectKey(sys.intern(kind.group), sys.intern(kind.kind), sys.intern(namespace), name),
        uid=_text(metadata.get("uid")),
        resource_version=_text(metadata.get("resourceVersion")),
        entry=entry(metadata),
        mark=_text(annotations.get(ids.MARK)),
        controlled="ownerReferences" in metadata and _controlled(metadata),
        deleting=deleting,
        labels=tuple(
            (sys.intern(name), sys.intern(value)) for name, value in sorted(labels.items()) if isinstance(value, str)
        )
        if isinstance(labels, dict)
        else (),
        wave=order.wave(annotations),
        keep=annotations.get(ids.KEEP) == "false",
        deleting_since=_text(metadata.get("deletionTimestamp")),
        finalizers=finalizers(found) if deleting else (),
    )


def _text(found: document.JsonValue) -> str:
    return found if isinstance(found, str) else ""


def entry(metadata: Mapping[str, document.JsonValue]) -> str:
    """Fingerprint of our own Apply entry: its fields and its time, which has a resolution of one second and may be
    absent, so it is good for equality only. '' when we have none.
    https://kubernetes.io/docs/reference/using-api/server-side-apply/"""
    for found in document.items(metadata, "managedFields"):
        if (
            isinstance(found, dict)
            and found.get("manager") == MANAGER
            and found.get("operation") == "Apply"
            and not found.get("subresource")
        ):
            fields = found.get("fieldsV1")
            encoded = document.encode(fields if isinstance(fields, dict) else {})
            return document.digest(encoded, _text(found.get("time")))
    return ""


def _controlled(metadata: Mapping[str, document.JsonValue]) -> bool:
    owners = document.items(metadata, "ownerReferences")
    return any(isinstance(owner, dict) and owner.get("controller") is True for owner in owners)


def finalizers(found: Mapping[str, document.JsonValue]) -> tuple[str, ...]:
    """What holds an object that is being deleted; a Namespace has its own list in its spec."""
    held = [*document.items(found, "metadata", "finalizers"), *document.items(found, "spec", "finalizers")]
    return tuple(name for name in held if isinstance(name, str))
