"""Finds every object that carries a mark, by listing the metadata of all kinds that can be applied."""

import asyncio
from collections.abc import Sequence

from reconciler.edges.kubernetes import listing, objects, reflecting, session
from reconciler.model import ids, live

AT_ONCE = 8
"""Lists under way: a rebuilding is no reason to slow the cluster down."""
EVENTS = frozenset({ids.KindKey("", "Event"), ids.KindKey("events.k8s.io", "Event")})
"""By the thousands, and nobody deploys them."""


async def find(opened: session.Session, facts: live.ClusterFacts, *, namespaces: Sequence[str]) -> live.Marked:
    """As `ports.Cluster.marked`."""
    kinds = {found.kind: found for found in reversed(facts.types) if {"list", "patch"} <= found.verbs}
    slots = asyncio.Semaphore(AT_ONCE)

    async def look(resource: live.ResourceType) -> live.Marked:
        async with slots:
            return await _of_kind(opened, resource, namespaces=namespaces)

    answers = await asyncio.gather(*(look(resource) for kind, resource in sorted(kinds.items()) if kind not in EVENTS))
    return live.Marked(
        tuple(meta for answer in answers for meta in answer.found),
        tuple(sentence for answer in answers for sentence in answer.unseen),
    )


async def _of_kind(opened: session.Session, resource: live.ResourceType, *, namespaces: Sequence[str]) -> live.Marked:
    """The whole cluster; where that is forbidden, namespace by namespace."""
    try:
        return live.Marked(await _list(opened, resource, ""), ())
    except listing.RefusedError as refused:
        if refused.status != 403:
            return live.Marked((), ())  # not served after all: it has no objects to list
    if not resource.namespaced:
        return live.Marked((), (f"objects of {resource.kind} may not be listed",))
    found: list[live.LiveMeta] = []
    unseen: list[str] = []
    for namespace in namespaces:
        try:
            found += await _list(opened, resource, namespace)
        except listing.RefusedError:
            unseen.append(f"objects of {resource.kind} in {namespace} may not be listed")
    return live.Marked(tuple(found), tuple(unseen))


async def _list(opened: session.Session, resource: live.ResourceType, namespace: str) -> tuple[live.LiveMeta, ...]:
    shape, path = reflecting.METADATA, objects.path(resource, namespace)
    every = [shape.keep(item, resource) async for item in listing.items(opened, path, query={}, accept=shape.many)]
    return tuple(meta for meta in every if meta.owner() is not None)
