"""Whose commits may be deployed: each way in which a signature is none has its own sentence. rows.toml GIT-15."""

import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio

from reconciler import errors
from reconciler.edges import git
from reconciler.edges.git import signers as policies
from tests.support import signing

pytestmark = pytest.mark.programs("ssh-keygen")

Look = Callable[..., git.GitRepository]
LONG_AGO = ("--faked-system-time", "20200101T000000")


@pytest.fixture
def people(tmp_path: pathlib.Path) -> signing.Signers:
    folder = tmp_path / "keys"
    folder.mkdir()
    found = signing.Signers(folder)
    found.allow("alice")
    found.allow("revoked")
    found.revoke("revoked")
    found.allow("expired", options=',valid-before="20200101"')
    return found


@pytest.fixture
def work(tmp_path: pathlib.Path) -> pathlib.Path:
    """A work tree that is the upstream as well."""
    folder = tmp_path / "upstream"
    folder.mkdir()
    signing.git(folder, "init", "--quiet", "-b", "main")
    return folder


@pytest_asyncio.fixture
async def look(tmp_path: pathlib.Path, work: pathlib.Path, people: signing.Signers) -> AsyncIterator[Look]:
    opened: list[git.GitRepository] = []

    def looking(
        *, signing_key: pathlib.Path | None = None, keyring: pathlib.Path | None = None, trusted: str = ""
    ) -> git.GitRepository:
        policy = policies.Policy(people.allowed, people.revoked, keyring, signing_key, trusted)
        where = git.Place.checked(
            "deploy",
            url=str(work),
            ref="refs/heads/main",
            mirror=tmp_path / "mirrors" / "deploy",
            allow_local=True,
            signatures=policy,
        )
        opened.append(git.GitRepository(where))
        return opened[-1]

    yield looking
    for repository in opened:
        await repository.close()


async def refusal(repository: git.GitRepository) -> str:
    with pytest.raises(errors.Untrusted) as caught:
        await repository.check_signatures(await repository.head())
    return str(caught.value)


@pytest.mark.parametrize(
    ("signer", "said"),
    [
        ("", "commit {sha} by Dev <dev@example.com> is not signed"),
        ("mallory", "is signed with {key}, which is not in .*allowed-signers"),
        ("expired", "was signed when {key} had expired: its valid-before in .*allowed-signers was over"),
        ("revoked", "is signed with a key that .*revoked-keys revokes"),
    ],
)
@pytest.mark.row("GIT-15")
async def test_not_trusted(work: pathlib.Path, look: Look, people: signing.Signers, signer: str, said: str) -> None:
    revision = signing.commit(work, "one", options=people.options(signer))
    wanted = said.format(sha=revision[:12], key=re.escape(people.fingerprints.get(signer, "")))
    told = await refusal(look())
    assert re.search(wanted, told), told
    assert "Nothing of it is deployed: sign it again, or name" in told


async def test_changed_after_it_was_signed(work: pathlib.Path, look: Look, people: signing.Signers) -> None:
    signing.commit(work, "one", options=people.options("alice"))
    forged = signing.git(work, "cat-file", "commit", "HEAD").replace("\n\none", "\n\ntwo") + "\n"
    revision = signing.git(work, "hash-object", "-t", "commit", "-w", "--stdin", given=forged)
    signing.git(work, "update-ref", "refs/heads/main", revision)
    assert "has a bad signature: it was changed after it was signed" in await refusal(look())


async def test_signed_by_somebody_known(work: pathlib.Path, look: Look, people: signing.Signers) -> None:
    signing.commit(work, "before the policy", options=())
    revision = signing.commit(work, "one", options=people.options("alice"))
    await look().check_signatures(revision)


@pytest.mark.row("GIT-15")
async def test_an_unsigned_commit_below_a_signed_head(work: pathlib.Path, look: Look, people: signing.Signers) -> None:
    """rows.toml GIT-15: checking only the head would deploy what was pushed just before it."""
    await look().check_signatures(signing.commit(work, "one", options=people.options("alice")))
    unsigned = signing.commit(work, "two", options=())
    signing.commit(work, "three", options=people.options("alice"))
    assert f"commit {unsigned[:12]} by Dev <dev@example.com> is not signed" in await refusal(look())


@pytest.mark.row("GIT-15")
async def test_an_unsigned_commit_that_a_signed_merge_brings(
    work: pathlib.Path, look: Look, people: signing.Signers
) -> None:
    """Who pulls and pushes signs a merge of whatever was on the branch: it does not vouch for it."""
    await look().check_signatures(signing.commit(work, "one", options=people.options("alice")))
    signing.git(work, "checkout", "--quiet", "-b", "side")
    unsigned = signing.commit(work, "two", options=())
    signing.git(work, "checkout", "--quiet", "main")
    signing.git(
        work,
        *people.options("alice"),
        "merge",
        "--quiet",
        "--no-ff",
        "-S",
        "-m",
        "merge",
        "side",
        environment=signing.WHO,
    )
    assert f"commit {unsigned[:12]} " in await refusal(look())


async def test_the_way_past_a_commit_that_cannot_be_signed_any_more(
    work: pathlib.Path, look: Look, people: signing.Signers
) -> None:
    await look().check_signatures(signing.commit(work, "one", options=people.options("alice")))
    unsigned = signing.commit(work, "two", options=())
    await refusal(look())
    await look(trusted=unsigned).check_signatures(unsigned)
    three = signing.commit(work, "three", options=people.options("alice"))
    await look(trusted=unsigned).check_signatures(three)
    await look().check_signatures(three)
    signing.commit(work, "four", options=())
    await refusal(look(trusted=unsigned))


