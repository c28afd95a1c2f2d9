"""Which kinds an object may be of: those the cluster serves, and those whose definition comes with it."""

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.model import document, ids, live

DEFINITION = ids.KindKey("apiextensions.k8s.io", "CustomResourceDefinition")


@dataclass(frozen=True, slots=True)
class Defined:
    """One kind that a CustomResourceDefinition of the same set brings."""

    versions: frozenset[str]
    namespaced: bool


def split(api_version: str) -> tuple[str, str]:
    """Group and version of `apps/v1`; the core group is ''."""
    group, slash, version = api_version.partition("/")
    return (group, version) if slash else ("", group)


def definitions(values: Iterable[document.JsonValue]) -> dict[ids.KindKey, Defined]:
    """What the CustomResourceDefinitions among these documents define; malformed ones are left to the API server."""
    found: dict[ids.KindKey, Defined] = {}
    for value in values:
        if not isinstance(value, dict) or document.text(value, "kind") != DEFINITION.kind:
            continue
        if split(document.text(value, "apiVersion"))[0] != DEFINITION.group:
            continue
        key = ids.KindKey(document.text(value, "spec", "group"), document.text(value, "spec", "names", "kind"))
        versions = frozenset(
            document.text(version, "name")
            for version in document.items(value, "spec", "versions")
            if isinstance(version, dict) and version.get("served") is True
        )
        found[key] = Defined(versions, namespaced=document.text(value, "spec", "scope") != "Cluster")
    return found


def namespaced(
    api_version: str, kind: str, *, facts: live.ClusterFacts, defined: dict[ids.KindKey, Defined]
) -> tuple[bool, str]:
    """Whether the kind is namespaced, and '' or why it cannot be applied at all, with the remedy."""
    group, version = split(api_version)
    own = defined.get(ids.KindKey(group, kind))
    if own is not None and version in own.versions:
        return own.namespaced, ""
    found = facts.find(api_version, kind)
    if found is None:
        return False, _not_served(api_version, kind, facts=facts)
    if found.verbs and not {"patch", "create"} <= found.verbs:
        return found.namespaced, f"{kind} ({api_version}) cannot be applied, the server only answers it; remove it"
    return found.namespaced, ""


def _not_served(api_version: str, kind: str, *, facts: live.ClusterFacts) -> str:
    """Names the version to write where the cluster serves the kind in another one: a removed API, a typing error."""
    group = split(api_version)[0]
    other = facts.preferred(ids.KindKey(group, kind)) or next(
        (found for found in facts.types if found.kind.kind == kind), None
    )
    if other is not None:
        return f"{kind} is not served as {api_version} by Kubernetes {facts.version}; write {other.api_version}"
    return (
        f"kind {kind} ({api_version}) is not known to the cluster; correct the name, "
        "or bring its CustomResourceDefinition"
    )
