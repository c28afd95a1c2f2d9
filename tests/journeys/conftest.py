"""Journeys: the daemon on a real Git repository, a real journal, and a cluster.

Each journey runs twice: with the daemon as a process on the real control plane, and with the daemon in this process on
a sandbox (`-k sandbox`: all in under two minutes, and no control plane is started). A journey that passes on the
first and fails on the second has found a bug of the sandbox: it is mended there, with a case in `tests/contracts/`.
What a sandbox cannot be asked is marked, with the reason: `@pytest.mark.only_kubernetes("the daemon is killed")`.

Write a journey against `a_site`, or `sites` for one set-up that a whole module shares, and go to the cluster by
`a_site.cluster` alone.
"""

import contextlib
import pathlib
from collections.abc import Callable, Iterator

import pytest

from tests import conftest
from tests.clusterkit import sandbox
from tests.support import sandboxed, site

MakeSite = Callable[[str], site.Site]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Both clusters for each journey that has a site."""
    if "where" not in metafunc.fixturenames:
        return
    # What shares a set-up is one group of `--dist loadgroup`; on a sandbox it is another set-up, and so another group.
    grouped = list(metafunc.definition.iter_markers("xdist_group"))
    chosen = (
        pytest.param("kubernetes", marks=pytest.mark.cluster),
        pytest.param("sandbox", marks=[pytest.mark.xdist_group("sandbox")] if grouped else []),
    )
    metafunc.parametrize("where", chosen, indirect=True, scope="module")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a sandbox cannot carry is not even collected for it."""
    items[:] = [
        item
        for item in items
        if not (item.get_closest_marker("only_kubernetes") and _params(item).get("where") == "sandbox")
    ]


def _params(item: pytest.Item) -> dict[str, object]:
    return item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}


@pytest.fixture(scope="module")
def where(request: pytest.FixtureRequest) -> str:
    """What the journey runs on."""
    return str(request.param)


@pytest.fixture
def a_site(tmp_path: pathlib.Path, where: str, request: pytest.FixtureRequest) -> Iterator[site.Site]:
    """A set-up of its own for one test; its daemon is gone afterwards."""
    with a_site_on(where, tmp_path, request, name=request.node.name) as made:
        yield made


@pytest.fixture(scope="module")
def sites(where: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[MakeSite]:
    """Makes set-ups that last as long as the module."""
    with contextlib.ExitStack() as stack:
        yield lambda name: stack.enter_context(a_site_on(where, tmp_path_factory.mktemp(name), request, name=name))


@contextlib.contextmanager
def a_site_on(where: str, folder: pathlib.Path, request: pytest.FixtureRequest, *, name: str) -> Iterator[site.Site]:
    with contextlib.ExitStack() as stack:
        if where == "sandbox":
            model = stack.enter_context(sandbox.running(folder))
            made = sandboxed.SandboxSite(folder, model, conftest.new_namespace(model, name))
        else:
            cluster = request.getfixturevalue("control_plane")
            namespace = conftest.new_namespace(cluster, name)
            stack.callback(cluster.delete, f"/api/v1/namespaces/{namespace}")
            made = site.Site(folder, cluster, namespace)
        stack.callback(made.close)
        yield made
