"""How large the ReplicaSets of a Deployment may be: arithmetic alone (pkg/controller/deployment/util)."""

import math
from collections.abc import Sequence

from reconciler.model import document
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import world

DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"


def wanted(body: document.Json) -> int:
    """`spec.replicas` of a Deployment or a ReplicaSet."""
    return document.number(body, "spec", "replicas")


def status(body: document.Json, word: str) -> int:
    return document.number(body, "status", word)


def rolling(deployment: document.Json) -> bool:
    return document.text(deployment, "spec", "strategy", "type") != "Recreate"


def surge(deployment: document.Json) -> int:
    return _fenceposts(deployment)[0] if rolling(deployment) else 0


def unavailable(deployment: document.Json) -> int:
    if not rolling(deployment) or not wanted(deployment):
        return 0
    return min(_fenceposts(deployment)[1], wanted(deployment))


def _fenceposts(deployment: document.Json) -> tuple[int, int]:
    """Surge is rounded up, unavailable down; when both are 0 one pod may be unavailable, or nothing could move."""
    place = ("spec", "strategy", "rollingUpdate")
    more = scaled(document.at(deployment, *place, "maxSurge"), wanted(deployment), up=True)
    less = scaled(document.at(deployment, *place, "maxUnavailable"), wanted(deployment), up=False)
    return more, less or (0 if more else 1)


def scaled(value: document.JsonValue, total: int, *, up: bool) -> int:
    """A number, or a percentage of `total`."""
    if isinstance(value, str) and value.endswith("%"):
        exact = int(value[:-1]) * total / 100
        return math.ceil(exact) if up else math.floor(exact)
    return int(value) if isinstance(value, int) else 0


def total(sets: Sequence[objects.Stored]) -> int:
    """The pods that these sets want."""
    return sum(wanted(one.body) for one in sets)


def total_of(sets: Sequence[objects.Stored], word: str) -> int:
    """A number of their statuses, summed."""
    return sum(status(one.body, word) for one in sets)


def grown(deployment: document.Json, sets: Sequence[objects.Stored], size: int) -> int:
    """The size to which the newest set, now of `size`, may grow while a rollout goes on."""
    if not rolling(deployment):
        return wanted(deployment)
    room = wanted(deployment) + surge(deployment) - total(sets)
    return size + min(room, wanted(deployment) - size) if room > 0 else size


def proportional(deployment: document.Json, active: Sequence[objects.Stored]) -> list[tuple[objects.Stored, int]]:
    """The sizes of several active sets when the Deployment is scaled in the middle of a rollout: each by its share,
    the rest to the largest."""
    allowed = wanted(deployment) + surge(deployment) if wanted(deployment) else 0
    add = allowed - total(active)
    newest_first = sorted(active, key=_made, reverse=True) if add > 0 else sorted(active, key=_made)
    ordered = sorted(newest_first, key=lambda one: -wanted(one.body))
    added, sizes = 0, []
    for one in ordered:
        share = _share(deployment, one.body, add, added)
        sizes.append(wanted(one.body) + share)
        added += share
    if sizes:
        sizes[0] = max(0, sizes[0] + add - added)
    return list(zip(ordered, sizes, strict=True))


def _share(deployment: document.Json, one: document.Json, add: int, added: int) -> int:
    if add == added or not wanted(one):
        return 0
    allowed, share = add - added, _fraction(deployment, one)
    return min(share, allowed) if add > 0 else max(share, allowed)


def _fraction(deployment: document.Json, one: document.Json) -> int:
    if not wanted(deployment):
        return -wanted(one)
    noted = str(world.annotations(one).get(MAXIMUM) or "")
    before = int(noted) if noted.isdecimal() and int(noted) else status(deployment, "replicas")
    if not before:
        return 0
    exact = wanted(one) * (wanted(deployment) + surge(deployment)) / before
    return math.floor(exact + 0.5) - wanted(one)


def _made(one: objects.Stored) -> tuple[str, str]:
    return document.text(one.body, "metadata", "creationTimestamp"), one.key.name


def oldest_first(sets: Sequence[objects.Stored]) -> list[objects.Stored]:
    return sorted(sets, key=_made)


def active(sets: Sequence[objects.Stored]) -> list[objects.Stored]:
    """Those that want pods."""
    return [one for one in sets if wanted(one.body) > 0]
