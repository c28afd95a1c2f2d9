"""Clusters under test: each implementation of `ports.Cluster` is one world.

To add one: write a function as `kubernetes` below, and name it in MAKERS.
"""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from reconciler import ports
from reconciler.edges import system
from reconciler.edges.kubernetes import cluster as kubernetes_cluster
from reconciler.model import document, ids, live, manifests
from reconciler.sandbox import cluster as sandbox_cluster
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import table
from tests.clusterkit import access

CONFIG_MAP = ids.KindKey("", "ConfigMap")
DEPLOYMENT = ids.KindKey("apps", "Deployment")
POD = ids.KindKey("", "Pod")
UNSERVED = ids.KindKey("example.com", "Nothing")
WEB, SHOP = ids.TargetKey("production", "web"), ids.TargetKey("production", "shop")
OTHER_UID = "00000000-0000-4000-8000-000000000000"
Json = dict[str, Any]


class Outside(Protocol):
    """Somebody else at work in the same cluster."""

    def apply(self, manifest: Json, *, manager: str = ..., force: bool = ...) -> Json:
        """Server-side apply."""

    def edit(self, manifest: Json, change: Json) -> None:
        """A merge patch by `kubectl-edit`."""

    def remove(self, manifest: Json) -> None:
        """Delete it, in the background."""


@dataclass(frozen=True, slots=True)
class World:
    """A cluster under test, and a namespace of it that is the test's own."""

    cluster: ports.Cluster
    namespace: str
    outside: Outside


class Administrator:
    """`Outside` by the administrator of the real control plane."""

    def __init__(self, client: access.Client) -> None:
        self._client = client

    def apply(self, manifest: Json, *, manager: str = "somebody", force: bool = True) -> Json:
        return self._client.apply(manifest, manager=manager, force=force)

    def edit(self, manifest: Json, change: Json) -> None:
        self._client.patch(access.path_of_manifest(manifest), change)

    def remove(self, manifest: Json) -> None:
        self._client.delete(access.path_of_manifest(manifest))


@contextlib.asynccontextmanager
async def kubernetes(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The edge over the real control plane."""
    plane: access.ClusterAccess = request.getfixturevalue("control_plane")
    namespace: str = request.getfixturevalue("namespace")
    records_namespace = f"records-{uuid.uuid4().hex[:8]}"  # made by the first record that is written
    cluster = await kubernetes_cluster.connect(
        "test", kubeconfig=str(plane.kubeconfig), namespace_for_records=records_namespace
    )
    try:
        yield World(cluster, namespace, Administrator(plane))
    finally:
        await cluster.close()
        plane.delete(access.path_of("v1", "Namespace", name=records_namespace))


class Neighbour:
    """`Outside` within a sandbox."""

    def __init__(self, kept: objects.Objects) -> None:
        self._objects = kept

    def apply(self, manifest: Json, *, manager: str = "somebody", force: bool = True) -> Json:
        reply = self._objects.apply(manifest, manager=manager, force=force)
        assert isinstance(reply, live.Applied), reply
        return reply.live.document()

    def edit(self, manifest: Json, change: Json) -> None:
        def merge(body: Json) -> None:
            merge_patch(body, change)

        reply = self._objects.update(rendered(manifest).key, merge, manager="kubectl-edit")
        assert isinstance(reply, objects.Stored), reply

    def remove(self, manifest: Json) -> None:
        self._objects.delete(rendered(manifest).key)


def merge_patch(body: Json, change: Json) -> None:
    for name, value in change.items():
        if value is None:
            body.pop(name, None)
        elif isinstance(value, dict):
            merge_patch(body.setdefault(name, {}), value)
        else:
            body[name] = value


@contextlib.asynccontextmanager
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The model of a cluster in this process."""
    clock = system.SystemClock()
    kept = objects.Objects(clock, system.SystemChance())
    kept.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}, manager="somebody")
    running = asyncio.create_task(table.controllers(kept, clock).run())
    try:
        yield World(sandbox_cluster.SandboxCluster("test", kept), "shop", Neighbour(kept))
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


Maker = Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[World]]
MAKERS = [pytest.param(sandbox, id="sandbox"), pytest.param(kubernetes, id="kubernetes", marks=pytest.mark.cluster)]


@pytest.fixture(params=MAKERS)
def maker(request: pytest.FixtureRequest) -> tuple[Maker, pytest.FixtureRequest]:
    if request.param is kubernetes:
        request.getfixturevalue("namespace")  # made here, outside the event loop, for it blocks
    return request.param, request


@pytest.fixture
async def world(maker: tuple[Maker, pytest.FixtureRequest]) -> AsyncIterator[World]:
    make, request = maker
    async with make(request) as made:
        yield made


def config_map(namespace: str, name: str = "settings", **data: str) -> Json:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(namespace: str, *, image: str = "web:v1", **spec: Any) -> Json:
    pod = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": pod, **spec},
    }


def rendered(manifest: Json) -> manifests.Manifest:
    group, slash, _ = manifest["apiVersion"].partition("/")
    metadata = manifest["metadata"]
    key = ids.ObjectKey(
        group if slash else "", manifest["kind"], str(metadata.get("namespace", "")), str(metadata["name"])
    )
    return manifests.Manifest(key, manifest["apiVersion"], document.encode(manifest), manifests.Origin("test.yaml", 1))


def operation() -> str:
    return str(uuid.uuid4())


async def applied(cluster: ports.Cluster, manifest: Json, *, force: bool = False) -> live.Applied:
    reply = await cluster.apply(rendered(manifest), operation=operation(), force=force)
    assert isinstance(reply, live.Applied), reply
    return reply


async def refused(cluster: ports.Cluster, manifest: Json) -> live.Refused:
    """The refusal, which a dry-run must foretell."""
    foretold = await cluster.dry_run(rendered(manifest), force=False)
    reply = await cluster.apply(rendered(manifest), operation=operation(), force=False)
    assert isinstance(foretold, live.Refused), foretold
    assert isinstance(reply, live.Refused), reply
    assert foretold.why is reply.why
    return reply
