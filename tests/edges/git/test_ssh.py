"""Git over ssh, on a real client and a real server: keys, pinned hosts, what each refusal says. rows.toml GIT-04."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator

import asyncssh
import pytest
import pytest_asyncio

from reconciler import errors, ports
from reconciler.edges import git
from reconciler.edges.git import ssh
from tests.support import gitserver, sshserver

pytestmark = pytest.mark.programs("ssh", "ssh-agent", "ssh-keygen")

Look = Callable[..., git.GitRepository]
SHELLISH = (
    "a b",
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    "%h %% %i",
    "-oProxyCommand=touch pwned",
    "é",
)


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[sshserver.Server]:
    with sshserver.running(tmp_path) as running:
        yield running


@pytest.fixture
def served(server: sshserver.Server) -> gitserver.Upstream:
    return server.create("deploy")


@pytest_asyncio.fixture
async def look(tmp_path: pathlib.Path, server: sshserver.Server) -> AsyncIterator[Look]:
    opened: list[git.GitRepository] = []

    def looking(
        upstream: gitserver.Upstream,
        *,
        private_key: pathlib.Path | None = None,
        known_hosts: pathlib.Path | None = None,
        passphrase: pathlib.Path | None = None,
    ) -> git.GitRepository:
        keys = git.Keys(private_key or server.private_key_file, known_hosts or server.known_hosts_file, passphrase)
        where = git.Place.checked(
            "deploy",
            url=upstream.url,
            ref="refs/heads/main",
            mirror=tmp_path / "mirrors" / "deploy",
            keys=keys,
            timeouts=git.Timeouts(head=60),  # the machine is shared: slow is no failure here
        )
        opened.append(git.GitRepository(where))
        return opened[-1]

    yield looking
    for repository in opened:
        await repository.close()


@pytest.fixture
def agent(server: sshserver.Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An agent with the right key, as a person's session has one."""
    started = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True)
    told = dict(re.findall(r"(SSH_\w+)=([^;]+);", started.stdout))
    try:
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        subprocess.run(["ssh-add", "-q", str(server.private_key_file)], check=True)
        yield
    finally:
        os.kill(int(told["SSH_AGENT_PID"]), signal.SIGTERM)


def found(folder: pathlib.Path, name: str) -> list[pathlib.Path]:
    return list(folder.rglob(name))


async def refusal(repository: git.GitRepository, kind: type[errors.ReconcilerError] = errors.Terminal) -> str:
    with pytest.raises(kind) as caught:
        await repository.head()
    assert type(caught.value) is kind
    return str(caught.value)


async def test_read_and_push(server: sshserver.Server, served: gitserver.Upstream, look: Look) -> None:
    first = served.commit({"a": "1"})
    second = served.commit({"a": "2"})
    repository = look(served)
    assert await repository.head() == second
    assert [file.content for file in await repository.files(second, ["a"])] == [b"2"]
    back = await repository.commit_restoring(parent=second, paths=["a"], source=first, message="back")
    assert (await repository.push(back, expected=second)).result is ports.PushResult.DONE
    assert served.head() == back
    assert {command.split()[1] for command in server.commands} == {"'/deploy.git'"}


async def test_a_key_that_may_only_read(server: sshserver.Server, served: gitserver.Upstream, look: Look) -> None:
    first = served.commit({"a": "1"})
    second = served.commit({"a": "2"})
    repository = look(served)
    await repository.fetch(second)
    back = await repository.commit_restoring(parent=second, paths=["a"], source=first, message="back")
    server.read_only = True
    pushed = await repository.push(back, expected=second)
    assert pushed.result is ports.PushResult.REFUSED
    assert "id_ed25519 may read, but not push: ERROR: The key you are" in pushed.because


async def test_another_host_key_names_both(server: sshserver.Server, served: gitserver.Upstream, look: Look) -> None:
    served.commit({"a": "1"})
    old = server.host_key.get_fingerprint()
    server.rekey()
    asked = len(server.commands)
    said = await refusal(look(served))
    assert f"shows the host key {server.host_key.get_fingerprint()}, not {old} of " in said
    assert "known_hosts line 1" in said
    assert "compare the fingerprint with what they publish, and replace the line" in said
    assert len(server.commands) == asked, "nothing may be asked of a host that is not the known one"
    server.pin()
    assert await look(served).head() == served.head()


async def test_a_host_that_is_not_known(server: sshserver.Server, served: gitserver.Upstream, look: Look) -> None:
    served.commit({"a": "1"})
    server.known_hosts_file.write_text("elsewhere.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA\n")
    assert "holds none of that kind for [127.0.0.1]:" in await refusal(look(served))
    server.known_hosts_file.write_text("\n")
    assert "known_hosts is empty: write the host's key into it" in await refusal(look(served))
    server.known_hosts_file.unlink()
    assert "the known hosts file" in await refusal(look(served))


async def test_the_wrong_key(server: sshserver.Server, served: gitserver.Upstream, look: Look) -> None:
    revision = served.commit({"a": "1"})
    right, server.user_key = server.user_key, asyncssh.generate_private_key("ssh-ed25519")
    assert "refuses the key " in await refusal(look(served))
    server.user_key = right
    assert await look(served).head() == revision


