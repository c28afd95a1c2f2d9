"""HTTP probes: one GET, one status. Nothing that is answered can harm: the body is never read."""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator

import httpx

from reconciler.model import health, targets

REDIRECTS = 5
"""Followed for one question, all on the host that was asked: another host's health is another question, and what lies
behind a redirect was not allowed by anybody (I17)."""

UNREACHABLE = (socket.gaierror, ssl.SSLCertVerificationError)
"""Causes that may lie with us as well as with the application: a name that only the cluster resolves, an authority
that this machine does not know. Then nothing was learnt: not known is not failed, and not passed."""


class HttpProber:
    """Fulfils `ports.Prober`. Every question opens a connection of its own: one that is kept alive would go on asking a
    pod that no longer takes new ones. Proxies of the environment are not used: they answer for others."""

    def __init__(self, *, trust: ssl.SSLContext | None = None) -> None:
        self._trust = trust or ssl.create_default_context()

    async def probe(self, probe: targets.HttpProbe) -> health.ProbeSample:
        """As `ports.Prober.probe`. Slower than its time-out has failed; so has a connection that is refused or cut."""
        ok: bool | None
        try:
            async with asyncio.timeout(probe.timeout):
                ok, because = await self._ask(probe)
        except (TimeoutError, httpx.TimeoutException):
            ok, because = False, f"no answer within {probe.timeout:g} s"
        except (httpx.HTTPError, OSError) as error:
            ok, because = _missed(error)
        except (httpx.InvalidURL, ValueError) as error:  # an address that the settings let pass and nobody can ask
            ok, because = None, f"no address to ask: {error}"
        return health.ProbeSample(probe.url, time.monotonic(), ok, because)

    async def _ask(self, probe: targets.HttpProbe) -> tuple[bool, str]:
        """Whether the answer is one that is wanted, and what it was."""
        wanted, address = frozenset(probe.statuses), httpx.URL(probe.url)
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(verify=self._trust, trust_env=False, limits=limits, timeout=None) as client:  # noqa: S113 - the caller's deadline covers the whole question
            client.headers["User-Agent"] = "reconciler-probe"
            for _ in range(REDIRECTS + 1):
                async with client.stream("GET", address) as answer:
                    status, onward = answer.status_code, answer.next_request
                if status in wanted or onward is None:
                    return status in wanted, f"answered {status}"
                if not _same_place(address, onward.url):
                    return False, f"answered {status}, which leads to another host"
                address = onward.url
        return False, f"answered {status} after {REDIRECTS} redirects"


def _same_place(asked: httpx.URL, onward: httpx.URL) -> bool:
    """Whether a redirect stays on its host; from https to http it does not, since the channel is part of the place."""
    return asked.host == onward.host and (asked.scheme, onward.scheme) != ("https", "http")


def _missed(error: BaseException) -> tuple[bool | None, str]:
    """What a failed exchange says: nothing, where the cause may be ours."""
    causes = tuple(_causes(error))
    words = next((str(cause) for cause in reversed(causes) if str(cause)), type(error).__name__)
    unknown = any(isinstance(cause, UNREACHABLE) for cause in causes)
    return (None if unknown else False), f"no answer: {words}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised from, outermost first; of several addresses that were tried, each."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for part in error.exceptions:
                yield from _causes(part)
        error = error.__cause__ or error.__context__
