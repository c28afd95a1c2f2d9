"""What must exist, and be healthy, before what: a plan's changes in waves (M1)."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler import kinds
from reconciler.model import document, ids, manifests, plans

NAMESPACE = ids.KindKey("", "Namespace")
DEFINITION = ids.KindKey("apiextensions.k8s.io", "CustomResourceDefinition")
WORKLOADS = frozenset(ids.KindKey("apps", kind) for kind in ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"))
SERVICE = ids.KindKey("", "Service")


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
    return tuple(manifest for manifest in wanted if _tier(manifest.key) == 0)


def made(created: Iterable[manifests.Manifest]) -> Made:
    """What those of `opens` that do not exist yet will make."""
    namespaces: set[str] = set()
    defined: set[ids.KindKey] = set()
    for manifest in created:
        if manifest.key.kind_key == NAMESPACE:
            namespaces.add(manifest.key.name)
        elif manifest.key.kind_key == DEFINITION:
            defined.add(_defines(manifest))
    return Made(frozenset(namespaces), frozenset(defined))


def places(wanted: Iterable[manifests.Manifest]) -> dict[ids.ObjectKey, plans.Place]:
    """Where each object stands: by its wave and its kind, but never behind what needs it.

    A namespace or a definition comes as early as the first object in it or of it, whatever its own wave says. What
    calls a Service for other objects' requests (a webhook, an aggregated API) waits for the workloads behind it: in
    place before they run, it would refuse the very pods that are to serve it.
    """
    all_of_them = tuple(wanted)
    first: dict[str | ids.KindKey, int] = {}
    for manifest in all_of_them:
        for needed in (manifest.key.namespace, manifest.key.kind_key):
            first[needed] = min(first.get(needed, manifest.wave), manifest.wave)
    found = {}
    for manifest in all_of_them:
        wave, tier = manifest.wave, _tier(manifest.key)
        if tier == 0:
            opened = manifest.key.name if manifest.key.kind_key == NAMESPACE else _defines(manifest)
            wave = min(wave, first.get(opened, wave))
        elif tier == 2:
            wave = max([wave, *_serving(manifest, all_of_them)])
        found[manifest.key] = plans.Place(wave, tier)
    return found


def up_to(wanted: manifests.ManifestSet, place: plans.Place) -> manifests.ManifestSet:
    """What must be healthy before anything behind `place` is applied."""
    where = places(wanted.manifests)
    kept = (manifest for manifest in wanted.manifests if where[manifest.key] <= place)
    return replace(wanted, manifests=tuple(kept))


def assemble(
    target: ids.TargetKey,
    changes: Iterable[plans.Change],
    *,
    wanted: manifests.ManifestSet,
    made: Made,
    prunes: tuple[plans.Change, ...] = (),
) -> plans.Plan:
    """The changes in waves; in each, by kind and name. Namespaces and definitions get one of their own only where
    something waits for what this plan makes."""
    where = places(wanted.manifests)
    found = list(changes)
    apart = any(made.holds_up(change.key) for change in found)

    def place(change: plans.Change) -> plans.Place:
        its = where[change.key]
        return its if apart or its.tier else plans.Place(its.wave, 1)

    placed = sorted(
        (_placed(change, place(change)) for change in found),
        key=lambda change: (change.place, kinds.sorting(change.key)),
    )
    grouped = tuple(tuple(group) for _, group in itertools.groupby(placed, key=lambda change: change.place))
    return plans.Plan(target, wanted.digest, grouped, prunes)


def _placed(change: plans.Change, place: plans.Place) -> plans.Change:
    """Most are where they are already: there are as many as objects, and a copy costs more than all the rest here."""
    return change if change.place == place else replace(change, place=place)


def _tier(key: ids.ObjectKey) -> int:
    kind = kinds.of(key)
    return 1 if kind is None else kind.tier


def _defines(definition: manifests.Manifest) -> ids.KindKey:
    body = definition.document()
    kind = document.text(document.mapping(body, "spec", "names"), "kind")
    return ids.KindKey(document.text(body, "spec", "group"), kind)


def _serving(interceptor: manifests.Manifest, wanted: Sequence[manifests.Manifest]) -> list[int]:
    """The waves of what answers an interceptor's calls, as far as it is in the same set: Services and workloads."""
    body = interceptor.document()
    clients = [
        document.mapping(one, "clientConfig") for one in document.items(body, "webhooks") if isinstance(one, dict)
    ]
    called = [document.mapping(one, "service") for one in (*clients, document.mapping(body, "spec"))]
    names = {(document.text(one, "namespace"), document.text(one, "name")) for one in called} - {("", "")}
    found = []
    for service in wanted:
        if service.key.kind_key == SERVICE and (service.key.namespace, service.key.name) in names:
            selector = document.mapping(service.document(), "spec", "selector")
            found += [service.wave, *(one.wave for one in wanted if _selected(one, service.key.namespace, selector))]
    return found


def _selected(manifest: manifests.Manifest, namespace: str, selector: Mapping[str, document.JsonValue]) -> bool:
    """Whether the pods of a workload answer to a Service's selector."""
    if manifest.key.namespace != namespace or not selector or manifest.key.kind_key not in WORKLOADS:
        return False
    labels = document.mapping(manifest.document(), "spec", "template", "metadata", "labels")
    return all(labels.get(name) == value for name, value in selector.items())
