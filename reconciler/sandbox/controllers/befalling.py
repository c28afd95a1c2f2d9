"""What befalls the pods of a change: those that are made from templates which were not there before it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model import document, ids
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import owning, world

HASHES = ("pod-template-hash", "controller-revision-hash")


@dataclass(slots=True)
class NewPods:
    """Fulfils `kubelet.Befalls`. `words`: annotation of the kubelet (`behaviour`, `ready-after`, …) → its value."""

    words: Mapping[str, str]
    struck: set[ids.ObjectKey] = field(default_factory=set)
    """The pods that it befell."""
    _known: frozenset[str] | None = None

    def begin(self, kept: objects.Objects) -> None:
        """From now on; whatever runs by now is spared."""
        old = [*kept.of_kind(world.REPLICA_SET), *kept.of_kind(world.POD)]
        self._known = frozenset(_template(one.body) for one in old)

    def __call__(self, pod: document.Json) -> Mapping[str, str]:
        if self._known is None or _template(pod) in self._known:
            return {}
        its = document.mapping(pod, "metadata")
        self.struck.add(ids.ObjectKey("", "Pod", document.text(its, "namespace"), document.text(its, "name")))
        return self.words


def _template(body: Mapping[str, document.JsonValue]) -> str:
    """What tells the template that a pod, or whoever makes it, is of: a hash, the Job, or the pod itself."""
    its = document.mapping(body, "metadata")
    space, labels = document.text(its, "namespace"), world.labels(body)
    for name in HASHES:
        if isinstance(found := labels.get(name), str):
            return f"{space}/{found}"
    owner = owning.controller(body) or its
    return f"{space}/{document.text(owner, 'uid')}"
