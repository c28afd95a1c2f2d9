"""What a real cluster holds, read and nothing else, as the start of a sandbox."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler import errors, ports
from reconciler.app import composing
from reconciler.model import document, ids, live
from reconciler.sandbox import objects
from reconciler.settings import deployment

FIRST = (
    ids.KindKey("apiextensions.k8s.io", "CustomResourceDefinition"),
    ids.KindKey("", "Namespace"),
    ids.KindKey("storage.k8s.io", "StorageClass"),
)
"""Cluster-scoped kinds that others need, in this order; beside those that an environment may own."""

RECORDS = ids.KindKey("", "ConfigMap")
"""What the target records are."""

MADE = frozenset(
    {
        ids.KindKey("", "Pod"),
        ids.KindKey("", "Event"),
        ids.KindKey("", "Endpoints"),
        ids.KindKey("events.k8s.io", "Event"),
        ids.KindKey("apps", "ReplicaSet"),
        ids.KindKey("apps", "ControllerRevision"),
        ids.KindKey("coordination.k8s.io", "Lease"),
        ids.KindKey("discovery.k8s.io", "EndpointSlice"),
    }
)
"""Made by controllers: those of the sandbox make them anew."""


@dataclass(frozen=True, slots=True)
class Found:
    """In the order in which they are to be stored. `unread`: kinds that may not be listed, one sentence each."""

    bodies: tuple[document.Json, ...]
    unread: tuple[str, ...]


async def read(name: str, its: deployment.Deployment) -> Found:
    """What the environments of these settings may touch in the cluster. Raises what its edge raises."""
    connected = await composing.connect(name, its.clusters[name], its)
    seen = composing.views(its, {name: connected})
    try:
        return await _read(connected, name, its, views={name: view.cluster for name, view in seen.items()})
    finally:
        for view in seen.values():
            await view.cluster.close()
        await connected.close()


async def _read(
    own: ports.Cluster, name: str, its: deployment.Deployment, *, views: Mapping[str, ports.Cluster]
) -> Found:
    """Each environment's part as whoever it acts as sees it; `own`: the daemon's view."""
    facts = await own.facts()
    listed = sorted({one.kind for one in facts.types if one.namespaced and "list" in one.verbs} - MADE)
    wanted: dict[tuple[ids.KindKey, str], ports.Cluster] = {}
    for environment, limits in its.environments.items():
        if limits.cluster == name:
            view = views.get(environment, own)
            owned = (*FIRST, *sorted(set(limits.cluster_kinds) - set(FIRST)))
            wanted |= {(kind, ""): view for kind in owned}
            wanted |= {(kind, space): view for space in await _namespaces(view, limits.namespaces) for kind in listed}
    wanted[RECORDS, its.clusters[name].namespace] = own
    bodies, unread = [], []
    for kind, space in sorted(wanted, key=lambda one: FIRST.index(one[0]) if one[0] in FIRST else len(FIRST)):
        try:
            found = await wanted[kind, space].every(kind, space)
        except errors.Terminal as error:
            unread.append(f"{error}; taken as not there")
            continue
        bodies += [one.document() for one in found if not (one.meta.controlled or one.meta.deleting)]
    return Found(tuple(bodies), tuple(unread))


async def _namespaces(cluster: ports.Cluster, patterns: Sequence[str]) -> tuple[str, ...]:
    """Those that the patterns name; the cluster is asked only where one names several."""
    plain = [pattern for pattern in patterns if not pattern.endswith("*")]
    stems = [pattern[:-1] for pattern in patterns if pattern.endswith("*")]
    if stems:
        found: tuple[live.LiveObject, ...] = await cluster.every(ids.KindKey("", "Namespace"), "")
        plain += [one.meta.key.name for one in found if one.meta.key.name.startswith(tuple(stems))]
    return tuple(dict.fromkeys(plain))


def store(kept: objects.Objects, bodies: Sequence[document.Json]) -> Iterator[str]:
    """Put them into a sandbox as they are. Yields a sentence for each kind that it does not serve."""
    missing: dict[str, int] = {}
    for body in bodies:
        if not kept.take(body):
            kind = f"{document.text(body, 'kind')} of {document.text(body, 'apiVersion')}"
            missing[kind] = missing.get(kind, 0) + 1
    for kind, count in missing.items():
        yield f"the sandbox does not serve {kind}: {count} left out"
