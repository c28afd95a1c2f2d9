"""What people look at, and no pass does: whole lists, Events, the ends of logs."""

from collections.abc import Mapping

from reconciler import errors
from reconciler.edges.kubernetes import discovery, listing, objects, replies, session
from reconciler.model import document, ids, live

MOST_EVENTS = 200
"""Of one object. The server joins those that repeat, and forgets them after an hour."""
LOG_BYTES = 64 * 1024
LOG_SECONDS = 5.0
"""A node that is gone answers nothing; the other logs are still to be read."""


class Looking:
    def __init__(self, opened: session.Session, served: discovery.Discovery) -> None:
        self._session, self._served = opened, served

    async def every(self, kind: ids.KindKey, namespace: str) -> tuple[live.LiveObject, ...]:
        """As `ports.Cluster.every`."""
        resource = await self._served.preferred(kind)
        if resource is None:
            raise errors.Terminal(f"the cluster {self._session.cluster} does not serve {kind}")
        path = objects.path(resource, namespace)
        try:
            found = [
                objects.whole(item, resource)
                async for item in listing.items(self._session, path, query={}, accept="application/json")
            ]
        except listing.RefusedError as refused:
            raise errors.Terminal(f"objects of {kind} in {namespace} may not be listed ({refused.status})") from refused
        return tuple(found)

    async def happenings(self, about: live.LiveMeta) -> tuple[live.Happening, ...]:
        """As `ports.Cluster.happenings`. Events of cluster-scoped objects are kept in `default`."""
        path = f"/api/v1/namespaces/{about.key.namespace or 'default'}/events"
        found: list[live.Happening] = []
        try:
            async for item in listing.items(
                self._session,
                path,
                query={"fieldSelector": f"involvedObject.uid={about.uid}"},
                accept="application/json",
            ):
                found.append(_happening(item))
                if len(found) == MOST_EVENTS:
                    break
        except listing.RefusedError as refused:
            raise errors.Terminal(f"events about {about.key} may not be read ({refused.status})") from refused
        return tuple(sorted(found, key=lambda one: one.at, reverse=True))

    async def tail(self, pod: ids.ObjectKey, *, container: str, previous: bool, lines: int) -> live.Tail:
        """As `ports.Cluster.tail`."""
        resource = await self._served.preferred(pod.kind_key)
        if resource is None:
            raise errors.Terminal(f"{pod}: the cluster {self._session.cluster} does not serve this kind")
        query = {"container": container, "tailLines": str(lines), "limitBytes": str(LOG_BYTES)}
        query |= {"previous": "true"} if previous else {}
        path = objects.path(resource, pod.namespace, pod.name) + "/log"
        reply = await self._session.request("GET", path, query=query, seconds=LOG_SECONDS)
        if not reply.ok:
            status = replies.Status.of(reply)
            if status.code in (401, 429):
                raise replies.unanswered(reply, f"the log of {container}")
            raise errors.Terminal(f"the server does not give it ({status.code}): {status.message}")
        text = reply.body.decode(errors="replace")
        return live.Tail(tuple(text.splitlines()[-lines:]), cut=len(reply.body) >= LOG_BYTES)


def _happening(item: Mapping[str, document.JsonValue]) -> live.Happening:
    """Events are written in two ways: by `lastTimestamp` and `count`, and by `eventTime` and a series."""
    seen = (
        document.text(item, "series", "lastObservedTime"),
        document.text(item, "lastTimestamp"),
        document.text(item, "eventTime"),
        document.text(item, "metadata", "creationTimestamp"),
    )
    times = document.number(item, "series", "count") or document.number(item, "count") or 1
    return live.Happening(
        at=next((at for at in seen if at), ""),
        count=times,
        warning=document.text(item, "type") == "Warning",
        reason=document.text(item, "reason"),
        message=document.text(item, "message"),
    )
