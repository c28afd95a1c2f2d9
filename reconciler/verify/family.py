"""Everything that is followed, as a family: who belongs to whom. Each object is decoded once at most."""

from collections.abc import Mapping

from reconciler.model import document, ids, live

POD = ids.KindKey("", "Pod")
REPLICA_SET = ids.KindKey("apps", "ReplicaSet")

_CHILDREN = frozenset({POD.kind, REPLICA_SET.kind})

_Place = tuple[ids.KindKey, str]


class Family:
    """Made anew for each report. Children are looked up by one label before they are decoded: a namespace may hold
    thousands of pods that are nobody's of ours."""

    def __init__(self, followed: Mapping[ids.ObjectKey, live.LiveObject]) -> None:
        self._followed = followed
        self._decoded: dict[ids.ObjectKey, document.Json] = {}
        self._labelled: dict[_Place, dict[tuple[str, str], list[live.LiveObject]]] = {}
        self._placed: dict[_Place, list[live.LiveObject]] = {}
        for key, found in followed.items():  # of all targets of the namespaces: it passes most of them by
            if key.kind in _CHILDREN and key.kind_key in (POD, REPLICA_SET):
                self._placed.setdefault((key.kind_key, key.namespace), []).append(found)

    def find(self, key: ids.ObjectKey) -> document.Json | None:
        """The live object; None when the watches hold none."""
        found = self._followed.get(key)
        return None if found is None else self._document(found)

    def children(self, kind: ids.KindKey, *, of: Mapping[str, document.JsonValue]) -> tuple[document.Json, ...]:
        """The objects of `kind` that `of` controls, by owner UID, those being deleted left out."""
        uid = document.text(of, "metadata", "uid")
        place = (kind, document.text(of, "metadata", "namespace"))
        held = (self._document(found) for found in self._candidates(place, of) if not found.meta.deleting)
        return tuple(one for one in held if controller(one) == uid)

    def _candidates(self, place: _Place, owner: Mapping[str, document.JsonValue]) -> list[live.LiveObject]:
        """Those that carry the rarest label of the owner's selector; all of the place when it selects by none."""
        wanted = [
            (name, value)
            for name, value in document.mapping(owner, "spec", "selector", "matchLabels").items()
            if isinstance(value, str)
        ]
        if not wanted:
            return self._placed.get(place, [])
        index = self._index(place)
        return min((index.get(label, []) for label in wanted), key=len)

    def _index(self, place: _Place) -> dict[tuple[str, str], list[live.LiveObject]]:
        if place not in self._labelled:
            index: dict[tuple[str, str], list[live.LiveObject]] = {}
            for found in self._placed.get(place, []):
                for label in found.meta.labels:
                    index.setdefault(label, []).append(found)
            self._labelled[place] = index
        return self._labelled[place]

    def _document(self, found: live.LiveObject) -> document.Json:
        key = found.meta.key
        if key not in self._decoded:
            self._decoded[key] = found.document()
        return self._decoded[key]


def controller(found: Mapping[str, document.JsonValue]) -> str:
    """The UID of the object that controls this one; '' when none does."""
    for owner in document.items(found, "metadata", "ownerReferences"):
        if isinstance(owner, dict) and owner.get("controller") is True:
            return document.text(owner, "uid")
    return ""


def name(found: Mapping[str, document.JsonValue]) -> str:
    return document.text(found, "metadata", "name")


def label(found: Mapping[str, document.JsonValue], key: str) -> str:
    return document.text(found, "metadata", "labels", key)
