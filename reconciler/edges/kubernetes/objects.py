"""From names to URL paths, and from what lists hold to whole objects."""

import urllib.parse

from reconciler import errors
from reconciler.model import document, live, metadata


def path(resource: live.ResourceType, namespace: str, name: str = "") -> str:
    """The URL path of a collection, or of one object of it. `namespace` '': all of them."""
    prefix = f"/apis/{resource.api_version}" if resource.kind.group else f"/api/{resource.version}"
    within = f"/namespaces/{_quoted(namespace)}" if namespace and resource.namespaced else ""
    return f"{prefix}{within}/{resource.plural}" + (f"/{_quoted(name)}" if name else "")


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe=":")  # RBAC names hold colons


def whole(found: document.Json, resource: live.ResourceType) -> live.LiveObject:
    """A whole live object. Items of a list come without their kind: it is filled in. Terminal for one that is nested
    deeper than can be written again."""
    found.setdefault("apiVersion", resource.api_version)
    found.setdefault("kind", resource.kind.kind)
    about = metadata.meta(found, resource.kind)
    try:
        return live.LiveObject(about, document.encode(found))
    except TypeError as error:
        raise errors.Terminal(f"{about.key} cannot be read: it is nested deeper than 250 levels") from error
