"""A small, honest API server for faults that a real one cannot be made to produce at will.

It serves ConfigMaps of any namespace with resource versions, watches with bookmarks, streaming lists, and discovery,
over plain http on loopback. A test puts faults in front of it: each answers the next request it fits, once.
"""

import asyncio
import contextlib
import json
import pathlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import yaml
from aiohttp import web

Json = dict[str, Any]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

VERBS = ["create", "delete", "get", "list", "patch", "watch"]
CORE = {
    "version": "v1",
    "freshness": "Current",
    "resources": [
        {
            "resource": "configmaps",
            "responseKind": {"group": "", "version": "", "kind": "ConfigMap"},
            "scope": "Namespaced",
            "verbs": VERBS,
        }
    ],
}
COLLECTION = "/api/v1/namespaces/{namespace}/configmaps"


@dataclass(frozen=True, slots=True)
class Request:
    """One that arrived; header names as sent, lower-case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch") == "true"

    @property
    def starts_list(self) -> bool:
        return self.query.get("sendInitialEvents") == "true"


@dataclass(slots=True)
class Fault:
    fits: Callable[[Request], bool]
    answer: Answer


@dataclass(slots=True)
class FakeApi:
    """`token`: the one accepted; '' accepts anybody."""

    token: str = ""
    user: str = "tester"
    may: Callable[[Json], bool] = lambda attributes: True
    date: str = ""
    groups: list[Json] = field(default_factory=list)
    more: list[Json] = field(default_factory=list)
    """Resources of the core group that discovery names beside ConfigMaps; faults answer for them."""
    requests: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    version: int = 100
    forgotten: int = 0
    """Resource versions up to this one are gone: 410."""
    objects: dict[tuple[str, str], Json] = field(default_factory=dict)
    events: list[tuple[int, str, Json]] = field(default_factory=list)
    url: str = ""
    open: list[Request] = field(default_factory=list)
    """Watches that nobody has ended yet."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, name: str, namespace: str = "web", **data: str) -> None:
        self.version += 1
        kind = "MODIFIED" if (namespace, name) in self.objects else "ADDED"
        metadata = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": str(self.version)}
        found = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        self.objects[namespace, name] = found
        self._tell(kind, found)

    def remove(self, name: str, namespace: str = "web") -> None:
        self.version += 1
        found = self.objects.pop((namespace, name))
        self._tell("DELETED", found | {"metadata": found["metadata"] | {"resourceVersion": str(self.version)}})

    def fault(self, fits: Callable[[Request], bool], answer: Answer, *, times: int = 1) -> None:
        self.faults += [Fault(fits, answer) for _ in range(times)]

    def count(self, fits: Callable[[Request], bool]) -> int:
        return sum(map(fits, self.requests))

    def _tell(self, kind: str, found: Json) -> None:
        self.events.append((self.version, kind, found))
        self._changed.set()
        self._changed = asyncio.Event()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        arrived = Request(request.method, request.path, dict(request.query), headers)
        self.requests.append(arrived)
        for fault in self.faults:
            if fault.fits(arrived):
                self.faults.remove(fault)
                return await fault.answer(request)
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return status(401, "Unauthorized", reason="Unauthorized")
        response = await self._route(request, arrived)
        if self.date and not response.prepared:
            response.headers["Date"] = self.date
        return response

    async def _route(self, request: web.Request, arrived: Request) -> web.StreamResponse:
        match request.path.strip("/").split("/"):
            case ["version"]:
                return web.json_response({"gitVersion": "v1.36.3"})
            case ["api"]:
                return self._discovery(request, [{"metadata": {"name": ""}, "versions": [self._core()]}])
            case ["apis"]:
                return self._discovery(request, self.groups)
            case ["apis", _, _, "selfsubjectreviews"]:
                return web.json_response({"status": {"userInfo": {"username": self.user}}}, status=201)
            case ["apis", _, _, "selfsubjectaccessreviews"]:
                attributes = (await request.json())["spec"]["resourceAttributes"]
                return web.json_response({"status": {"allowed": self.may(attributes)}}, status=201)
            case ["api", "v1", "configmaps"]:
                return await self._collection(request, arrived, namespace="")
            case ["api", "v1", "namespaces", namespace, "configmaps"]:
                return await self._collection(request, arrived, namespace=namespace)
            case ["api", "v1", "namespaces", namespace, "configmaps", name]:
                return await self._object(request, namespace, name=name)
        return web.Response(status=404, text="404 page not found\n")

    def _core(self) -> Json:
        return CORE | {"resources": [*CORE["resources"], *self.more]}

    def _discovery(self, request: web.Request, groups: list[Json]) -> web.Response:
        etag = f'"{abs(hash(json.dumps(groups)))}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return web.json_response({"kind": "APIGroupDiscoveryList", "items": groups}, headers={"ETag": etag})

    async def _object(self, request: web.Request, namespace: str, *, name: str) -> web.Response:
        if request.method == "PATCH":
            known = (namespace, name) in self.objects
            self.put(name, namespace, **(await request.json()).get("data", {}))
            return web.json_response(self.objects[namespace, name], status=200 if known else 201)
        found = self.objects.get((namespace, name))
        if found is None:
            return status(404, "not found", reason="NotFound", details={"name": name, "kind": "configmaps"})
        return web.json_response(found)

    async def _collection(self, request: web.Request, arrived: Request, *, namespace: str) -> web.StreamResponse:
        if not arrived.is_watch:
            items = [found for key, found in self.objects.items() if namespace in ("", key[0])]
            return web.json_response(
                {"kind": "ConfigMapList", "metadata": {"resourceVersion": str(self.version)}, "items": items}
            )
        response = web.StreamResponse()
        await response.prepare(request)
        since = int(arrived.query.get("resourceVersion", 0))
        if arrived.starts_list:
            since = self.version
            for key, found in list(self.objects.items()):
                if namespace in ("", key[0]):
                    await response.write(event("ADDED", found))
            await response.write(bookmark(since, end=True))
        elif since <= self.forgotten:
            gone = {"kind": "Status", "message": "too old resource version", "reason": "Expired", "code": 410}
            await response.write(event("ERROR", gone))
            return response
        self.open.append(arrived)
        try:
            while True:
                changed = self._changed
                for version, kind, found in [each for each in self.events if each[0] > since]:
                    since = version
                    if namespace in ("", found["metadata"]["namespace"]):
                        await response.write(event(kind, found))
                await changed.wait()
        finally:
            self.open.remove(arrived)


