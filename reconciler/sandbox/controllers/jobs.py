"""Jobs: pods that run to their end (pkg/controller/job), and their removal after `ttlSecondsAfterFinished`.

A Job's pods carry a finalizer until they are counted, so that none is lost or counted twice. Not modelled: policies
for pod failures and for success, a back-off limit of each index, and Jobs that another controller manages.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from reconciler.model import document, ids, live
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import conditions, counting, owning, pods, world

KIND = ids.KindKey("batch", "Job")
TRACKING = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
BACK_OFF, LONGEST_BACK_OFF = 10.0, 600.0
"""Seconds before a failed pod is replaced; doubled with each failure in a row."""

REACHED = "Reached expected number of succeeded pods"


@dataclass(slots=True)
class Look:
    """One look at a Job and its pods."""

    stored: objects.Stored
    own: list[objects.Stored]
    status: document.Json
    """As it will be written."""
    active: int = 0
    ready: int = 0
    terminating: int = 0
    succeeded: int = 0
    failed: int = 0
    ending: document.Json | None = None
    """SuccessCriteriaMet or FailureTarget: the Job ends, as soon as all pods are gone and counted."""

    @property
    def body(self) -> document.Json:
        return self.stored.body

    @property
    def said(self) -> list[document.JsonValue]:
        return document.items(self.status, "conditions")

    @property
    def suspended(self) -> bool:
        return document.at(self.body, "spec", "suspend") is True

    @property
    def failing(self) -> bool:
        return self.ending is not None and self.ending.get("type") == "FailureTarget"


@dataclass(slots=True)
class Jobs:
    """Remembers failures in a row, as the real one does, in memory only."""

    _failures: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By UID of the Job: how many since the last success, and the time of the last."""

    def reconcile(self, key: ids.ObjectKey, cluster: world.World) -> float | None:
        found = cluster.kept.get(key)
        _release(cluster, key, found)
        if found is None:
            return None
        if finished(found.body):
            self._failures.pop(world.uid(found), None)
            return _expire(cluster, found)
        look = _read(cluster, found)
        self._count_failures(look)
        after = self._work(cluster, look)
        _write(cluster, look)
        return after

    def _work(self, cluster: world.World, look: Look) -> float | None:
        """End it, or keep the right number of pods. Seconds until the next look."""
        after = _judge(cluster, look)
        if look.ending is not None:
            _delete_active(cluster, look)
        elif not world.deleting(look.stored):
            wait = self._run(cluster, look)
            if counting.done(look.body, look.succeeded) and look.active == 0:
                look.ending = _ending("SuccessCriteriaMet", "CompletionsReached", REACHED, cluster.stamp())
            else:
                _say_suspended(look, cluster.stamp())
            after = min((one for one in (after, wait) if one is not None), default=None)  # AGAIN comes first
        return after

    def _run(self, cluster: world.World, look: Look) -> float | None:
        """Make or delete pods. Seconds until failed ones may be replaced, or refused ones tried again."""
        want = 0 if look.suspended else counting.wanted(look.body, look.succeeded, look.active)
        if look.active > want:
            _delete(cluster, look, [pod for pod in look.own if pods.active(pod.body)][: look.active - want])
            return None
        held = look.terminating if counting.replaces_failed_only(look.body) else 0
        missing = want - look.active - held
        if missing <= 0:
            return None
        wait = self._back_off(cluster, look)
        if wait > 0:
            return wait
        for index in counting.free_indexes(look.body, look.own, missing):
            if isinstance(_create(cluster, look, index), live.Refused):
                return world.AGAIN
            look.active += 1
        return None

    def _count_failures(self, look: Look) -> None:
        uncounted = [pod for pod in look.own if _tracked(pod)]
        lost = [pod for pod in uncounted if counting.failed(look.body, pod)]
        if any(pods.phase(pod.body) == "Succeeded" for pod in uncounted):
            self._failures.pop(world.uid(look.stored), None)
        elif lost:
            count, _ = self._failures.get(world.uid(look.stored), (0, ""))
            last = max(counting.ended_at(pod.body) for pod in lost)
            self._failures[world.uid(look.stored)] = (count + len(lost), last)

    def _back_off(self, cluster: world.World, look: Look) -> float:
        count, last = self._failures.get(world.uid(look.stored), (0, ""))
        if not count:
            return 0.0
        pause = min(BACK_OFF * 2.0 ** (count - 1), LONGEST_BACK_OFF)
        return max(0.0, pause - world.age(last, cluster.now()))


