"""What goes when something else has gone: dependents of an owner, the content of a namespace, the objects of a kind.

A real cluster's controllers do this some moments later; here it is done within the write that caused it.
"""

from collections.abc import Callable
from typing import Protocol

from reconciler.model import document, ids, live
from reconciler.sandbox import stored as storing
from reconciler.sandbox.stored import Stored

COLLECTOR = "kube-controller-manager"


class Keeper(Protocol):
    """What the collector asks of the store."""

    def get(self, key: ids.ObjectKey) -> Stored | None: ...

    def of_kind(self, kind: ids.KindKey, namespace: str = "") -> tuple[Stored, ...]: ...

    def in_namespace(self, namespace: str) -> tuple[Stored, ...]: ...

    def delete(
        self, key: ids.ObjectKey, *, uid: str = "", propagation: str = "Background"
    ) -> live.Deleted | live.Refused | None: ...

    def update(
        self, key: ids.ObjectKey, change: Callable[[document.Json], None], *, manager: str, subresource: str = ""
    ) -> Stored | live.Refused | None: ...

    def remove(self, stored: Stored) -> None: ...


class Collector:
    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._dependents: dict[str, set[ids.ObjectKey]] = {}
        """By the UID of an owner."""
        self._alive: dict[str, ids.ObjectKey] = {}
        """Every object by its UID."""

    def wrote(self, stored: Stored, before: Stored | None) -> None:
        """An object was made or changed."""
        self._alive[stored.uid] = stored.key
        moved = stored.references != before.references if before else bool(stored.references)
        if moved:
            self._forget(before)
            for uid in stored.owners():
                self._dependents.setdefault(uid, set()).add(stored.key)
        if stored.deleting:
            self._proceed(stored)
        elif moved and stored.references:
            self._abandoned(stored)

    def removed(self, stored: Stored) -> None:
        """An object has gone: what nobody else owns goes after it."""
        self._alive.pop(stored.uid, None)
        self._forget(stored)
        for key in sorted(self._dependents.get(stored.uid, ())):
            if found := self._keeper.get(key):
                self._abandoned(found)
        for uid in stored.owners():
            owner = self._keeper.get(self._alive[uid]) if uid in self._alive else None
            if owner is not None and owner.deleting:
                self._proceed(owner)
        self._finish_around(stored)

    def empty(self, stored: Stored) -> None:
        """A namespace or a definition is being deleted: all its objects go first."""
        for found in self._within(stored):
            if not found.deleting:
                self._keeper.delete(found.key)
        self._finish(stored.key)

    def _within(self, stored: Stored) -> tuple[Stored, ...]:
        if stored.key.kind_key == storing.NAMESPACE:
            return self._keeper.in_namespace(stored.key.name)
        spec = document.mapping(stored.body, "spec")
        kind = ids.KindKey(document.text(spec, "group"), document.text(spec, "names", "kind"))
        return self._keeper.of_kind(kind)

    def _finish_around(self, stored: Stored) -> None:
        """The last object of a namespace or a kind that is being deleted has gone: so does that."""
        if stored.key.namespace:
            self._finish(ids.ObjectKey("", "Namespace", "", stored.key.namespace))
        for definition in self._keeper.of_kind(storing.CRD):
            if definition.deleting and document.text(definition.body, "spec", "names", "kind") == stored.key.kind:
                self._finish(definition.key)

    def _finish(self, key: ids.ObjectKey) -> None:
        found = self._keeper.get(key)
        if found is not None and found.deleting and not self._within(found) and not found.finalizers:
            self._keeper.remove(found)

    def _forget(self, stored: Stored | None) -> None:
        for uid in stored.owners() if stored else ():
            held = self._dependents.get(uid, set())
            held.discard(stored.key if stored else held)
            if not held:
                self._dependents.pop(uid, None)

    def _abandoned(self, stored: Stored) -> None:
        """Delete what has lost all its owners; it lets go of those that are lost where others are left."""
        owners = set(stored.owners())
        lost = owners - self._alive.keys()
        if lost == owners:
            self._keeper.delete(stored.key)
        elif lost:
            self._disown(stored.key, lost)

    def _disown(self, key: ids.ObjectKey, uids: set[str]) -> None:
        def change(body: document.Json) -> None:
            metadata = document.mapping(body, "metadata")
            metadata["ownerReferences"] = [
                reference
                for reference in document.items(metadata, "ownerReferences")
                if isinstance(reference, dict) and document.text(reference, "uid") not in uids
            ]

        self._keeper.update(key, change, manager=COLLECTOR)

    def _proceed(self, stored: Stored) -> None:
        """One step in the deletion of an object that waits for its dependents."""
        dependents = sorted(self._dependents.get(stored.uid, ()))
        if storing.ORPHAN in stored.finalizers:
            for key in dependents:
                self._disown(key, {stored.uid})
            self._release(stored.key, storing.ORPHAN)
        elif storing.FOREGROUND in stored.finalizers:
            for key in dependents:
                found = self._keeper.get(key)
                if (
                    found is not None
                    and not found.deleting
                    and set(found.owners()) & self._alive.keys() == {stored.uid}
                ):
                    self._keeper.delete(key, propagation="Foreground")
            if not any(self._blocks(key, stored.uid) for key in self._dependents.get(stored.uid, ())):
                self._release(stored.key, storing.FOREGROUND)

    def _blocks(self, key: ids.ObjectKey, uid: str) -> bool:
        found = self._keeper.get(key)
        return found is not None and any(
            isinstance(reference, dict)
            and document.text(reference, "uid") == uid
            and reference.get("blockOwnerDeletion") is True
            for reference in found.references
        )

    def _release(self, key: ids.ObjectKey, finalizer: str) -> None:
        def change(body: document.Json) -> None:
            metadata = document.mapping(body, "metadata")
            metadata["finalizers"] = [name for name in document.items(metadata, "finalizers") if name != finalizer]

        self._keeper.update(key, change, manager=COLLECTOR)
