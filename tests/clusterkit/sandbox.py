"""A sandbox that is asked as an API server is: the same paths and answers, and an audit log of its own."""

import asyncio
import contextlib
import http.client
import pathlib
import threading
import urllib.parse
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from reconciler.app import sandboxes
from reconciler.edges import system
from reconciler.edges.kubernetes import session
from reconciler.model import anchors, document, ids, live, manifests, metadata, records
from reconciler.sandbox import cluster, objects
from reconciler.sandbox.controllers import table
from reconciler.settings import deployment
from tests.clusterkit import access

T = TypeVar("T")
LEAST_POLL = 1.0  # seconds
PATIENCE = 60.0  # seconds for one answer: the daemon's own work is on the same loop


class SandboxAccess(access.ClusterAccess):
    """Lives on an event loop in a thread of its own; ask from any other thread. It outlives the daemons that use it,
    as a cluster does."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name=f"sandbox in {folder.name}", daemon=True)
        self.thread.start()
        self._lines: list[access.Json] = []
        self._kept, self._controllers = self.call(self._begin())

    async def _begin(self) -> tuple[objects.Objects, asyncio.Task[None]]:
        clock = system.SystemClock()
        kept = objects.Objects(clock, system.SystemChance())
        return kept, asyncio.create_task(table.controllers(kept, clock).run())

    @property
    def how_to_reach(self) -> access.Json:
        return {"sandbox": True}

    @property
    def models(self) -> sandboxes.Sandboxes:
        """What a daemon on `loop` is built with, so that it works on this sandbox and on no new one."""
        return _Here(self._kept, self._lines)

    def call(self, what: Coroutine[Any, Any, T]) -> T:
        """Run it on the sandbox's loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(PATIENCE)

    def close(self) -> None:
        """Raises what a controller has raised: nothing moves from then on."""
        try:
            self.call(self._end())
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join()
            self.loop.close()

    async def _end(self) -> None:
        self._controllers.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._controllers

    def pods_can_run_in(self, namespace: str) -> bool:
        return self.get(access.path_of("v1", "Namespace", name=namespace)) is not None

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        timeout: float = access.REQUEST_TIMEOUT,
    ) -> access.Reply:
        """What nobody has needed here so far is refused with NotImplementedError: queries, other patches, watches."""
        sent = body if isinstance(body, dict) else {}
        return self.call(self._answer(method, path, sent, content_type))

    async def _answer(self, method: str, path: str, body: access.Json, content_type: str) -> access.Reply:
        address = urllib.parse.urlsplit(path)
        query = dict(urllib.parse.parse_qsl(address.query))
        if unknown := query.keys() - {"fieldManager", "force"}:
            raise NotImplementedError(f"the sandbox's door knows no {', '.join(sorted(unknown))}")
        asked = _asked(address.path, self._kept)
        if asked is None:
            return _status(http.client.NOT_FOUND, f"there is no {address.path}")
        manager = query.get("fieldManager", "unknown")
        match method, content_type:
            case "GET", _:
                return self._get(asked)
            case "POST", _:
                return self._reply(self._kept.create(asked.placed(body), manager=manager), created=True)
            case "PATCH", access.APPLY:
                reply = self._kept.apply(asked.placed(body), manager=manager, force=query.get("force") == "true")
                found = reply if isinstance(reply, live.Refused) else self._kept.get(asked.key)
                return self._reply(found, created=isinstance(reply, live.Applied) and reply.created)
            case "PATCH", access.MERGE_PATCH:
                merge = _merging(body)
                return self._reply(self._kept.update(asked.key, merge, manager=manager, subresource=asked.subresource))
            case "DELETE", _:
                propagation = str(body.get("propagationPolicy", "Background"))
                return self._reply(self._kept.delete(asked.key, propagation=propagation))
        raise NotImplementedError(f"the sandbox's door knows no {method} of {content_type}")

    def _get(self, asked: "_Asked") -> access.Reply:
        if asked.key.name:
            return self._reply(self._kept.get(asked.key))
        found = self._kept.of_kind(asked.key.kind_key, asked.key.namespace)
        items = [objects.copied(one.body) for one in found]
        return access.Reply(200, {}, {"kind": f"{asked.key.kind}List", "metadata": {}, "items": items})

    def _reply(
        self, found: objects.Stored | live.Deleted | live.Refused | None, *, created: bool = False
    ) -> access.Reply:
        match found:
            case None:
                return _status(http.client.NOT_FOUND, "not found")
            case live.Refused():
                return _status(found.status, found.message)
            case live.Deleted():
                return _status(http.client.OK, "")
        return access.Reply(http.client.CREATED if created else http.client.OK, {}, objects.copied(found.body))

    def audit_mark(self) -> int:
        """How long the sandbox's own list of calls is."""
        return len(self._lines)

    def audit_lines(self, *, after: int = 0) -> list[access.Json]:
        """The daemon's own writes alone."""
        return self._lines[after:]

    def user_with_rules(self, name: str, *arguments: object, **named: object) -> pathlib.Path:
        raise NotImplementedError("a sandbox has one user, who may do everything")