def event(kind: str, found: Json) -> bytes:
    return json.dumps({"type": kind, "object": found}).encode() + b"\n"


def bookmark(version: int, *, end: bool = False) -> bytes:
    annotations = {"k8s.io/initial-events-end": "true"} if end else {}
    return event("BOOKMARK", {"metadata": {"resourceVersion": str(version), "annotations": annotations}})


def status(code: int, message: str, **more: Any) -> web.Response:
    return web.json_response({"kind": "Status", "message": message, "code": code, **more}, status=code)


def replying(code: int, text: str = "", **headers: str) -> Answer:
    """Plain text, as overloaded servers and proxies answer."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, text=text, headers=headers)

    return answer


def refusing(code: int, message: str, **more: Any) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return status(code, message, **more)

    return answer


def streaming(*chunks: bytes, stay: bool = False) -> Answer:
    """A watch of these bytes; then it ends, or stays open and silent."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        if stay:
            await asyncio.Event().wait()
        return response

    return answer


async def hanging_up(request: web.Request) -> web.StreamResponse:
    """The request was read; the connection breaks before any answer."""
    await request.read()
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def silent(request: web.Request) -> web.StreamResponse:
    """Nothing is ever answered."""
    await asyncio.Event().wait()
    return web.Response()


@contextlib.asynccontextmanager
async def running(api: FakeApi, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[FakeApi]:
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", api.serve)
    runner = web.AppRunner(application, shutdown_timeout=0, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    host, port = runner.addresses[0][:2]
    api.url = f"{'https' if tls else 'http'}://{host}:{port}"
    try:
        yield api
    finally:
        await runner.cleanup()


def kubeconfig(folder: pathlib.Path, *, server: str, **more: str) -> pathlib.Path:
    """With a token file beside it, `token`, that a test may replace. `more`: of its cluster."""
    (folder / "token").write_text("token\n")
    config = {
        "current-context": "fake",
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        "clusters": [{"name": "fake", "cluster": {"server": server, **more}}],
        "users": [{"name": "fake", "user": {"tokenFile": "token"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path
