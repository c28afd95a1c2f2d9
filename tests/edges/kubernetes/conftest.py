"""The edge in front of the fake API server."""

import pathlib
from collections.abc import AsyncIterator

import pytest

from reconciler.edges.kubernetes import cluster, session
from tests.edges.kubernetes import fake

QUICK = session.Timeouts(
    connect=2.0, call=1.0, dry_run=1.0, first_list=2.0, silence=1.0, back_off=0.01, longest_back_off=0.05, lost=0.1
)


@pytest.fixture
async def api() -> AsyncIterator[fake.FakeApi]:
    async with fake.running(fake.FakeApi()) as running:
        yield running


@pytest.fixture
async def edge(api: fake.FakeApi, tmp_path: pathlib.Path) -> AsyncIterator[cluster.KubernetesCluster]:
    """Connected to `api`, impatiently."""
    made = await cluster.connect("fake", kubeconfig=str(fake.kubeconfig(tmp_path, server=api.url)), timeouts=QUICK)
    yield made
    await made.close()