@dataclass(frozen=True, slots=True)
class _Asked:
    """`key` has no name where a collection is asked for."""

    key: ids.ObjectKey
    subresource: str

    def placed(self, body: access.Json) -> access.Json:
        """As the API server takes it: its namespace may be named by the path alone."""
        if not self.key.namespace:
            return body
        return body | {"metadata": {"namespace": self.key.namespace} | body["metadata"]}


def _asked(path: str, kept: objects.Objects) -> _Asked | None:
    """None: nothing is served there."""
    core, *rest = path.strip("/").split("/")
    version = rest.pop(0) if core == "api" else f"{rest.pop(0)}/{rest.pop(0)}"
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        _, namespace, *rest = rest
    plural, name, subresource = (*rest, "", "")[:3]
    types = kept.served.facts().types
    found = next((one for one in types if (one.api_version, one.plural) == (version, plural)), None)
    if found is None:
        return None
    return _Asked(ids.ObjectKey(found.kind.group, found.kind.kind, namespace, name), subresource)


def _merging(change: access.Json) -> Callable[[document.Json], None]:
    """RFC 7396."""

    def merge(target: document.Json, change: access.Json) -> None:
        for name, value in change.items():
            if value is None:
                target.pop(name, None)
            elif isinstance(value, dict):
                inner = target.get(name)
                target[name] = inner = inner if isinstance(inner, dict) else {}
                merge(inner, value)
            else:
                target[name] = value

    return lambda body: merge(body, change)


def _status(code: int, message: str) -> access.Reply:
    return access.Reply(code, {}, {"kind": "Status", "code": code, "message": message})


class Hurried(system.SystemChance):
    """Git is asked five times as often as settings allow: a commit is half a second of waiting less."""

    def jitter(self, seconds: float) -> float:
        return super().jitter(0.2 if seconds == LEAST_POLL else seconds)


class _Here(sandboxes.Sandboxes):
    """Every connection leads to the one sandbox that is there already."""

    def __init__(self, kept: objects.Objects, lines: list[access.Json]) -> None:
        super().__init__(chance=Hurried())
        self._here, self._lines = kept, lines

    def connect(self, name: str, its: deployment.Deployment) -> "_Audited":  # type: ignore[override] # no controllers
        space = its.clusters[name].namespace
        return _Audited(name, self._here, lines=self._lines, namespace_for_records=space)


class _Audited(cluster.SandboxCluster):
    """Writes a line of each call, as `AUDIT_POLICY` makes the API server do (controlplane.py)."""

    def __init__(
        self, name: str, kept: objects.Objects, *, lines: list[access.Json], namespace_for_records: str
    ) -> None:
        super().__init__(name, kept, namespace_for_records=namespace_for_records)
        self._lines = lines

    async def dry_run(self, manifest: manifests.Manifest, *, force: bool) -> live.Applied | live.Refused:
        reply = await super().dry_run(manifest, force=force)
        self._write("patch", manifest.key, reply, query=f"fieldManager={metadata.MANAGER}&dryRun=All")
        return reply

    async def apply(self, manifest: manifests.Manifest, *, operation: str, force: bool) -> live.Applied | live.Refused:
        reply = await super().apply(manifest, operation=operation, force=force)
        self._write("patch", manifest.key, reply, query=f"fieldManager={metadata.MANAGER}", operation=operation)
        return reply

    async def delete(
        self,
        key: ids.ObjectKey,
        *,
        uid: str,
        operation: str,
        propagation: live.Propagation = live.Propagation.BACKGROUND,
    ) -> live.Deleted | live.Refused:
        reply = await super().delete(key, uid=uid, operation=operation, propagation=propagation)
        self._write("delete", key, reply, operation=operation)
        return reply

    async def hand_over(
        self, key: ids.ObjectKey, handover: live.Handover, *, operation: str
    ) -> live.Applied | live.Refused:
        reply = await super().hand_over(key, handover, operation=operation)
        self._write("patch", key, reply, operation=operation)
        return reply

    async def write_record(self, record: records.TargetRecord) -> None:
        await super().write_record(record)
        self._write("patch", self._record_key(record.target), query=f"fieldManager={anchors.MANAGER}")

    def _write(
        self,
        verb: str,
        key: ids.ObjectKey,
        reply: live.Applied | live.Deleted | live.Refused | None = None,
        *,
        query: str = "",
        operation: str = "",
    ) -> None:
        code = http.client.CREATED if isinstance(reply, live.Applied) and reply.created else http.client.OK
        served = self._objects.served.preferred(key.kind_key)
        plural = served.plural if served else access.plural(key.kind)
        about = {"resource": plural, "apiGroup": key.group, "namespace": key.namespace, "name": key.name}
        self._lines.append(
            {
                "auditID": operation,
                "verb": verb,
                "userAgent": session.USER_AGENT,
                "requestURI": f"/{plural}/{key.name}?{query}",
                "objectRef": about,
                "responseStatus": {"code": reply.status if isinstance(reply, live.Refused) else code},
            }
        )


@contextlib.contextmanager
def running(folder: pathlib.Path) -> Iterator[SandboxAccess]:
    """An empty sandbox that ends with the block."""
    made = SandboxAccess(folder)
    try:
        yield made
    finally:
        made.close()
