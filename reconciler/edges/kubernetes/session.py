"""Raw requests to one API server: authorised, bounded in time and size, every failure translated.

A request that never reached the server and one whose answer was lost are both `errors.Transient`; the second says
that the outcome is unknown. Nothing is retried here but a 401, which was never executed, once, with credentials read
again: tokens and certificates are rotated under us.
"""

import asyncio
import contextlib
import copy
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata

import aiohttp
import multidict
import yarl

from reconciler import errors
from reconciler.edges.kubernetes import credentials, replies

USER_AGENT = f"reconciler/{metadata.version('reconciler')}"
MEGABYTE = 1024 * 1024
LARGEST_REPLY = 256 * MEGABYTE
"""Bytes; a page of 500 objects at etcd's limit of 1.5 MB would be far less rare than harmful (I10)."""
LARGEST_LINE = 16 * MEGABYTE
"""Bytes of one watch event; etcd's limit of 1.5 MB an object leaves room for escapes and managedFields."""
UNAUTHORIZED = 401
RENEW_AGAIN = 10.0
"""Seconds between two tries to renew credentials that end soon: not with each request."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """All in seconds."""

    connect: float = 4.0
    """Short: `run` without a reachable cluster must say so within 5 s."""
    call: float = 30.0
    """For one read or write; healthy servers answer within a second, their own limit is 60 s."""
    dry_run: float = 30.0
    """Admission webhooks take up to 10 s each by default."""
    first_list: float = 30.0
    """Until a watch has everything that is there."""
    silence: float = 75.0
    """A watch without a line for so long is dead: the server sends a bookmark about every 60 s (I21)."""
    watch: float = 290.0
    """After which the server is asked to end a watch."""
    back_off: float = 0.5
    """First wait after a failed watch; doubled each time, up to `longest_back_off`."""
    longest_back_off: float = 30.0
    lost: float = 15.0
    """A watch that could not be opened again for so long is told to be lost; a server that restarts is back sooner."""


class SilentError(errors.Transient):
    """A watch without a line for longer than a living server would take."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the API server is to take us for: it checks that we may, and then every request by the rights of that user.
    Without groups a service account has those of service accounts."""

    user: str
    groups: tuple[str, ...] = ()


@dataclass(slots=True)
class _Shared:
    """What all sessions with one cluster have in common, whoever they act as."""

    trusted: credentials.Credentials | None
    stale: bool = False
    renew_again: float = 0.0
    reloading: asyncio.Lock = field(default_factory=asyncio.Lock)
    http: aiohttp.ClientSession | None = None
    closed: bool = False


class Session:
    """One per cluster. Opened when first used, so that it can be made while the server is down."""

    def __init__(
        self, cluster: str, source: credentials.Source, *, trusted: credentials.Credentials | None, timeouts: Timeouts
    ) -> None:
        """`trusted` None: the credentials are read when they are first needed."""
        self.cluster = cluster
        self.timeouts = timeouts
        self._source = source
        self._shared = _Shared(trusted)
        self._identity: Identity | None = None

    @property
    def server(self) -> str:
        return self._shared.trusted.server if self._shared.trusted else str(self._source)

    def acting_as(self, identity: Identity) -> "Session":
        """The same connections and credentials; every request is that user's."""
        other = copy.copy(self)
        other._identity = identity
        return other

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> replies.Reply:
        """One request and its answer, whatever its status. `path` begins with a slash and is encoded already; the
        answer must be there within `seconds`, by default those of a call.

        Raises `errors.Transient` when there is no answer: of a write its outcome is then unknown, unless the message
        says that the server could not be reached.
        """
        limit = aiohttp.ClientTimeout(
            total=seconds or self.timeouts.call, sock_connect=self.timeouts.connect, connect=None
        )
        for attempt in (1, 2):
            trusted = await self._credentials()
            async with self._sent(
                trusted, method, path, query=query or {}, body=body, headers=headers or {}, limit=limit
            ) as response:
                raw = await _read(response)
                reply = replies.Reply(
                    response.status,
                    raw,
                    {name.lower(): value for name, value in response.headers.items()},
                    tuple(response.headers.getall("Warning", ())),
                )
            if reply.status != UNAUTHORIZED or attempt == 2:
                return reply
            await self._reload(trusted)
        raise AssertionError("the second attempt returns")

    @contextlib.asynccontextmanager
    async def stream(
        self, path: str, *, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> AsyncIterator["Lines | replies.Reply"]:
        """An open watch: its lines, or the reply when the server refused it. Raises as `request`, also while the
        lines are read."""
        limit = aiohttp.ClientTimeout(total=None, sock_connect=self.timeouts.connect, connect=None)
        for attempt in (1, 2):
            trusted = await self._credentials()
            async with self._sent(
                trusted, "GET", path, query=query, headers=headers, limit=limit, opening=self.timeouts.call
            ) as response:
                if response.status == 200:
                    yield Lines(response, silence=self.timeouts.silence)
                    return
                found = {name.lower(): value for name, value in response.headers.items()}
                reply = replies.Reply(response.status, await _read(response), found)
            if reply.status != UNAUTHORIZED or attempt == 2:
                yield reply
                return
            await self._reload(trusted)

    async def close(self) -> None:
        self._shared.closed = True
        if self._shared.http is not None:
            await self._shared.http.close()

    @contextlib.asynccontextmanager
    async def _sent(
        self,
        trusted: credentials.Credentials,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        limit: aiohttp.ClientTimeout,
        body: bytes | None = None,
        opening: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response, its body still to come; `opening`: seconds until its headers must be there."""
        sent = multidict.CIMultiDict({"User-Agent": USER_AGENT, "Accept": "application/json", **headers})
        if self._identity:
            sent["Impersonate-User"] = self._identity.user
            sent.extend([("Impersonate-Group", group) for group in self._identity.groups])
        if authorization := await trusted.authorization():
            sent["Authorization"] = authorization
        try:
            async with (
                asyncio.timeout(opening) as timer,
                self._session().request(
                    method,
                    yarl.URL(trusted.server + path, encoded=True).with_query(query),
                    data=body,
                    headers=sent,
                    timeout=limit,
                    ssl=trusted.tls or True,
                    server_hostname=trusted.server_name,
                    proxy=trusted.proxy,
                    allow_redirects=False,  # credentials are bound to one host (I17)
                ) as response,
            ):
                timer.reschedule(None)
                yield response
        except aiohttp.ClientSSLError as error:
            # The CA, or our certificate, may have been rotated: they are read again before the next try.
            self._shared.stale = True
            raise errors.Transient(
                f"the API server of cluster {self.cluster} at {trusted.server} cannot be trusted: {error}; check"
                " certificate-authority in its kubeconfig"
            ) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise errors.Transient(
                f"the API server of cluster {self.cluster} at {trusted.server} cannot be reached: {_because(error)}"
            ) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise errors.Transient(
                f"the API server of cluster {self.cluster} gave no answer to {method} {path}, the outcome is unknown:"
                f" {_because(error)}"
            ) from error

    def _session(self) -> aiohttp.ClientSession:
        """Without a limit of connections: every watch holds one, and the window bounds the rest."""
        if self._shared.closed:
            raise errors.Terminal(f"the connection to cluster {self.cluster} is closed")
        if self._shared.http is None:
            self._shared.http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=2 * MEGABYTE,
                middlewares=(_sent_once,),
            )
        return self._shared.http

    async def _credentials(self) -> credentials.Credentials:
        trusted = self._shared.trusted
        if trusted is None or self._shared.stale:
            self._shared.stale = False
            return await self._reload(trusted)
        now = asyncio.get_running_loop().time()
        if trusted.over and now >= self._shared.renew_again:
            self._shared.renew_again = now + RENEW_AGAIN
            # A plugin that fails in the last minute fails nobody yet: what there is may still do.
            with contextlib.suppress(errors.Transient):
                return await self._reload(trusted)
        return trusted

    async def _reload(self, used: credentials.Credentials | None) -> credentials.Credentials:
        """Read the credentials again, once for all requests that were refused with `used`."""
        async with self._shared.reloading:
            if self._shared.trusted is not None and self._shared.trusted is not used:
                return self._shared.trusted
            try:
                self._shared.trusted = await credentials.load(self._source)
            except errors.ReconcilerError as error:
                # Half a rotation: files are replaced one after the other. What we have may still do.
                raise errors.Transient(f"credentials of cluster {self.cluster}: {error}") from error
            return self._shared.trusted


class Lines:
    """The lines of one watch, each bounded, with a deadline for each."""

    def __init__(self, response: aiohttp.ClientResponse, *, silence: float) -> None:
        self._content = response.content
        self._silence = silence
        self._rest = b""
        self._whole: list[bytes] = []

    async def next(self) -> bytes | None:
        """The next line without its end, None when the server ended the watch. A line cut off by the end is none.

        Raises SilentError after `silence` seconds without a line, `errors.Transient` when a line is too long.
        """
        if not self._whole:
            try:
                async with asyncio.timeout(self._silence):
                    await self._more()
            except TimeoutError as error:
                raise SilentError(f"the watch was silent for {self._silence:g} s") from error
        return self._whole.pop() if self._whole else None

    async def _more(self) -> None:
        """Read until there is a whole line, or the end."""
        parts = [self._rest]
        size = len(self._rest)
        while chunk := await self._content.readany():
            size += len(chunk)
            parts.append(chunk)
            if b"\n" in chunk:
                *whole, self._rest = b"".join(parts).split(b"\n")
                self._whole = [line for line in reversed(whole) if line]
                if self._whole:
                    return
                parts, size = [self._rest], len(self._rest)
            if size > LARGEST_LINE:
                raise errors.Transient(f"a line of the watch is longer than {LARGEST_LINE} bytes")


async def _sent_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """When a connection breaks aiohttp repeats a DELETE by itself, as it does a GET: but of a write the outcome is
    unknown then, and it is read back first (I19)."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # never sent
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method == "GET":
            raise
        raise aiohttp.ClientConnectionError(str(error)) from error


async def _read(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    while chunk := await response.content.readany():
        parts.append(chunk)
        size += len(chunk)
        if size > LARGEST_REPLY:
            raise errors.Transient(
                f"the answer to {response.method} {response.url.path} is beyond {LARGEST_REPLY} bytes"
            )
    return b"".join(parts)


def _because(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error.strerror or error.os_error or error)
    if isinstance(error, ssl.SSLError):
        return str(error.reason)
    return str(error) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
