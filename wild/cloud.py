"""What a provider gives a cluster and a bare control plane has not: addresses for load balancers, volumes for claims.

Without them most published sets would stand still at their first Service or StatefulSet, and nothing behind it in
the order would be tried. Addresses and volumes are words only: nothing answers there.
"""

import contextlib
import http.client
import threading
from collections.abc import Iterator

from tests.clusterkit import access

EVERY = 1.0  # seconds
ADDRESS = "192.0.2.1"
"""Of the block that is reserved for documentation (RFC 5737)."""
CLASS: access.Json = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "kubernetes.io/no-provisioner",
}


@contextlib.contextmanager
def over(cluster: access.Client) -> Iterator[None]:
    """A cloud over `cluster` until the block ends."""
    cluster.create(CLASS)
    ended = threading.Event()
    provider = threading.Thread(target=_provide, args=(cluster, ended), name="cloud", daemon=True)
    provider.start()
    try:
        yield
    finally:
        ended.set()
        provider.join()


def _provide(cluster: access.Client, ended: threading.Event) -> None:
    """What fails now (the object has changed or gone, the API server is busy) is tried again in the next round."""
    while not ended.wait(EVERY):
        with contextlib.suppress(access.RefusedError, OSError, http.client.HTTPException):
            _addresses(cluster)
        with contextlib.suppress(access.RefusedError, OSError, http.client.HTTPException):
            _volumes(cluster)


def _addresses(cluster: access.Client) -> None:
    for service in cluster.items("/api/v1/services"):
        if service["spec"].get("type") == "LoadBalancer" and not service["status"]["loadBalancer"]:
            its = service["metadata"]
            path = f"/api/v1/namespaces/{its['namespace']}/services/{its['name']}/status"
            cluster.patch(path, {"status": {"loadBalancer": {"ingress": [{"ip": ADDRESS}]}}}, manager="cloud")


def _volumes(cluster: access.Client) -> None:
    for claim in cluster.items("/api/v1/persistentvolumeclaims"):
        its, spec = claim["metadata"], claim["spec"]
        name = f"volume-{its['uid']}"
        if claim["status"].get("phase") == "Pending" and cluster.get(f"/api/v1/persistentvolumes/{name}") is None:
            volume = {
                "capacity": spec["resources"]["requests"],
                "accessModes": spec["accessModes"],
                "storageClassName": spec.get("storageClassName", ""),
                "volumeMode": spec.get("volumeMode", "Filesystem"),
                "claimRef": {"namespace": its["namespace"], "name": its["name"], "uid": its["uid"]},
                "hostPath": {"path": f"/volumes/{name}"},
            }
            cluster.create({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": volume})
