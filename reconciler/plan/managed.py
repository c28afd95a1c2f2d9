"""The records of who owns which fields (`metadata.managedFields`), as documents."""

from collections.abc import Iterator

from reconciler.model import document

MANAGER = "reconciler"
"""Our field manager (design §5.3)."""


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
