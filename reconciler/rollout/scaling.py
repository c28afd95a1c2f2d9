"""A manifest set without pods: what a failed first deployment is brought to, where the policy says so."""

from dataclasses import replace

from reconciler import kinds
from reconciler.model import document, ids, manifests

AUTOSCALER = ids.KindKey("autoscaling", "HorizontalPodAutoscaler")


def down(wanted: manifests.ManifestSet) -> manifests.ManifestSet:
    """`wanted` with every number of replicas at 0, and without the autoscalers that would have a say in it.

    What has no number of replicas stays as it is: a Job that failed runs no more, and a DaemonSet cannot be told.
    """
    kept = (manifest for manifest in wanted.manifests if manifest.key.kind_key != AUTOSCALER)
    return replace(wanted, manifests=tuple(_down(manifest) if scales(manifest.key) else manifest for manifest in kept))


def scales(key: ids.ObjectKey) -> bool:
    """Whether the object says how many pods it wants."""
    kind = kinds.of(key)
    return kind is not None and kind.replicas


def _down(manifest: manifests.Manifest) -> manifests.Manifest:
    body = manifest.document()
    body["spec"] = {**document.mapping(body, "spec"), "replicas": 0}
    return replace(manifest, body=document.encode(body))
