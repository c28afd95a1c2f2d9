"""What must exist before what: a plan's changes in waves (design §6)."""

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler import kinds
from reconciler.model import document, ids, manifests, plans

NAMESPACE = ids.KindKey("", "Namespace")
DEFINITION = ids.KindKey("apiextensions.k8s.io", "CustomResourceDefinition")


@dataclass(frozen=True, slots=True)
class Made:
    """What this plan creates that other objects of it need: a dry-run in or of it is 404 before (facts §6)."""

    namespaces: frozenset[str] = frozenset()
    kinds: frozenset[ids.KindKey] = frozenset()

    def holds_up(self, key: ids.ObjectKey) -> str:
        """Why `key` must wait for an earlier wave; '' when it need not."""
        if key.namespace in self.namespaces:
            return "its namespace is created by this plan"
        if key.kind_key in self.kinds:
            return "its kind is defined by this plan"
        return ""


def opens(wanted: Iterable[manifests.Manifest]) -> tuple[manifests.Manifest, ...]:
    """The manifests that others may have to wait for, if they do not exist yet."""
    return tuple(manifest for manifest in wanted if _first(manifest.key))


def made(created: Iterable[manifests.Manifest]) -> Made:
    """What those of `opens` that do not exist yet will make."""
    namespaces: set[str] = set()
    defined: set[ids.KindKey] = set()
    for manifest in created:
        if manifest.key.kind_key == NAMESPACE:
            namespaces.add(manifest.key.name)
        elif manifest.key.kind_key == DEFINITION:
            body = manifest.document()
            kind = document.text(document.mapping(body, "spec", "names"), "kind")
            defined.add(ids.KindKey(document.text(body, "spec", "group"), kind))
    return Made(frozenset(namespaces), frozenset(defined))


def assemble(
    target: ids.TargetKey,
    changes: Iterable[plans.Change],
    *,
    digest: str,
    made: Made,
    prunes: tuple[plans.Change, ...] = (),
) -> plans.Plan:
    """Two waves where something waits for what this plan makes, else one; in each, by kind and name."""
    ordered = sorted(changes, key=lambda change: kinds.sorting(change.key))
    first: list[plans.Change] = []
    if any(made.holds_up(change.key) for change in ordered):
        first = [change for change in ordered if _first(change.key)]
    rest = [change for change in ordered if not _first(change.key)] if first else ordered
    return plans.Plan(target, digest, tuple(tuple(wave) for wave in (first, rest) if wave), prunes)


def _first(key: ids.ObjectKey) -> bool:
    kind = kinds.of(key)
    return kind is not None and kind.wave == 0
