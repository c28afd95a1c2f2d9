"""What must be allowed by a cluster, and what of it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model import ids

VERBS = ("get", "list", "watch", "create", "patch", "delete")
"""What is done to objects that are managed, in the order in which people write it."""


@dataclass(frozen=True, slots=True)
class Need:
    """Verbs on one kind in one namespace; '': in the whole cluster."""

    kind: ids.KindKey
    namespace: str
    verbs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server says to a need. `plural` '': it does not serve the kind, and cannot be asked about it."""

    need: Need
    plural: str
    missing: tuple[str, ...]

    @property
    def resource(self) -> str:
        """`deployments.apps`, as kubectl writes it."""
        group = self.need.kind.group
        return f"{self.plural}.{group}" if group else self.plural


@dataclass(frozen=True, slots=True)
class Rights:
    """`user`: as whom the API server sees us where these needs are met."""

    user: str
    answers: tuple[Answer, ...]


def merged(needs: Sequence[Need]) -> tuple[Need, ...]:
    """One need a kind and namespace, sorted."""
    found: dict[tuple[str, ids.KindKey], set[str]] = {}
    for need in needs:
        found.setdefault((need.namespace, need.kind), set()).update(need.verbs)
    return tuple(
        Need(kind, namespace, tuple(sorted(verbs, key=VERBS.index)))
        for (namespace, kind), verbs in sorted(found.items())
    )
