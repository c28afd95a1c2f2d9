"""Who decides how many pods run (M1, Replicas).

Where an autoscaler decides, our manifest must not; yet leaving out a field that only we own resets it (5 → 1, see
Kubernetes: Server-Side Apply). So its live value is sent until another manager owns it, and then nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from reconciler import kinds
from reconciler.model import document, ids, live, manifests
from reconciler.plan import managed

AUTOSCALER = "kube-controller-manager"
"""The manager under which every HPA scales."""

HPA = ids.KindKey("autoscaling", "HorizontalPodAutoscaler")
PATH = ".spec.replicas"


@dataclass(frozen=True, slots=True)
class Overlaid:
    """The manifest to send, and what a person should know of the difference; '' when there is none."""

    manifest: manifests.Manifest
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Owners:
    ours: bool
    others: tuple[str, ...]


def scaled_by(autoscaler: document.Json, *, namespace: str) -> ids.ObjectKey | None:
    """The workload that an HPA resizes; None when it does not say."""
    reference = document.mapping(autoscaler, "spec", "scaleTargetRef")
    kind, name = document.text(reference, "kind"), document.text(reference, "name")
    if not kind or not name:
        return None
    group, slash, _ = document.text(reference, "apiVersion").rpartition("/")
    return ids.ObjectKey(group if slash else "", kind, namespace, name)


def scaled_in(wanted: Iterable[manifests.Manifest]) -> dict[ids.ObjectKey, str]:
    """Workload → the name of the HPA among `wanted` that resizes it."""
    found: dict[ids.ObjectKey, str] = {}
    for manifest in wanted:
        if manifest.key.kind_key == HPA:
            workload = scaled_by(manifest.document(), namespace=manifest.key.namespace)
            if workload is not None:
                found[workload] = manifest.key.name
    return found


def overlay(
    manifest: manifests.Manifest,
    live_object: live.LiveObject | None,
    *,
    scaled: Mapping[ids.ObjectKey, str],
    released: Collection[ids.ObjectKey] = (),
) -> Overlaid:
    """What to send of `manifest`. `scaled` names the HPAs we render; `released` the workloads whose HPA this plan
    prunes: Git's number counts again for them.

    An HPA that we do not render is recognised by its work: the autoscaler owns the field and we do not.
    """
    key = manifest.key
    kind = kinds.of(key)
    if live_object is None or key in released or not (key in scaled or (kind is not None and kind.replicas)):
        return Overlaid(manifest)
    body = live_object.document()
    owners = _owners(body)
    if key in scaled:
        scaler = f"HorizontalPodAutoscaler {scaled[key]}"
    elif not owners.ours and any(owner.startswith(AUTOSCALER) for owner in owners.others):
        scaler = "an autoscaler"
    else:
        return Overlaid(manifest)
    if owners.ours and not owners.others:
        return _pinned(manifest, document.at(body, "spec", "replicas"), scaler=scaler)
    return without(manifest, scaler=scaler)


def without(manifest: manifests.Manifest, *, scaler: str) -> Overlaid:
    """`manifest` without `spec.replicas`."""
    body = manifest.document()
    if document.mapping(body, "spec").pop("replicas", None) is None:
        return Overlaid(manifest)
    return Overlaid(replace(manifest, body=document.encode(body)), f"replicas are left to {scaler}")


def _pinned(manifest: manifests.Manifest, count: document.JsonValue, *, scaler: str) -> Overlaid:
    """`manifest` with the live number of replicas: we are its only owner, leaving it out would reset it to 1."""
    body = manifest.document()
    if not count or document.at(body, "spec", "replicas") == count:
        return Overlaid(manifest)  # 0 was ours (a failed first deployment): no autoscaler ever leads out of it
    body["spec"] = {**document.mapping(body, "spec"), "replicas": count}
    return Overlaid(replace(manifest, body=document.encode(body)), f"replicas stay {count} until {scaler} takes over")


def _owners(body: document.Json) -> _Owners:
    ours, others = False, []
    for entry in managed.entries(body):
        if "f:replicas" not in document.mapping(entry, "fieldsV1", "f:spec"):
            continue
        if managed.is_ours(entry):
            ours = True
        else:
            others.append(document.text(entry, "manager"))
    return _Owners(ours, tuple(others))
