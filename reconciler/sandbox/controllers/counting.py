"""How a Job counts its pods."""

from collections.abc import Collection, Sequence

from reconciler.model import document
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import pods, world

INDEX = "batch.kubernetes.io/job-completion-index"
USUAL_LIMIT = 6


def limit(job: document.Json) -> int:
    """`backoffLimit`."""
    found = document.at(job, "spec", "backoffLimit")
    return found if isinstance(found, int) else USUAL_LIMIT


def completions(job: document.Json) -> int | None:
    """None: any pod that succeeds is enough (a work queue)."""
    found = document.at(job, "spec", "completions")
    if isinstance(found, int):
        return found
    return None if document.at(job, "spec", "parallelism") is not None else 1


def done(job: document.Json, succeeded: int) -> bool:
    """Whether enough pods have succeeded."""
    wanted = completions(job)
    return succeeded > 0 if wanted is None else succeeded >= wanted


def wanted(job: document.Json, succeeded: int, active: int) -> int:
    """How many pods should run now."""
    parallelism = document.at(job, "spec", "parallelism")
    at_once = parallelism if isinstance(parallelism, int) else 1
    total = completions(job)
    if total is None:
        return active if succeeded else at_once
    return max(0, min(total - succeeded, at_once))


def replaces_failed_only(job: document.Json) -> bool:
    return document.text(job, "spec", "podReplacementPolicy") == "Failed"


def failed(job: document.Json, pod: objects.Stored) -> bool:
    """One that is being deleted counts as failed, unless those are waited for."""
    if pods.phase(pod.body) == "Failed":
        return True
    gone = world.deleting(pod) and pods.phase(pod.body) != "Succeeded"
    return gone and not replaces_failed_only(job)


def restarted_too_often(job: document.Json, own: Sequence[objects.Stored]) -> bool:
    """With `restartPolicy: OnFailure` the restarts of running pods count against the limit."""
    if document.text(job, "spec", "template", "spec", "restartPolicy") != "OnFailure":
        return False
    total = sum(_restarts(pod.body) for pod in own if not pods.finished(pod.body))
    return total >= max(1, limit(job))


def _restarts(pod: document.Json) -> int:
    held = [
        *document.items(pod, "status", "initContainerStatuses"),
        *document.items(pod, "status", "containerStatuses"),
    ]
    return sum(document.number(one, "restartCount") for one in held if isinstance(one, dict))


def ended_at(pod: document.Json) -> str:
    """When a pod ended: its last container, or its last word."""
    ends = [
        document.text(one, "state", "terminated", "finishedAt")
        for one in document.items(pod, "status", "containerStatuses")
        if isinstance(one, dict)
    ]
    if ends and all(ends):
        return max(ends)
    return document.text(pod, "status", "startTime") or document.text(pod, "metadata", "creationTimestamp")


# --- indexed Jobs


def indexed(job: document.Json) -> bool:
    return document.text(job, "spec", "completionMode") == "Indexed"


def index(pod: document.Json) -> int:
    """The pod's own; -1 when it has none."""
    noted = str(world.annotations(pod).get(INDEX) or "")
    return int(noted) if noted.isdecimal() else -1


def succeeded_indexes(job: document.Json, own: Sequence[objects.Stored]) -> set[int]:
    now = {index(pod.body) for pod in own if pods.phase(pod.body) == "Succeeded"}
    return {one for one in now | parsed(document.text(job, "status", "completedIndexes")) if one >= 0}


def free_indexes(job: document.Json, own: Sequence[objects.Stored], count: int) -> Sequence[int | None]:
    """`count` times None, or the lowest indexes without a pod."""
    if not indexed(job):
        return [None] * count
    taken = succeeded_indexes(job, own) | {index(pod.body) for pod in own if pods.active(pod.body)}
    return [one for one in range(completions(job) or 0) if one not in taken][:count]


def ranges(indexes: Collection[int]) -> str:
    """`0,1,3-5`, as Kubernetes writes them: a range from three on."""
    parts: list[list[int]] = []
    for one in sorted(indexes):
        if parts and one == parts[-1][-1] + 1:
            parts[-1].append(one)
        else:
            parts.append([one])
    return ",".join(f"{part[0]}-{part[-1]}" if len(part) > 2 else ",".join(str(one) for one in part) for part in parts)


def parsed(text: str) -> set[int]:
    """The inverse of `ranges`."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found
