"""What a sandbox cannot bring about and may take as given, where a whole environment has to come to rest in it: load
balancers are handed out, volumes and aggregated APIs are there. Whoever assumes it says so: `table.cannot_tell`."""

from reconciler.model import document, ids
from reconciler.sandbox.controllers import endpoints, world

ADDRESS = "192.0.2.1"
"""Of the addresses that are for documentation."""

API_SERVICE = ids.KindKey("apiregistration.k8s.io", "APIService")
VOLUME = ids.KindKey("", "PersistentVolume")
KINDS = (endpoints.KIND, API_SERVICE, VOLUME)


def reconcile(key: ids.ObjectKey, cluster: world.World) -> None:
    """Give the object the status that those would give it who are missing here."""
    found = cluster.kept.get(key)
    if found is None or world.deleting(found):
        return
    status = dict(document.mapping(found.body, "status"))
    if key.kind_key == endpoints.KIND:
        if document.text(found.body, "spec", "type") != "LoadBalancer":
            return
        status["loadBalancer"] = {"ingress": [{"ip": ADDRESS}]}
    elif key.kind_key == VOLUME:
        status.setdefault("phase", "Available")
    elif not status.get("conditions"):
        status["conditions"] = [
            {"type": "Available", "status": "True", "reason": "Assumed", "lastTransitionTime": cluster.stamp()}
        ]
    cluster.status(found, status)
