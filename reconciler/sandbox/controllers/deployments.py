"""Deployments: rollouts by way of ReplicaSets (pkg/controller/deployment)."""

from reconciler.model import document, ids
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import conditions, owning, pods, revisions, sizes, world

KIND = ids.KindKey("apps", "Deployment")
FOREVER = 2**31 - 1
"""`revisionHistoryLimit` that keeps everything."""


def reconcile(key: ids.ObjectKey, cluster: world.World) -> float | None:
    found = cluster.kept.get(key)
    if found is None or not document.mapping(found.body, "spec", "selector"):
        return None
    sets = revisions.split(found, owning.claim(cluster, found, world.REPLICA_SET))
    if world.deleting(found):
        revisions.sync(cluster, sets, create=False)
        _sync_status(cluster, sets, rollout=False)
        return None
    _say_paused(cluster, sets)
    if document.at(sets.deployment.body, "spec", "paused") is True:
        _resize(cluster, sets)
        _forget(cluster, sets)
        _sync_status(cluster, sets, rollout=False)
        return None
    revisions.sync(cluster, sets, create=False)
    if _was_scaled(sets):
        _resize(cluster, sets)
        _sync_status(cluster, sets, rollout=False)
    elif sizes.rolling(sets.deployment.body):
        if not _roll(cluster, sets):
            return world.AGAIN
    elif not _recreate(cluster, sets):
        return world.AGAIN
    return _next_look(cluster, sets)


def _say_paused(cluster: world.World, sets: revisions.Sets) -> None:
    """So that a pause does not count against the deadline."""
    if not revisions.has_deadline(sets.deployment.body):
        return
    seen = conditions.find(document.items(sets.deployment.body, "status", "conditions"), "Progressing") or {}
    reason = document.text(seen, "reason")
    paused = document.at(sets.deployment.body, "spec", "paused") is True
    if reason == "ProgressDeadlineExceeded":
        return
    if paused and reason != "DeploymentPaused":
        revisions.say(cluster, sets, "Unknown", "DeploymentPaused", "Deployment is paused")
    elif not paused and reason == "DeploymentPaused":
        revisions.say(cluster, sets, "Unknown", "DeploymentResumed", "Deployment is resumed")


def _was_scaled(sets: revisions.Sets) -> bool:
    want = str(sizes.wanted(sets.deployment.body))
    return any(world.annotations(one.body).get(sizes.DESIRED, want) != want for one in sizes.active(sets.all))


# --- sizes


def _scale(cluster: world.World, sets: revisions.Sets, one: objects.Stored, size: int, *, always: bool = False) -> bool:
    """Whether the size changed. `always`: note the size of the whole even if it does not."""
    if not always and sizes.wanted(one.body) == size:
        return False
    notes = {**world.annotations(one.body), **revisions.replica_notes(sets.deployment.body)}
    if sizes.wanted(one.body) == size and notes == world.annotations(one.body):
        return False
    spec = {**document.mapping(one.body, "spec"), "replicas": size}
    sets.replace(cluster.change(one, {"metadata": revisions.annotated(one, notes), "spec": spec}))
    return sizes.wanted(one.body) != size


def _resize(cluster: world.World, sets: revisions.Sets) -> None:
    """After the Deployment was scaled, or while it is paused."""
    want = sizes.wanted(sets.deployment.body)
    revisions.sync(cluster, sets, create=False)
    active = sizes.active(sets.all)
    if len(active) <= 1:
        latest = sets.newest or next(reversed(sizes.oldest_first(sets.older)), None)
        only = active[0] if active else latest
        if only is not None:
            _scale(cluster, sets, only, want)
    elif _saturated(sets):
        for one in sizes.active(sets.older):
            _scale(cluster, sets, one, 0)
    elif sizes.rolling(sets.deployment.body):
        for one, size in sizes.proportional(sets.deployment.body, active):
            _scale(cluster, sets, one, size, always=True)


def _saturated(sets: revisions.Sets) -> bool:
    want, newest = sizes.wanted(sets.deployment.body), sets.newest
    return newest is not None and (
        sizes.wanted(newest.body),
        world.annotations(newest.body).get(sizes.DESIRED),
        sizes.status(newest.body, "availableReplicas"),
    ) == (want, str(want), want)


# --- rollouts


def _roll(cluster: world.World, sets: revisions.Sets) -> bool:
    """One step of a rolling update: up if that is allowed, else down. False: there is no new set, try again."""
    if not revisions.sync(cluster, sets, create=True) or sets.newest is None:
        return False
    if not _scale_new(cluster, sets, sets.newest) and not _scale_old(cluster, sets, sets.newest):
        _forget_when_complete(cluster, sets)
    _sync_status(cluster, sets, rollout=True)
    return True


