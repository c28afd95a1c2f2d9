"""The worlds of `worlds.py`, for every contract; and a control plane on which nothing moves by itself, with the
sandbox beside it."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from reconciler.edges import system
from reconciler.edges.kubernetes import cluster as kubernetes_cluster
from reconciler.sandbox import cluster as sandbox_cluster
from reconciler.sandbox import objects
from tests.clusterkit import access, controlplane
from tests.contracts import twins
from tests.contracts.worlds import maker, world

__all__ = ["maker", "quiet_plane", "shop", "sides", "world"]


@pytest.fixture(scope="session")
def quiet_plane() -> Iterator[access.ClusterAccess]:
    """etcd and the API server alone."""
    with controlplane.running(controllers=False) as plane:
        yield plane


@pytest.fixture
def shop(quiet_plane: access.ClusterAccess) -> str:
    """A namespace of both, the test's own."""
    name = f"shop-{uuid.uuid4().hex[:8]}"
    quiet_plane.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


@pytest.fixture
async def sides(quiet_plane: access.ClusterAccess, shop: str) -> AsyncIterator[tuple[twins.Side, twins.Side]]:
    """The real control plane, then the sandbox."""
    real = await kubernetes_cluster.connect("real", kubeconfig=str(quiet_plane.kubeconfig))
    kept = objects.Objects(system.SystemClock(), system.SystemChance())
    kept.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": shop}}, manager="maker")
    modelled = sandbox_cluster.SandboxCluster("sandbox", kept)
    yield twins.real(real, quiet_plane, namespace=shop), twins.modelled(modelled, kept, namespace=shop)
    await real.close()
