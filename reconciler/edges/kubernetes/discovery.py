"""What a cluster serves, by aggregated discovery: two conditional requests for everything."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler import errors
from reconciler.edges.kubernetes import replies, session
from reconciler.model import document, ids, live

ACCEPT = ", ".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")
)
LATEST = 1.0
"""Seconds for which a reading is good enough to say that a kind is not served: many objects of one unknown kind must
not ask one by one."""


@dataclass(frozen=True, slots=True)
class Page:
    """`/api` or `/apis` as read last. `broken`: groups that the server could not ask just now, an aggregated API being
    down; what was known of them before is kept."""

    etag: str = ""
    types: tuple[live.ResourceType, ...] = ()
    broken: frozenset[str] = frozenset()


class Discovery:
    """The served kinds, read when first needed and again on request."""

    def __init__(self, opened: session.Session) -> None:
        self._session = opened
        self._pages = {"/api": Page(), "/apis": Page()}
        self._facts: live.ClusterFacts | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def facts(self, *, fresh: bool) -> live.ClusterFacts:
        """Raises `errors.Transient` when they cannot be read."""
        if self._facts is None or fresh:
            await self._read(since=asyncio.get_running_loop().time())
        return self._known()

    async def find(self, api_version: str, kind: str) -> live.ResourceType | None:
        """That very version of a kind; None when it is not served. Raises `errors.Transient` when its group cannot be
        asked now: unknown is not absent."""
        found = (await self.facts(fresh=False)).find(api_version, kind)
        if found is None:
            found = (await self._at_latest()).find(api_version, kind)
        group, slash, _ = api_version.partition("/")
        return self._certain(found, ids.KindKey(group if slash else "", kind))

    async def preferred(self, kind: ids.KindKey) -> live.ResourceType | None:
        """The version of a kind that the server prefers; as `find` otherwise."""
        found = (await self.facts(fresh=False)).preferred(kind)
        if found is None:
            found = (await self._at_latest()).preferred(kind)
        return self._certain(found, kind)

    def _certain(self, found: live.ResourceType | None, kind: ids.KindKey) -> live.ResourceType | None:
        if found is None and any(kind.group in page.broken for page in self._pages.values()):
            raise errors.Transient(
                f"whether {kind} is served cannot be told: its API group {kind.group} does not answer"
            )
        return found

    async def _at_latest(self) -> live.ClusterFacts:
        await self._read(since=asyncio.get_running_loop().time() - LATEST)
        return self._known()

    def _known(self) -> live.ClusterFacts:
        if self._facts is None:
            raise errors.Transient(f"what cluster {self._session.cluster} serves was not read yet")
        return self._facts

    async def _read(self, *, since: float) -> None:
        """Read everything again, unless somebody did since then."""
        async with self._reading:
            if self._read_at >= since:
                return
            started = asyncio.get_running_loop().time()
            version = await self._session.request("GET", "/version")
            if not version.ok:
                raise replies.unanswered(version, f"{_what(self._session)} /version")
            pages = {place: await self._page(place, known) for place, known in self._pages.items()}
            types = tuple(found for page in pages.values() for found in page.types)
            self._pages = pages
            self._facts = live.ClusterFacts(document.text(version.document(), "gitVersion"), types)
            self._read_at = started

    async def _page(self, place: str, known: Page) -> Page:
        headers = {"Accept": ACCEPT} | ({"If-None-Match": known.etag} if known.etag else {})
        reply = await self._session.request("GET", place, headers=headers)
        if reply.status == 304:
            return known
        if reply.status == 406 or (reply.ok and document.text(reply.document(), "kind") != "APIGroupDiscoveryList"):
            raise errors.Terminal(
                f"{_what(self._session)} {place} has no aggregated discovery; Kubernetes 1.27 or newer is needed"
            )
        if not reply.ok:
            raise replies.unanswered(reply, f"{_what(self._session)} {place}")
        return parse(reply.document(), etag=reply.headers.get("etag", ""), known=known)


def _what(opened: session.Session) -> str:
    return f"cluster {opened.cluster}: {opened.server}"


def parse(found: document.Json, *, etag: str, known: Page) -> Page:
    """A page of aggregated discovery. Of a group that is stale, what was known stays."""
    types: list[live.ResourceType] = []
    broken: set[str] = set()
    for group in document.items(found, "items"):
        if not isinstance(group, dict):
            continue
        name = document.text(group, "metadata", "name")
        for version in document.items(group, "versions"):
            if not isinstance(version, dict):
                continue
            if document.text(version, "freshness") == "Stale":
                broken.add(name)
                number = document.text(version, "version")
                types += [old for old in known.types if old.kind.group == name and old.version == number]
            else:
                types += _resources(version, group=name)
    # A page with a hole must be read again, whatever its ETag says.
    return Page("" if broken else etag, tuple(types), frozenset(broken))


def _resources(version: document.Json, *, group: str) -> Iterator[live.ResourceType]:
    for resource in document.items(version, "resources"):
        if not isinstance(resource, dict):
            continue
        kind = document.text(resource, "responseKind", "kind")
        if not kind:
            continue
        yield live.ResourceType(
            # An empty group or version in responseKind means the parent's; a foreign one means that this resource
            # answers with another kind than its own (`scale` does), which no manifest can name here.
            kind=ids.KindKey(group, kind),
            version=document.text(version, "version"),
            plural=document.text(resource, "resource"),
            namespaced=document.text(resource, "scope") == "Namespaced",
            verbs=frozenset(verb for verb in document.items(resource, "verbs") if isinstance(verb, str)),
        )
