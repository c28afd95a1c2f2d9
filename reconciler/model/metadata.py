"""From the JSON of a live object to what the model knows of it, on whichever cluster it lives."""

import sys
from collections.abc import Mapping

from reconciler.model import document, ids, live, order

MANAGER = "reconciler"
"""Our one server-side-apply field manager (S1)."""


def meta(found: document.Json, kind: ids.KindKey) -> live.LiveMeta:
    """The metadata of an object of that kind. Strings that repeat over many objects are shared: an index of a whole
    cluster stays small."""
    metadata = document.mapping(found, "metadata")
    namespace = sys.intern(document.text(metadata, "namespace"))
    key = ids.ObjectKey(sys.intern(kind.group), sys.intern(kind.kind), namespace, document.text(metadata, "name"))
    return live.LiveMeta(
        key=key,
        uid=document.text(metadata, "uid"),
        resource_version=document.text(metadata, "resourceVersion"),
        entry=entry(metadata),
        mark=document.text(metadata, "annotations", ids.MARK),
        controlled=_controlled(metadata),
        deleting="deletionTimestamp" in metadata,
        labels=tuple(
            (sys.intern(name), sys.intern(value))
            for name, value in sorted(document.mapping(metadata, "labels").items())
            if isinstance(value, str)
        ),
        wave=order.wave(document.mapping(metadata, "annotations")),
        keep=document.text(metadata, "annotations", ids.KEEP) == "false",
        deleting_since=document.text(metadata, "deletionTimestamp"),
        finalizers=finalizers(found) if "deletionTimestamp" in metadata else (),
    )


def entry(metadata: Mapping[str, document.JsonValue]) -> str:
    """Fingerprint of our own Apply entry: its fields and its time, which has a resolution of one second and may be
    absent, so it is good for equality only (Kubernetes: Server-Side Apply). '' when we have none."""
    for found in document.items(metadata, "managedFields"):
        if (
            isinstance(found, dict)
            and found.get("manager") == MANAGER
            and found.get("operation") == "Apply"
            and not found.get("subresource")
        ):
            fields = document.encode(document.mapping(found, "fieldsV1"))
            return document.digest(fields, document.text(found, "time"))
    return ""


def _controlled(metadata: Mapping[str, document.JsonValue]) -> bool:
    owners = document.items(metadata, "ownerReferences")
    return any(isinstance(owner, dict) and owner.get("controller") is True for owner in owners)


def finalizers(found: Mapping[str, document.JsonValue]) -> tuple[str, ...]:
    """What holds an object that is being deleted; a Namespace has its own list in its spec."""
    held = [*document.items(found, "metadata", "finalizers"), *document.items(found, "spec", "finalizers")]
    return tuple(name for name in held if isinstance(name, str))
