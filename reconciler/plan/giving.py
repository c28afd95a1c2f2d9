"""Giving an object up: it stays as it is, and nothing of ours is left on it."""

from reconciler.model import document, ids, live
from reconciler.plan import managed

MANAGED_BY = "app.kubernetes.io/managed-by"
NOBODY: document.Json = {}
"""An empty list of records would be taken for none at all, and change nothing; one empty record clears them."""


def up(found: live.LiveObject) -> live.Handover:
    """`found` without our mark, our label and our records of its fields. Its values are touched by nobody."""
    body = found.document()
    annotations, labels = managed.texts(body, "annotations"), managed.texts(body, "labels")
    annotations.pop(ids.MARK, None)
    if labels.get(MANAGED_BY) == managed.MANAGER:
        del labels[MANAGED_BY]
    kept = [entry for entry in managed.entries(body) if document.text(entry, "manager") != managed.MANAGER]
    return live.Handover(
        found.meta.uid,
        found.meta.resource_version,
        document.encode(kept or [NOBODY]),
        tuple(sorted(annotations.items())),
        tuple(sorted(labels.items())),
    )
