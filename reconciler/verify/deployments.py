"""Deployments and ReplicaSets.

A Deployment is complete by kstatus' strict rule (cli-utils, pkg/kstatus): the counts, the reason
`NewReplicaSetAvailable` and `Available` together. Until then its newest pods tell how it goes.
"""

from reconciler.model import document
from reconciler.verify import family, judgement, pods, workloads

REVISION = "deployment.kubernetes.io/revision"
"""Annotation of a Deployment and of its ReplicaSets: the newest set is the one with the Deployment's own number."""

NO_DEADLINE = 2**31 - 1
"""`progressDeadlineSeconds` that switches the condition Progressing off."""


def deployment(found: document.Json, relatives: family.Family, patience: judgement.Patience) -> judgement.Judgement:
    """A Deployment whose status is of its present generation."""
    if document.at(found, "spec", "paused") is True:
        return judgement.suspended("is paused: nothing rolls out until `spec.paused` goes")
    if complete := _complete(found):
        return complete
    generations = _generations(found, relatives)
    if trouble := workloads.failing(generations, patience) or workloads.not_created(found):
        return trouble
    if patience.observing and (growing := _growing(found, generations)):
        return growing
    said = _progress(found, generations, patience)
    if _progress_reason(found) == "ProgressDeadlineExceeded":
        seconds = document.number(found, "spec", "progressDeadlineSeconds")
        return workloads.late(f"{said}, and nothing has moved for {seconds} s", generations, patience)
    return workloads.coming(said, generations, patience)


def replica_set(found: document.Json, relatives: family.Family, patience: judgement.Patience) -> judgement.Judgement:
    """A ReplicaSet that nobody controls. All its pods are new: it never replaces one for its template."""
    want, status = workloads.replicas(found), document.mapping(found, "status")
    ready, available = document.number(status, "readyReplicas"), document.number(status, "availableReplicas")
    if ready >= want and available >= want and document.number(status, "replicas") == want:
        return judgement.healthy(f"{available} of {want} pods are available")
    own = workloads.Generations.split(relatives.children(family.POD, of=found), lambda _: True)
    said = f"{ready} of {want} pods are ready{workloads.stumble(own.new, patience)}"
    trouble = workloads.failing(own, patience) or workloads.not_created(found)
    return trouble or workloads.coming(said, own, patience)


def _complete(found: document.Json) -> judgement.Judgement | None:
    """The strict rule: a status that was only just begun has the counts of the previous version."""
    want, status = workloads.replicas(found), document.mapping(found, "status")
    updated, total, ready, available = (
        document.number(status, word) for word in ("updatedReplicas", "replicas", "readyReplicas", "availableReplicas")
    )
    if updated < want or total != updated or total > want or ready < want or available < updated:
        return None
    deadline = document.at(found, "spec", "progressDeadlineSeconds")
    if _progress_reason(found) != "NewReplicaSetAvailable" and deadline not in (None, NO_DEADLINE):
        return None
    if not judgement.holds(found, "Available"):
        return None
    return judgement.healthy(f"{available} of {want} pods are available" if want else "is scaled to 0")


def _growing(found: document.Json, generations: workloads.Generations) -> judgement.Judgement | None:
    """A rollout that was complete and is being scaled since, or has lost a pod to a drained node.

    An application that has just started is often busy enough for its autoscaler to add pods in the very window in
    which it is observed. Those are not ready for a while, and that is no relapse: every pod from before the end of
    the rollout still serves. None when one of those does not, or none is left. Times are whole seconds: a pod made in
    the very second of the end counts as from before it, which errs towards a relapse.
    """
    status = document.mapping(found, "status")
    progress = judgement.condition(found, "Progressing") or {}
    done = document.text(progress, "lastUpdateTime")
    moving = document.number(status, "replicas") != document.number(status, "updatedReplicas") or generations.old
    if moving or not done or document.text(progress, "reason") != "NewReplicaSetAvailable":
        return None
    veterans = [pod for pod in generations.new if document.text(pod, "metadata", "creationTimestamp") <= done]
    if not veterans or not all(pods.ready(pod) for pod in veterans):
        return None
    coming = len(generations.new) - generations.ready
    return judgement.healthy(f"{judgement.count(generations.ready, 'pod')} ready, {coming} more starting")


def _progress_reason(found: document.Json) -> str:
    return document.text(judgement.condition(found, "Progressing") or {}, "reason")


def _generations(found: document.Json, relatives: family.Family) -> workloads.Generations:
    """By the revision of the ReplicaSets; empty sets, up to ten old ones, are not looked into."""
    revision = document.text(found, "metadata", "annotations", REVISION)
    newest = ""
    own: list[document.Json] = []
    for one in relatives.children(family.REPLICA_SET, of=found):
        if document.text(one, "metadata", "annotations", REVISION) == revision:
            newest = document.text(one, "metadata", "uid")
        if document.number(one, "status", "replicas") or document.number(one, "spec", "replicas"):
            own.extend(relatives.children(family.POD, of=one))
    return workloads.Generations.split(own, lambda pod: family.controller(pod) == newest)


def _progress(found: document.Json, generations: workloads.Generations, patience: judgement.Patience) -> str:
    """As `kubectl rollout status` says it."""
    want, status = workloads.replicas(found), document.mapping(found, "status")
    updated, total = document.number(status, "updatedReplicas"), document.number(status, "replicas")
    if generations.ready < want:
        return workloads.ready_of(want, generations, patience)
    if total > updated:
        return f"{judgement.count(total - updated, 'old pod')} still to go"
    return f"{document.number(status, 'availableReplicas')} of {want} new pods are available"
