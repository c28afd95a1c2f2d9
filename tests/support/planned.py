"""Small makers for tests of plans: manifests with their mark, targets, rows."""

from typing import Any

from reconciler.model import document, ids, live, manifests, records, targets

INSTALLATION = "11111111-aaaa"
TARGET = ids.TargetKey("production", "web")


def key(kind: str, name: str, *, group: str = "", namespace: str = "web") -> ids.ObjectKey:
    return ids.ObjectKey(group, kind, namespace, name)


def manifest(
    kind: str,
    name: str,
    *,
    api_version: str = "v1",
    namespace: str = "web",
    target: ids.TargetKey = TARGET,
    installation: str = INSTALLATION,
    **body: Any,
) -> manifests.Manifest:
    """One object, marked as the renderer marks it."""
    group, slash, _ = api_version.rpartition("/")
    at = ids.ObjectKey(group if slash else "", kind, namespace, name)
    metadata: dict[str, Any] = {"name": name, "annotations": {ids.MARK: str(ids.Mark(installation, target, at))}}
    if namespace:
        metadata["namespace"] = namespace
    whole = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}
    return manifests.Manifest(at, api_version, document.encode(whole), manifests.Origin(f"web/{name}.yaml", 1))


def config(name: str, **data: str) -> manifests.Manifest:
    return manifest("ConfigMap", name, data=data)


def definition(name: str, *, group: str, kind: str) -> manifests.Manifest:
    """A CustomResourceDefinition, as far as a plan reads one."""
    return manifest(
        "CustomResourceDefinition",
        name,
        api_version="apiextensions.k8s.io/v1",
        namespace="",
        spec={"group": group, "names": {"kind": kind}},
    )


def deployment(name: str = "web", *, image: str = "a", replicas: int | None = None) -> manifests.Manifest:
    spec: dict[str, Any] = {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}
    if replicas is not None:
        spec["replicas"] = replicas
    return manifest("Deployment", name, api_version="apps/v1", spec=spec)


def autoscaler(name: str = "web", *, workload: str = "web") -> manifests.Manifest:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload}
    spec = {"scaleTargetRef": reference, "minReplicas": 2, "maxReplicas": 9}
    return manifest("HorizontalPodAutoscaler", name, api_version="autoscaling/v2", spec=spec)


def manifest_set(*found: manifests.Manifest) -> manifests.ManifestSet:
    return manifests.ManifestSet(tuple(sorted(found, key=lambda one: one.key)))


def row(applied: live.LiveObject, sent: manifests.Manifest, *, rollout: str = "r1") -> records.InventoryRow:
    """The inventory row that an apply of `sent` leaves behind."""
    meta = applied.meta
    return records.InventoryRow(sent.key, meta.uid, sent.digest, meta.entry, meta.resource_version, rollout)


def target(
    *,
    namespaces: tuple[str, ...] = ("web", "web-*"),
    cluster_kinds: tuple[ids.KindKey, ...] = (),
    prune: targets.PruneLimit | None = None,
    adopt: targets.Adopt | None = None,
) -> targets.Target:
    return targets.Target(
        key=TARGET,
        repository="main",
        folder="desired-state/production/web",
        cluster="fake",
        namespace="web",
        source=targets.ManifestFolder("desired-state/production/web/manifests"),
        reads=(),
        confinement=targets.Confinement(namespaces, cluster_kinds),
        verification=targets.Verification(600.0, 60.0, 3, ()),
        prune=prune or targets.PruneLimit(5, 30.0),
        drift=targets.DriftMode.HEAL,
        git=targets.GitPolicy.PUSH,
        first_failure=targets.FirstFailure.LEAVE,
        max_lag=3600.0,
        adopt=adopt or targets.Adopt(),
    )
