"""A Git server for tests: `git http-backend` behind HTTPS on loopback, with basic authentication, a log of every
request and push, and faults that a test switches on.

    with gitserver.running(tmp_path) as server:
        upstream = server.create("deploy")
        first = upstream.commit({"desired-state/production/web/web.yaml": b"…"}, message="first")
"""

import base64
import contextlib
import http.server
import os
import pathlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.support import tls

USER, PASSWORD = "reconciler", "s3cret-Tok3n"
HOOK = """#!/bin/sh
while read old new ref; do
  if [ -e "$GIT_DIR/refuse" ]; then cat "$GIT_DIR/refuse" >&2; exit 1; fi
done
exit 0
"""
LOG = """#!/bin/sh
while read old new ref; do echo "$old $new $ref" >> "$GIT_DIR/pushes"; done
"""
AUTHOR = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Dev",
    "GIT_AUTHOR_EMAIL": "dev@example.test",
    "GIT_COMMITTER_NAME": "Dev",
    "GIT_COMMITTER_EMAIL": "dev@example.test",
}


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link to commit."""

    to: str


@dataclass(frozen=True, slots=True)
class Submodule:
    revision: str


Content = bytes | str | Link | Submodule | None
"""None deletes the path, which may be a folder."""


@dataclass(frozen=True, slots=True)
class Push:
    """One update that the server accepted. `forced`: the new commit does not descend from the old one."""

    old: str
    new: str
    ref: str
    forced: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    authorization: str


@dataclass(frozen=True, slots=True)
class Upstream:
    """One bare repository of the server, changed by tests as developers would change it."""

    path: pathlib.Path
    url: str

    def git(self, *arguments: str, given: bytes = b"") -> str:
        environment = {"PATH": os.environ["PATH"], **AUTHOR}
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments], input=given, env=environment, capture_output=True, check=False
        )
        assert done.returncode == 0, (arguments, done.stderr.decode(errors="replace"))
        return done.stdout.decode(errors="replace").strip()

    def commit(
        self,
        changes: Mapping[str | bytes, Content],
        *,
        message: str | bytes = "a change",
        branch: str = "main",
        onto: str | None = None,
    ) -> str:
        """Commit on top of `branch`, or of `onto` (a rewritten history); '' as `onto`: a history of its own."""
        parent = self.head(branch) if onto is None else onto
        text = message.encode() if isinstance(message, str) else message
        stream = [b"commit refs/heads/" + branch.encode(), b"committer Dev <dev@example.test> now"]
        stream += [b"data %d" % len(text), text]
        if parent:
            stream.append(b"from " + parent.encode())
        elif onto == "":
            self.git("update-ref", "-d", f"refs/heads/{branch}")
        for path, content in changes.items():
            stream += _change(path if isinstance(path, bytes) else path.encode(), content)
        self.git("fast-import", "--quiet", "--force", "--date-format=now", given=b"\n".join(stream) + b"\n")
        return self.head(branch)

    def head(self, branch: str = "main") -> str:
        """'' when there is no such branch."""
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")

    def read(self, path: str, *, revision: str = "main") -> bytes:
        return subprocess.run(
            ["git", "-C", str(self.path), "cat-file", "blob", f"{revision}:{path}"], capture_output=True, check=True
        ).stdout

    def refuse_pushes(self, reason: str = "main is protected") -> None:
        (self.path / "refuse").write_text(f"{reason}\n")

    def allow_pushes(self) -> None:
        (self.path / "refuse").unlink()

    def pushes(self) -> list[Push]:
        log = self.path / "pushes"
        rows = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
        return [Push(old, new, ref, self._forced(old, new)) for old, new, ref in rows]

    def _forced(self, old: str, new: str) -> bool:
        if set(old) == {"0"}:
            return False
        command = ["git", "-C", str(self.path), "merge-base", "--is-ancestor", old, new]
        return subprocess.run(command, capture_output=True, check=False).returncode != 0


def _change(path: bytes, content: Content) -> list[bytes]:
    name = b'"' + b"".join(b"\\%03o" % byte for byte in path) + b'"'
    match content:
        case None:
            return [b"D " + name]
        case Submodule(revision):
            return [b"M 160000 " + revision.encode() + b" " + name]
        case Link(to):
            return [b"M 120000 inline " + name, b"data %d" % len(to.encode()), to.encode()]
        case str():
            return _change(path, content.encode())
    return [b"M 100644 inline " + name, b"data %d" % len(content), content]


def create(folder: pathlib.Path, *, url: str = "") -> Upstream:
    """A bare repository with the hooks; its URL is its path unless a server serves it."""
    subprocess.run(["git", "init", "--quiet", "--bare", "--template=", "-b", "main", str(folder)], check=True)
    for name, text in (("pre-receive", HOOK), ("post-receive", LOG)):
        hook = folder / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(text)
        hook.chmod(0o755)
    upstream = Upstream(folder, url or str(folder))
    upstream.git("config", "http.receivepack", "true")
    return upstream


@dataclass
class Server:
    """The faults are plain attributes: a test sets them, and takes them back."""

    root: pathlib.Path
    ca_file: pathlib.Path
    key_file: pathlib.Path
    port: int
    password: str = PASSWORD
    read_only: bool = False
    status: int = 0
    """Answer everything with this status."""
    redirect: str = ""
    slow: float = 0.0
    """Seconds before each answer."""
    silent: bool = False
    """Accept, read the request, never answer (until `close`)."""
    stop_packs_at: int = 0
    """Send so many bytes of a pack, and then nothing more (until `close`)."""
    lose_answers: bool = False
    """Do what a push asks, then hang up without a word."""
    spoil_packs: Callable[[bytes], bytes] | None = None
    """What becomes of the answer with a pack on its way to the client."""
    before_push: list[Callable[[], object]] = field(default_factory=list)
    """Called once each, after the client saw the refs and before its push is carried out: the raced push."""
    after_listing: list[Callable[[], object]] = field(default_factory=list)
    """Called once each, after an `ls-remote` or a fetch has been told the refs, before the client can go on."""
    asked: list[Asked] = field(default_factory=list)
    heard: threading.Event = field(default_factory=threading.Event)
    """Set with each request: a test clears it and waits for the next."""
    _http: "http.server.ThreadingHTTPServer | None" = None
    _thread: threading.Thread | None = None
    _released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def create(self, name: str) -> Upstream:
        return create(self.root / f"{name}.git", url=f"{self.url}/{name}.git")

    def credentials(self, folder: pathlib.Path) -> dict[str, str]:
        """The setting `credentials` that opens it; the files lie in `folder`."""
        for name, word in (("user", USER), ("password", self.password)):
            (folder / name).write_text(f"{word}\n")
        files = {"usernameFile": folder / "user", "passwordFile": folder / "password", "caFile": self.ca_file}
        return {setting: str(path) for setting, path in files.items()}

    def up(self) -> None:
        server = self

        class Bound(Handler):
            owner = server

        self._http = Listener(("127.0.0.1", self.port), Bound)
        self.port = self._http.server_address[1]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, self.key_file)
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def down(self) -> None:
        """Connections are refused from now on; `up` listens on the same port again."""
        if self._http and self._thread:
            self._released.set()
            self._http.shutdown()
            self._http.server_close()
            self._thread.join()
            self._http = None
            self._released.clear()

    def wait_silently(self, seconds: float = 60) -> None:
        self._released.wait(seconds)


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that are killed or do not trust us hang up: that is what these tests are about."""


