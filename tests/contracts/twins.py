"""The sandbox beside the real control plane: every step is taken on both, and both must say and hold the same.

The control plane has no controllers, so nothing moves by itself and nothing has to be waited for. What differs by
nature is blanked: UIDs, versions, times and the addresses given to Services.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler import errors, ports
from reconciler.model import document, ids, live
from reconciler.sandbox import objects
from tests.clusterkit import access
from tests.contracts.worlds import Json, merge_patch, operation, rendered

SHOP = "SHOP"
"""Stands in a table's manifests for the namespace that each test has for itself."""

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
ADDRESS, NODE_PORT = re.compile(r'"10\.96\.\d+\.\d+"'), re.compile(r'(odePort)":\d+')


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two. `put` is a PUT to a subresource, as a controller's client makes it."""

    cluster: ports.Cluster
    namespace: str
    make: Callable[[Json], None]
    theirs: Callable[[Json, str, bool], None]
    patch: Callable[[Json, Json, str, str], None]
    remove: Callable[[Json, str], None]


class RefusedError(Exception):
    """Somebody else's request was refused; which code does not depend on the side."""


def real(cluster: ports.Cluster, plane: access.Client, *, namespace: str) -> Side:
    def patch(manifest: Json, change: Json, manager: str, subresource: str) -> None:
        path = access.path_of_manifest(manifest) + (f"/{subresource}" if subresource else "")
        plane.patch(path, change, manager=manager)

    def remove(manifest: Json, propagation: str) -> None:
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        access.expected("DELETE", plane.request("DELETE", access.path_of_manifest(manifest), options))

    def theirs(manifest: Json, manager: str, force: bool) -> None:
        plane.apply(manifest, manager=manager, force=force)

    def make(manifest: Json) -> None:
        collection = access.path_of_manifest(manifest).rpartition("/")[0]
        access.expected("POST", plane.request("POST", f"{collection}?fieldManager=maker", manifest))

    return Side(cluster, namespace, make, theirs, patch, remove)


def modelled(cluster: ports.Cluster, kept: objects.Objects, *, namespace: str) -> Side:
    def expected(reply: object) -> None:
        if isinstance(reply, live.Refused):
            raise RefusedError(reply.message)
        assert reply is not None

    def patch(manifest: Json, change: Json, manager: str, subresource: str) -> None:
        def merge(body: Json) -> None:
            merge_patch(body, change)

        expected(kept.update(rendered(manifest).key, merge, manager=manager, subresource=subresource))

    return Side(
        cluster,
        namespace,
        lambda manifest: expected(kept.create(manifest, manager="maker")),
        lambda manifest, manager, force: expected(kept.apply(manifest, manager=manager, force=force)),
        patch,
        lambda manifest, propagation: expected(kept.delete(rendered(manifest).key, propagation=propagation)),
    )


Step = Callable[[Side], Awaitable[Any]]
"""Something done on one side; returns what must be the same on both."""


async def alike(sides: Sequence[Side], *steps: Step) -> list[Any]:
    """Take each step on both. Returns what was said."""
    said = []
    for number, step in enumerate(steps):
        theirs, ours = [await step(side) for side in sides]
        assert ours == theirs, f"step {number}"
        said.append(ours)
    return said


# --- steps


def apply(manifest: Json, *, force: bool = False) -> Step:
    """By us, foretold by a dry-run."""

    async def step(side: Side) -> Any:
        here = rendered(placed(manifest, side))
        foretold = told(await side.cluster.dry_run(here, force=force))
        said = told(await side.cluster.apply(here, operation=operation(), force=force))
        return foretold, said, await _held(side, here.key)

    return step


def theirs(manifest: Json, *, manager: str = "somebody", force: bool = True) -> Step:
    """Somebody else's apply."""
    return _outside(manifest, lambda side, here: side.theirs(here, manager, force))


def make(manifest: Json) -> Step:
    """A POST by `maker`."""
    return _outside(manifest, lambda side, here: side.make(here))


def edit(manifest: Json, change: Json, *, manager: str = "kubectl-edit", subresource: str = "") -> Step:
    """A merge patch."""
    return _outside(manifest, lambda side, here: side.patch(here, change, manager, subresource))


def remove(manifest: Json, *, propagation: str = "Background") -> Step:
    return _outside(manifest, lambda side, here: side.remove(here, propagation))


def delete(manifest: Json) -> Step:
    """By us, exactly the object that is there."""

    async def step(side: Side) -> Any:
        key = rendered(placed(manifest, side)).key
        found = await side.cluster.read(key)
        reply = await side.cluster.delete(key, uid=found.meta.uid if found else "no-uid", operation=operation())
        return told(reply), await _held(side, key)

    return step


def _outside(manifest: Json, act: Callable[[Side, Json], None]) -> Step:
    async def step(side: Side) -> Any:
        here = placed(manifest, side)
        try:
            act(side, here)
            done = "done"
        except (access.RefusedError, RefusedError):
            done = "refused"
        return done, await _held(side, rendered(here).key)

    return step


def placed(manifest: Json, side: Side) -> Json:
    """The manifest in the test's namespace."""
    metadata = manifest["metadata"]
    if metadata.get("namespace") != SHOP:
        return manifest
    return {**manifest, "metadata": {**metadata, "namespace": side.namespace}}


async def _held(side: Side, key: ids.ObjectKey) -> Json | None:
    try:
        found = await side.cluster.read(key)
    except errors.Terminal:
        return None
    return blanked(found.document()) if found else None


def told(reply: live.Applied | live.Refused | live.Deleted) -> Any:
    """What of a reply must be the same; the wording of a refusal need not."""
    match reply:
        case live.Applied(found, created, _):
            return "applied", created, blanked(found.document())
        case live.Refused(_, why, _, conflicts, status):
            return "refused", why, status, sorted(conflicts, key=lambda found: (found.path, found.manager))
        case live.Deleted(_, gone, finalizers):
            return "deleted", gone, sorted(finalizers)


def blanked(body: Json) -> Json:
    metadata = body["metadata"]
    metadata.pop("resourceVersion", None)
    entries = [document.encode(entry).decode() for entry in metadata.pop("managedFields", ())]
    text = document.encode({**body, "managed": sorted(TIME.sub("TIME", entry) for entry in entries)}).decode()
    if uid := metadata.get("uid"):
        text = text.replace(uid, "UID")
    text = ADDRESS.sub('"ADDRESS"', NODE_PORT.sub(r'\1":0', TIME.sub("TIME", text)))
    return document.decode(text.encode())


def object_of(version: str, kind: str, name: str = "it", *, namespace: str = "", **body: Any) -> Json:
    metadata: Json = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **body}
