"""How a real API server says no (as seen on Kubernetes 1.36): the store's refusals, as values."""

from reconciler.model import document, ids, live
from reconciler.sandbox import merging, ownership, shapes
from reconciler.sandbox.stored import Stored


def not_served(key: ids.ObjectKey, version: str) -> live.Refused:
    because = f"the cluster does not serve {key.kind} in {version}"
    return live.Refused(key, live.Why.NO_KIND, because, status=404)


def misplaced(key: ids.ObjectKey, *, namespaced: bool) -> live.Refused:
    wanted = "needs a namespace" if namespaced else "is cluster-scoped and has no namespace"
    return live.Refused(key, live.Why.INVALID, f"{key.kind} {wanted}", status=400)


def no_namespace(key: ids.ObjectKey, *, deleting: bool) -> live.Refused:
    if not deleting:
        return live.Refused(key, live.Why.NO_NAMESPACE, f'namespaces "{key.namespace}" not found', status=404)
    because = (
        f"{key} is forbidden: unable to create new content in namespace {key.namespace} because it is being terminated"
    )
    return live.Refused(key, live.Why.TERMINATING, because, status=403)


def definition_goes(key: ids.ObjectKey) -> live.Refused:
    because = f"{key} is forbidden: create not allowed while custom resource definition is terminating"
    return live.Refused(key, live.Why.TERMINATING, because, status=403)


def exists(key: ids.ObjectKey, *, deleting: bool) -> live.Refused:
    why = live.Why.TERMINATING if deleting else live.Why.STALE
    return live.Refused(key, why, f"{'object is being deleted: ' if deleting else ''}{key} already exists", status=409)


def another(key: ids.ObjectKey, *, wanted: str, found: str) -> live.Refused:
    because = (
        f"Precondition failed: the UID in the precondition ({wanted}) does not match the UID in record ({found}). The"
        " object might have been deleted and then recreated"
    )
    return live.Refused(key, live.Why.UID_CHANGED, because, status=409)


def untyped(key: ids.ObjectKey, body: document.Json, shape: shapes.Shape) -> live.Refused | None:
    """What no schema allows."""
    complaints: list[str] = []
    merging.check(body, shape, path="", complaints=complaints)
    if not complaints:
        return None
    return live.Refused(
        key, live.Why.INVALID, f"{key.kind} in version {body['apiVersion']}: {complaints[0]}", status=400
    )


def mistyped(key: ids.ObjectKey, version: str, error: merging.UntypedError) -> live.Refused:
    place = f"/{key.name}" if not key.namespace else f"{key.namespace}/{key.name}"
    said = error.complaints[0] if len(error.complaints) == 1 else "errors:\n  " + "\n  ".join(error.complaints)
    because = f"failed to create typed patch object ({place}; {version}, Kind={key.kind}): {said}"
    return live.Refused(key, live.Why.INVALID, because, status=500)


def conflict(key: ids.ObjectKey, error: ownership.ConflictError) -> live.Refused:
    count = len(error.conflicts)
    said = ", ".join(f'conflict with "{found.manager}": {found.path}' for found in error.conflicts)
    because = f"Apply failed with {count} conflict{'s' if count > 1 else ''}: {said}"
    return live.Refused(key, live.Why.OWNERSHIP, because, error.conflicts, 409)


def other_version(key: ids.ObjectKey, body: document.Json, present: Stored | None) -> live.Refused | None:
    """A UID or a resourceVersion in the manifest is a condition."""
    uid, version = document.text(body, "metadata", "uid"), document.text(body, "metadata", "resourceVersion")
    if uid and present is None:
        return live.Refused(key, live.Why.UID_CHANGED, f"uid mismatch: the object {key} is not there", status=409)
    if uid and present is not None and present.uid != uid:
        return live.Refused(key, live.Why.UID_CHANGED, "metadata.uid: field is immutable", status=422)
    if version and present is not None and document.text(present.metadata, "resourceVersion") != version:
        because = "the object has been modified; please apply your changes to the latest version and try again"
        return live.Refused(key, live.Why.STALE, because, status=409)
    return None