def _scale_new(cluster: world.World, sets: revisions.Sets, newest: objects.Stored) -> bool:
    want, size = sizes.wanted(sets.deployment.body), sizes.wanted(newest.body)
    if size > want:
        return _scale(cluster, sets, newest, want)
    return size < want and _scale(cluster, sets, newest, sizes.grown(sets.deployment.body, sets.all, size))


def _scale_old(cluster: world.World, sets: revisions.Sets, newest: objects.Stored) -> bool:
    """Take away what is not available first, then as much as availability allows."""
    if not sizes.total(sets.older):
        return False
    floor = sizes.wanted(sets.deployment.body) - sizes.unavailable(sets.deployment.body)
    not_yet = sizes.wanted(newest.body) - sizes.status(newest.body, "availableReplicas")
    room = sizes.total(sets.all) - floor - not_yet
    if room <= 0:
        return False
    cleaned = _clean(cluster, sets, room)
    if cleaned is None:
        return False
    spare = sizes.total_of(sets.all, "availableReplicas") - floor
    return cleaned + (_take(cluster, sets, spare) if spare > 0 else 0) > 0


def _clean(cluster: world.World, sets: revisions.Sets, most: int) -> int | None:
    """Take what is not available from the old sets, oldest first, `most` pods together. How many that were; None when
    a set has more available pods than it wants: its own controller has not acted yet, and nothing can be told."""
    taken = 0
    for one in sizes.oldest_first(sizes.active(sets.older)):
        if taken >= most:
            break
        size, available = sizes.wanted(one.body), sizes.status(one.body, "availableReplicas")
        if available > size:
            return None
        if count := min(most - taken, size - available):
            _scale(cluster, sets, one, size - count)
            taken += count
    return taken


def _take(cluster: world.World, sets: revisions.Sets, most: int) -> int:
    """Make the old sets smaller, oldest first, by `most` pods together. How many that were."""
    taken = 0
    for one in sizes.oldest_first(sizes.active(sets.older)):
        if count := min(most - taken, sizes.wanted(one.body)):
            _scale(cluster, sets, one, sizes.wanted(one.body) - count)
            taken += count
    return taken


def _recreate(cluster: world.World, sets: revisions.Sets) -> bool:
    """All old pods go before the first new one comes. False: there is no new set, try again."""
    old = sizes.active(sets.older)
    for one in old:
        _scale(cluster, sets, one, 0)
    if old or _old_pods_run(cluster, sets):
        _sync_status(cluster, sets, rollout=True)
        return True
    if not revisions.sync(cluster, sets, create=True) or sets.newest is None:
        return False
    _scale(cluster, sets, sets.newest, sizes.wanted(sets.deployment.body))
    _forget_when_complete(cluster, sets)
    _sync_status(cluster, sets, rollout=True)
    return True


def _old_pods_run(cluster: world.World, sets: revisions.Sets) -> bool:
    """Also those that are on their way out."""
    if sizes.total_of(sets.older, "replicas"):
        return True
    old = {world.uid(one) for one in sets.older}
    held = cluster.kept.of_kind(world.POD, sets.deployment.key.namespace)
    return any((owning.controller(pod.body) or {}).get("uid") in old and not pods.finished(pod.body) for pod in held)


def _forget_when_complete(cluster: world.World, sets: revisions.Sets) -> None:
    if _complete(sets.deployment.body, document.mapping(sets.deployment.body, "status")):
        _forget(cluster, sets)


def _forget(cluster: world.World, sets: revisions.Sets) -> None:
    """Delete the oldest empty sets beyond the history limit."""
    limit = document.at(sets.deployment.body, "spec", "revisionHistoryLimit")
    kept = [one for one in sets.older if not world.deleting(one)]
    if not isinstance(limit, int) or limit == FOREVER or len(kept) <= limit:
        return
    for one in sorted(kept, key=lambda one: (revisions.number(one), one.key.name))[: len(kept) - limit]:
        seen = sizes.status(one.body, "observedGeneration") >= document.number(one.body, "metadata", "generation")
        if seen and not sizes.wanted(one.body) and not sizes.status(one.body, "replicas"):
            cluster.delete(one)
            sets.older = [other for other in sets.older if other.key != one.key]


# --- status


def _sync_status(cluster: world.World, sets: revisions.Sets, *, rollout: bool) -> None:
    """`rollout`: also say how the rollout goes."""
    deployment = sets.deployment.body
    status = _counts(sets)
    said = list(document.items(deployment, "status", "conditions"))
    enough = sizes.total_of(sets.all, "availableReplicas") >= sizes.wanted(deployment) - sizes.unavailable(deployment)
    said = conditions.put(said, _availability(cluster.stamp(), enough))
    if rollout:
        said = _say_progress(cluster, sets, status, said)
        said = _say_failures(sets, said)
    sets.deployment = cluster.status(sets.deployment, {**status, "conditions": said})


