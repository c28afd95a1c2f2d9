"""One chart repository's host, asked within bounds: https, listed places only, credentials for one host (I10, I17)."""

import asyncio
import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from reconciler import errors

DEADLINE = 120.0
"""Seconds for one download with its redirects."""
REDIRECTS = 5
MOVED = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Place:
    """A repository as the daemon's settings list it. `url` and `also_from` begin with https://, without a slash at the
    end."""

    url: str
    username_file: Path | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    also_from: tuple[str, ...] = ()
    token_server: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Host:
    """Asks in behalf of one repository. Every question has a connection of its own: there are few."""

    def __init__(self, place: Place) -> None:
        self.place = place

    async def get(
        self, url: str, *, limit: int, accept: str = "*/*", authorization: str = "", parameters: Mapping[str, str] = {}
    ) -> Answer:
        """The answer to a GET, redirects followed. `authorization` goes to the host of `url` alone.

        Raises `errors.ChartUnavailable` for everything that may be better later, `errors.InvalidInput` for an address
        that is not listed, and for more than `limit` bytes.
        """
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._followed(
                    httpx.URL(url, params=dict(parameters)) if parameters else httpx.URL(url),
                    limit=limit,
                    headers={"Accept": accept, "Accept-Encoding": "identity", "User-Agent": "reconciler"},
                    authorization=authorization,
                )
        except (TimeoutError, httpx.TimeoutException) as error:
            raise errors.ChartUnavailable(f"{_named(url)} gave no answer within {DEADLINE:g} s") from error
        except httpx.InvalidURL as error:
            raise errors.InvalidInput((f"{_named(url)} is no address; correct the repository's index",)) from error
        except (httpx.HTTPError, OSError) as error:
            raise errors.ChartUnavailable(f"{_named(url)} cannot be reached: {error}") from error

    async def _followed(self, url: httpx.URL, *, limit: int, headers: dict[str, str], authorization: str) -> Answer:
        first = url
        async with httpx.AsyncClient(verify=self._trust(), trust_env=False, timeout=DEADLINE) as client:
            for _ in range(REDIRECTS + 1):
                self._allowed(url)
                shown = headers | ({"Authorization": authorization} if authorization and _same(url, first) else {})
                async with client.stream("GET", url, headers=shown) as answer:
                    if answer.status_code not in MOVED or answer.next_request is None:
                        return await _read(answer, limit=limit)
                    url = answer.next_request.url
        raise errors.ChartUnavailable(f"{_named(str(first))} redirects more than {REDIRECTS} times")

    def _allowed(self, url: httpx.URL) -> None:
        listed = (self.place.url, self.place.token_server, *self.place.also_from)
        if url.scheme == "https" and any(_same(url, httpx.URL(one)) for one in listed if one):
            return
        raise errors.InvalidInput(
            (
                f"{self.place.url} leads to {url.scheme}://{url.host}, which is not listed; add it to alsoFrom of this"
                " repository in chartRepositories, if the archives may come from there",
            )
        )

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=str(self.place.ca_file) if self.place.ca_file else None)
        except OSError as error:
            raise errors.ChartUnavailable(f"{self.place.ca_file} cannot be read: {error.strerror or error}") from error

    def basic(self) -> str:
        """The configured credentials as a header's value; '' when there are none. Read anew each time: tokens are
        renewed on disk."""
        if self.place.password_file is None:
            return ""
        username = _word(self.place.username_file) if self.place.username_file else "token"
        pair = f"{username}:{_word(self.place.password_file)}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"


async def _read(answer: httpx.Response, *, limit: int) -> Answer:
    """The raw body: nothing is unpacked here, whatever the server says of its encoding."""
    body = bytearray()
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise errors.ChartUnavailable(f"{_named(str(answer.url))} answered in an encoding that was not asked for")
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > limit:
            raise errors.InvalidInput((f"{_named(str(answer.url))} holds more than {limit} bytes; vendor the chart",))
    return Answer(answer.status_code, dict(answer.headers), bytes(body))


def expected(answer: Answer, url: str, *, what: str) -> bytes:
    """The body of a 200. Raises `errors.ChartUnavailable`, which names `what` was asked for."""
    if answer.status == 200:
        return answer.body
    remedy = {401: "; name its credentials in chartRepositories", 403: "; its credentials do not reach this"}
    absent = "is not there" if answer.status == 404 else f"cannot be read (HTTP {answer.status})"
    raise errors.ChartUnavailable(f"{what} {absent} at {_named(url)}{remedy.get(answer.status, '')}")


def _same(one: httpx.URL, other: httpx.URL) -> bool:
    """Scheme, host and port: the unit that credentials are bound to."""
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def _named(url: str) -> str:
    """Without a query, which may hold a signature."""
    return url.partition("?")[0]


def _word(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise errors.ChartUnavailable(f"{path} cannot be read: {error}") from error
