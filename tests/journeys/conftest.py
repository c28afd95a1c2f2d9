"""Journeys: the daemon as a process, on a real Git repository and the real control plane."""

import pathlib
from collections.abc import Iterator

import pytest

from tests.clusterkit import access
from tests.support import site


@pytest.fixture
def a_site(tmp_path: pathlib.Path, control_plane: access.ClusterAccess, namespace: str) -> Iterator[site.Site]:
    """A set-up of its own for one test; its daemon is gone afterwards."""
    made = site.Site(tmp_path, control_plane, namespace)
    yield made
    made.close()
