"""StatefulSets and DaemonSets. Neither ever says that it has failed: their pods do, or the rollout's deadline."""

from reconciler.model import document
from reconciler.verify import family, judgement, pods, workloads

HASH = "controller-revision-hash"
"""Label of a pod: which version of the template it is of."""

TEMPLATE = "pod-template-generation"
"""Label of a DaemonSet's pods; the DaemonSet has the newest one in an annotation."""

TEMPLATE_OF_SET = "deprecated.daemonset.template.generation"


def stateful_set(found: document.Json, relatives: family.Family, patience: judgement.Patience) -> judgement.Judgement:
    """A StatefulSet whose status is of its present generation. A partition or OnDelete keeps old pods on purpose."""
    if complete := _stateful_complete(found):
        return complete
    revision = document.text(found, "status", "updateRevision")
    own = workloads.Generations.split(
        relatives.children(family.POD, of=found), lambda pod: family.label(pod, HASH) == revision
    )
    if trouble := workloads.failing(own, patience):
        return trouble
    want = workloads.replicas(found)
    updating = want - _partition(found) if _strategy(found) != "OnDelete" else want
    said = workloads.ready_of(max(updating, 0), own, patience)
    return workloads.coming(said + _stuck(found, own), own, patience)


def daemon_set(found: document.Json, relatives: family.Family, patience: judgement.Patience) -> judgement.Judgement:
    """A DaemonSet whose status is of its present generation."""
    status = document.mapping(found, "status")
    want, updated, available, current = (
        document.number(status, word)
        for word in ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable", "currentNumberScheduled")
    )
    on_delete = _strategy(found) == "OnDelete"
    if available >= want and current >= want and (updated >= want or on_delete):
        old = f", {want - updated} of them old until they are deleted (OnDelete)" if updated < want else ""
        return judgement.healthy(f"{available} of {want} pods are available{old}" if want else "no node wants its pod")
    own = _daemons(found, relatives)
    said = workloads.ready_of(want, own, patience)
    return workloads.failing(own, patience) or workloads.coming(said, own, patience)


def _stateful_complete(found: document.Json) -> judgement.Judgement | None:
    """Argo CD's rule, which waits for ready pods before it looks at the strategy, with kubectl's `available`."""
    want, status = workloads.replicas(found), document.mapping(found, "status")
    total, ready, available, updated = (
        document.number(status, word) for word in ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas")
    )
    if total != want or ready < want or available < want:
        return None
    if _strategy(found) == "OnDelete":
        same = document.text(status, "updateRevision") == document.text(status, "currentRevision")
        return judgement.healthy(
            f"{ready} of {want} pods are ready{'' if same else ', old ones until they are deleted (OnDelete)'}"
        )
    if partition := _partition(found):
        kept = min(partition, want)
        if updated < want - kept:
            return None
        return judgement.healthy(f"{ready} of {want} pods are ready, {kept} kept old by the partition")
    if document.text(status, "updateRevision") != document.text(status, "currentRevision"):
        return None
    return judgement.healthy(f"{ready} of {want} pods are ready" if want else "is scaled to 0")


def _stuck(found: document.Json, own: workloads.Generations) -> str:
    """What a person can do where Kubernetes cannot: with OrderedReady a pod that is not ready is never replaced by a
    newer template, so that a revert waits for ever.
    https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback"""
    if document.text(found, "spec", "podManagementPolicy") == "Parallel":
        return ""
    stuck = next((family.name(pod) for pod in own.old if not pods.ready(pod)), "")
    return f"; pod {stuck} of another version is not ready and is not replaced until it is deleted" if stuck else ""


def _daemons(found: document.Json, relatives: family.Family) -> workloads.Generations:
    """By template generation, and by hash: pods from before a revert have the old number and the right template."""
    newest = document.text(found, "metadata", "annotations", TEMPLATE_OF_SET)
    own = relatives.children(family.POD, of=found)
    hashes = {family.label(pod, HASH) for pod in own if family.label(pod, TEMPLATE) == newest}
    return workloads.Generations.split(own, lambda pod: family.label(pod, HASH) in hashes)


def _strategy(found: document.Json) -> str:
    return document.text(found, "spec", "updateStrategy", "type")


def _partition(found: document.Json) -> int:
    return document.number(found, "spec", "updateStrategy", "rollingUpdate", "partition")
