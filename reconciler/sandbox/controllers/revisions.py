"""The ReplicaSets of a Deployment: which is of the present template, and the revisions that they are numbered with."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model import document, live
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import conditions, owning, sizes, world

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
HASH = "pod-template-hash"
NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.deployment.rollback.to",
    REVISION,
    HISTORY,
    sizes.DESIRED,
    sizes.MAXIMUM,
}
NO_DEADLINE = 2**31 - 1


@dataclass(slots=True)
class Sets:
    """A Deployment and its ReplicaSets, kept up to date while its controller writes them."""

    deployment: objects.Stored
    older: list[objects.Stored]
    newest: objects.Stored | None = None

    @property
    def all(self) -> list[objects.Stored]:
        return [*self.older, *([self.newest] if self.newest else [])]

    def replace(self, new: objects.Stored) -> None:
        """A newer version of one of them."""
        if self.newest and self.newest.key == new.key:
            self.newest = new
        self.older = [new if one.key == new.key else one for one in self.older]


def split(deployment: objects.Stored, owned: Sequence[objects.Stored]) -> Sets:
    """The newest is the oldest one of the present template."""
    wanted = _template(deployment)
    newest = next((one for one in sizes.oldest_first(owned) if _template(one) == wanted), None)
    return Sets(deployment, [one for one in owned if one is not newest], newest)


def has_deadline(deployment: document.Json) -> bool:
    return document.at(deployment, "spec", "progressDeadlineSeconds") not in (None, NO_DEADLINE)


def number(one: objects.Stored) -> int:
    text = str(world.annotations(one.body).get(REVISION) or "0")
    return int(text) if text.isdecimal() else 0


def sync(cluster: world.World, sets: Sets, *, create: bool) -> bool:
    """Number the newest set, and make it when there is none and `create`. False when that was refused."""
    revision = max((number(one) for one in sets.older), default=0) + 1
    if sets.newest is None:
        return _create(cluster, sets, revision) if create else True
    notes = _noted(sets, sets.newest, revision)
    min_ready = document.number(sets.deployment.body, "spec", "minReadySeconds")
    if notes != world.annotations(sets.newest.body) or min_ready != document.number(
        sets.newest.body, "spec", "minReadySeconds"
    ):
        spec = {**document.mapping(sets.newest.body, "spec"), "minReadySeconds": min_ready}
        sets.newest = cluster.change(sets.newest, {"metadata": annotated(sets.newest, notes), "spec": spec})
        return True
    _number_deployment(cluster, sets, str(number(sets.newest)))
    if has_deadline(sets.deployment.body) and not conditions.says(sets.deployment.body, "Progressing"):
        said = f'Found new replica set "{sets.newest.key.name}"'
        say(cluster, sets, "True", "FoundNewReplicaSet", said)
    return True


def _create(cluster: world.World, sets: Sets, revision: int) -> bool:
    deployment = sets.deployment
    hashed = _hash(deployment)
    template = objects.copied(document.mapping(deployment.body, "spec", "template"))
    document.mapping(template, "metadata").setdefault("labels", {})
    labels = world.labels(template)
    labels[HASH] = hashed
    selector = document.mapping(deployment.body, "spec", "selector")
    size = sizes.grown(deployment.body, sets.older, 0)
    body: document.Json = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{deployment.key.name}-{hashed}",
            "namespace": deployment.key.namespace,
            "labels": dict(labels),
            "annotations": {
                **_copied(deployment),
                REVISION: str(revision),
                **replica_notes(deployment.body),
            },
            "ownerReferences": [owning.reference(deployment)],
        },
        "spec": {
            "replicas": size,
            "minReadySeconds": document.number(deployment.body, "spec", "minReadySeconds"),
            "selector": {**selector, "matchLabels": {**document.mapping(selector, "matchLabels"), HASH: hashed}},
            "template": template,
        },
    }
    made = cluster.create(body)
    if isinstance(made, live.Refused):
        _not_made(cluster, sets, made)
        return False
    sets.newest = made
    _number_deployment(cluster, sets, str(revision))
    if has_deadline(deployment.body):
        say(cluster, sets, "True", "NewReplicaSetCreated", f'Created new replica set "{made.key.name}"')
    return True


def _not_made(cluster: world.World, sets: Sets, refused: live.Refused) -> None:
    """The name is another set's, a collision of hashes, or somebody said no."""
    status = dict(document.mapping(sets.deployment.body, "status"))
    if refused.why is live.Why.STALE:
        status["collisionCount"] = document.number(status, "collisionCount") + 1
        sets.deployment = cluster.status(sets.deployment, status)
    elif has_deadline(sets.deployment.body):
        said = f'Failed to create new replica set "{refused.key.name}": {refused.message}'
        say(cluster, sets, "False", "ReplicaSetCreateError", said)


def say(cluster: world.World, sets: Sets, status: str, reason: str, message: str) -> None:
    """Write the condition Progressing by itself."""
    held = document.items(sets.deployment.body, "status", "conditions")
    told = conditions.put(held, progress(cluster.stamp(), status, reason, message))
    new = {**document.mapping(sets.deployment.body, "status"), "conditions": told}
    sets.deployment = cluster.status(sets.deployment, new)


def progress(stamp: str, status: str, reason: str, message: str) -> document.Json:
    return {
        "type": "Progressing",
        "status": status,
        "lastUpdateTime": stamp,
        "lastTransitionTime": stamp,
        "reason": reason,
        "message": message,
    }


def replica_notes(deployment: document.Json) -> document.Json:
    """By these a set remembers the size of the whole, to tell a scaling from a rollout."""
    want = sizes.wanted(deployment)
    return {sizes.DESIRED: str(want), sizes.MAXIMUM: str(want + sizes.surge(deployment))}


def annotated(one: objects.Stored, notes: document.Json) -> document.Json:
    """Its metadata with other annotations."""
    return {**document.mapping(one.body, "metadata"), "annotations": notes}


def _noted(sets: Sets, newest: objects.Stored, revision: int) -> document.Json:
    """Its annotations as they should be. A set that comes back from history remembers its former number."""
    notes = {**world.annotations(newest.body), **_copied(sets.deployment)}
    former = number(newest)
    if former < revision:
        if REVISION in notes:
            history = str(notes.get(HISTORY) or "")
            notes[HISTORY] = f"{history},{former}" if history else str(former)
        notes[REVISION] = str(revision)
    return notes


def _copied(deployment: objects.Stored) -> document.Json:
    notes = world.annotations(deployment.body)
    return {name: value for name, value in notes.items() if name not in NOT_COPIED}


def _number_deployment(cluster: world.World, sets: Sets, revision: str) -> None:
    notes = world.annotations(sets.deployment.body)
    if notes.get(REVISION) != revision:
        metadata = annotated(sets.deployment, {**notes, REVISION: revision})
        sets.deployment = cluster.change(sets.deployment, {"metadata": metadata})


def _template(one: objects.Stored) -> document.Json:
    """The template without the label that tells the sets apart."""
    template = document.mapping(one.body, "spec", "template")
    labels = world.labels(template)
    if HASH not in labels:
        return template
    bare = {name: value for name, value in labels.items() if name != HASH}
    return {**template, "metadata": {**document.mapping(template, "metadata"), "labels": bare}}


def _hash(deployment: objects.Stored) -> str:
    """Not the number that Kubernetes computes, but of its shape, and equal for equal templates."""
    template = document.encode(document.mapping(deployment.body, "spec", "template"))
    collisions = document.number(deployment.body, "status", "collisionCount")
    return world.word(document.digest(template, str(collisions)), length=10)
