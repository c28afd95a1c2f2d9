"""Over TLS: who the server is, who we are to it, and both when they are replaced under us."""

import asyncio
import pathlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import yaml

from reconciler import errors
from reconciler.edges.kubernetes import cluster, credentials, session
from reconciler.model import ids, manifests
from tests.edges.kubernetes import fake
from tests.support import tls

KEY = ids.ObjectKey("", "ConfigMap", "web", "settings")
MANIFEST = manifests.Manifest(KEY, "v1", b'{"data":{"a":"1"}}', manifests.Origin("all.yaml", 1))
PATIENT = session.Timeouts(connect=20.0, call=20.0)

Pair = tuple[pathlib.Path, pathlib.Path]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pair, Pair]:
    """Two certificates for 127.0.0.1 and localhost, each its own authority, with their keys."""
    first, second = tls.write(tmp_path_factory.mktemp("first")), tls.write(tmp_path_factory.mktemp("second"))
    return first, second


@dataclass(slots=True)
class Server:
    """A fake API server over TLS, and the bundle of authorities that its kubeconfig names."""

    api: fake.FakeApi
    context: ssl.SSLContext
    folder: pathlib.Path

    @property
    def bundle(self) -> pathlib.Path:
        return self.folder / "bundle.pem"

    def show(self, pair: Pair) -> None:
        """The certificate of new connections from now on; the present ones break with their next request."""
        self.context.load_cert_chain(*pair)
        self.api.fault(lambda request: True, fake.hanging_up)

    def trust(self, *trusted: Pair) -> None:
        self.bundle.write_text("".join(certificate.read_text() for certificate, _ in trusted))

    async def connect(self, **more: str) -> cluster.KubernetesCluster:
        kubeconfig = fake.kubeconfig(
            self.folder, server=self.api.url, **{"certificate-authority": str(self.bundle), **more}
        )
        return await cluster.connect("fake", kubeconfig=str(kubeconfig), timeouts=PATIENT)


@pytest.fixture
async def server(pairs: tuple[Pair, Pair], tmp_path: pathlib.Path) -> AsyncIterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pairs[0])
    async with fake.running(fake.FakeApi(), tls=context) as api:
        made = Server(api, context, tmp_path)
        made.trust(pairs[0])
        yield made


async def broken_off(edge: cluster.KubernetesCluster) -> None:
    with pytest.raises(errors.Transient, match="gave no answer"):
        await edge.apply(MANIFEST, operation="operation-1", force=False)  # a write: a read is sent again silently


async def test_a_new_authority_is_taken_from_the_bundle_without_a_restart(
    server: Server, pairs: tuple[Pair, Pair]
) -> None:
    edge = await server.connect()
    assert await edge.read(KEY) is None
    server.show(pairs[1])
    await broken_off(edge)
    for _ in range(3):
        with pytest.raises(errors.Transient, match=r"cannot be trusted.*check certificate-authority"):
            await edge.read(KEY)
    server.trust(pairs[0], pairs[1])
    assert await edge.read(KEY) is None
    await edge.close()


async def test_a_bundle_that_has_both_authorities_carries_over_the_change(
    server: Server, pairs: tuple[Pair, Pair]
) -> None:
    server.trust(*pairs)
    edge = await server.connect()
    assert await edge.read(KEY) is None
    server.show(pairs[1])
    await broken_off(edge)
    assert await edge.read(KEY) is None
    await edge.close()


@pytest.mark.parametrize(("name", "trusted"), [("localhost", True), ("elsewhere.example.com", False)])
async def test_the_name_that_the_certificate_must_have(server: Server, name: str, trusted: bool) -> None:
    edge = await server.connect(**{"tls-server-name": name})
    if trusted:
        assert await edge.read(KEY) is None
    else:
        with pytest.raises(errors.Transient, match="cannot be trusted"):
            await edge.read(KEY)
    await edge.close()


async def test_a_client_certificate_is_shown_and_replaced(server: Server, pairs: tuple[Pair, Pair]) -> None:
    (old, old_key), (new, new_key) = pairs
    server.context.verify_mode = ssl.CERT_REQUIRED
    server.context.load_verify_locations(str(old))
    server.context.load_verify_locations(str(new))
    shown: list[bytes] = []

    async def answer(request: fake.web.Request) -> fake.web.StreamResponse:
        assert request.transport is not None
        shown.append(request.transport.get_extra_info("ssl_object").getpeercert(binary_form=True))
        # An API server says 401 to a certificate that is over: TLS itself has let it in.
        return (
            fake.status(401, "Unauthorized") if len(shown) == 1 else fake.web.json_response({"gitVersion": "v1.36.3"})
        )

    kubeconfig = fake.kubeconfig(server.folder, server=server.api.url, **{"certificate-authority": str(server.bundle)})
    loaded = yaml.safe_load(kubeconfig.read_text())
    loaded["users"][0]["user"] = {"client-certificate": "mine.pem", "client-key": "mine.key"}
    kubeconfig.write_text(yaml.safe_dump(loaded))
    mine, key = server.folder / "mine.pem", server.folder / "mine.key"
    mine.write_text(old.read_text())
    key.write_text(old_key.read_text())
    edge = await cluster.connect("fake", kubeconfig=str(kubeconfig), timeouts=PATIENT)
    mine.write_text(new.read_text())
    key.write_text(new_key.read_text())
    server.api.fault(lambda request: request.path == "/version", answer, times=2)
    assert (await edge.facts()).version == "v1.36.3"
    assert shown == [ssl.PEM_cert_to_DER_cert(one.read_text()) for one in (old, new)]
    await edge.close()


async def test_the_token_of_a_pod_is_read_again_when_it_was_replaced(
    server: Server, pairs: tuple[Pair, Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    host, _, port = server.api.url.removeprefix("https://").partition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    (server.folder / "ca.crt").write_text(pairs[0][0].read_text())
    token = server.folder / "token"
    token.write_text("first\n")
    source = credentials.Source(mounted=str(server.folder))
    opened = session.Session("here", source, trusted=await credentials.load(source), timeouts=PATIENT)

    def sent(request: fake.Request) -> str:
        return request.headers["authorization"].removeprefix("bearer ")

    assert (await opened.request("GET", "/version")).status == 200
    token.write_text("second\n")
    server.api.fault(lambda request: sent(request) == "first", fake.refusing(401, "Unauthorized"), times=9)
    assert (await opened.request("GET", "/version")).status == 200
    assert [sent(request) for request in server.api.requests] == ["first", "first", "second"]
    await opened.close()


async def test_the_way_leads_through_the_proxy_that_the_kubeconfig_names(server: Server) -> None:
    asked: list[str] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """CONNECT, then bytes in both directions."""
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.decode().splitlines()[0])
        host, _, port = head.split()[1].decode().partition(":")
        there = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while some := await source.read(65536):
                sink.write(some)
        finally:
            sink.close()

    proxy = await asyncio.start_server(tunnel, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    edge = await server.connect(**{"proxy-url": f"http://127.0.0.1:{port}"})
    assert await edge.read(KEY) is None
    await edge.close()
    proxy.close()
    assert asked == [f"CONNECT {server.api.url.removeprefix('https://')} HTTP/1.1"]
