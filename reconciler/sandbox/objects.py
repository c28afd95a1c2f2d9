"""All objects of one sandbox: what an API server keeps, and who hears of it.

Synchronous, single-threaded, and the same from run to run for the same clock and chance. A stored body is shared by
everybody who reads it and is never changed: a write makes a new one.
"""

import collections
import datetime
import re
from collections.abc import Callable

from reconciler import ports
from reconciler.model import document, ids, live, metadata
from reconciler.sandbox import (
    answering,
    collecting,
    defaults,
    fields,
    merging,
    ownership,
    refusing,
    served,
    services,
    settling,
    stored,
)

Stored = stored.Stored
Happened = stored.Happened
copied = stored.copied

FIRST_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
EMPTY = re.compile(rb':(null|""|false|0[,}])')
"""Values that may be none to Go. Most objects hold none, and need not be walked for them."""
NO_STATUS: fields.Node = {"f:status": {}}
ONLY_STATUS: fields.Node = {"f:metadata": {}, "f:spec": {}}


class Objects:
    """`implied`: namespaces that are there for whoever writes into them, though nobody has made any such object."""

    def __init__(
        self, clock: ports.Clock, chance: ports.Chance, *, implied: Callable[[str], bool] = lambda namespace: False
    ) -> None:
        self.served = served.Served()
        self._clock, self._chance, self._implied = clock, chance, implied
        self._kinds: dict[ids.KindKey, dict[str, dict[str, Stored]]] = {}
        """By kind, namespace and name."""
        self._version = 0
        self._addresses = 0
        self._collector = collecting.Collector(self)
        self._listeners: list[Callable[[Happened], None]] = []
        self._untold: collections.deque[Happened] = collections.deque()
        self._telling = False
        self._holding = 0
        for name in FIRST_NAMESPACES:
            self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, manager="kube-apiserver")

    def subscribe(self, heard: Callable[[Happened], None]) -> None:
        """Call `heard` after every write, in order. It may write: that is told after what is being told."""
        self._listeners.append(heard)

    def unsubscribe(self, heard: Callable[[Happened], None]) -> None:
        """Tell it no more."""
        self._listeners.remove(heard)

    def get(self, key: ids.ObjectKey) -> Stored | None:
        return self._kinds.get(key.kind_key, {}).get(key.namespace, {}).get(key.name)

    def of_kind(self, kind: ids.KindKey, namespace: str = "") -> tuple[Stored, ...]:
        """Sorted by namespace and name; '': of all namespaces."""
        spaces = self._kinds.get(kind, {})
        chosen = (namespace,) if namespace else sorted(spaces)
        return tuple(found for space in chosen for _, found in sorted(spaces.get(space, {}).items()))

    def in_namespace(self, namespace: str) -> tuple[Stored, ...]:
        """Everything that lives in it."""
        return tuple(found for kind in sorted(self._kinds) for found in self.of_kind(kind, namespace))

    # --- writes

    def create(self, body: document.Json, *, manager: str) -> Stored | live.Refused:
        """A POST. `generateName` is completed by chance."""
        body = stored.copied(body)
        its = document.mapping(body, "metadata")
        if "name" not in its and (prefix := document.text(its, "generateName")):
            its["name"] = prefix + document.digest(self._chance.operation_id())[:5]
        key = stored.key_of(body)
        serving = self._serving(key, document.text(body, "apiVersion"))
        if isinstance(serving, live.Refused):
            return serving
        if (present := self.get(key)) is not None:
            return answering.exists(key, deleting=present.deleting)
        if refused := answering.untyped(key, body, serving.shape):
            return refused
        its.pop("managedFields", None)
        _completed(body, serving)
        writer = ownership.Manager("Update", manager, document.text(body, "apiVersion"))
        ignored = NO_STATUS if serving.status else fields.EMPTY
        owners = ownership.updated(None, body, shape=serving.shape, manager=writer, ignored=ignored, now=self._now())
        return self._made(key, body, serving=serving, owners=owners)

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
        present = self.get(key)
        if present is None:
            return None
        body = stored.changeable(present.body)
        change(body)
        body = stored.of_subresource(body, present.body, subresource)
        if body == present.body:
            return present
        serving = self.served.serving(document.text(body, "apiVersion"), key.kind)
        ignored, only_status = ONLY_STATUS, subresource == "status"  # most writes, and of large objects
        written = {"apiVersion": body["apiVersion"], "status": body.get("status")} if only_status else body
        if refused := answering.untyped(key, written, serving.shape):
            return refused
        if not only_status:
            _completed(body, serving)
            ignored = NO_STATUS if serving.status else fields.EMPTY
            if serving.status and not subresource:
                stored.keep(body, present.body, "status")
        writer = ownership.Manager("Update", manager, document.text(body, "apiVersion"), subresource)
        its = document.mapping(body, "metadata")
        if its.get("managedFields") == [{}]:  # how somebody resets them
            owners: ownership.Owners = {}
        else:
            told = {**present.body, "metadata": {**present.metadata, "managedFields": its.get("managedFields", [])}}
            owners = ownership.updated(
                told, body, shape=serving.shape, manager=writer, ignored=ignored, now=self._now()
            )
        return self._changed(present, body, serving=serving, owners=owners, dry_run=False, valid=only_status)

    def apply(
        self, body: document.Json, *, manager: str, force: bool, dry_run: bool = False
    ) -> live.Applied | live.Refused:
        """Server-side apply. A dry-run says what it would say and writes nothing."""
        key, version = stored.key_of(body), document.text(body, "apiVersion")
        serving = self._served(key, version)
        if isinstance(serving, live.Refused):
            return serving
        if "managedFields" in document.mapping(body, "metadata"):
            return live.Refused(key, live.Why.INVALID, "metadata.managedFields must be nil", status=400)
        present = self.get(key)
        if refused := answering.other_version(key, body, present):
            return refused
        try:
            outcome = ownership.applied(
                present.body if present else None,
                body,
                shape=serving.shape,
                manager=ownership.Manager("Apply", manager),
                ignored=NO_STATUS if serving.status else fields.EMPTY,
                force=force,
                now=self._now(),
            )
        except merging.UntypedError as error:
            return answering.mistyped(key, version, error)
        except ownership.ConflictError as error:
            return answering.conflict(key, error)
        if present and not outcome.changed and ownership.alike(outcome.owners, ownership.parsed(present.metadata)):
            return live.Applied(_shown(present), created=False)
        new = stored.copied(outcome.body)
        _completed(new, serving)
        if present is None:
            if refused := self._unwelcome(key):
                return refused
            result = self._made(key, new, serving=serving, owners=outcome.owners, dry_run=dry_run)
        else:
            if serving.status:
                stored.keep(new, present.body, "status")
            result = self._changed(present, new, serving=serving, owners=outcome.owners, dry_run=dry_run)
        if isinstance(result, live.Refused):
            return result
        return live.Applied(_shown(result), created=present is None)

    def delete(
        self, key: ids.ObjectKey, *, uid: str = "", propagation: str = "Background", at_once: bool = False
    ) -> live.Deleted | live.Refused | None:
        """None: there is no such object. What finalizers, dependents or content hold is marked and goes after them; a
        pod that runs is marked, too: its kubelet takes it away, with `at_once`."""
        present = self.get(key)
        if present is None:
            return None
        if uid and present.uid != uid:
            return answering.another(key, wanted=uid, found=present.uid)
        holding = [name for name in present.finalizers if name not in (stored.FOREGROUND, stored.ORPHAN)]
        holding += {"Foreground": [stored.FOREGROUND], "Orphan": [stored.ORPHAN]}.get(propagation, [])
        contains = key.kind_key in (stored.NAMESPACE, stored.CRD)
        grace = 0 if at_once else present.grace
        held = tuple(str(name) for name in [*holding, *document.items(present.body, "spec", "finalizers")])
        held += (CLEANUP,) if key.kind_key == stored.CRD else ()
        self._hold()
        try:
            if not (holding or contains or grace):
                self.remove(present)
            elif not present.deleting or at_once:
                marked = self._mark(present, holding, grace=grace)
                if contains:
                    self._collector.empty(marked)
        finally:
            self._tell()
        return live.Deleted(key, gone=not (held or grace), finalizers=held)

    def take(self, body: document.Json) -> bool:
        """Store an object of another cluster as it is: its UID, managers and status with it. False when its kind is not
        served here."""
        key = stored.key_of(body)
        if self.served.find(document.text(body, "apiVersion"), key.kind) is None:
            return False
        self._write(key, stored.copied(body), before=self.get(key))
        return True

    # --- the steps of writes

    def _served(self, key: ids.ObjectKey, version: str) -> "served.Serving | live.Refused":
        found = self.served.find(version, key.kind)
        if found is None:
            return answering.not_served(key, version)
        if found.namespaced != bool(key.namespace):
            return answering.misplaced(key, namespaced=found.namespaced)
        return self.served.serving(version, key.kind)

    def _serving(self, key: ids.ObjectKey, version: str) -> "served.Serving | live.Refused":
        """As `_served`, and the object may be made where it is to be."""
        found = self._served(key, version)
        return found if isinstance(found, live.Refused) else self._unwelcome(key) or found

    def _unwelcome(self, key: ids.ObjectKey) -> live.Refused | None:
        """Why nothing can be made there now."""
        if key.namespace:
            space = self.get(ids.ObjectKey("", "Namespace", "", key.namespace))
            if space.deleting if space else not self._implied(key.namespace):
                return answering.no_namespace(key, deleting=space is not None)
        definition = self.served.definition_of(key.kind_key)
        if definition and (found := self.get(definition)) and found.deleting:
            return answering.definition_goes(key)
        return None

    def _made(
        self,
        key: ids.ObjectKey,
        body: document.Json,
        *,
        serving: served.Serving,
        owners: ownership.Owners,
        dry_run: bool = False,
    ) -> Stored | live.Refused:
        """Store a new object whose defaults are there and whose owners are known."""
        its = document.mapping(body, "metadata")
        its |= {"uid": self._chance.operation_id(), "creationTimestamp": self._now()}
        its.pop("resourceVersion", None)
        its.pop("deletionTimestamp", None)
        if serving.generated:
            its["generation"] = 1
        if serving.status:
            settling.reset(body, "status", serving.shape)
        defaults.born(body, key, now=self._now())
        if refused := refusing.invalid(key, body, before=None, shape=serving.shape):
            return refused
        if _is_service(key):
            given = services.address(body, self._addresses)
            self._addresses = self._addresses if dry_run else given
        its["managedFields"] = ownership.encoded(owners)
        if not its["managedFields"]:
            del its["managedFields"]
        return Stored(key, body) if dry_run else self._write(key, body, before=None)

    def _changed(
        self,
        present: Stored,
        body: document.Json,
        *,
        serving: served.Serving,
        owners: ownership.Owners,
        dry_run: bool,
        valid: bool = False,
    ) -> Stored | live.Refused:
        """Store a new version, unless it is the one before with other times. `valid`: there is nothing to refuse."""
        its, was = document.mapping(body, "metadata"), present.metadata
        for name in stored.SERVERS:
            stored.keep(its, was, name)
        if _is_service(present.key) and not valid:
            given = services.readdress(body, present.body, self._addresses)
            self._addresses = self._addresses if dry_run else given
        if not valid and (refused := refusing.invalid(present.key, body, before=present.body, shape=serving.shape)):
            return refused
        its["managedFields"] = was.get("managedFields", [])
        if not its["managedFields"]:
            del its["managedFields"]
        if body == present.body and ownership.alike(owners, ownership.parsed(was)):
            return present
        its["managedFields"] = ownership.encoded(owners)
        if not its["managedFields"]:
            del its["managedFields"]
        if serving.generated and stored.content(body) != stored.content(present.body):
            its["generation"] = document.number(was, "generation") + 1
        return Stored(present.key, body) if dry_run else self._write(present.key, body, before=present)

    def _mark(self, present: Stored, holding: list[document.JsonValue], *, grace: int) -> Stored:
        """The object is being deleted from now on, and gone at the latest after `grace` seconds if nothing holds it."""
        end = self._clock.now() + datetime.timedelta(seconds=grace)
        its: document.Json = {**present.metadata, "deletionTimestamp": stored.time(end)}
        its["deletionGracePeriodSeconds"] = grace
        if holding:
            its["finalizers"] = holding
        if "generation" in its:
            its["generation"] = document.number(its, "generation") + 1
        body = {**present.body, "metadata": its}
        if present.key.kind_key == stored.NAMESPACE:
            body["status"] = {**document.mapping(body, "status"), "phase": "Terminating"}
            its.pop("deletionGracePeriodSeconds")
        return self._write(present.key, body, before=present)

    def _write(self, key: ids.ObjectKey, body: document.Json, *, before: Stored | None) -> Stored:
        """Store `body`, whose metadata is its own, under the next resourceVersion. What is being deleted and held by
        nothing any more goes instead."""
        self._version += 1
        document.mapping(body, "metadata")["resourceVersion"] = str(self._version)
        new = Stored(key, body)
        self._hold()
        try:
            self._kinds.setdefault(key.kind_key, {}).setdefault(key.namespace, {})[key.name] = new
            if new.deleting and not new.held:
                self.remove(new)
                return new
            self._happened(Happened(new, gone=False, before=before))
            self._collector.wrote(new, before)
        finally:
            self._tell()
        return new

    def remove(self, present: Stored) -> None:
        """Take the object away at once, whatever holds it."""
        key = present.key
        self._version += 1
        last = Stored(key, {**present.body, "metadata": {**present.metadata, "resourceVersion": str(self._version)}})
        self._hold()
        try:
            del self._kinds[key.kind_key][key.namespace][key.name]
            self._happened(Happened(last, gone=True, before=present))
            self._collector.removed(present)
        finally:
            self._tell()

    # --- telling

    def _happened(self, happened: Happened) -> None:
        if happened.stored.key.kind_key == stored.CRD:
            self.served.defined(happened.stored.body, gone=happened.gone)
        self._untold.append(happened)

    def _hold(self) -> None:
        """A write begins: what it causes is told after it."""
        self._holding += 1

    def _tell(self) -> None:
        """A write ends. Listeners hear of everything once the outermost one has ended."""
        self._holding -= 1
        if self._holding or self._telling:
            return
        self._telling = True
        try:
            while self._untold:
                told = self._untold.popleft()
                for heard in tuple(self._listeners):
                    heard(told)
        finally:
            self._telling = False

    def _now(self) -> str:
        return stored.time(self._clock.now().replace(microsecond=0))


def _shown(found: Stored) -> live.LiveObject:
    return live.LiveObject(metadata.meta(found.body, found.key.kind_key), document.encode(found.body))


def _is_service(key: ids.ObjectKey) -> bool:
    return key.kind == "Service" and not key.group


def _completed(body: document.Json, serving: served.Serving) -> None:
    """Defaults, and the form in which it is stored."""
    if serving.shape.built_in:
        if EMPTY.search(document.encode(body)):
            settling.unsaid(body, serving.shape)
        defaults.fill(body)
        settling.stored(body, serving.shape)
    else:
        settling.complete(body, serving.shape)
