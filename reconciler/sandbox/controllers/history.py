"""ControllerRevisions: how StatefulSets and DaemonSets remember the versions of their template."""

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.model import document, ids, live
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import owning, world

KIND = ids.KindKey("apps", "ControllerRevision")
HASH = "controller.kubernetes.io/hash"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a template."""

    stored: objects.Stored

    @property
    def name(self) -> str:
        return self.stored.key.name

    @property
    def hash(self) -> str:
        return str(world.labels(self.stored.body).get(HASH) or "")

    @property
    def number(self) -> int:
        return document.number(self.stored.body, "revision")

    @property
    def template(self) -> document.Json:
        found = document.mapping(self.stored.body, "data", "spec", "template")
        return {name: value for name, value in found.items() if name != "$patch"}


def versions(cluster: world.World, owner: objects.Stored) -> list[Version]:
    """The owner's, oldest first, with one of its present template at the end: made, or taken up again."""
    known = sorted((Version(one) for one in owning.claim(cluster, owner, KIND)), key=lambda one: (one.number, one.name))
    template = document.mapping(owner.body, "spec", "template")
    equal = next((one for one in reversed(known) if one.template == template), None)
    if equal is not None and equal is known[-1]:
        return known
    number = known[-1].number + 1 if known else 1
    if equal is not None:
        renumbered = Version(cluster.change(equal.stored, {"revision": number}))
        return [*(one for one in known if one is not equal), renumbered]
    made = cluster.create(_body(owner, template, number))
    return [*known, Version(made)] if not isinstance(made, live.Refused) else known


def truncate(cluster: world.World, owner: objects.Stored, known: Iterable[Version], used: set[str]) -> None:
    """Delete the oldest beyond `revisionHistoryLimit` whose name is not `used`."""
    limit = document.at(owner.body, "spec", "revisionHistoryLimit")
    spare = [one for one in known if one.name not in used]
    for one in spare[: max(0, len(spare) - (limit if isinstance(limit, int) else 10))]:
        cluster.delete(one.stored)


def _body(owner: objects.Stored, template: document.Json, number: int) -> document.Json:
    hashed = world.word(document.digest(document.encode(template)), length=10)
    metadata: document.Json = {
        "name": f"{owner.key.name}-{hashed}",
        "namespace": owner.key.namespace,
        "labels": {**world.labels(template), HASH: hashed},
        "ownerReferences": [owning.reference(owner)],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "data": {"spec": {"template": {**template, "$patch": "replace"}}},
        "revision": number,
    }
