"""Which Deployments still move, and how one is stopped: the first half of turning a rollout round (I23)."""

from collections.abc import Mapping
from dataclasses import replace

from reconciler.model import document, ids, live, manifests


def moving(
    wanted: tuple[ids.ObjectKey, ...],
    followed: Mapping[ids.ObjectKey, live.LiveObject],
    *,
    paused: frozenset[ids.ObjectKey],
) -> tuple[ids.ObjectKey, ...]:
    """The Deployments among `wanted` whose rolling update is under way, or whose pause has not taken effect.

    At rest means: the controller has seen the newest generation and every ReplicaSet has the pods it asks for, or
    cannot get them. Ready is not asked: the pods of a failed release never will be.
    """
    found = []
    for key in wanted:
        if key.kind != "Deployment" or key not in followed:
            continue
        deployment = followed[key].document()
        if _complete(deployment):
            continue
        if key in paused and _at_rest(deployment, followed):
            continue
        found.append(key)
    return tuple(found)


def _complete(deployment: document.Json) -> bool:
    replicas = document.number(deployment, "status", "replicas")
    return (
        _observed(deployment)
        and document.number(deployment, "status", "updatedReplicas") == replicas
        and document.number(deployment, "status", "availableReplicas") == replicas
    )


def _observed(deployment: document.Json) -> bool:
    return document.number(deployment, "status", "observedGeneration") >= document.number(
        deployment, "metadata", "generation"
    )


def _at_rest(deployment: document.Json, followed: Mapping[ids.ObjectKey, live.LiveObject]) -> bool:
    uid = document.text(deployment, "metadata", "uid")
    if not _observed(deployment) or document.at(deployment, "spec", "paused") is not True:
        return False
    for key, found in followed.items():
        if key.kind != "ReplicaSet":
            continue
        replica_set = found.document()
        owners = document.items(replica_set, "metadata", "ownerReferences")
        if not any(isinstance(owner, dict) and owner.get("uid") == uid for owner in owners):
            continue
        missing = document.number(replica_set, "spec", "replicas") - document.number(replica_set, "status", "replicas")
        if missing and not (missing > 0 and _cannot_grow(replica_set)):
            return False
        if document.number(replica_set, "status", "terminatingReplicas"):
            return False
    return True


def _cannot_grow(replica_set: document.Json) -> bool:
    """Its pods are refused, by a quota or a policy: it would never come to rest by numbers."""
    conditions = document.items(replica_set, "status", "conditions")
    return any(
        isinstance(one, dict) and one.get("type") == "ReplicaFailure" and one.get("status") == "True"
        for one in conditions
    )


def paused(
    wanted: manifests.ManifestSet, keys: tuple[ids.ObjectKey, ...], *, good: manifests.ManifestSet
) -> manifests.ManifestSet:
    """`wanted` with these Deployments stopped. Applying any manifest without `paused` sets one going again.

    Where `good` wants fewer pods they are stopped at that number. Asked for together with the old template, the
    controller may take away too many: it counts as available what it has just scaled away.
    """
    sizes = {manifest.key: _size(manifest) for manifest in good.manifests}
    stopped = (
        _paused(manifest, sizes.get(manifest.key)) if manifest.key in keys else manifest
        for manifest in wanted.manifests
    )
    return replace(wanted, manifests=tuple(stopped))


def _paused(manifest: manifests.Manifest, size: int | None) -> manifests.Manifest:
    body, own = manifest.document(), _size(manifest)
    spec = {**document.mapping(body, "spec"), "paused": True}
    if own is not None and size is not None and size < own:
        spec["replicas"] = size
    return replace(manifest, body=document.encode({**body, "spec": spec}))


def _size(manifest: manifests.Manifest) -> int | None:
    """How many pods it asks for; None where it does not say."""
    found = document.at(manifest.document(), "spec", "replicas")
    return found if isinstance(found, int) else None
