"""Pods tell of a failure long before their Deployment does: in 0.3 s instead of at its progress deadline, ten minutes
by default. What they tell is also where the blame is found (E0)."""

import datetime
from collections.abc import Iterable, Mapping

from reconciler.model import document, health
from reconciler.verify import family, judgement

IMAGE_MISSING = frozenset({"ErrImagePull", "ImagePullBackOff"})
"""The registry was asked. Whose failure it is only the message says."""

IMAGE_WRONG = frozenset({"InvalidImageName", "ErrImageNeverPull", "SignatureValidationFailed"})
"""No registry would help."""

REGISTRY_DOWN = frozenset({"RegistryUnavailable", "ImageInspectError"})

NOT_CREATED = frozenset({"CreateContainerConfigError", "CreateContainerError"})
"""Mostly a ConfigMap, a Secret or a key of one that is not there."""

WORLDLY_WORDS = (
    "i/o timeout",
    "timed out",
    "tls handshake timeout",
    "deadline exceeded",
    "connection refused",
    "connection reset",
    "network is unreachable",
    "no route to host",
    "server misbehaving",
    "temporary failure in name resolution",
    "request canceled",
    "unexpected eof",
    "too many requests",
    "toomanyrequests",
    "pull qps exceeded",
    "internal server error",
    "bad gateway",
    "service unavailable",
    "gateway timeout",
    "gateway time-out",
    "no space left on device",
    *(f"status: {code}" for code in (429, 500, 502, 503, 504)),
    *(f"status code {code}" for code in (429, 500, 502, 503, 504)),
)
"""In the message of a failed pull, as containerd and the kubelet write it: the registry did not answer, answered 429
or 5xx, or the node could not store the image. Anything else (not found, denied, unauthorized, no such host) names an
image that nobody can pull. Kubelets before 1.31 leave the cause out of
`ImagePullBackOff`: there it is the release's."""

NODE_WORDS = frozenset(
    {"NodeLost", "NodeShutdown", "Shutdown", "Terminated", "Evicted", "Preempting", "NodeAffinity", "OutOfcpu",
     "OutOfmemory", "OutOfpods", "OutOfephemeral-storage", "UnexpectedAdmissionError", "TopologyAffinityError"}
)  # fmt: skip
"""`status.reason` of a pod that its node gave up, not its application."""

NOT_ITS_OWN_EXIT = frozenset({"Unknown", "ContainerStatusUnknown"})
"""Reasons of a terminated container that its node lost sight of: a reboot, not an exit of the application."""

NEW_SERIES = 600.0
"""Seconds a container must have run for its next exit to begin a new series: after ten minutes the kubelet forgets its
back-off, and restarts of last month say nothing of this release."""


def judge(pod: Mapping[str, document.JsonValue], patience: judgement.Patience) -> judgement.Judgement:
    """The health of one pod; the reason names it."""
    name, phase = family.name(pod), document.text(pod, "status", "phase")
    if phase == "Succeeded":
        return judgement.healthy(f"pod {name} has completed")
    if lost := _lost(pod):
        return judgement.troubled(f"pod {name} {lost}")
    if phase == "Failed":
        return judgement.failed(f"pod {name} has failed: {_ending(pod)}")
    if judgement.holds(pod, "Ready"):
        return judgement.healthy(f"pod {name} is ready")
    if unscheduled := _unscheduled(pod, patience):
        return unscheduled
    found = [said for container in _containers(pod) if (said := _container(name, container, patience))]
    return worst(found) or judgement.progressing(f"pod {name} is {_waiting(pod)}")


def setback(pod: Mapping[str, document.JsonValue], patience: judgement.Patience) -> judgement.Judgement | None:
    """What keeps a pod from even starting, exits left out: what a Job, which counts exits itself, is judged by."""
    if document.text(pod, "status", "phase") in ("Succeeded", "Failed") or judgement.holds(pod, "Ready"):
        return None
    name = family.name(pod)
    if lost := _lost(pod):
        return judgement.troubled(f"pod {name} {lost}")
    if unscheduled := _unscheduled(pod, patience):
        return unscheduled
    return worst(said for one in _containers(pod) if (said := _not_started(name, one, patience)))


def ready(pod: Mapping[str, document.JsonValue]) -> bool:
    return judgement.holds(pod, "Ready") is True


def active(pod: Mapping[str, document.JsonValue]) -> bool:
    """Whether it still counts as a replica: a finished pod was replaced and only lies about."""
    return document.text(pod, "status", "phase") not in ("Succeeded", "Failed")


def disrupted(pod: Mapping[str, document.JsonValue]) -> bool:
    """Whether its node or the scheduler ended it, not its application."""
    return bool(_lost(pod))


def stumbling(pod: Mapping[str, document.JsonValue], patience: judgement.Patience) -> bool:
    """Whether it fails, however often so far: for pods of the previous version one exit is enough to tell."""
    if ready(pod):
        return False
    return judge(pod, patience).state is health.State.DEGRADED or any(_exit(one) for one in _containers(pod))


def worst(found: Iterable[judgement.Judgement]) -> judgement.Judgement | None:
    """The release's failures first, then the world's, then the rest; None of none."""
    return min(found, key=_badness, default=None)


def _badness(one: judgement.Judgement) -> int:
    if one.state is health.State.DEGRADED:
        return 0 if one.blame is health.Blame.RELEASE else 1
    return 2 + health.WORST_FIRST.index(one.state)