def finished(job: document.Json) -> bool:
    return "True" in (conditions.says(job, "Complete"), conditions.says(job, "Failed"))


def _read(cluster: world.World, found: objects.Stored) -> Look:
    own = owning.claim(cluster, found, world.POD)
    look = Look(found, own, dict(document.mapping(found.body, "status")))
    active = [pod for pod in own if pods.active(pod.body)]
    look.active = len(active)
    look.ready = sum(1 for pod in active if pods.ready(pod.body))
    look.terminating = sum(1 for pod in own if world.deleting(pod) and not pods.finished(pod.body))
    tracked = [pod for pod in own if _tracked(pod)]
    done = sum(1 for pod in tracked if pods.phase(pod.body) == "Succeeded")
    look.succeeded = document.number(look.status, "succeeded") + done
    if counting.indexed(found.body):
        look.succeeded = len(counting.succeeded_indexes(found.body, own))
    lost = sum(1 for pod in tracked if counting.failed(found.body, pod))
    look.failed = document.number(look.status, "failed") + lost
    if not look.suspended:
        look.status.setdefault("startTime", cluster.stamp())
    return look


def _judge(cluster: world.World, look: Look) -> float | None:
    """Whether it ends by an earlier word, by its failures or by its deadline. Seconds until the deadline."""
    for kind in ("SuccessCriteriaMet", "FailureTarget"):
        if earlier := conditions.find(look.said, kind):
            look.ending = earlier
            return None
    if look.failed > counting.limit(look.body) or counting.restarted_too_often(look.body, look.own):
        said = "Job has reached the specified backoff limit"
        look.ending = _ending("FailureTarget", "BackoffLimitExceeded", said, cluster.stamp())
        return None
    deadline = document.at(look.body, "spec", "activeDeadlineSeconds")
    if not isinstance(deadline, int) or look.suspended:
        return None
    left = deadline - world.age(document.text(look.status, "startTime"), cluster.now())
    if left <= 0:
        said = "Job was active longer than specified deadline"
        look.ending = _ending("FailureTarget", "DeadlineExceeded", said, cluster.stamp())
        return None
    return left


def _delete_active(cluster: world.World, look: Look) -> None:
    """They keep their finalizers: they are counted first."""
    for pod in look.own:
        if pods.active(pod.body):
            cluster.delete(pod)
            look.active -= 1
            look.ready -= pods.ready(pod.body)
            look.terminating += 1


def _delete(cluster: world.World, look: Look, chosen: Sequence[objects.Stored]) -> None:
    """Delete pods that do not count as failed: they lose their finalizer first."""
    for pod in chosen:
        cluster.delete(_untracked(cluster, pod))
        look.active -= 1
        look.ready -= pods.ready(pod.body)
        look.terminating += 1
    gone = {pod.key for pod in chosen}
    look.own = [pod for pod in look.own if pod.key not in gone]


def _say_suspended(look: Look, stamp: str) -> None:
    seen = conditions.find(look.said, "Suspended")
    status = "True" if look.suspended else "False"
    if (seen is None and not look.suspended) or (seen and seen.get("status") == status):
        return
    word = "suspended" if look.suspended else "resumed"
    new = _ending("Suspended", f"Job{word.capitalize()}", f"Job {word}", stamp) | {"status": status}
    look.status["conditions"] = conditions.replace(look.said, new)
    if look.suspended:
        look.status.pop("startTime", None)
    else:
        look.status["startTime"] = stamp


def _write(cluster: world.World, look: Look) -> None:
    """Say what ends it and which pods are being counted, count them, and say that it has ended: in this order, so
    that no crash in between loses a pod."""
    ended = [pod for pod in look.own if _tracked(pod) and _countable(look, pod)]
    if look.ending is not None and conditions.find(look.said, document.text(look.ending, "type")) is None:
        look.status["conditions"] = [*look.said, look.ending]
    succeeded = [pod for pod in ended if pods.phase(pod.body) == "Succeeded"]
    lost = [pod for pod in ended if pods.phase(pod.body) != "Succeeded" and _lost(look, pod)]
    waiting: document.Json = {
        "succeeded": [] if counting.indexed(look.body) else [world.uid(pod) for pod in succeeded],
        "failed": [world.uid(pod) for pod in lost],
    }
    status = _status(look)
    if counting.indexed(look.body):
        done = counting.succeeded_indexes(look.body, look.own)
        status |= world.shed({"succeeded": len(done), "completedIndexes": counting.ranges(done)})
    held: document.Json = {name: uids for name, uids in waiting.items() if uids}
    look.stored = cluster.status(look.stored, {**status, "uncountedTerminatedPods": held})
    for pod in ended:
        _untracked(cluster, pod)
    counts: document.Json = {"failed": document.number(status, "failed") + len(lost)}
    if not counting.indexed(look.body):
        counts["succeeded"] = document.number(status, "succeeded") + len(succeeded)
    status |= world.shed(counts) | {"uncountedTerminatedPods": {}}
    if look.ending is not None and not look.terminating:
        _end(status, look.ending, cluster.stamp())
    look.stored = cluster.status(look.stored, status)


