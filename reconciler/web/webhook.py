"""`POST /webhook/<repository>`: an authenticated, bounded hint to poll (I16). What the message says is believed of
nothing but the branch it is not about: what there is to deploy is asked of the repository itself."""

import asyncio
import collections
import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping

import orjson
from aiohttp import web

from reconciler import errors
from reconciler.web import listening

log = logging.getLogger("reconciler.webhook")

MOST_BYTES = 4 << 20
"""Of one message. A push of 2,000 commits has about 2 MiB; one that is larger is refused, and the poll brings it."""

AT_ONCE = 8
"""Messages that are read at the same time: bounds memory, whoever sends them."""

OF_ONE = 4
"""The same of one address. Behind a proxy all have that one: no more of them are read at once then."""

WITHIN = 3.0
"""Seconds in which a message must have come in: a Git host sends it from memory."""

SLOW = 1.0
"""Seconds after which a message that has not come in makes way for another one of its address. For one of an address
that has fewer it makes way at once: few addresses that send slowly, however often, do not keep another one out. Many
may, and so may one to which a proxy gives the address of all: then the poll brings what was pushed."""

SIGNED = ("X-Hub-Signature-256", "X-Hub-Signature", "X-Gitea-Signature", "X-Forgejo-Signature")
"""Headers with the HMAC-SHA256 of the message in hexadecimal: GitHub, Bitbucket, Gitea, Forgejo."""

TOKEN = "X-Gitlab-Token"  # noqa: S105 - the name of a header
"""GitLab sends the secret itself."""


class Webhook:
    """Serves on one address until closed.

    `secret` reads the secret; `refs` are the repositories and the ref of each; `hint` polls one of them now; `ready`
    says why hints cannot be followed now.
    """

    def __init__(
        self,
        *,
        secret: Callable[[], str],
        refs: Callable[[], Mapping[str, str]],
        hint: Callable[[str], None],
        ready: Callable[[], str],
        within: float = WITHIN,
        slow: float = SLOW,
    ) -> None:
        self._secret = secret
        self._refs = refs
        self._hint = hint
        self._ready = ready
        self._within, self._slow = within, slow
        self._reading: dict[asyncio.Timeout, tuple[str, float]] = {}
        """What ends each reading, oldest first: from which address, and since when (loop time)."""
        app = web.Application(client_max_size=MOST_BYTES)
        app.router.add_post("/webhook/{repository}", self._serve)
        self._runner = listening.runner(app)

    async def start(self, address: str) -> str:
        """Listen on `host:port`. Returns the address in use. Terminal when it, or the secret, cannot be had."""
        self._secret()
        return await listening.listen(self._runner, address, what="the webhook")

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        if not any(name in request.headers for name in (*SIGNED, TOKEN)):
            return _answer(401, "not signed: set the secret of webhook.secretFile at the Git host, too")
        sender, now = request.remote or "", asyncio.get_running_loop().time()
        if not self._has_room(sender, now=now):
            return _answer(429, "as many messages as may be are being read")
        try:
            async with asyncio.timeout(self._within) as limit:
                self._reading[limit] = (sender, now)
                try:
                    body = await request.read()
                finally:
                    self._reading.pop(limit, None)
        except TimeoutError:
            return _answer(408, f"the message did not come in within {self._within:g} s, or made way for another one")
        except (ConnectionError, web.RequestPayloadError):  # unheard; as an error it would be logged with its traceback
            return _answer(400, "the message broke off")
        try:
            secret = self._secret()
        except errors.ReconcilerError as error:
            log.warning("a webhook cannot be checked: %s", error)
            return _answer(503, "the daemon cannot read its secret")
        if not authentic(body, request.headers, secret=secret):
            return _answer(401, "not signed with the secret of the daemon's webhook.secretFile")
        return self._follow(request.match_info["repository"], body)

    def _has_room(self, sender: str, *, now: float) -> bool:
        """Whether one more message may be read, be it that another one, of whoever has most places, makes way."""
        places = collections.Counter(whose for whose, _ in self._reading.values())
        if places[sender] < OF_ONE and len(self._reading) < AT_ONCE:
            return True
        crowd = sender if places[sender] == max(places.values()) else places.most_common(1)[0][0]
        oldest, since = next((limit, since) for limit, (whose, since) in self._reading.items() if whose == crowd)
        if crowd == sender and now - since < self._slow:
            return False
        del self._reading[oldest]
        if not oldest.expired():
            oldest.reschedule(now)
        return True

    def _follow(self, repository: str, body: bytes) -> web.Response:
        ref = self._refs().get(repository)
        if ref is None:
            return _answer(404, "there is no such repository in the daemon's settings")
        if branch(body) not in ("", ref):
            return _answer(200, f"{ref} is deployed: nothing to do")
        if because := self._ready():
            return _answer(503, because)
        self._hint(repository)
        return _answer(202, f"{repository} is asked for {ref}")


def authentic(body: bytes, headers: Mapping[str, str], *, secret: str) -> bool:
    """Whether who sent `body` knows the secret. Takes as long for a near miss as for any other."""
    wanted = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    given = [headers.get(name, "").removeprefix("sha256=").lower() for name in SIGNED]
    same = [hmac.compare_digest(_raw(one), _raw(wanted)) for one in given]
    return any(same) or hmac.compare_digest(_raw(headers.get(TOKEN, "")), _raw(secret))


def _raw(header: str) -> bytes:
    """As it was sent: aiohttp lets bytes through that are no UTF-8."""
    return header.encode("utf-8", "surrogateescape")


def branch(body: bytes) -> str:
    """The ref that a push is about; '' where the message does not say."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    ref = found.get("ref") if isinstance(found, dict) else None
    return ref if isinstance(ref, str) and ref.startswith("refs/") else ""


def _answer(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n")
