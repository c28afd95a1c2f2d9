"""What an installation may not stand on (I25)."""

import pytest

from reconciler import errors
from reconciler.app import runtime
from reconciler.edges import versions
from reconciler.settings import deployment, loading

DISK = """\
repositories: {main: {url: 'https://git.example.com/a.git', ref: refs/heads/main}}
clusters: {main: {inCluster: true}}
environments: {production: {repository: main, cluster: main, namespaces: [web]}}
"""


@pytest.mark.parametrize(
    ("installed", "complaint"),
    [
        ({}, ""),
        ({"kubernetes": "37.0.2"}, ""),
        ({"kubernetes": "37.0.1"}, "kubernetes 37.0.1 is older than 37.0.2"),
        ({"kubernetes": "36.0.0"}, "kubernetes 36.0.0 is older than 37.0.2"),
        ({"pyyaml": "5.3"}, "pyyaml 5.3 is older than 6.0.3"),
        ({"aiohttp": "4.0.0rc1"}, ""),
        ({"aiohttp": "garbage"}, "aiohttp garbage is older than"),
    ],
)
def test_packages(installed: dict[str, str], complaint: str) -> None:
    found = versions.complaints(installed)
    assert len(found) == bool(complaint)
    assert complaint in "".join(found)
    assert all(problem.endswith("; install what requirements.lock pins") for problem in found)


def test_a_version_that_is_known_to_be_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "BAD", {"kubernetes": {"99.0.0": "sends no Authorization header"}})
    (found,) = versions.complaints({"kubernetes": "99.0.0"})
    assert found == "kubernetes 99.0.0 sends no Authorization header; install what requirements.lock pins"
    assert versions.complaints({"kubernetes": "99.0.1"}) == ()


@pytest.mark.parametrize(
    ("version", "fine"),
    [
        ("2.36.0", True),
        ("2.39.5 (Apple Git-1)", True),
        ("3.0", True),
        ("2.35.8", False),
        ("1.8.3", False),
        ("", False),
    ],
)
def test_git(version: str, fine: bool) -> None:
    assert bool(versions.old_git(version)) is not fine


async def test_a_daemon_does_not_start_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    its = loading.load(deployment.Deployment, DISK, where="deployment-config.yaml")
    await runtime.check(its)

    async def old() -> str:
        return "2.30.2"

    monkeypatch.setattr(versions, "git", old)
    monkeypatch.setattr(versions, "BAD", {"kubernetes": {versions._installed("kubernetes"): "sends no header"}})
    with pytest.raises(errors.Terminal, match=r"not one to run: kubernetes .* no header; .*; git 2\.30\.2 is older"):
        await runtime.check(its)
