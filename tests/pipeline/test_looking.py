"""A tree out of what a cluster answers, and what it says where a cluster does not."""

from typing import Any, cast

import pytest

from reconciler import errors, ports
from reconciler.model import health, ids, live, trees
from reconciler.pipeline import looking
from reconciler.verify import judgement
from tests.support import planned
from tests.support.fake_cluster import FakeCluster

PATIENCE = judgement.Patience(restarts=1, spent=600.0, deadline=600.0, observing=True)
POD = ids.KindKey("", "Pod")
DEPLOYMENT = planned.key("Deployment", "web", group="apps")
LABELS = {"app": "web"}


class Bench:
    """A Deployment with one ReplicaSet and a crashing pod for each of `pods`."""

    def __init__(self, pods: int = 1) -> None:
        self.cluster = FakeCluster()
        self.cluster.served |= {("", "Pod"): ("v1", True), ("apps", "ReplicaSet"): ("v1", True)}
        self.put("apps/v1", "Deployment", "web", spec={"replicas": pods}, status={"observedGeneration": 0})
        self.put("apps/v1", "ReplicaSet", "web-1", owner=DEPLOYMENT)
        waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
        ended = {"terminated": {"exitCode": 1, "reason": "Error"}}
        one = {"name": "app", "ready": False, "restartCount": 3, "state": waiting, "lastState": ended}
        for number in range(pods):
            owner = planned.key("ReplicaSet", "web-1", group="apps")
            self.put("v1", "Pod", f"web-1-{number}", owner=owner, status={"containerStatuses": [one]})

    def put(self, api_version: str, kind: str, name: str, *, owner: ids.ObjectKey | None = None, **body: Any) -> None:
        metadata: dict[str, Any] = {"name": name, "namespace": "web", "labels": LABELS}
        if owner:
            uid = self.cluster.objects[owner].uid
            metadata["ownerReferences"] = [{"kind": owner.kind, "name": owner.name, "uid": uid, "controller": True}]
        self.cluster.seed({"apiVersion": api_version, "kind": kind, "metadata": metadata, **body})

    async def tree(self, *keys: ids.ObjectKey) -> trees.Tree:
        port = cast(ports.Cluster, self.cluster)
        return await looking.grown(port, planned.TARGET, keys or (DEPLOYMENT,), patience=PATIENCE)


def leaf(found: trees.Tree, number: int = 0) -> trees.Node:
    return found.nodes[0].children[0].children[number]


async def test_the_reason_stands_at_the_leaf() -> None:
    bench = Bench()
    pod = planned.key("Pod", "web-1-0")
    bench.cluster.logs["web-1-0", "app"] = ("boot", "no database")
    bench.cluster.noted[pod] = (live.Happening("2026-01-01T10:00:00Z", 4, True, "BackOff", "restarting"),)
    found = await bench.tree()
    assert leaf(found).evidence == (
        trees.Evidence("log of container app, the run before", ("boot", "no database")),
        trees.Evidence("events", ("2026-01-01 10:00:00 Warning BackOff (4 times): restarting",)),
    )
    assert leaf(found).state is health.State.DEGRADED
    assert found.nodes[0].evidence == ()
    assert not found.well


async def test_what_cannot_be_read_is_said_where_it_would_stand() -> None:
    bench = Bench()
    bench.cluster.forbidden = {planned.key("Pod", "web-1-0"), planned.key("Secret", "token")}
    found = await bench.tree(DEPLOYMENT, planned.key("Secret", "token"))
    secret, _ = found.nodes  # applied before what needs it
    assert secret.unread == ("Secret web/token is forbidden: cannot get",)
    log, events = found.nodes[1].children[0].children[0].evidence
    assert (log.lines, log.because) == ((), "could not be read: the server does not give it (500): no node")
    assert events.because == "could not be read: events about Pod web/web-1-0 may not be read (403)"


async def test_pods_that_may_not_be_listed_make_their_owner_unread() -> None:
    bench = Bench()
    bench.cluster.unlisted = {POD}
    found = await bench.tree()
    assert found.nodes[0].unread == ("objects of Pod in web may not be listed (403)",)
    assert not found.well


async def test_the_first_leaves_are_asked_and_the_others_said_not_to_be() -> None:
    bench = Bench(pods=looking.LEAVES + 2)
    found = await bench.tree()
    assert [call for call, _ in bench.cluster.calls].count("tail, previous") == looking.LEAVES
    assert leaf(found, looking.LEAVES).evidence == (
        trees.Evidence("logs and events", (), "not asked: 7 objects fail, and the first 5 were asked"),
    )


class Away(FakeCluster):
    async def facts(self, *, fresh: bool = False) -> live.ClusterFacts:
        raise errors.Transient("cannot be reached")


async def test_a_cluster_that_is_away_makes_everything_unknown() -> None:
    found = await looking.grown(cast(ports.Cluster, Away()), planned.TARGET, [DEPLOYMENT], patience=PATIENCE)
    assert [node.state for node in found.nodes] == [health.State.UNKNOWN]
    assert found.unread == ("cannot be reached",)
    assert not found.well


@pytest.mark.parametrize("well", [True, False])
async def test_a_target_is_well_when_all_of_it_is(*, well: bool) -> None:
    bench = Bench()
    bench.put("v1", "ConfigMap", "settings")
    keys = [planned.key("ConfigMap", "settings" if well else "gone")]
    found = await bench.tree(*keys)
    assert found.well is well
    assert found.nodes[0].state is (health.State.HEALTHY if well else health.State.MISSING)
