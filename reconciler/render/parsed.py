"""What reading leaves: values with the places they were written at, not yet judged as Kubernetes objects."""

from dataclasses import dataclass

from reconciler.model import document, manifests


@dataclass(frozen=True, slots=True)
class Parsed:
    """One YAML document that is not null: any JSON value."""

    value: document.JsonValue
    origin: manifests.Origin
