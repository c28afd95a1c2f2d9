"""Pods that keep a StatefulSet from returning to its old template.
https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback

With the pod management OrderedReady the controller waits for a broken pod to become ready before it replaces any: the
old template alone never takes it away, seen for crash loops, missing images and pods that are never ready alike.
"""

from collections.abc import Mapping

from reconciler.model import document, ids, live, plans

POD = ids.KindKey("", "Pod")
STATEFUL_SET = ids.KindKey("apps", "StatefulSet")
HASH = "controller-revision-hash"


def stuck(
    wanted: tuple[ids.ObjectKey, ...], followed: Mapping[ids.ObjectKey, live.LiveObject]
) -> tuple[plans.Change, ...]:
    """The pods to delete: not ready, and of another template than the one that a StatefulSet among `wanted` has now.

    Only ever asked during a revert: then that other template is the failed release's. Empty until the controller has
    seen the old template, because before that the hash to compare with is not known.
    """
    versions = {}
    for key in wanted:
        if key.kind_key == STATEFUL_SET and key in followed:
            found = followed[key].document()
            if _waits_for_each_pod(found):
                uid = document.text(found, "metadata", "uid")
                versions[uid] = (key.name, document.text(found, "status", "updateRevision"))
    if not versions:
        return ()
    pods = sorted((key, pod) for key, pod in followed.items() if key.kind_key == POD and not pod.meta.deleting)
    changes = (_of_failed(key, pod, versions) for key, pod in pods)
    return tuple(change for change in changes if change)


def _waits_for_each_pod(found: document.Json) -> bool:
    seen, made = (
        document.number(found, *path) for path in (("status", "observedGeneration"), ("metadata", "generation"))
    )
    return document.text(found, "spec", "podManagementPolicy") != "Parallel" and seen >= made


def _of_failed(
    key: ids.ObjectKey, pod: live.LiveObject, versions: Mapping[str, tuple[str, str]]
) -> plans.Change | None:
    body = pod.document()
    name, version = versions.get(_controller(body), ("", ""))
    failed = document.text(body, "metadata", "labels", HASH)
    if not version or not failed or failed == version or _ready(body):
        return None
    because = f"of the failed version {failed}, not ready, and StatefulSet {name} waits for it"
    return plans.Change(plans.Action.PRUNED, key, because, uid=pod.meta.uid)


def _controller(body: document.Json) -> str:
    owners = document.items(body, "metadata", "ownerReferences")
    uids = (document.text(one, "uid") for one in owners if isinstance(one, dict) and one.get("controller") is True)
    return next(uids, "")


def _ready(body: document.Json) -> bool:
    conditions = document.items(body, "status", "conditions")
    return any(
        isinstance(one, dict) and one.get("type") == "Ready" and one.get("status") == "True" for one in conditions
    )
