"""A repository behind ssh: deployed, reverted by a push, and held while its host shows another key."""

import pathlib
from collections.abc import Iterator

import pytest

from reconciler.model import outcomes
from tests.support import site, sshserver

pytestmark = [
    pytest.mark.only_kubernetes("`doctor` asks the cluster from another process"),
    pytest.mark.programs("ssh", "ssh-keygen"),
]


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[sshserver.Server]:
    folder = tmp_path / "git"
    folder.mkdir(exist_ok=True)
    with sshserver.running(folder) as running:
        yield running


def test_deployed_reverted_and_held(a_site: site.Site, server: sshserver.Server) -> None:
    repository = a_site.settings["repositories"]["desired"]
    del repository["allowLocal"]
    repository |= {"url": server.url("desired.git"), "credentials": server.credentials()}
    a_site.configure()
    a_site.application("web", [site.deployment()])
    first = a_site.commit("web")
    said = a_site.command("doctor").stdout
    assert "OpenSSH" in said
    assert f"refs/heads/main is at {first[:12]}" in said
    a_site.start()
    a_site.wait_good(first)

    a_site.application("web", [site.deployment(image="registry.example/web:v2-crash-loop")])
    failing = a_site.commit("web v2 fails")
    a_site.wait(lambda: a_site.head() != failing, what="a revert commit, pushed over ssh")
    assert "git-receive-pack '/desired.git'" in server.commands
    a_site.wait_in_sync()

    known = server.host_key
    server.rekey()
    hold = a_site.wait_hold(outcomes.HoldReason.SOURCE_UNAVAILABLE)
    assert f"shows the host key {server.host_key.get_fingerprint()}, not {known.get_fingerprint()}" in hold.because
    shown = a_site.command("doctor")
    assert shown.returncode != 0
    assert "compare the fingerprint" in " ".join(shown.stdout.split())
    server.pin()
    a_site.wait_in_sync()
