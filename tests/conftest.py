"""
The real control plane, for every test that asks for it.

Each pytest-xdist worker has a control plane of its own: 3 seconds and 0.9 GB each, and in return no test sees another
worker's cluster-wide objects (CRDs, webhooks), audit log or load, and nothing outlives the worker that started it.
"""

import os
import pathlib
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.clusterkit import access, controlplane

CLUSTER_FIXTURES = {"control_plane", "lonely_control_plane", "start_control_plane"}
JOURNEYS = pathlib.Path(__file__).parent / "journeys"
LONGEST_NAME = 63 - len("-000000")  # a namespace is a DNS label

StartControlPlane = Callable[..., controlplane.ControlPlane]


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Mark what a test needs by what it asks for.

    `-m "not cluster"` must mean that no control plane is needed, also where somebody forgot the mark. What depends on a
    machine's real time has a second attempt, and no other test has (docs/decisions/0090-second-attempts.md).
    """
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if CLUSTER_FIXTURES & fixtures:
            item.add_marker("cluster")
        in_real_time = item.get_closest_marker("cluster") or item.path.is_relative_to(JOURNEYS)
        once = item.get_closest_marker("once") or "sites" in fixtures  # what outlives a test is not as it was
        if in_real_time and not once:
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A first attempt that failed is told whole, also when the second one passed."""
    if failed := terminalreporter.getreports("rerun"):
        terminalreporter.section(f"{len(failed)} first attempts that failed")
        for report in failed:
            terminalreporter.section(report.nodeid, sep="_")
            terminalreporter.write_line(report.longreprtext)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A machine needs Python, git and make; what a test wants beside them is named, and a build server has it all."""
    wanted = {name for mark in item.iter_markers("programs") for name in mark.args}
    if missing := sorted(name for name in wanted if shutil.which(name) is None):
        because = f"not on the PATH: {', '.join(missing)}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(because)


@pytest.fixture(scope="session")
def control_plane() -> Iterator[access.ClusterAccess]:
    """The control plane of this worker. Shared by its tests: use `namespace`, and never take it away."""
    with controlplane.running() as running:
        yield running


@pytest.fixture
def namespace(control_plane: access.ClusterAccess, request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh namespace in which pods can run, named after the test; its removal is not waited for."""
    name = new_namespace(control_plane, request.node.name)
    yield name
    control_plane.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def start_control_plane() -> Iterator[StartControlPlane]:
    """Start one for this test alone, with the arguments of `controlplane.running`."""
    with ExitStack() as stack:
        yield lambda **arguments: stack.enter_context(controlplane.running(**arguments))


@pytest.fixture
def lonely_control_plane(start_control_plane: StartControlPlane) -> controlplane.ControlPlane:
    """One whose API server the test may stop, freeze and start."""
    return start_control_plane()


def new_namespace(cluster: access.ClusterAccess, wish: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", wish.lower().removeprefix("test_")).strip("-")
    name = f"{words[:LONGEST_NAME].strip('-') or 'test'}-{secrets.token_hex(3)}"
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    cluster.wait_for(lambda: cluster.pods_can_run_in(name), what=f"namespace {name} being ready for pods")
    return name
