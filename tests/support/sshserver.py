"""A real ssh server on loopback that serves Git repositories, and the keys of both sides. Its faults are attributes."""

import asyncio
import contextlib
import os
import pathlib
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from tests.support import gitserver

SERVICES = ("git-upload-pack", "git-receive-pack")
GIT = shutil.which("git") or "git"
ENVIRONMENT = dict(os.environ)
"""The server's own: tests take things off the PATH of the daemon's side."""


@dataclass
class Server:
    """`user_key` is what may log in; `files` are what a daemon is configured with."""

    root: pathlib.Path
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    user_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    port: int = 0
    read_only: bool = False
    commands: list[str] = field(default_factory=list)
    """What clients asked for, oldest first."""
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _listening: Any = None

    @property
    def private_key_file(self) -> pathlib.Path:
        return self.root / "id_ed25519"

    @property
    def known_hosts_file(self) -> pathlib.Path:
        return self.root / "known_hosts"

    def url(self, name: str) -> str:
        return f"ssh://git@127.0.0.1:{self.port}/{name}"

    def create(self, name: str) -> gitserver.Upstream:
        return gitserver.create(self.root / f"{name}.git", url=self.url(f"{name}.git"))

    def credentials(self) -> dict[str, str]:
        """As in deployment-config.yaml."""
        return {"privateKeyFile": str(self.private_key_file), "knownHostsFile": str(self.known_hosts_file)}

    def write_key(self, *, passphrase: str = "") -> None:
        self.private_key_file.unlink(missing_ok=True)
        self.private_key_file.touch(mode=0o600)
        self.private_key_file.write_bytes(self.user_key.export_private_key())
        if passphrase:
            change = ["ssh-keygen", "-q", "-p", "-P", "", "-N", passphrase, "-f", str(self.private_key_file)]
            subprocess.run(change, check=True, capture_output=True)

    def pin(self, key: asyncssh.SSHKey | None = None) -> None:
        """Write the host's key, or another one, as the known one."""
        public = (key or self.host_key).export_public_key().decode().strip()
        self.known_hosts_file.write_text(f"[127.0.0.1]:{self.port} {public}\n")

    def up(self) -> None:
        self._wait(self._up())

    def down(self) -> None:
        self._wait(self._down())

    def rekey(self) -> None:
        """From now on the host shows another key, as somebody in between would."""
        self.down()
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.up()

    def _wait(self, doing: Any) -> None:
        asyncio.run_coroutine_threadsafe(doing, self._loop).result(30)

    async def _up(self) -> None:
        owner = self

        class Host(asyncssh.SSHServer):
            def begin_auth(self, username: str) -> bool:
                return True

            def public_key_auth_supported(self) -> bool:
                return True

            def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
                return username == "git" and key.public_data == owner.user_key.public_data

        self._listening = await asyncssh.create_server(
            Host, "127.0.0.1", self.port, server_host_keys=[self.host_key], process_factory=self._serve, encoding=None
        )
        self.port = self._listening.get_port()

    async def _down(self) -> None:
        self._listening.close()
        await self._listening.wait_closed()

    async def _serve(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        command = process.command or ""
        self.commands.append(command)
        service, _, path = command.partition(" ")
        name = shlex.split(path)[0].lstrip("/") if path else ""
        if service not in SERVICES or not (self.root / name).is_dir():
            process.stderr.write(f"ERROR: Repository not found: {name}\n".encode())
            process.exit(1)
            return
        if self.read_only and service == "git-receive-pack":
            process.stderr.write(b"ERROR: The key you are authenticating with has been marked as read only.\n")
            process.exit(1)
            return
        child = await asyncio.create_subprocess_exec(
            GIT,
            service.removeprefix("git-"),
            str(self.root / name),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=ENVIRONMENT,
        )
        assert child.stdin and child.stdout and child.stderr
        feeding = asyncio.create_task(_feed(process.stdin, child.stdin))
        await asyncio.gather(_drain(child.stdout, process.stdout), _drain(child.stderr, process.stderr))
        process.exit(await child.wait())
        feeding.cancel()


async def _feed(source: "asyncssh.SSHReader[bytes]", sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await source.read(65_536):
            sink.write(chunk)
            await sink.drain()
        sink.close()


async def _drain(source: asyncio.StreamReader, sink: "asyncssh.SSHWriter[bytes]") -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await source.read(65_536):
            sink.write(chunk)
            await sink.drain()


@contextlib.contextmanager
def running(root: pathlib.Path) -> Iterator[Server]:
    """Served by a thread; the key and the known hosts are written and right."""
    server = Server(root)
    thread = threading.Thread(target=server._loop.run_forever, daemon=True)
    thread.start()
    try:
        server.up()
        server.write_key()
        server.pin()
        yield server
        server.down()
    finally:
        server._loop.call_soon_threadsafe(server._loop.stop)
        thread.join()
        server._loop.close()
