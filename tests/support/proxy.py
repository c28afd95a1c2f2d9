"""A proxy that ends TLS in front of a real API server and does to its traffic what a bad day does, when a test says so.

with proxy.running(folder, plane) as between:
    fault = between.fault(proxy.is_write, proxy.refusing(429, **{"Retry-After": "1"}), times=2)
    …                       # the daemon is configured with between.kubeconfig
    assert fault.met == 2
"""

import asyncio
import contextlib
import pathlib
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import yarl
from aiohttp import web

from tests.clusterkit import access
from tests.support import audit, tls

PATIENCE = 60.0  # seconds for what is done on the proxy's loop
HOP_BY_HOP = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})
GONE = (
    b'{"type":"ERROR","object":{"kind":"Status","message":"too old resource version","reason":"Expired","code":410}}\n'
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the daemon."""

    method: str
    path: str
    query: dict[str, str]

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch") == "true"


Fits = Callable[[Asked], bool]


def is_change(asked: Asked) -> bool:
    """A write in earnest, also of a target record."""
    return asked.method in ("PATCH", "DELETE") and "dryRun" not in asked.query


def is_write(asked: Asked) -> bool:
    """Of a managed object, and in earnest."""
    return is_change(asked) and audit.RECORDS.partition("=")[2] not in asked.query.values()


def on(plural: str, *methods: str) -> Fits:
    """Writes of that kind, in earnest."""
    return lambda asked: is_write(asked) and asked.method in methods and f"/{plural}/" in asked.path


class Exchange:
    """One request, and what can be done with it."""

    def __init__(self, proxy: "Proxy", request: web.Request, body: bytes) -> None:
        self._proxy = proxy
        self._body = body
        self.request = request

    @contextlib.asynccontextmanager
    async def passed_on(self) -> Any:
        """The server's answer, its body still to come."""
        request = self.request
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        address = yarl.URL(self._proxy.server + request.raw_path, encoded=True)
        async with self._proxy.session.request(
            request.method, address, data=self._body or None, headers=headers, allow_redirects=False
        ) as answer:
            yield answer

    def hang_up(self) -> web.Response:
        """The connection breaks without a word."""
        if self.request.transport is not None:
            self.request.transport.abort()
        return web.Response()


Act = Callable[[Exchange], Awaitable[web.StreamResponse | None]]
"""None: the request goes on as if nothing were."""


@dataclass(slots=True)
class Fault:
    fits: Fits
    act: Act
    times: int
    begun: int = 0
    met: int = 0
    """How often it has happened, to its end."""


def refusing(status: int, text: str = "", **headers: str) -> Act:
    """An answer of something in between: the server never hears of it."""

    async def act(exchange: Exchange) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=headers)

    return act


def delaying(seconds: float) -> Act:
    async def act(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)

    return act


async def hanging_up(exchange: Exchange) -> web.StreamResponse:
    """The request never arrives."""
    return exchange.hang_up()


def swallowing(then: Callable[[], object] = lambda: None) -> Act:
    """The server does what is asked; nobody hears of it. `then` happens before the connection breaks."""

    async def act(exchange: Exchange) -> web.StreamResponse:
        async with exchange.passed_on() as answer:
            await answer.read()
        await asyncio.to_thread(then)
        return exchange.hang_up()

    return act


def before(first: Callable[[], object]) -> Act:
    """Something happens, then the request goes its way."""

    async def act(exchange: Exchange) -> None:
        await asyncio.to_thread(first)

    return act


