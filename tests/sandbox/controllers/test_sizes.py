"""How large the ReplicaSets of a Deployment may be, as Kubernetes rounds it."""

import pytest

from reconciler.model import document, ids
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import sizes


def deployment(replicas: int, surge: int | str, unavailable: int | str) -> document.Json:
    rolling: document.Json = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}}


def replica_set(name: str, replicas: int, *, maximum: int) -> objects.Stored:
    body: document.Json = {
        "metadata": {"name": name, "annotations": {sizes.MAXIMUM: str(maximum)}, "creationTimestamp": name},
        "spec": {"replicas": replicas},
    }
    return objects.Stored(ids.ObjectKey("apps", "ReplicaSet", "shop", name), body)


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "most", "least"),
    [
        (1, "25%", "25%", 1, 0),
        (2, "1%", "25%", 1, 0),
        (2, "0%", "1%", 0, 1),  # both round to nothing: one may be missing, or nothing could move
        (3, "25%", "25%", 1, 0),
        (10, "25%", "25%", 3, 2),
        (10, 2, 0, 2, 0),
        (2, 0, 5, 0, 2),
        (0, 1, 1, 1, 0),
    ],
)
def test_surge_is_rounded_up_and_unavailable_down(
    replicas: int, surge: int | str, unavailable: int | str, most: int, least: int
) -> None:
    found = deployment(replicas, surge, unavailable)
    assert (sizes.surge(found), sizes.unavailable(found)) == (most, least)


@pytest.mark.parametrize(
    ("replicas", "surge", "before", "after"),
    [
        (20, "25%", (10, 3), (19, 6)),  # 25 in all where it was 13
        (20, 3, (10, 3), (18, 5)),  # as seen on a real one
        (5, "25%", (10, 3), (5, 2)),
        (0, "25%", (10, 3), (0, 0)),
        (10, "25%", (10, 3), (10, 3)),
    ],
)
def test_a_scaling_in_the_middle_of_a_rollout_keeps_the_shares(
    replicas: int, surge: int | str, before: tuple[int, int], after: tuple[int, int]
) -> None:
    old, new = (replica_set(name, size, maximum=13) for name, size in zip(("a", "b"), before, strict=True))
    scaled = sizes.proportional(deployment(replicas, surge, 0), [old, new])
    found = {one.key.name: size for one, size in scaled}
    assert (found["a"], found["b"]) == after