def _lost(pod: Mapping[str, document.JsonValue]) -> str:
    """How the pod's node was lost; '' when it was not.

    The node controller takes the condition Ready from the pods of a silent node without giving a reason, and leaves
    what the kubelet said last: containers that are ready in a pod that is not. No kubelet writes that itself, unless
    a readiness gate is open.
    """
    node = document.text(pod, "spec", "nodeName") or "its node"
    reason = document.text(pod, "status", "reason")
    if reason in NODE_WORDS:
        message = document.text(pod, "status", "message")
        return f"was given up by {node} ({reason}{': ' + message if message else ''})"
    if judgement.holds(pod, "DisruptionTarget"):
        return f"was disrupted{judgement.because_of(judgement.condition(pod, 'DisruptionTarget'))}"
    seen = judgement.condition(pod, "Ready")
    if document.text(pod, "status", "phase") == "Unknown" or (
        seen and seen.get("reason") in ("NodeNotReady", "NodeLost")
    ):
        return f"is on {node}, which does not answer"
    taken = judgement.holds(pod, "Ready") is False and judgement.holds(pod, "ContainersReady") is True
    if taken and not document.items(pod, "spec", "readinessGates"):
        return f"is on {node}, which does not answer"
    return ""


def _unscheduled(pod: Mapping[str, document.JsonValue], patience: judgement.Patience) -> judgement.Judgement | None:
    seen = judgement.condition(pod, "PodScheduled")
    if seen is None or seen.get("status") != "False":
        return None
    said = f"pod {family.name(pod)} has no node{judgement.because_of(seen)}"
    unschedulable = seen.get("reason") == "Unschedulable" and patience.settled
    return judgement.troubled(said) if unschedulable else judgement.progressing(said)


def _containers(pod: Mapping[str, document.JsonValue]) -> list[document.Json]:
    """The statuses of init containers, then of containers: the order in which they start."""
    found = [
        *document.items(pod, "status", "initContainerStatuses"),
        *document.items(pod, "status", "containerStatuses"),
    ]
    return [one for one in found if isinstance(one, dict)]


def _container(pod: str, container: document.Json, patience: judgement.Patience) -> judgement.Judgement | None:
    """What one container says against its pod; None when nothing."""
    return _not_started(pod, container, patience) or _crashing(pod, container, patience)


def _not_started(pod: str, container: document.Json, patience: judgement.Patience) -> judgement.Judgement | None:
    reason, message = (document.text(container, "state", "waiting", word) for word in ("reason", "message"))
    said = f"pod {pod}: container {document.text(container, 'name')}: {reason}{': ' + message if message else ''}"
    if reason in REGISTRY_DOWN:
        return judgement.troubled(said)
    if reason in IMAGE_WRONG:
        return judgement.failed(said)
    if reason in IMAGE_MISSING:
        said = f"{said} (image {document.text(container, 'image')})" if not message else said
        return judgement.troubled(said) if _worldly(message) else judgement.failed(said)
    if reason in NOT_CREATED:
        if not patience.settled:
            return judgement.progressing(said)
        return judgement.troubled(said) if _worldly(message) else judgement.failed(said)
    return None


def _worldly(message: str) -> bool:
    lower = message.lower()
    return any(word in lower for word in WORLDLY_WORDS)


def _crashing(pod: str, container: document.Json, patience: judgement.Patience) -> judgement.Judgement | None:
    """A container that is down, or up again and not ready, after exits of its own."""
    if container.get("ready") is True or document.text(container, "state", "terminated", "reason") == "Completed":
        return None
    restarts, ended = document.number(container, "restartCount"), _exit(container)
    backing_off = document.text(container, "state", "waiting", "reason") == "CrashLoopBackOff"
    if not (backing_off or ended) or (ended and ended.get("reason") in NOT_ITS_OWN_EXIT):
        return None
    times = judgement.count(restarts, "time")
    how = f", last {_how(ended)}" if ended else ""
    said = f"pod {pod}: container {document.text(container, 'name')} has restarted {times}{how}"
    if restarts >= patience.restarts and not _began_anew(ended):
        return judgement.failed(said)
    return judgement.progressing(f"{said}; {patience.restarts} fail the release")


def _exit(container: document.Json) -> document.Json:
    """The last exit that is known; empty when there was none."""
    return document.mapping(container, "state", "terminated") or document.mapping(container, "lastState", "terminated")


def _how(ended: document.Json) -> str:
    """`with exit code 1`, with its reason where that says more."""
    reason = document.text(ended, "reason")
    if reason == "OOMKilled":
        return "because it used more memory than its limit (OOMKilled)"
    said = f"with exit code {document.number(ended, 'exitCode')}"
    return said if reason in ("", "Error") else f"{said} ({reason})"


def _began_anew(ended: document.Json) -> bool:
    """Whether the run that ended was so long that earlier restarts do not count with it."""
    try:
        times = [datetime.datetime.fromisoformat(document.text(ended, word)) for word in ("startedAt", "finishedAt")]
        return (times[1] - times[0]).total_seconds() >= NEW_SERIES
    except (ValueError, TypeError):
        return False


def _ending(pod: Mapping[str, document.JsonValue]) -> str:
    """How a failed pod ended."""
    if message := document.text(pod, "status", "message"):
        return message
    for container in _containers(pod):
        ended = _exit(container)
        if document.number(ended, "exitCode"):
            return f"container {document.text(container, 'name')} ended {_how(ended)}"
    return document.text(pod, "status", "reason") or "no reason is given"


def _waiting(pod: Mapping[str, document.JsonValue]) -> str:
    """What a pod that is not ready is doing."""
    for container in _containers(pod):
        if reason := document.text(container, "state", "waiting", "reason"):
            return f"waiting: container {document.text(container, 'name')}: {reason}"
    return "running, not ready" if document.text(pod, "status", "phase") == "Running" else "starting"