@dataclass(slots=True)
class Proxy:
    """Lives on an event loop in a thread of its own; everything public may be called from any other."""

    server: str
    kubeconfig: pathlib.Path
    """The daemon's: points at this proxy. Rewritten by `trust` and `admit`."""
    session: aiohttp.ClientSession = field(init=False)
    faults: list[Fault] = field(default_factory=list)
    _url: str = ""
    _token: str = ""
    _ca_file: pathlib.Path = pathlib.Path()
    _tls: ssl.SSLContext = field(default_factory=lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    _runner: web.AppRunner = field(init=False)
    _streams: list["_Stream"] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def fault(self, fits: Fits, act: Act, *, times: int = 1) -> Fault:
        self.faults.append(Fault(fits, act, times))
        return self.faults[-1]

    def forget(self, fits: Fits = lambda asked: True) -> int:
        """The open watches that fit are told that the server has forgotten their place (410). Returns how many."""
        return int(self._call(self._mark(fits, lambda stream: stream.forgotten.set())))

    def silence(self, fits: Fits) -> int:
        """The open watches that fit say nothing any more, not even that they are over. Returns how many."""
        return int(self._call(self._mark(fits, lambda stream: setattr(stream, "silent", True))))

    async def _mark(self, fits: Fits, mark: Callable[["_Stream"], None]) -> int:
        found = [stream for stream in self._streams if fits(stream.asked)]
        for stream in found:
            mark(stream)
        return len(found)

    def present(self, ca_file: pathlib.Path, key_file: pathlib.Path) -> None:
        """Show this certificate from now on: open connections break. The kubeconfig stays as it is."""
        self._tls.load_cert_chain(ca_file, key_file)
        self._call(self._break())

    async def _break(self) -> None:
        assert self._runner.server is not None
        for handler in list(self._runner.server.connections):
            if handler.transport is not None:
                handler.transport.abort()

    def trust(self, ca_file: pathlib.Path) -> None:
        """The daemon's kubeconfig says so from now on."""
        self._ca_file = ca_file
        self._write()

    def admit(self, token: str) -> None:
        """The same of its token."""
        self._token = token
        self._write()

    def _write(self) -> None:
        access.write_kubeconfig(
            self.kubeconfig, server=self._url, ca_file=self._ca_file, user="daemon", token=self._token
        )

    def _call(self, what: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(PATIENCE)

    # --- on the loop

    async def _open(self, upstream: pathlib.Path) -> None:
        trust = ssl.create_default_context(cafile=upstream)
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=trust), auto_decompress=False, timeout=aiohttp.ClientTimeout()
        )
        application = web.Application(client_max_size=64 << 20)
        application.router.add_route("*", "/{rest:.*}", self._serve)
        self._runner = web.AppRunner(application, shutdown_timeout=0, handler_cancellation=True, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        self._url = "https://{}:{}".format(*self._runner.addresses[0][:2])

    async def _close(self) -> None:
        await self._runner.cleanup()
        await self.session.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        exchange = Exchange(self, request, await request.read())
        asked = Asked(request.method, request.path, dict(request.query))
        try:
            for fault in [each for each in self.faults if each.begun < each.times and each.fits(asked)]:
                fault.begun += 1
                answer = await fault.act(exchange)
                fault.met += 1
                if answer is not None:
                    return answer
            async with exchange.passed_on() as answer:
                return await self._pass_back(asked, request, answer)
        except (aiohttp.ClientError, OSError):
            return exchange.hang_up()  # the server is away, or has just gone

    async def _pass_back(
        self, asked: Asked, request: web.Request, answer: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP]
        response = web.StreamResponse(status=answer.status)
        for name, value in headers:
            response.headers.add(name, value)
        if not asked.is_watch or answer.status != 200:
            body = await answer.read()
            response.content_length = len(body)
            await response.prepare(request)
            await response.write(body)
            return response
        await response.prepare(request)
        await self._watch(asked, response, answer)
        return response

    async def _watch(self, asked: Asked, response: web.StreamResponse, answer: aiohttp.ClientResponse) -> None:
        """Whole lines, so that one of ours never ends in the middle of one of the server's."""
        stream, rest = _Stream(asked), b""
        self._streams.append(stream)
        over, more = asyncio.create_task(stream.forgotten.wait()), asyncio.create_task(answer.content.readany())
        try:
            while True:
                await asyncio.wait([more, over], return_when=asyncio.FIRST_COMPLETED)
                if over.done():
                    await response.write(GONE)
                    return
                if stream.silent:
                    await asyncio.Event().wait()  # until the client has had enough
                if not (chunk := await more):
                    return
                whole, end, rest = (rest + chunk).rpartition(b"\n")
                await response.write(whole + end)
                more = asyncio.create_task(answer.content.readany())
        finally:
            self._streams.remove(stream)
            for task in (more, over):
                task.cancel()
            await asyncio.gather(more, over, return_exceptions=True)


@dataclass(slots=True, eq=False)
class _Stream:
    """An open watch."""

    asked: Asked
    forgotten: asyncio.Event = field(default_factory=asyncio.Event)
    silent: bool = False


@contextlib.contextmanager
def running(folder: pathlib.Path, plane: access.Client) -> Iterator[Proxy]:
    """Between the daemon, which is who `plane`'s token says, and the API server of `plane`."""
    folder.mkdir()
    ca_file, key_file = tls.write(folder)
    made = Proxy(plane.server, folder / "kubeconfig")
    made._tls.load_cert_chain(ca_file, key_file)
    thread = threading.Thread(target=made._loop.run_forever, name="proxy", daemon=True)
    thread.start()
    made._call(made._open(plane.ca_file))
    made.trust(ca_file)
    made.admit(plane.token)
    try:
        yield made
    finally:
        made._call(made._close())
        made._loop.call_soon_threadsafe(made._loop.stop)
        thread.join()
        made._loop.close()
