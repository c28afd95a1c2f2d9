"""What a controller sees of the cluster, and how it writes to it."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler import ports
from reconciler.model import document, ids, live
from reconciler.sandbox import objects

MANAGER = "kube-controller-manager"
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Of generated names and hashes: no vowels, nothing that looks like something else."""

AGAIN = -1.0
"""What a controller returns when something was refused: try again, after longer and longer pauses."""

POD = ids.KindKey("", "Pod")
REPLICA_SET = ids.KindKey("apps", "ReplicaSet")


@dataclass(slots=True)
class World:
    """The objects and the time."""

    kept: objects.Objects
    clock: ports.Clock

    def now(self) -> datetime.datetime:
        return self.clock.now()

    def stamp(self) -> str:
        """The present time as Kubernetes writes it: whole seconds, UTC."""
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def status(self, stored: objects.Stored, status: document.Json) -> objects.Stored:
        """Write the status unless it is what is there already."""
        if document.mapping(stored.body, "status") == status:
            return stored
        return self.change(stored, {"status": status}, subresource="status")

    def change(
        self, stored: objects.Stored, fields: Mapping[str, document.JsonValue], *, subresource: str = ""
    ) -> objects.Stored:
        """Replace top-level fields; the object as it is then, or as it was when it is gone or that is refused."""
        written = self.kept.update(
            stored.key, lambda body: body.update(fields), manager=MANAGER, subresource=subresource
        )
        return written if isinstance(written, objects.Stored) else stored

    def create(self, body: document.Json) -> objects.Stored | live.Refused:
        return self.kept.create(body, manager=MANAGER)

    def delete(self, stored: objects.Stored) -> None:
        self.kept.delete(stored.key, uid=uid(stored))


def word(digest: str, *, length: int) -> str:
    """`length` letters of `ALPHABET` that stand for a digest in hex."""
    number, letters = int(digest[:16], 16), []
    for _ in range(length):
        number, rest = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[rest])
    return "".join(letters)


def uid(stored: objects.Stored) -> str:
    return document.text(stored.body, "metadata", "uid")


def deleting(stored: objects.Stored) -> bool:
    return bool(document.text(stored.body, "metadata", "deletionTimestamp"))


def labels(body: Mapping[str, document.JsonValue]) -> document.Json:
    return document.mapping(body, "metadata", "labels")


def annotations(body: Mapping[str, document.JsonValue]) -> document.Json:
    return document.mapping(body, "metadata", "annotations")


def age(text: str, now: datetime.datetime) -> float:
    """Seconds since a time that Kubernetes wrote."""
    return (now - datetime.datetime.fromisoformat(text)).total_seconds()


def key_of(kind: ids.KindKey, namespace: str, name: str) -> ids.ObjectKey:
    return ids.ObjectKey(kind.group, kind.kind, namespace, name)


def shed(status: document.Json) -> document.Json:
    """Without zeroes and empty texts: Kubernetes leaves those out of most statuses."""
    return {name: value for name, value in status.items() if value not in (0, "", None) or value is False}
