"""Probes against a real server on loopback: every kind of answer, and every way to have none."""

import asyncio
import contextlib
import pathlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable

import pytest

from reconciler import ports
from reconciler.edges import probing
from reconciler.model import health, targets
from tests.support import tls

Answer = Callable[[str], bytes | None]
"""From a path to the raw reply; None: never answer."""


@contextlib.asynccontextmanager
async def serving(answer: Answer, *, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that answers each connection once; yields its port."""
    silence = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        raw = answer(head.split()[1].decode())
        if raw is None:
            await silence.wait()
        with contextlib.suppress(ConnectionError):
            writer.write(raw or b"")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        silence.set()
        server.close()


def reply(status: int, *headers: str, body: bytes = b"") -> bytes:
    lines = (f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def asked(
    url: str, *, statuses: Iterable[int] = (200,), patience: float = 10.0, trust: ssl.SSLContext | None = None
) -> health.ProbeSample:
    prober: ports.Prober = probing.HttpProber(trust=trust)
    question = targets.HttpProbe(url, tuple(statuses), interval=10.0, timeout=patience, failures=3)
    return await prober.probe(question)


@pytest.mark.parametrize(
    ("raw", "statuses", "ok", "because"),
    [
        (reply(200), (200,), True, "answered 200"),
        (reply(204), (200, 204), True, "answered 204"),
        (reply(503), (200,), False, "answered 503"),
        (reply(404), (404,), True, "answered 404"),
        (reply(302, "Location: http://other.example/"), (302,), True, "answered 302"),
        (reply(302, "Location: http://other.example/"), (200,), False, "answered 302, which leads to another host"),
        (reply(302, "Location: /again"), (200,), False, "answered 302 after 5 redirects"),
        (reply(302), (200,), False, "answered 302"),
        (b"", (200,), False, None),
        (b"SSH-2.0-OpenSSH\r\n\r\n", (200,), False, None),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000, (200,), False, None),
    ],
)
async def test_every_answer(raw: bytes, statuses: tuple[int, ...], ok: bool, because: str | None) -> None:
    async with serving(lambda _: raw) as port:
        sample = await asked(f"http://127.0.0.1:{port}/", statuses=statuses)
    assert sample.ok is ok, sample.because
    assert sample.because
    if because:
        assert sample.because == because


async def test_a_redirect_on_the_same_host_is_followed() -> None:
    replies = {"/": reply(301, "Location: /login?next=%2F"), "/login?next=%2F": reply(200)}
    async with serving(lambda path: replies[path]) as port:
        assert (await asked(f"http://127.0.0.1:{port}/")).ok


async def test_a_body_without_end_is_not_read() -> None:
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + b"x" * 2_000_000
    async with serving(lambda _: endless) as port:
        assert (await asked(f"http://127.0.0.1:{port}/")).ok


async def test_no_answer_in_time_is_a_failure() -> None:
    async with serving(lambda _: None) as port:
        sample = await asked(f"http://127.0.0.1:{port}/", patience=0.1)
    assert (sample.ok, sample.because) == (False, "no answer within 0.1 s")


async def test_a_refused_connection_is_a_failure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        sample = await asked(f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert sample.ok is False


@pytest.mark.parametrize("url", ["http://no-such-name.invalid/", "http://[::1:80/", "http://" + "a" * 70 + ".example/"])
async def test_what_cannot_be_asked_is_not_known(url: str) -> None:
    assert (await asked(url)).ok is None


async def test_an_unknown_authority_is_not_known_and_a_known_one_is_asked(tmp_path: pathlib.Path) -> None:
    certificate, key = tls.write(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with serving(lambda _: reply(200), context=context) as port:
        unknown = await asked(f"https://127.0.0.1:{port}/")
        known = await asked(f"https://127.0.0.1:{port}/", trust=ssl.create_default_context(cafile=str(certificate)))
    assert unknown.ok is None
    assert "CERTIFICATE_VERIFY_FAILED" in unknown.because
    assert known.ok


async def test_the_environment_s_proxies_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with serving(lambda _: reply(200)) as port:
        assert (await asked(f"http://127.0.0.1:{port}/")).ok
