"""Only signed commits are deployed: an unsigned one holds what it touches, what runs stays, and reverts are signed."""

import pytest

from reconciler.model import outcomes
from tests.support import signing, site

pytestmark = [
    pytest.mark.only_kubernetes("`run` and `doctor` are processes beside it"),
    pytest.mark.programs("ssh-keygen"),
]


def test_unsigned_holds_and_reverts_are_signed(a_site: site.Site) -> None:
    keys = a_site.folder / "keys"
    keys.mkdir()
    people = signing.Signers(keys)
    people.allow("alice")
    repository = a_site.settings["repositories"]["desired"]
    repository["signatures"] = {"policy": "require", "allowedSignersFile": str(people.allowed)}
    a_site.settings["environments"]["production"]["revert"] = {"git": "push"}
    a_site.configure()
    refused = a_site.command("run")
    assert refused.returncode != 0
    assert "requires signatures and there is no key to sign with; add signatures.signingKeyFile" in refused.stderr

    repository["signatures"]["signingKeyFile"] = str(people.key("daemon"))
    a_site.configure()
    a_site.git("config", "gpg.format", "ssh")
    a_site.git("config", "user.signingKey", str(people.key("alice")))
    a_site.git("config", "commit.gpgSign", "true")
    a_site.application("web", [site.deployment()])
    first = a_site.commit("web")
    doctor = " ".join(a_site.command("doctor").stdout.split())
    assert "signs would not be trusted here" in doctor
    people.allow("daemon")
    doctor = " ".join(a_site.command("doctor").stdout.split())
    assert f"revert commits are signed with {people.fingerprints['daemon']}" in doctor
    a_site.start()
    a_site.wait_good(first)

    a_site.git("config", "commit.gpgSign", "false")
    a_site.application("web", [site.deployment(image="registry.example/web:unsigned")])
    unsigned = a_site.commit("nobody signed this")
    hold = a_site.wait_hold(outcomes.HoldReason.UNTRUSTED)
    assert f"commit {unsigned[:12]} by Dev <dev@example.com> is not signed" in hold.because
    assert "is not signed" in " ".join(a_site.command("status").stdout.split())
    assert a_site.image() == "registry.example/web:v1"

    a_site.git("config", "commit.gpgSign", "true")
    a_site.git("commit", "--quiet", "--amend", "--no-edit", "-S")
    a_site.git("push", "--quiet", "--force", "origin", "HEAD:main")
    a_site.wait_good(a_site.head())
    assert a_site.image() == "registry.example/web:unsigned"

    a_site.application("web", [site.deployment(image="registry.example/web:v2-crash-loop")])
    failing = a_site.commit("web v2 fails")
    a_site.wait(lambda: a_site.head() != failing, what="a revert commit")
    a_site.pull()
    said = a_site.git("-c", f"gpg.ssh.allowedSignersFile={people.allowed}", "log", "-1", "--format=%G? %GF %an")
    assert said == f"G {people.fingerprints['daemon']} reconciler"
    a_site.wait_in_sync()