class Handler(http.server.BaseHTTPRequestHandler):
    owner: Server
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self._body())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Requests are logged as values."""

    def _serve(self, body: bytes) -> None:
        owner, path = self.owner, self.path
        given = self.headers.get("Authorization", "")
        owner.asked.append(Asked(self.command, path, given))
        owner.heard.set()
        if owner.slow:
            owner.wait_silently(owner.slow)
        if owner.silent:
            owner.wait_silently()
            self.close_connection = True
            return
        if owner.redirect:
            self._answer(302, {"Location": owner.redirect + path})
            return
        if owner.status:
            self._answer(owner.status, {})
            return
        if given != "Basic " + base64.b64encode(f"{USER}:{owner.password}".encode()).decode():
            self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'})
            return
        pushing = "git-receive-pack" in path
        if pushing and owner.read_only:
            self._answer(403, {})
            return
        if path.endswith("/git-receive-pack"):
            _once(owner.before_push)
        status, headers, answer = self._backend(body)
        if path.endswith("/git-receive-pack") and owner.lose_answers:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        if owner.spoil_packs and b"command=fetch" in body:
            answer = owner.spoil_packs(answer)
        if path.endswith("/git-upload-pack") and b"command=ls-refs" in body:
            _once(owner.after_listing)
        self._answer(status, headers, answer, most=owner.stop_packs_at if b"command=fetch" in body else 0)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        parts = []
        while size := int(self.rfile.readline().strip(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _backend(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_PROJECT_ROOT": str(self.owner.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": USER,
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        return int(headers.pop("Status", "200").split()[0]), headers, answer

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes = b"", *, most: int = 0) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if 0 < most < len(body):
            self.wfile.write(body[:most])
            self.owner.wait_silently()
            self.close_connection = True
            return
        self.wfile.write(body)


def _once(callbacks: list[Callable[[], object]]) -> None:
    while callbacks:
        callbacks.pop(0)()


@contextlib.contextmanager
def running(folder: pathlib.Path, *, certificate: tuple[pathlib.Path, pathlib.Path] | None = None) -> Iterator[Server]:
    """A server below `folder`. Making a certificate takes about a second: hand one over to share it."""
    root = folder / "served"
    root.mkdir(parents=True)
    ca_file, key_file = certificate or tls.write(folder)
    server = Server(root, ca_file, key_file, port=0)
    server.up()
    try:
        yield server
    finally:
        server.down()
