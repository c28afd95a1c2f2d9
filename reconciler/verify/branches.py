"""Live objects as trees by who controls whom, each judged by the rule of its kind; and what to ask a failing leaf."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model import document, health, ids, live, manifests, trees
from reconciler.verify import family, judgement, objects, scope

JOB = ids.KindKey("batch", "Job")
COMPANIONS = {**scope.COMPANIONS, ids.KindKey("batch", "CronJob"): (JOB, family.POD)}
"""What is listed beside an object of the kind, to find what its controller made of it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was read. `unread`: why an object could not be; `unlisted`: why the objects of a kind could not be."""

    objects: Mapping[ids.ObjectKey, live.LiveObject]
    unread: Mapping[ids.ObjectKey, str]
    unlisted: Mapping[tuple[ids.KindKey, str], str]


@dataclass(frozen=True, slots=True)
class Question:
    """The log of one container that is worth reading. `previous`: of the run before the one that waits now."""

    container: str
    previous: bool


def spans(keys: Iterable[ids.ObjectKey]) -> tuple[tuple[ids.KindKey, str], ...]:
    """The kinds and namespaces to list whole, sorted."""
    return tuple(sorted({(kind, key.namespace) for key in keys for kind in COMPANIONS.get(key.kind_key, ())}))


def grow(keys: Sequence[ids.ObjectKey], found: Found, *, patience: judgement.Patience) -> tuple[trees.Node, ...]:
    """One tree for each of `keys`, which are the objects of the target; what others own is in none of them."""
    growing = _Growing(found, patience)
    return tuple(growing.node(key) for key in keys)


class _Growing:
    def __init__(self, found: Found, patience: judgement.Patience) -> None:
        self._found, self._patience = found, patience
        self._relatives = family.Family(found.objects)
        self._children: dict[str, list[ids.ObjectKey]] = {}
        for key, one in sorted(found.objects.items()):
            if one.meta.controlled and (owner := family.controller(one.document())):
                self._children.setdefault(owner, []).append(key)

    def node(self, key: ids.ObjectKey) -> trees.Node:
        if because := self._found.unread.get(key):
            return trees.Node(key, health.State.UNKNOWN, "could not be read", unread=(because,))
        one = self._found.objects.get(key)
        if one is None:
            return trees.Node(key, health.State.MISSING, "is not there")
        body = one.document()
        # Its own body stands for what Git wants: whether it is as Git wants it is for `diff` to say.
        wanted = manifests.Manifest(key, document.text(body, "apiVersion"), one.body, manifests.Origin("live", 0))
        if not scope.has_health(key) and not one.meta.deleting:
            return trees.Node(key, health.State.HEALTHY, "exists")  # a report does not count it at all
        judged = objects.assess(wanted, body, relatives=self._relatives, patience=self._patience)
        children = tuple(self.node(child) for child in self._children.get(one.meta.uid, ()))
        unread = tuple(
            because
            for kind in COMPANIONS.get(key.kind_key, ())
            if (because := self._found.unlisted.get((kind, key.namespace)))
        )
        return trees.Node(key, judged.state, judged.because, children, unread=unread)


def leaves(nodes: Iterable[trees.Node]) -> Iterable[trees.Node]:
    """The objects that are not well while everything below them is: where the reason is."""
    for node in nodes:
        below = tuple(leaves(node.children))
        yield from below
        if not below and not node.state.well:
            yield node


def questions(pod: Mapping[str, document.JsonValue]) -> tuple[Question, ...]:
    """The logs that tell why a pod is not well: of containers that have run and are not ready, in starting order. One
    that waits after an exit has said why in the run before; one that never ran has said nothing."""
    found = []
    for one in (
        *document.items(pod, "status", "initContainerStatuses"),
        *document.items(pod, "status", "containerStatuses"),
    ):
        if not isinstance(one, dict) or one.get("ready") is True:
            continue
        ended = document.mapping(one, "state", "terminated")
        if ended and document.number(ended, "exitCode") == 0:
            continue
        waits = bool(document.mapping(one, "state", "waiting"))
        ran = bool(document.number(one, "restartCount") or document.mapping(one, "lastState", "terminated"))
        if not waits or ran:
            found.append(Question(document.text(one, "name"), previous=waits))
    return tuple(found)
