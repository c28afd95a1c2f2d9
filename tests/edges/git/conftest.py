"""A server, an upstream repository, and our edge looking at it."""

import pathlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from reconciler.edges import git
from tests.support import gitserver, tls

Look = Callable[..., git.GitRepository]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, pathlib.Path]:
    return tls.write(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(tmp_path: pathlib.Path, certificate: tuple[pathlib.Path, pathlib.Path]) -> Iterator[gitserver.Server]:
    with gitserver.running(tmp_path, certificate=certificate) as running:
        yield running


@pytest.fixture
def upstream(tmp_path: pathlib.Path) -> gitserver.Upstream:
    """Without a server: read through its path."""
    return gitserver.create(tmp_path / "upstream.git")


@pytest.fixture
def served(server: gitserver.Server) -> gitserver.Upstream:
    return server.create("deploy")


@pytest.fixture
def secret_file(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "token"
    path.write_text(f"{gitserver.PASSWORD}\n")
    return path


@pytest_asyncio.fixture
async def local(tmp_path: pathlib.Path) -> AsyncIterator[Look]:
    """Look at an upstream by its path."""
    opened: list[git.GitRepository] = []

    def look(upstream: gitserver.Upstream, **settings: Any) -> git.GitRepository:
        wanted = {"ref": "refs/heads/main", "mirror": tmp_path / "mirrors" / "deploy.git"} | settings
        where = git.Place.checked("deploy", url=str(upstream.path), allow_local=True, **wanted)
        opened.append(git.GitRepository(where))
        return opened[-1]

    yield look
    for repository in opened:
        await repository.close()


@pytest_asyncio.fixture
async def remote(tmp_path: pathlib.Path, server: gitserver.Server, secret_file: pathlib.Path) -> AsyncIterator[Look]:
    """Look at an upstream through the server."""
    opened: list[git.GitRepository] = []

    def look(upstream: gitserver.Upstream, **settings: Any) -> git.GitRepository:
        wanted = {
            "ref": "refs/heads/main",
            "mirror": tmp_path / "mirrors" / "deploy.git",
            "credentials": git.Credentials(gitserver.USER, secret_file),
            "ca_file": server.ca_file,
            "timeouts": git.Timeouts(head=30, fetch=60, push=60),  # the machine is shared: slow is no failure here
        }
        where = git.Place.checked("deploy", url=upstream.url, **(wanted | settings))
        opened.append(git.GitRepository(where))
        return opened[-1]

    yield look
    for repository in opened:
        await repository.close()