async def test_what_was_trusted_outlives_the_mirror(
    work: pathlib.Path, look: Look, people: signing.Signers, tmp_path: pathlib.Path
) -> None:
    await look().check_signatures(signing.commit(work, "one", options=people.options("alice")))
    signing.commit(work, "two", options=())
    three = signing.commit(work, "three", options=people.options("alice"))
    shutil.rmtree(tmp_path / "mirrors" / "deploy")
    repository = look()
    await repository.fetch(three)
    assert "is not signed" in await refusal(repository)


async def test_a_rewritten_history_in_a_new_mirror_does_not_begin_anew(
    work: pathlib.Path, look: Look, people: signing.Signers, tmp_path: pathlib.Path
) -> None:
    await look().check_signatures(signing.commit(work, "one", options=people.options("alice")))
    signing.git(work, "checkout", "--quiet", "--orphan", "other")
    signing.commit(work, "unsigned root", options=())
    head = signing.commit(work, "signed head", options=people.options("alice"))
    signing.git(work, "branch", "--quiet", "--force", "main", head)
    shutil.rmtree(tmp_path / "mirrors" / "deploy")
    repository = look()
    await repository.fetch(head)
    assert "the last commit that was trusted: its history was rewritten" in await refusal(repository)
    await look(trusted=head).check_signatures(head)


async def test_our_own_commits_are_signed(work: pathlib.Path, look: Look, people: signing.Signers) -> None:
    people.allow("daemon")
    first = signing.commit(work, "one", options=people.options("alice"))
    (work / "a").write_text("2")
    signing.git(work, "add", "a")
    second = signing.commit(work, "two", options=people.options("alice"))
    repository = look(signing_key=people.key("daemon"))
    await repository.check_signatures(second)
    back = await repository.commit_restoring(parent=second, paths=["a"], source=first, message="back")
    await repository.check_signatures(back)
    assert await repository.prove_signing() == people.fingerprints["daemon"]


async def test_a_signing_key_that_nobody_would_trust(look: Look, people: signing.Signers) -> None:
    repository = look(signing_key=people.key("stranger"))
    with pytest.raises(errors.Terminal, match=r"signs would not be trusted here: .* which is not in"):
        await repository.prove_signing()


async def test_a_list_that_cannot_be_read(work: pathlib.Path, look: Look, people: signing.Signers) -> None:
    """Git itself would call every signer unknown."""
    revision = signing.commit(work, "one", options=people.options("alice"))
    people.allowed.unlink()
    with pytest.raises(errors.Terminal, match=r"signatures cannot be checked: .*allowed-signers cannot be read"):
        await look().check_signatures(revision)


async def test_without_ssh_keygen(
    work: pathlib.Path, look: Look, people: signing.Signers, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = signing.commit(work, "one", options=people.options("alice"))
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("git", "env"):
        (tools / tool).symlink_to(shutil.which(tool) or "")
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(errors.Terminal, match="ssh-keygen cannot be started; install OpenSSH's client"):
        await look().check_signatures(revision)


@pytest.fixture
def gpg(monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    """A person's GnuPG home with three keys. Its path is short: the agent's socket lies in it."""
    with tempfile.TemporaryDirectory(prefix="gpg") as home:
        os.chmod(home, 0o700)
        monkeypatch.setenv("GNUPGHOME", home)
        for name, when, expiry in (("alice", (), "never"), ("expired", LONG_AGO, "1d"), ("mallory", (), "never")):
            batch = ("gpg", "--batch", "--passphrase", "", "--quiet", *when)
            signing.run(*batch, "--quick-gen-key", f"{name} <{name}@example.com>", "ed25519", "sign", expiry)
        yield pathlib.Path(home)
        signing.run("gpgconf", "--kill", "all")


def fingerprint(name: str) -> str:
    listed = signing.run("gpg", "--batch", "--with-colons", "--list-keys", f"{name}@example.com")
    return next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))


def armoured(path: pathlib.Path, *names: str) -> pathlib.Path:
    path.write_text("".join(signing.run("gpg", "--batch", "--armor", "--export", name) + "\n" for name in names))
    return path


@pytest.mark.programs("gpg", "gpgconf")
async def test_gpg(
    work: pathlib.Path, look: Look, gpg: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the exported keys count, whatever the keyring of who starts the daemon holds."""
    keyring = armoured(tmp_path / "keys.asc", "alice", "expired")
    alice = signing.commit(work, "one", options=("-c", f"user.signingKey={fingerprint('alice')}"))
    await look(keyring=keyring).check_signatures(alice)

    signing.commit(work, "two", options=("-c", f"user.signingKey={fingerprint('mallory')}"))
    told = await refusal(look(keyring=keyring))
    assert re.search(rf"is signed with \w*{fingerprint('mallory')[-16:]}, which is not in .*keys.asc", told), told

    old_gpg = tmp_path / "old-gpg"
    old_gpg.write_text(f'#!/bin/sh\nexec gpg {" ".join(LONG_AGO)} "$@"\n')
    old_gpg.chmod(0o700)
    old = ("-c", f"gpg.program={old_gpg}", "-c", f"user.signingKey={fingerprint('expired')}")
    signing.git(work, "reset", "--quiet", "--hard", alice)
    signing.commit(work, "three", options=old)
    assert "which has expired" in await refusal(look(keyring=keyring))

    revocation = gpg / "openpgp-revocs.d" / f"{fingerprint('alice')}.rev"
    signing.run("gpg", "--batch", "--import", given=revocation.read_text().replace(":-----BEGIN", "-----BEGIN"))
    armoured(keyring, "alice")
    signing.git(work, "reset", "--quiet", "--hard", alice)
    shutil.rmtree(tmp_path / "mirrors")  # with the note that it was trusted
    assert "which was revoked" in await refusal(look(keyring=keyring))
