"""One target on a fake cluster: what is planned for it, and what it says."""

from typing import Any, cast

from reconciler import ports
from reconciler.model import ids, manifests, outcomes, plans, records, rollouts
from reconciler.pipeline import planning
from tests.support import planned
from tests.support.fake_cluster import FakeCluster

Action = plans.Action
Reason = outcomes.HoldReason


class Bench:
    """One target on one fake cluster, with its inventory."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.rows: dict[ids.ObjectKey, records.InventoryRow] = {}
        self.target = planned.target(cluster_kinds=(ids.KindKey("", "Namespace"),))

    def applied(self, *sent: manifests.Manifest, **more: bool) -> None:
        """As if an earlier rollout had applied these and heard the answers."""
        for manifest in sent:
            self.rows[manifest.key] = planned.row(self.cluster.land(manifest, **more), manifest)

    async def plan(
        self, *wanted: manifests.Manifest, purpose: rollouts.Purpose = rollouts.Purpose.RELEASE
    ) -> planning.Planned:
        self.cluster.calls.clear()
        return await planning.make(
            cast(ports.Cluster, self.cluster),
            target=self.target,
            installation=planned.INSTALLATION,
            manifest_set=planned.manifest_set(*wanted),
            rows=tuple(self.rows.values()),
            purpose=purpose,
        )

    async def carried_out(self, *wanted: manifests.Manifest) -> planning.Planned:
        """Plan, apply and record, as the rollout does, and plan again."""
        made = await self.plan(*wanted)
        assert not made.holds
        for change in made.plan.writes:
            if change.manifest:
                self.applied(change.manifest, force=change.force)
        return await self.plan(*wanted)

    def edit(self, kind: str, name: str, **fields: Any) -> None:
        api_version = "apps/v1" if kind == "Deployment" else "v1"
        metadata = {"name": name, "namespace": "web"}
        self.cluster.seed({"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields})

    def scale(self, count: int, *, manager: str = "kube-controller-manager") -> None:
        metadata = {"name": "web", "namespace": "web"}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"replicas": count}}
        self.cluster.seed(body, manager=manager, sub="scale")

    def replicas(self) -> int:
        found = self.cluster.objects[planned.key("Deployment", "web", group="apps")].body["spec"]["replicas"]
        assert isinstance(found, int)
        return found


def actions(made: planning.Planned) -> dict[str, Action]:
    return {f"{change.key.kind}/{change.key.name}": change.action for change in made.plan.changes}


def only(made: planning.Planned) -> plans.Change:
    (change,) = made.plan.changes
    return change


def reasons(made: planning.Planned) -> list[Reason]:
    return [hold.reason for hold in made.holds]


def sent_replicas(change: plans.Change) -> object:
    assert change.manifest is not None
    spec = change.manifest.document()["spec"]
    assert isinstance(spec, dict)
    return spec.get("replicas")
