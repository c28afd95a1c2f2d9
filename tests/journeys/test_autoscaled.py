"""The number of pods is handed to an autoscaler and taken back, and never jumps in between (facts §4)."""

import threading
from typing import Any

import pytest

from tests.clusterkit import access
from tests.support import site

Json = dict[str, Any]
EVERY = 0.05
"""Seconds between two samples: 20 a second; a reset to 1 that the autoscaler corrects lasts about one."""


class Sampler(threading.Thread):
    """Notes every number of replicas that the Deployment ever has."""

    def __init__(self, cluster: access.ClusterAccess, path: str) -> None:
        super().__init__(daemon=True)
        self.seen: list[int] = []
        self._cluster = cluster
        self._path = path
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(EVERY):
            found = self._cluster.get(self._path)
            count = found["spec"]["replicas"] if found else 0
            if not self.seen or self.seen[-1] != count:
                self.seen.append(count)

    def stop(self) -> list[int]:
        self._over.set()
        self.join()
        return self.seen


def autoscaler(least: int) -> Json:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": reference, "minReplicas": least, "maxReplicas": 9}
    kind = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
    return {**kind, "metadata": {"name": "web"}, "spec": spec}


def without_replicas() -> Json:
    found = site.deployment()
    del found["spec"]["replicas"]
    return found


@pytest.mark.only_kubernetes("an autoscaler scales")
def test_replicas_change_hands_without_a_jump(a_site: site.Site) -> None:
    a_site.application("web", [site.deployment(replicas=3)])
    good = a_site.commit("three, by Git")
    a_site.start()
    a_site.wait_good(good)
    path = access.path_of("apps/v1", "Deployment", namespace=a_site.namespace, name="web")
    sampler = Sampler(a_site.cluster, path)
    sampler.start()

    # To the autoscaler: Git drops the number in the very commit that brings the autoscaler.
    a_site.application("web", [without_replicas(), autoscaler(5)])
    handed = a_site.commit("five, by the autoscaler")
    a_site.wait_good(handed)
    a_site.wait(lambda: (a_site.cluster.get(path) or {})["spec"]["replicas"] == 5, what="the autoscaler's number")
    a_site.wait_in_sync()

    # And back: Git names a number, the autoscaler goes.
    a_site.application("web", [site.deployment(replicas=4)])
    back = a_site.commit("four, by Git")
    a_site.wait_good(back)
    a_site.wait(lambda: (a_site.cluster.get(path) or {})["spec"]["replicas"] == 4, what="Git's number")
    a_site.wait_in_sync()
    seen = sampler.stop()
    assert seen[0] == 3 and seen[-1] == 4
    assert set(seen) <= {3, 4, 5}, f"only numbers that somebody wanted: {seen}"
