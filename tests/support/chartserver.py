"""An honest host of charts on 127.0.0.1 with TLS: an index.yaml repository and an OCI registry with tokens, both with
what real ones do: redirects, credentials, absent versions. It tells what it was asked."""

import base64
import contextlib
import hashlib
import http.server
import io
import json
import pathlib
import ssl
import tarfile
import threading
from collections.abc import Iterator, Mapping

from tests.support import tls

CHART_YAML = "apiVersion: v2\nname: {name}\nversion: {version}\n"


def packed(files: Mapping[str, str | bytes], *, name: str = "web", version: str = "1.2.3") -> bytes:
    """A chart's archive as `helm package` makes it; the same files, the same bytes."""
    inner = {"Chart.yaml": CHART_YAML.format(name=name, version=version), **files}
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w:gz") as archive:
        for path, content in inner.items():
            raw = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    return plain.getvalue()


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class ChartServer:
    """`charts`: (name, version) → archive. Nothing is served to who lacks `credentials`, where they are set."""

    def __init__(self, certificate: tuple[pathlib.Path, pathlib.Path]) -> None:
        self.charts: dict[tuple[str, str], bytes] = {}
        self.credentials: tuple[str, str] | None = None
        self.archives_at = ""
        """Where the index says that the archives are; '' beside it."""
        self.moved: dict[str, str] = {}
        """Path → where it redirects to."""
        self.asked: list[tuple[str, str]] = []
        """Path and Authorization header of every request."""
        self.ca_file, key = certificate
        serving = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self) -> None:
                serving.answer(self)

            def log_message(self, *_: object) -> None:
                """`asked` has it."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    def close(self) -> None:
        if not self._thread.is_alive():
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        path, _, query = request.path.partition("?")
        shown = request.headers.get("Authorization", "")
        self.asked.append((path, shown))
        if path in self.moved:
            _say(request, 302, b"", Location=self.moved[path])
        elif path == "/token":
            wanted = self._basic()
            if wanted and shown != wanted:
                _say(request, 401, b"")
            else:
                assert "scope=repository" in query
                _say(request, 200, json.dumps({"token": "t0ken"}).encode())
        elif path.startswith("/v2/"):
            self._registry(request, path, shown)
        elif self._basic() not in ("", shown):
            _say(request, 401, b"")
        else:
            self._index(request, path)

    def _basic(self) -> str:
        if self.credentials is None:
            return ""
        return "Basic " + base64.b64encode(":".join(self.credentials).encode()).decode()

    def _index(self, request: http.server.BaseHTTPRequestHandler, path: str) -> None:
        if path.endswith("/index.yaml"):
            lines = ["apiVersion: v1", "entries:"]
            for name in sorted({name for name, _ in self.charts}):
                lines.append(f"  {name}:")
                for other, version in self.charts:
                    if other == name:
                        url = f"{self.archives_at}{name}-{version}.tgz"
                        lines += ["  - annotations: {a: b}", f"    name: {name}", "    urls:", f"    - {url}"]
                        lines += [f"    version: {version}"]
            _say(request, 200, "\n".join([*lines, 'generated: "2026-01-01"', ""]).encode())
            return
        named = {f"{name}-{version}.tgz": content for (name, version), content in self.charts.items()}
        content = named.get(path.rpartition("/")[2])
        _say(request, 404 if content is None else 200, content or b"")

    def _registry(self, request: http.server.BaseHTTPRequestHandler, path: str, shown: str) -> None:
        if shown != "Bearer t0ken":
            scope = f"repository:{path.split('/')[2]}:pull"
            asked = f'Bearer realm="{self.url}/token",service="{self.host}",scope="{scope}"'
            _say(request, 401, b"", **{"WWW-Authenticate": asked})
            return
        *around, kind, what = path.split("/")
        name = around[-1]
        content = self.charts.get((name, what.replace("_", "+")))
        if kind == "manifests" and content is not None:
            layer = {"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "digest": digest(content)}
            _say(request, 200, json.dumps({"schemaVersion": 2, "layers": [layer]}).encode())
        elif kind == "blobs" and (found := {digest(one): one for one in self.charts.values()}.get(what)):
            _say(request, 200, found)
        else:
            _say(request, 404, b"{}")


def _say(request: http.server.BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    with contextlib.suppress(ConnectionError):  # who has read enough goes away
        request.send_response(status)
        for key, value in headers.items():
            request.send_header(key, value)
        request.end_headers()
        request.wfile.write(body)


@contextlib.contextmanager
def serving(folder: pathlib.Path, *, ports: int = 1) -> Iterator[tuple[ChartServer, ...]]:
    """As many servers as `ports`, each another place to who asks, with one certificate."""
    certificate = tls.write(folder)
    made = tuple(ChartServer(certificate) for _ in range(ports))
    try:
        yield made
    finally:
        for one in made:
            one.close()
