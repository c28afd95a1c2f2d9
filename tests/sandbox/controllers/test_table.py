"""Of which objects the sandbox can tell the health."""

import pytest

from reconciler import kinds
from reconciler.model import document, ids
from reconciler.sandbox.controllers import claims, table, world
from tests.sandbox.controllers import laboratory

UNTOLD = {"HorizontalPodAutoscaler", "APIService", "PersistentVolume", "ReplicationController"}


@pytest.mark.parametrize("kind", kinds.KINDS.values(), ids=lambda kind: kind.key.kind)
def test_every_kind_with_a_health_is_modelled_or_said_to_be_unknown(kind: kinds.Kind) -> None:
    key = ids.ObjectKey(kind.key.group, kind.key.kind, "shop", "web")
    said = table.cannot_tell({}, key)
    assert bool(said) is (kind.key.kind in UNTOLD)
    assert (kind.key in table.MODELLED) or said or kind.health == "exists"


@pytest.mark.parametrize(
    ("key", "spec", "because"),
    [
        (ids.ObjectKey("example.com", "Database", "shop", "main"), {}, "no controller for Database.example.com"),
        (ids.ObjectKey("", "Service", "shop", "web"), {"type": "LoadBalancer"}, "no load balancers"),
        (ids.ObjectKey("", "Service", "shop", "web"), {"type": "ClusterIP"}, ""),
    ],
)
def test_what_nobody_brings_about_cannot_be_told(key: ids.ObjectKey, spec: document.Json, because: str) -> None:
    said = table.cannot_tell({"spec": spec}, key)
    assert because in said
    assert bool(said) is bool(because)


def test_a_claim_is_bound_where_the_sandbox_makes_volumes_and_its_pod_runs() -> None:
    made = laboratory.Laboratory()
    spec: document.Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    made.create(claims.KIND, spec=spec)
    volume: document.Json = {"name": "data", "persistentVolumeClaim": {"claimName": "web"}}
    made.create(world.POD, spec={"containers": [{"name": "app", "image": "web:v1"}], "volumes": [volume]})
    made.passes(60)
    assert (made.status(claims.KIND)["phase"], made.status(world.POD)["phase"]) == ("Pending", "Pending")
    served: document.Json = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {claims.DEFAULT: "true"}},
        "provisioner": claims.PROVISIONER,
    }
    made.objects.create(served, manager="somebody")
    made.passes(60)
    assert (made.status(claims.KIND)["phase"], made.status(world.POD)["phase"]) == ("Bound", "Running")