def _counts(sets: revisions.Sets) -> document.Json:
    available = sizes.total_of(sets.all, "availableReplicas")
    counts: document.Json = {
        "replicas": sizes.total_of(sets.all, "replicas"),
        "updatedReplicas": sizes.status(sets.newest.body, "replicas") if sets.newest else 0,
        "readyReplicas": sizes.total_of(sets.all, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, sizes.total(sets.all) - available),
        "observedGeneration": document.number(sets.deployment.body, "metadata", "generation"),
        "collisionCount": document.at(sets.deployment.body, "status", "collisionCount"),
    }
    return world.shed(counts) | {"terminatingReplicas": sizes.total_of(sets.all, "terminatingReplicas")}


def _availability(stamp: str, enough: bool) -> document.Json:
    return {
        "type": "Available",
        "status": "True" if enough else "False",
        "lastUpdateTime": stamp,
        "lastTransitionTime": stamp,
        "reason": "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        "message": f"Deployment {'has' if enough else 'does not have'} minimum availability.",
    }


def _say_progress(
    cluster: world.World, sets: revisions.Sets, status: document.Json, said: conditions.Conditions
) -> conditions.Conditions:
    deployment, stamp = sets.deployment.body, cluster.stamp()
    if not revisions.has_deadline(deployment):
        return conditions.without(said, "Progressing")
    seen = conditions.find(document.items(deployment, "status", "conditions"), "Progressing")
    same = document.number(status, "replicas") == document.number(status, "updatedReplicas")
    if same and seen and seen.get("reason") == "NewReplicaSetAvailable":
        return said
    of = f'ReplicaSet "{sets.newest.key.name}"' if sets.newest else f'Deployment "{sets.deployment.key.name}"'
    if _complete(deployment, status):
        done = revisions.progress(stamp, "True", "NewReplicaSetAvailable", f"{of} has successfully progressed.")
        return conditions.put(said, done)
    if _moved(document.mapping(deployment, "status"), status):
        moving = revisions.progress(stamp, "True", "ReplicaSetUpdated", f"{of} is progressing.")
        if seen and seen.get("status") == "True":
            moving["lastTransitionTime"] = seen.get("lastTransitionTime")
        return [*conditions.without(said, "Progressing"), moving]
    if _late(cluster, deployment, seen):
        late = revisions.progress(stamp, "False", "ProgressDeadlineExceeded", f"{of} has timed out progressing.")
        return conditions.put(said, late)
    return said


def _say_failures(sets: revisions.Sets, said: conditions.Conditions) -> conditions.Conditions:
    """What keeps the sets from making pods; the newest set's word counts first."""
    for one in reversed(sets.all):
        failure = conditions.find(document.items(one.body, "status", "conditions"), "ReplicaFailure")
        if failure:
            return conditions.put(said, {**failure, "lastUpdateTime": failure.get("lastTransitionTime")})
    return conditions.without(said, "ReplicaFailure")


def _complete(deployment: document.Json, status: document.Json) -> bool:
    want = sizes.wanted(deployment)
    counts = {document.number(status, word) for word in ("updatedReplicas", "replicas", "availableReplicas")}
    seen = document.number(status, "observedGeneration") >= document.number(deployment, "metadata", "generation")
    return seen and counts == {want}


def _moved(before: document.Json, after: document.Json) -> bool:
    """Whether anything got further: more new pods, fewer old ones, more that are ready or available."""

    def old(status: document.Json) -> int:
        return document.number(status, "replicas") - document.number(status, "updatedReplicas")

    more = any(
        document.number(after, word) > document.number(before, word)
        for word in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )
    return more or old(after) < old(before)


def _late(cluster: world.World, deployment: document.Json, seen: document.Json | None) -> bool:
    if seen is None or seen.get("reason") == "NewReplicaSetAvailable":
        return False
    left = _time_left(cluster, deployment, seen)
    return seen.get("reason") == "ProgressDeadlineExceeded" or left < 0


def _time_left(cluster: world.World, deployment: document.Json, seen: document.Json) -> float:
    spent = world.age(document.text(seen, "lastUpdateTime"), cluster.now())
    return document.number(deployment, "spec", "progressDeadlineSeconds") - spent


def _next_look(cluster: world.World, sets: revisions.Sets) -> float | None:
    """When the deadline may have passed; a second later than that, as the real one, whose clocks are coarse."""
    deployment = sets.deployment.body
    seen = conditions.find(document.items(deployment, "status", "conditions"), "Progressing")
    if not revisions.has_deadline(deployment) or seen is None:
        return None
    done = _complete(deployment, document.mapping(deployment, "status"))
    if done or seen.get("reason") in ("ProgressDeadlineExceeded", "NewReplicaSetAvailable"):
        return None
    left = _time_left(cluster, deployment, seen)
    return left + 1.0 if left >= 1.0 else max(left, 0.0) + 0.01
