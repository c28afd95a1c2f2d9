"""Which kubeconfigs are used, which are refused, and with what words."""

import pathlib
from typing import Any

import pytest
import yaml

from reconciler import errors
from reconciler.edges.kubernetes import credentials


def kubeconfig(folder: pathlib.Path, *, cluster: dict[str, Any], user: dict[str, Any]) -> credentials.Source:
    path = folder / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {
                "current-context": "here",
                "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": cluster}],
                "users": [{"name": "u", "user": user}],
            }
        )
    )
    return credentials.Source(str(path))


LOCAL = {"server": "http://127.0.0.1:8001"}
REMOTE = {"server": "https://k.example.com:6443/clusters/one/"}


@pytest.mark.parametrize(
    ("cluster", "user", "says"),
    [
        (REMOTE, {"exec": {"command": "touch", "args": ["ran"]}}, "start a program"),
        (REMOTE, {"auth-provider": {"name": "gcp"}}, "auth-provider"),
        (REMOTE | {"insecure-skip-tls-verify": True}, {"token": "t"}, "certificate-authority"),
        (REMOTE | {"certificate-authority": "absent.crt"}, {"token": "t"}, "absent.crt"),
        ({"server": "http://k.example.com"}, {"token": "t"}, "https"),
        ({}, {"token": "t"}, "https"),
    ],
)
async def test_refused_with_what_to_change(
    tmp_path: pathlib.Path, cluster: dict[str, Any], user: dict[str, Any], says: str
) -> None:
    source = kubeconfig(tmp_path, cluster=cluster, user=user)
    with pytest.raises(errors.Terminal, match=says) as raised:
        await credentials.load(source)
    assert source.kubeconfig in str(raised.value)


async def test_nothing_is_started_by_a_refused_plugin(tmp_path: pathlib.Path) -> None:
    ran = tmp_path / "ran"
    source = kubeconfig(tmp_path, cluster=REMOTE, user={"exec": {"command": "touch", "args": [str(ran)]}})
    with pytest.raises(errors.Terminal):
        await credentials.load(source)
    assert not ran.exists()


@pytest.mark.parametrize("content", [None, "", "- a\n", "a: [\n", "current-context: there\n"])
async def test_a_file_that_is_no_kubeconfig(tmp_path: pathlib.Path, content: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    with pytest.raises(errors.Terminal, match="kubeconfig"):
        await credentials.load(credentials.Source(str(path)))


async def test_a_file_that_is_half_written_shows_no_line_of_itself(tmp_path: pathlib.Path) -> None:
    """I13: the line that cannot be read may be the one with the token."""
    path = tmp_path / "kubeconfig"
    path.write_text('users:\n- name: us\n  user: {token: "SECRET" x}\n')
    for ask in (credentials.load, credentials.check):
        with pytest.raises(errors.Terminal, match="it is no YAML, line 3, column") as refused:
            await ask(credentials.Source(str(path)))
        assert "SECRET" not in str(refused.value)


async def test_a_context_that_is_not_there(tmp_path: pathlib.Path) -> None:
    source = kubeconfig(tmp_path, cluster=LOCAL, user={})
    with pytest.raises(errors.Terminal, match="elsewhere"):
        await credentials.load(credentials.Source(source.kubeconfig, "elsewhere"))


async def test_outside_a_pod_there_is_no_service_account() -> None:
    with pytest.raises(errors.Terminal, match="service account"):
        await credentials.load(credentials.Source())


async def test_what_is_read(tmp_path: pathlib.Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    found = await credentials.load(kubeconfig(tmp_path, cluster=REMOTE, user={"tokenFile": "token"}))
    assert found.server == "https://k.example.com:6443/clusters/one"
    assert await found.authorization() == "Bearer secret"  # without the end of the line, which no header may hold
    assert found.tls is not None
    assert found.tls.check_hostname


async def test_this_machine_may_be_reached_without_tls(tmp_path: pathlib.Path) -> None:
    found = await credentials.load(kubeconfig(tmp_path, cluster=LOCAL, user={}))
    assert (found.server, found.tls, await found.authorization()) == ("http://127.0.0.1:8001", None, "")


@pytest.mark.parametrize(("no_proxy", "used"), [("", "http://proxy:3128"), ("k.example.com", None)])
async def test_the_proxy_of_the_environment(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, no_proxy: str, used: str | None
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", no_proxy)
    source = kubeconfig(tmp_path, cluster=REMOTE, user={"token": "t"})
    assert (await credentials.load(source)).proxy == used
    own = kubeconfig(tmp_path, cluster=REMOTE | {"proxy-url": "http://own:1"}, user={"token": "t"})
    assert (await credentials.load(own)).proxy == "http://own:1"
