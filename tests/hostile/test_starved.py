"""Without a free file descriptor, as after a leak or under a tight limit, every edge fails for now, and never for good:
nothing is called missing, damaged or refused, and the next try works (F25, I6)."""

import asyncio
import contextlib
import json
import os
import pathlib
import resource
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from kubernetes.aio import client

from reconciler import errors
from reconciler.app.commands import doctoring
from reconciler.edges import git, sops, versions
from reconciler.edges.helm import renderer as helm_renderer
from reconciler.edges.kubernetes import credentials, plugins, session
from reconciler.edges.kustomize import renderer as kustomize_renderer
from reconciler.model import targets
from tests.render import examples
from tests.support import gitserver
from tests.support import kustomize as binary

pytestmark = pytest.mark.row("F25")


@contextlib.contextmanager
def starved() -> Iterator[None]:
    """No descriptor can be opened in this process while this lasts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def fails_for_now(question: Callable[[], Awaitable[Any]]) -> str:
    with starved():
        try:
            await question()
        except errors.Transient as error:
            return str(error)
    raise AssertionError("it had enough")


async def test_git(upstream: gitserver.Upstream, tmp_path: pathlib.Path) -> None:
    revision = upstream.commit({"a": "1"})
    where = git.Place.checked(
        "deploy", url=str(upstream.path), ref="refs/heads/main", mirror=tmp_path / "mirror.git", allow_local=True
    )
    repository = git.GitRepository(where)
    try:
        assert "Too many open files" in await fails_for_now(repository.head)
        assert await repository.head() == revision
        assert "Too many open files" in await fails_for_now(lambda: repository.files(revision, ["a"]))
        assert [file.content for file in await repository.files(revision, ["a"])] == [b"1"]
    finally:
        await repository.close()


@pytest.fixture
def upstream(tmp_path: pathlib.Path) -> gitserver.Upstream:
    return gitserver.create(tmp_path / "upstream.git")


async def test_helm() -> None:
    helm = helm_renderer.HelmRenderer(workers=1)

    async def rendered() -> str:
        chart = targets.Chart("charts/web", "web", (), b"{}")
        files = examples.chart_files(cm="a: 1")
        return await helm.helm(chart, files=files, namespace="a", kube_version="v1.36.3", api_versions=())

    try:
        assert "could not be started" in await fails_for_now(rendered)
        assert "a: 1" in await rendered()
    finally:
        await helm.close()


async def test_kustomize() -> None:
    kustomize = kustomize_renderer.KustomizeRenderer(workers=1, search=str(binary.binary().parent))
    files = [examples.file("a/kustomization.yaml", "configMapGenerator: [{name: x, literals: [a=b]}]")]

    async def built() -> str:
        return await kustomize.kustomize(targets.Kustomization("a"), files=files)

    try:
        assert "could not be started" in await fails_for_now(built)
        assert "kind: ConfigMap" in await built()
    finally:
        await kustomize.close()


async def test_an_api_server() -> None:
    trusted = credentials.Credentials(client.Configuration(), "https://127.0.0.1:1", None, None, None)
    its = session.Session("main", credentials.Source("x"), trusted=trusted, timeouts=session.Timeouts())
    try:
        assert await fails_for_now(lambda: its.request("GET", "/version"))
    finally:
        await its.close()


async def test_a_plugin_that_prints_credentials(tmp_path: pathlib.Path) -> None:
    version = "client.authentication.k8s.io/v1"
    printed = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": "t"}}
    program = tmp_path / "plugin"
    program.write_text(f"#!/bin/sh\necho '{json.dumps(printed)}'\n")
    program.chmod(0o700)

    async def given() -> plugins.Given:
        wanted = {"apiVersion": version, "command": "./plugin"}
        return await plugins.run(wanted, plugins.Allowed(60.0), cluster={}, folder=tmp_path, where="here")

    assert "cannot be started: Too many open files" in await fails_for_now(given)
    assert (await given()).token == "t"


@pytest.mark.parametrize("question", [versions.git, versions.ssh, sops.version])
async def test_tools(question: Callable[[], Awaitable[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")  # the sops of the tests
    assert await fails_for_now(question)
    assert await asyncio.wait_for(question(), 60)


async def test_doctor_keeps_what_it_has_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the client could not be checked, the versions were lost with it."""

    async def scarce() -> None:
        raise errors.Transient("no listener on 127.0.0.1 can be opened: Too many open files")

    monkeypatch.setattr(doctoring.proving, "authorization_is_sent", scarce)
    found = {finding.subject: finding for finding in await doctoring.installed()}
    assert set(found) == {"packages", "git", "credentials"}
    assert found["packages"].ok is True
    assert found["credentials"].ok is None and "Too many open files" in found["credentials"].because
