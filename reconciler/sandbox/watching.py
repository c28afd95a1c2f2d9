"""Metadata watches and full watches over the objects of a sandbox.

What was written is seen some turns of the event loop later, as from a real server: never within the call that wrote
it. Both sorts of watches read one copy, which holds what has been delivered.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from reconciler import errors, ports
from reconciler.model import document, ids, live, metadata
from reconciler.sandbox import objects

Woken = Callable[[], None]


@dataclass(slots=True)
class Following:
    """One target's full watches; `begun` when their first lists were delivered."""

    wanted: frozenset[ports.Wanted]
    woken: Woken
    begun: bool = False


class Watching:
    def __init__(self, name: str, kept: objects.Objects) -> None:
        self._name, self._objects = name, kept
        self._seen: dict[ids.KindKey, dict[ids.ObjectKey, objects.Stored]] = {}
        self._shown: dict[ids.ObjectKey, tuple[objects.Stored, live.LiveObject]] = {}
        self._metas: dict[ids.ObjectKey, tuple[objects.Stored, live.LiveMeta]] = {}
        self._kinds: set[ids.KindKey] = set()
        self._listeners: list[tuple[Callable[[ports.Seen], None], Callable[[ports.Lost], None]]] = []
        self._following: dict[ids.TargetKey, Following] = {}
        self._coming: list[objects.Happened] = []
        self._due = False
        self._paused = False
        self._closed = False
        self._trouble = ""
        self.times = 1
        """How often each change is delivered: a server may repeat itself after a reconnection."""
        kept.subscribe(self._happened)

    def listen(self, heard: Callable[[ports.Seen], None], lost: Callable[[ports.Lost], None]) -> None:
        self._listeners.append((heard, lost))

    def unwatch(self) -> None:
        """As `ports.Cluster.unwatch`."""
        self._listeners.clear()
        self._kinds.clear()

    def close(self) -> None:
        """See and tell nothing any more."""
        if self._closed:
            return
        self._closed = True
        self._objects.unsubscribe(self._happened)
        for kept in (self._listeners, self._following, self._coming, self._seen, self._shown, self._metas, self._kinds):
            kept.clear()

    def want(self, wanted: Iterable[ports.Wanted]) -> None:
        """Watch these kinds from now on, in the whole cluster, and tell of what is there."""
        for kind in sorted({kind for kind, _ in wanted} - self._kinds):
            self._kinds.add(kind)
            for found in self._of(kind).values():
                self._tell(found, gone=False)

    def pause(self, *, trouble: str = "") -> None:
        """Deliver nothing until `resume`. With `trouble` the watches are broken: what they hold counts for nothing."""
        news = bool(trouble) and not self._trouble
        self._paused, self._trouble = True, trouble
        if news:
            for kind in sorted(self._kinds):
                for _, lost in tuple(self._listeners):
                    lost(ports.Lost(self._name, kind, "", trouble))

    def resume(self) -> None:
        """Deliver what was held back; after trouble, as from fresh lists, only how each object is now."""
        if self._trouble:
            last = {one.stored.key: one for one in self._coming}
            self._coming = [one for one in self._coming if last[one.stored.key] is one]
        self._paused, self._trouble = False, ""
        self.arrange()

    def meta(self, key: ids.ObjectKey) -> live.LiveMeta | None:
        """As `ports.Cluster.meta`."""
        if self._trouble:
            raise errors.Transient(f"{key}: {self._trouble}")
        if key.kind_key not in self._kinds:
            raise errors.Transient(f"{key}: no watch covers it")
        found = self._of(key.kind_key).get(key)
        return self.meta_of(found) if found else None

    def follow(self, target: ids.TargetKey, wanted: Iterable[ports.Wanted], *, woken: Woken) -> None:
        """As `ports.Cluster.follow`: in sync, and woken, when the event loop turns."""
        new, old = Following(frozenset(wanted), woken), self._following.get(target)
        new.begun = old is not None and old.begun and new.wanted <= old.wanted
        self._following[target] = new
        asyncio.get_running_loop().call_soon(self._begin, target, new)

    def unfollow(self, target: ids.TargetKey) -> None:
        self._following.pop(target, None)

    def followed(self, target: ids.TargetKey) -> Mapping[ids.ObjectKey, live.LiveObject]:
        """As `ports.Cluster.followed`."""
        following = self._following.get(target)
        if following is None:
            return {}
        if self._trouble:
            raise errors.Transient(f"{target}: {self._trouble}")
        if not following.begun:
            raise errors.Transient(f"{target}: its watches are not in sync: their first lists have not arrived")
        return {
            key: self.shown(found)
            for kind, namespace in sorted(following.wanted)
            for key, found in self._of(kind).items()
            if namespace in ("", key.namespace)
        }

    def shown(self, found: objects.Stored) -> live.LiveObject:
        """Encoded once a version, when somebody looks at it."""
        known = self._shown.get(found.key)
        if known is None or known[0] is not found:
            known = self._shown[found.key] = (
                found,
                live.LiveObject(self.meta_of(found), document.encode(found.body)),
            )
        return known[1]

    def meta_of(self, found: objects.Stored) -> live.LiveMeta:
        known = self._metas.get(found.key)
        if known is None or known[0] is not found:
            known = self._metas[found.key] = (found, metadata.meta(found.body, found.key.kind_key))
        return known[1]

    def _of(self, kind: ids.KindKey) -> dict[ids.ObjectKey, objects.Stored]:
        """The copy of a kind: begun when it is first asked for, from then on kept by what is delivered."""
        if kind not in self._seen:
            self._seen[kind] = {found.key: found for found in self._objects.of_kind(kind)}
            self._coming = [one for one in self._coming if one.stored.key.kind_key != kind]
        return self._seen[kind]

    def _begin(self, target: ids.TargetKey, following: Following) -> None:
        if self._following.get(target) is following:
            following.begun = True
            following.woken()

    def _happened(self, happened: objects.Happened) -> None:
        if happened.gone:
            self._shown.pop(happened.stored.key, None)
            self._metas.pop(happened.stored.key, None)
        if happened.stored.key.kind_key in self._seen:
            self._coming.append(happened)
            self.arrange()

    def arrange(self) -> None:
        """Deliver when the event loop turns. What is written while none runs waits for the next call."""
        if self._due or self._paused or not self._coming:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._due = True
        loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._due = False
        if self._paused:
            return
        coming, self._coming = self._coming, []
        for happened in coming:
            for _ in range(self.times):
                self._deliver_one(happened)

    def _deliver_one(self, happened: objects.Happened) -> None:
        key = happened.stored.key
        copy = self._seen[key.kind_key]
        if happened.gone:
            copy.pop(key, None)
        else:
            copy[key] = happened.stored
        if key.kind_key in self._kinds:
            self._tell(happened.stored, gone=happened.gone)
        wanting = {(key.kind_key, ""), (key.kind_key, key.namespace)}
        for following in tuple(self._following.values()):
            if following.begun and following.wanted & wanting:
                following.woken()

    def _tell(self, found: objects.Stored, *, gone: bool) -> None:
        if self._listeners:
            meta = metadata.meta(found.body, found.key.kind_key) if gone else self.meta_of(found)
            for heard, _ in tuple(self._listeners):
                heard(ports.Seen(self._name, meta, gone))