def _status(look: Look) -> document.Json:
    kept = {name: value for name, value in look.status.items() if name != "active"}
    return kept | world.shed({"active": look.active}) | {"ready": look.ready, "terminating": look.terminating}


def _countable(look: Look, pod: objects.Stored) -> bool:
    if look.ending is not None or world.deleting(look.stored) or pods.phase(pod.body) == "Succeeded":
        return True
    return counting.failed(look.body, pod)


def _lost(look: Look, pod: objects.Stored) -> bool:
    """When a Job fails, every pod that has not ended has failed."""
    return counting.failed(look.body, pod) or look.failing


def _end(status: document.Json, ending: document.Json, stamp: str) -> None:
    kind = "Failed" if ending.get("type") == "FailureTarget" else "Complete"
    said = document.items(status, "conditions")
    if conditions.find(said, kind) is not None:
        return
    reason, message = document.text(ending, "reason"), document.text(ending, "message")
    status["conditions"] = [*said, _ending(kind, reason, message, stamp)]
    if kind == "Complete":
        status["completionTime"] = stamp


def _ending(kind: str, reason: str, message: str, stamp: str) -> document.Json:
    return {
        "type": kind,
        "status": "True",
        "lastProbeTime": stamp,
        "lastTransitionTime": stamp,
        "reason": reason,
        "message": message,
    }


def _create(cluster: world.World, look: Look, index: int | None) -> objects.Stored | live.Refused:
    name, own = look.stored.key.name, world.uid(look.stored)
    template = document.mapping(look.body, "spec", "template")
    labels: document.Json = {}
    for prefix in ("", "batch.kubernetes.io/"):
        labels |= {f"{prefix}controller-uid": own, f"{prefix}job-name": name}
    if index is None:
        return pods.create(
            cluster, look.stored, prefix=f"{name}-", template=template, labels=labels, finalizers=(TRACKING,)
        )
    notes = {**world.annotations(template), INDEX: str(index)}
    metadata = {**document.mapping(template, "metadata"), "annotations": notes}
    spec = {**document.mapping(template, "spec"), "hostname": f"{name}-{index}"}
    return pods.create(
        cluster,
        look.stored,
        prefix=f"{name}-{index}-",
        template={**template, "metadata": metadata, "spec": spec},
        labels={**labels, INDEX: str(index)},
        finalizers=(TRACKING,),
    )


def _tracked(pod: objects.Stored) -> bool:
    return TRACKING in document.items(pod.body, "metadata", "finalizers")


def _untracked(cluster: world.World, pod: objects.Stored) -> objects.Stored:
    if not _tracked(pod):
        return pod
    metadata = dict(document.mapping(pod.body, "metadata"))
    kept = [one for one in document.items(metadata, "finalizers") if one != TRACKING]
    metadata.pop("finalizers")
    return cluster.change(pod, {"metadata": metadata | ({"finalizers": kept} if kept else {})})


def _release(cluster: world.World, key: ids.ObjectKey, found: objects.Stored | None) -> None:
    """Nobody will count the pods of a Job that is gone, also when another one of its name is there."""
    own = world.uid(found) if found else ""
    for pod in cluster.kept.of_kind(world.POD, key.namespace):
        owner = owning.controller(pod.body) if _tracked(pod) else None
        if owner and (owner.get("kind"), owner.get("name")) == (KIND.kind, key.name) and owner.get("uid") != own:
            _untracked(cluster, pod)


def _expire(cluster: world.World, found: objects.Stored) -> float | None:
    """Delete a finished Job when its time is over."""
    ttl = document.at(found.body, "spec", "ttlSecondsAfterFinished")
    if not isinstance(ttl, int) or world.deleting(found):
        return None
    said = document.items(found.body, "status", "conditions")
    end = conditions.find(said, "Complete") or conditions.find(said, "Failed") or {}
    left = ttl - world.age(document.text(end, "lastTransitionTime"), cluster.now())
    if left > 0:
        return left
    cluster.kept.delete(found.key, uid=world.uid(found), propagation="Foreground")
    return None
