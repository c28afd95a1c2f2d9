"""All objects of one sandbox: what an API server keeps, and who hears of it.

Synchronous, single-threaded, and the same from run to run for the same clock and chance. A stored body is shared by
everybody who reads it and is never changed: a write makes a new one.
"""

import collections
import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reconciler import ports
from reconciler.model import document, ids, live
from reconciler.sandbox import served

POD = ids.KindKey("", "Pod")
GRACE = 30
"""Seconds that a pod is given to end when it does not say."""

NAMESPACE = ids.KindKey("", "Namespace")
FIRST_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of one object. `body` is the whole object and is shared: never change it."""

    key: ids.ObjectKey
    body: document.Json


@dataclass(frozen=True, slots=True)
class Happened:
    """One write. `gone`: it took the object away, and `stored` is its last version."""

    stored: Stored
    gone: bool
    before: Stored | None


class Objects:
    def __init__(self, clock: ports.Clock, chance: ports.Chance) -> None:
        self.served = served.Served()
        self._clock, self._chance = clock, chance
        self._kinds: dict[ids.KindKey, dict[str, dict[str, Stored]]] = {}
        """By kind, namespace and name."""
        self._version = 0
        self._listeners: list[Callable[[Happened], None]] = []
        self._untold: collections.deque[Happened] = collections.deque()
        self._telling = False
        for name in FIRST_NAMESPACES:
            self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, manager="kube-apiserver")

    def subscribe(self, heard: Callable[[Happened], None]) -> None:
        """Call `heard` after every write, in order. It may write: that is told after what is being told."""
        self._listeners.append(heard)

    def get(self, key: ids.ObjectKey) -> Stored | None:
        return self._kinds.get(key.kind_key, {}).get(key.namespace, {}).get(key.name)

    def of_kind(self, kind: ids.KindKey, namespace: str = "") -> tuple[Stored, ...]:
        """Sorted by namespace and name; '': of all namespaces."""
        spaces = self._kinds.get(kind, {})
        chosen = (namespace,) if namespace else sorted(spaces)
        return tuple(found for space in chosen for _, found in sorted(spaces.get(space, {}).items()))

    def create(self, body: document.Json, *, manager: str) -> Stored | live.Refused:
        """A POST. `generateName` is completed by chance."""
        body = copied(body)
        metadata = document.mapping(body, "metadata")
        if "name" not in metadata and (prefix := document.text(metadata, "generateName")):
            metadata["name"] = prefix + self._chance.operation_id().replace("-", "")[:5]
        key = key_of(body)
        if refused := self._unservable(key, document.text(body, "apiVersion")):
            return refused
        if self.get(key) is not None:
            return live.Refused(key, live.Why.STALE, f"{key} already exists", status=409)
        metadata["uid"] = self._chance.operation_id()
        metadata["creationTimestamp"] = self._now()
        return self._write(key, body, before=None)

    def update(
        self,
        key: ids.ObjectKey,
        change: Callable[[document.Json], None],
        *,
        manager: str,
        subresource: str = "",
    ) -> Stored | live.Refused | None:
        """A GET, `change` on a copy of the body, and a PUT. None: there is no such object. Nothing is written when
        nothing changed. By subresource `status` only the status is taken, by `scale` only `spec.replicas`."""
        stored = self.get(key)
        if stored is None:
            return None
        body = copied(stored.body)
        change(body)
        if subresource == "status":
            status = body.get("status")
            body = {**stored.body, "metadata": dict(document.mapping(stored.body, "metadata")), "status": status}
        if body == stored.body:
            return stored
        return self._write(key, body, before=stored)

    def delete(
        self, key: ids.ObjectKey, *, uid: str = "", propagation: str = "Background", at_once: bool = False
    ) -> live.Deleted | live.Refused | None:
        """None: there is no such object. A pod that runs is only marked: its kubelet takes it away, with `at_once`."""
        stored = self.get(key)
        if stored is None:
            return None
        if uid and document.text(stored.body, "metadata", "uid") != uid:
            return live.Refused(key, live.Why.UID_CHANGED, f"{key} has another UID", status=409)
        if not at_once and _runs(stored):
            if not document.text(stored.body, "metadata", "deletionTimestamp"):
                self.update(key, self._terminate, manager="kube-apiserver")
            return live.Deleted(key, gone=False)
        self._remove(stored)
        return live.Deleted(key, gone=True)

    def _terminate(self, body: document.Json) -> None:
        """Mark a pod as being deleted, at the latest when its grace is over."""
        given = document.at(body, "spec", "terminationGracePeriodSeconds")
        grace = given if isinstance(given, int) else GRACE
        end = self._clock.now() + datetime.timedelta(seconds=grace)
        document.mapping(body, "metadata").update(
            deletionTimestamp=end.strftime("%Y-%m-%dT%H:%M:%SZ"), deletionGracePeriodSeconds=grace
        )

    def _unservable(self, key: ids.ObjectKey, api_version: str) -> live.Refused | None:
        """The kind and the namespace must be there."""
        if self.served.find(api_version, key.kind) is None:
            because = f"the cluster does not serve {key.kind} in {api_version}"
            return live.Refused(key, live.Why.NO_KIND, because, status=404)
        if key.namespace and self.get(ids.ObjectKey("", "Namespace", "", key.namespace)) is None:
            because = f'namespaces "{key.namespace}" not found'
            return live.Refused(key, live.Why.NO_NAMESPACE, because, status=404)
        return None

    def _now(self) -> str:
        return self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _write(self, key: ids.ObjectKey, body: document.Json, *, before: Stored | None) -> Stored:
        """Store `body`, whose metadata is its own, under the next resourceVersion."""
        self._version += 1
        document.mapping(body, "metadata")["resourceVersion"] = str(self._version)
        stored = Stored(key, body)
        self._kinds.setdefault(key.kind_key, {}).setdefault(key.namespace, {})[key.name] = stored
        self._happened(Happened(stored, gone=False, before=before))
        return stored

    def _remove(self, stored: Stored) -> None:
        key = stored.key
        self._version += 1
        metadata = {**document.mapping(stored.body, "metadata"), "resourceVersion": str(self._version)}
        del self._kinds[key.kind_key][key.namespace][key.name]
        self._happened(Happened(Stored(key, {**stored.body, "metadata": metadata}), gone=True, before=stored))

    def _happened(self, happened: Happened) -> None:
        if happened.stored.key.kind_key == served.CRD:
            self.served.defined(happened.stored.body, gone=happened.gone)
        self._untold.append(happened)
        if self._telling:
            return
        self._telling = True
        try:
            for told in self._all_untold():
                for heard in self._listeners:
                    heard(told)
        finally:
            self._telling = False

    def _all_untold(self) -> Iterator[Happened]:
        while self._untold:
            yield self._untold.popleft()


def _runs(stored: Stored) -> bool:
    """Whether it is a pod with a kubelet that has to end it first."""
    if stored.key.kind_key != POD or not document.text(stored.body, "spec", "nodeName"):
        return False
    return document.text(stored.body, "status", "phase") not in ("Succeeded", "Failed")


def key_of(body: document.Json) -> ids.ObjectKey:
    group, slash, _ = document.text(body, "apiVersion").partition("/")
    return ids.ObjectKey(
        group if slash else "",
        document.text(body, "kind"),
        document.text(body, "metadata", "namespace"),
        document.text(body, "metadata", "name"),
    )


def copied(body: document.Json) -> document.Json:
    """A copy that shares nothing: by way of its bytes, which is several times as fast as `copy.deepcopy`."""
    return document.decode(document.encode(body))
