"""The scheduler and the one node: pods get a place and behave as `tests/control-plane/kwok.yaml` says, by the
annotation `sandbox.reconciler.dev/behaviour` or by the same word at the end of their first image's tag."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reconciler.model import document, ids
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import conditions, owning, placing, pods, world

KIND = world.POD
GONE_AFTER = 0.05
"""Seconds that a deleted pod takes to go; 0.03 to 0.09 were seen."""

USUAL = 0.2
"""Seconds from a pod's place on the node to its first state, and from running to the end of a Job's pod."""

RESTART_EVERY = 0.3
LAST_RESTART = 5
FAILS_AFTER = 5.0
WORDS = ("crash-loop", "image-pull-error", "never-ready", "fails-later", "job-fails")
ANNOTATION = "sandbox.reconciler.dev/"
_TAG = re.compile(f"({'|'.join(WORDS)})$")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}

Change = Callable[[objects.Stored, str, str], document.Json]
"""(pod, the time, the pod's address) → the parts of its status that change."""

Befalls = Callable[[document.Json], Mapping[str, str]]
"""A pod → words that count as if its annotations had them: `{"behaviour": "crash-loop"}`."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What happens to a pod next, and in how many seconds."""

    name: str
    after: float
    change: Change


@dataclass(slots=True)
class Kubelet:
    """Remembers since when each pod waits for its next stage, and gives out addresses."""

    befalls: Befalls = lambda pod: {}
    _waiting: dict[ids.ObjectKey, tuple[str, str, float]] = field(default_factory=dict)
    """UID, stage, monotonic time at which it comes."""
    _addresses: int = 1

    def reconcile(self, key: ids.ObjectKey, cluster: world.World) -> float | None:
        pod = cluster.kept.get(key)
        if pod is None:
            self._waiting.pop(key, None)
            return None
        if world.deleting(pod):
            return self._remove(pod, cluster)
        if not document.text(pod.body, "spec", "nodeName"):
            placing.place(pod, cluster)
            return None
        stage = _next(_befallen(pod.body, self.befalls(pod.body)))
        if stage is None:
            self._waiting.pop(key, None)
            return None
        wait = self._left(pod, stage.name, stage.after, cluster)
        if wait > 0:
            return wait
        self._play(pod, stage, cluster)
        return None

    def _left(self, pod: objects.Stored, stage: str, after: float, cluster: world.World) -> float:
        """Seconds until the stage comes; the wait begins when the pod is first seen to be due for it."""
        now, uid = cluster.clock.monotonic(), world.uid(pod)
        held = self._waiting.get(pod.key)
        if held is None or held[:2] != (uid, stage):
            held = self._waiting[pod.key] = (uid, stage, now + after)
        return held[2] - now

    def _play(self, pod: objects.Stored, stage: Stage, cluster: world.World) -> None:
        del self._waiting[pod.key]
        status = document.mapping(pod.body, "status")
        address = document.text(status, "podIP")
        if not address:
            self._addresses += 1
            address = f"10.0.{self._addresses // 256 % 256}.{self._addresses % 256}"
        changed = stage.change(pod, cluster.stamp(), address)
        if new := changed.pop("conditions", None):
            changed["conditions"] = _merged(new, document.items(status, "conditions"))
        cluster.status(pod, {**status, **changed})

    def _remove(self, pod: objects.Stored, cluster: world.World) -> float | None:
        if not document.number(pod.body, "metadata", "deletionGracePeriodSeconds"):
            return None  # ended; a finalizer holds what is left of it
        wait = self._left(pod, "deleted", GONE_AFTER, cluster)
        if wait > 0:
            return wait
        del self._waiting[pod.key]
        cluster.kept.delete(pod.key, uid=world.uid(pod), at_once=True)
        return None


def _befallen(pod: document.Json, words: Mapping[str, str]) -> document.Json:
    if not words:
        return pod
    noted = {f"{ANNOTATION}{word}": value for word, value in words.items()}
    its: document.Json = {**document.mapping(pod, "metadata"), "annotations": {**world.annotations(pod), **noted}}
    return {**pod, "metadata": its}


def behaviour(pod: document.Json) -> str:
    """One of WORDS, or `well`."""
    noted = world.annotations(pod).get(f"{ANNOTATION}behaviour")
    if isinstance(noted, str):
        return noted
    containers = document.items(pod, "spec", "containers")
    image = document.text(containers[0], "image") if containers and isinstance(containers[0], dict) else ""
    found = _TAG.search(image)
    return found.group(1) if found else "well"


def _next(pod: document.Json) -> Stage | None:
    """The stages of kwok.yaml, in its order."""
    word, held = behaviour(pod), document.items(pod, "status", "containerStatuses")
    if not held:
        return _first(pod, word)
    first = held[0] if isinstance(held[0], dict) else {}
    crashed = document.text(first, "state", "waiting", "reason") == "CrashLoopBackOff"
    if crashed and document.number(first, "restartCount") < LAST_RESTART:
        return Stage("crashes-again", RESTART_EVERY, _crashes_again)
    if word == "fails-later" and pods.ready(pod):
        return Stage("fails-later", _seconds(pod, "fails-after", FAILS_AFTER), _fails_later)
    owner = owning.controller(pod)
    if pods.phase(pod) == "Running" and owner and owner.get("kind") == "Job":
        if word == "job-fails":
            return Stage("job-fails", USUAL, _job_fails)
        if word not in ("crash-loop", "never-ready"):
            return Stage("job-succeeds", USUAL, _job_succeeds)
    return None


def _first(pod: document.Json, word: str) -> Stage:
    match word:
        case "crash-loop":
            return Stage("crash-loop", USUAL, _crash_loop)
        case "image-pull-error":
            return Stage("image-pull-error", USUAL, _image_pull_error)
        case "never-ready" | "job-fails":
            return Stage("never-ready", USUAL, _never_ready)
        case _:
            return Stage("ready", _seconds(pod, "ready-after", USUAL), _ready)


def _seconds(pod: document.Json, word: str, usual: float) -> float:
    """A duration as Go writes it, `1m30s`, from the annotation; `usual` when there is none that can be read."""
    noted = world.annotations(pod).get(f"{ANNOTATION}{word}")
    parts = _DURATION.findall(noted) if isinstance(noted, str) else []
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else usual


# --- what a stage writes


def _running(pod: objects.Stored, now: str, address: str, *, phase: str, ready: bool) -> document.Json:
    last = "True" if ready else "False"
    kinds = {"Initialized": "True", "PodReadyToStartContainers": "True", "ContainersReady": last, "Ready": last}
    status: document.Json = {
        "phase": phase,
        "startTime": now,
        "conditions": [_condition(kind, value, now) for kind, value in kinds.items()],
    }
    return status | ({"podIP": address, "podIPs": [{"ip": address}]} if address else {})


def _ready(pod: objects.Stored, now: str, address: str) -> document.Json:
    statuses = _containers(pod, {"running": {"startedAt": now}}, ready=True)
    return {**_running(pod, now, address, phase="Running", ready=True), "containerStatuses": statuses}


def _never_ready(pod: objects.Stored, now: str, address: str) -> document.Json:
    statuses = _containers(pod, {"running": {"startedAt": now}})
    return {**_running(pod, now, address, phase="Running", ready=False), "containerStatuses": statuses}


def _crash_loop(pod: objects.Stored, now: str, address: str) -> document.Json:
    started = _running(pod, now, address, phase="Running", ready=False)
    return {**started, "containerStatuses": _crashed(pod, now, restarts=1)}


def _crashes_again(pod: objects.Stored, now: str, _: str) -> document.Json:
    return {"containerStatuses": _crashed(pod, now, restarts=pods.restarts(pod.body) + 1)}


def _image_pull_error(pod: objects.Stored, now: str, _: str) -> document.Json:
    state: document.Json = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
    started = _running(pod, now, "", phase="Pending", ready=False)
    return {**started, "containerStatuses": _containers(pod, state)}


def _fails_later(pod: objects.Stored, now: str, _: str) -> document.Json:
    return {
        "conditions": [_condition("ContainersReady", "False", now), _condition("Ready", "False", now)],
        "containerStatuses": _containers(pod, {"running": {"startedAt": now}}),
    }


def _job_succeeds(pod: objects.Stored, now: str, _: str) -> document.Json:
    return {"phase": "Succeeded", "containerStatuses": _containers(pod, _ended(now, 0, "Completed"))}


def _job_fails(pod: objects.Stored, now: str, _: str) -> document.Json:
    return {"phase": "Failed", "containerStatuses": _containers(pod, _ended(now, 1, "Error"))}


def _crashed(pod: objects.Stored, now: str, *, restarts: int) -> list[document.JsonValue]:
    message = "back-off 10s restarting failed container"
    state: document.Json = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
    return _containers(pod, state, restarts=restarts, last=_ended(now, 1, "Error"))


def _ended(now: str, code: int, reason: str) -> document.Json:
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": now, "finishedAt": now}}


def _containers(
    pod: objects.Stored,
    state: document.Json,
    *,
    ready: bool = False,
    restarts: int = 0,
    last: document.Json | None = None,
) -> list[document.JsonValue]:
    return [
        {
            "name": document.text(one, "name"),
            "state": state,
            "lastState": last or {},
            "ready": ready,
            "restartCount": restarts,
            "image": document.text(one, "image"),
            "imageID": "",
        }
        for one in document.items(pod.body, "spec", "containers")
        if isinstance(one, dict)
    ]


def _condition(kind: str, status: str, now: str) -> document.Json:
    return {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": now}


def _merged(new: document.JsonValue, old: list[document.JsonValue]) -> list[document.JsonValue]:
    """The new conditions, then the old ones of other types: a merge by type."""
    fresh = new if isinstance(new, list) else []
    kinds = {one.get("type") for one in fresh if isinstance(one, dict)}
    kept = [one for one in old if isinstance(one, dict) and one.get("type") not in kinds]
    if conditions.find(fresh, "Initialized"):
        return [*fresh, *kept]
    changed = {one.get("type"): one for one in fresh if isinstance(one, dict)}
    return [changed.get(one.get("type"), one) for one in old if isinstance(one, dict)]