async def test_keys_that_ssh_would_pass_over_silently(
    server: sshserver.Server, served: gitserver.Upstream, look: Look
) -> None:
    served.commit({"a": "1"})
    key = server.private_key_file
    key.chmod(0o640)
    assert f"is open to others (mode 640), and ssh refuses it: chmod 600 {key}" in await refusal(look(served))
    key.chmod(0o600)
    key.write_text("ssh-ed25519 AAAA this is the public half\n")
    assert "holds no private key" in await refusal(look(served))
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
    assert "cannot be used: " in await refusal(look(served))
    key.unlink()
    assert "cannot be read: No such file" in await refusal(look(served))


async def test_a_passphrase(
    server: sshserver.Server, served: gitserver.Upstream, look: Look, tmp_path: pathlib.Path
) -> None:
    revision = served.commit({"a": "1"})
    server.write_key(passphrase="hunter2 $(touch pwned)")
    assert "asks for a passphrase: name the file with it in passphraseFile" in await refusal(look(served))
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("hunter2 $(touch pwned)\n")
    assert await look(served, passphrase=passphrase).head() == revision
    passphrase.write_text("another\n")
    said = await refusal(look(served, passphrase=passphrase))
    assert f"or the passphrase in {passphrase} does not open it" in said
    assert "another" not in said


async def test_a_server_that_is_away_is_no_damage(
    server: sshserver.Server, served: gitserver.Upstream, look: Look, tmp_path: pathlib.Path
) -> None:
    """`Could not read from remote repository` is not what a broken mirror says: it must not be thrown away for it."""
    first = served.commit({"a": "1"})
    repository = look(served)
    await repository.fetch(first)
    second = served.commit({"a": "2"})
    server.down()
    assert "Connection refused" in await refusal(repository, errors.Transient)
    with pytest.raises(errors.Transient):
        await repository.fetch(second)
    assert not (tmp_path / "mirrors" / "deploy.damaged").exists()
    assert [file.content for file in await repository.files(first, ["a"])] == [b"1"]
    server.up()
    await repository.fetch(second)


async def test_a_repository_that_is_not_there(server: sshserver.Server, look: Look) -> None:
    absent = gitserver.Upstream(server.root / "absent.git", server.url("absent.git"))
    assert "was not found, or the credentials may not see it" in await refusal(look(absent))


@pytest.mark.parametrize("name", SHELLISH)
@pytest.mark.row("GIT-04")
async def test_nothing_of_the_settings_reaches_a_shell(
    server: sshserver.Server,
    served: gitserver.Upstream,
    look: Look,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """rows.toml GIT-04: paths full of shell syntax are paths, and no shell is started: there is none on the PATH."""
    revision = served.commit({"a": "1"})
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("git", "env", "ssh"):
        (tools / tool).symlink_to(shutil.which(tool) or "")
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / name
    folder.mkdir(parents=True)
    shutil.copy(server.private_key_file, folder / "key")
    shutil.copy(server.known_hosts_file, folder / "hosts")
    shutil.copy(server.known_hosts_file, folder / "passphrase")
    repository = look(
        served, private_key=folder / "key", known_hosts=folder / "hosts", passphrase=folder / "passphrase"
    )
    assert await repository.head() == revision
    assert not found(tmp_path, "pwned")


@pytest.mark.parametrize("name", ['a"b', "a\\b", "${HOME}", "a\nb"])
@pytest.mark.row("GIT-04")
def test_paths_that_mean_something_to_ssh_are_refused(tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(errors.InvalidInput, match="the path of the private key holds"):
        git.Place.checked(
            "deploy",
            url="ssh://git@git.example.test/deploy.git",
            ref="refs/heads/main",
            mirror=tmp_path / "mirror",
            keys=git.Keys(tmp_path / name, tmp_path / "hosts"),
        )


async def test_the_persons_own_keys_agent_and_settings_stay_out(
    server: sshserver.Server,
    served: gitserver.Upstream,
    look: Look,
    agent: None,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An agent that holds the right key, and variables that would redirect git, change nothing."""
    served.commit({"a": "1"})
    for name, value in (("GIT_SSH_COMMAND", "touch pwned"), ("GIT_SSH", "/bin/false"), ("SSH_ASKPASS", "/bin/false")):
        monkeypatch.setenv(name, value)
    other = tmp_path / "other"
    other.touch(mode=0o600)
    other.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    assert "refuses the key " in await refusal(look(served, private_key=other))
    assert await look(served).head() == served.head()


async def test_without_a_client(
    served: gitserver.Upstream, look: Look, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.commit({"a": "1"})
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("git", "env"):
        (tools / tool).symlink_to(shutil.which(tool) or "")
    monkeypatch.setenv("PATH", str(tools))
    assert "needs ssh, which cannot be started: install OpenSSH's client" in await refusal(look(served))


def test_the_program_is_written_anew_where_it_is_another(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "deploy.ssh"
    program.write_text("#!/bin/false\n")
    ssh.installed(program)
    assert program.read_text() == ssh.PROGRAM
    assert os.access(program, os.X_OK)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deploy.ssh"]
