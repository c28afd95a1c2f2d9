"""Planning against the real API server: what the fake promises of it, seen on the real thing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from reconciler.edges.kubernetes import cluster as kubernetes
from reconciler.model import ids, live, manifests, outcomes, plans, records
from reconciler.pipeline import planning
from reconciler.plan import drift
from tests.clusterkit import access
from tests.support import planned

pytestmark = pytest.mark.cluster

Action = plans.Action
OPERATION = "00000000-0000-4000-8000-000000000001"
PATIENCE = 45.0
"""Seconds: an HPA acts every 15 s."""


class Bench:
    """One target in a namespace of the real cluster, with its inventory."""

    def __init__(self, cluster: kubernetes.KubernetesCluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.rows: dict[ids.ObjectKey, records.InventoryRow] = {}
        self.heard = asyncio.Event()
        cluster.listen(lambda _: self.heard.set())
        kinds = (ids.KindKey("", "Namespace"),)
        self.target = planned.target(namespaces=(f"{namespace}*",), cluster_kinds=kinds)

    def manifest(self, kind: str, name: str, *, api_version: str = "v1", **body: Any) -> manifests.Manifest:
        return planned.manifest(kind, name, api_version=api_version, namespace=self.namespace, **body)

    def config(self, value: str) -> manifests.Manifest:
        return self.manifest("ConfigMap", "settings", data={"x": value})

    def deployment(self, replicas: int, *, image: str = "web:1") -> manifests.Manifest:
        labels = {"app": "web"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": image}]}}
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        return self.manifest("Deployment", "web", api_version="apps/v1", spec=spec)

    def autoscaler(self, least: int) -> manifests.Manifest:
        reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        spec = {"scaleTargetRef": reference, "minReplicas": least, "maxReplicas": 9}
        return self.manifest("HorizontalPodAutoscaler", "web", api_version="autoscaling/v2", spec=spec)

    async def plan(self, *wanted: manifests.Manifest) -> planning.Planned:
        made = await planning.make(
            self.cluster,
            target=self.target,
            installation=planned.INSTALLATION,
            manifest_set=planned.manifest_set(*wanted),
            rows=tuple(self.rows.values()),
        )
        self.rows |= {row.key: row for row in made.learnt}
        return made

    async def carry_out(self, *wanted: manifests.Manifest) -> planning.Planned:
        """Plan and apply until nothing is left to apply; the first plan."""
        first = made = await self.plan(*wanted)
        for _ in range(len(first.plan.waves) + 1):
            assert made.holds == ()
            writes = [change for wave in made.plan.waves[:1] for change in wave if change.action.writes]
            writes = writes or [change for change in made.plan.writes if change.manifest]
            if not writes:
                return first
            for change in writes:
                await self.apply(change)
            made = await self.plan(*wanted)
        assert not [change for change in made.plan.writes if change.manifest]
        return first

    async def apply(self, change: plans.Change) -> None:
        assert change.manifest is not None
        reply = await self.cluster.apply(change.manifest, operation=OPERATION, force=change.force)
        assert isinstance(reply, live.Applied), reply
        self.rows[change.key] = planned.row(reply.live, change.manifest)

    async def drifted(self, key: ids.ObjectKey) -> None:
        """Wait until the metadata watch makes the object suspicious: it may still show an older write than ours."""
        async with asyncio.timeout(PATIENCE):
            while (meta := self.cluster.meta(key)) is None or not drift.suspicious(self.rows[key], meta):
                self.heard.clear()
                await self.heard.wait()


@asynccontextmanager
async def bench_on(control_plane: access.ClusterAccess, namespace: str) -> AsyncIterator[Bench]:
    cluster = await kubernetes.connect("test", kubeconfig=str(control_plane.kubeconfig))
    try:
        yield Bench(cluster, namespace)
    finally:
        await cluster.close()


def acted(made: planning.Planned) -> dict[str, Action]:
    return {change.key.kind: change.action for change in made.plan.changes}


def change_of(made: planning.Planned, kind: str) -> plans.Change:
    return next(change for change in made.plan.changes if change.key.kind == kind)


async def test_create_then_nothing_then_drift(control_plane: access.ClusterAccess, namespace: str) -> None:
    async with bench_on(control_plane, namespace) as bench:
        secret = bench.manifest("Secret", "s", data={"password": "b2xkIHNlY3JldA=="})
        wanted = [bench.config("1"), bench.deployment(2), secret]
        first = await bench.carry_out(*wanted)
        assert set(acted(first).values()) == {Action.CREATED}

        mark = control_plane.audit_mark()
        assert set(acted(await bench.plan(*wanted)).values()) == {Action.UNCHANGED}
        assert [line for line in control_plane.audit_lines(after=mark) if "dryRun" in line["requestURI"]] == []

        path = f"/api/v1/namespaces/{namespace}/configmaps/settings"
        settings = bench.config("1").key
        control_plane.patch(path, {"data": {"x": "9"}})
        await bench.drifted(settings)
        change = change_of(await bench.carry_out(*wanted), "ConfigMap")
        assert change.action is Action.CONFIGURED and change.force and "kubectl-edit" in change.because
        assert change.fields == (plans.FieldChange("data.x", '"9"', '"1"'),)

        control_plane.patch(path, {"data": {"x": "9"}})
        control_plane.patch(path, {"data": {"x": "1"}})
        await bench.drifted(settings)
        change = change_of(await bench.carry_out(*wanted), "ConfigMap")
        assert change.action is Action.CONFIGURED and change.fields == () and not change.force
        assert change_of(await bench.plan(*wanted), "ConfigMap").action is Action.UNCHANGED

        wanted[2] = bench.manifest("Secret", "s", data={"password": "bmV3IHNlY3JldA=="})
        change = change_of(await bench.plan(*wanted), "Secret")
        assert change.fields == (plans.FieldChange("data.password", "***", "*** (changed)"),)


async def test_holds(control_plane: access.ClusterAccess, namespace: str) -> None:
    async with bench_on(control_plane, namespace) as bench:
        await bench.carry_out(bench.config("1"))
        flux = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": namespace}}
        control_plane.apply({**flux, "data": {"x": "2"}}, manager="flux")
        control_plane.create({**flux, "metadata": {"name": "by-hand", "namespace": namespace}})
        await bench.drifted(bench.config("1").key)
        made = await bench.plan(
            bench.config("1"),
            bench.manifest("ConfigMap", "by-hand"),
            bench.manifest("Service", "bad", spec={"ports": 1}),
        )
        found = {hold.reason: hold.because for hold in made.holds}
        assert found.keys() == {
            outcomes.HoldReason.FOREIGN_MANAGER,
            outcomes.HoldReason.UNMANAGED,
            outcomes.HoldReason.REFUSED,
        }
        assert ".data.x" in found[outcomes.HoldReason.FOREIGN_MANAGER]
        assert "flux" in found[outcomes.HoldReason.FOREIGN_MANAGER]


async def test_waves_and_prune(control_plane: access.ClusterAccess, namespace: str) -> None:
    async with bench_on(control_plane, namespace) as bench:
        other = f"{namespace}-x"
        opener = planned.manifest("Namespace", other, namespace="")
        inside = planned.manifest("ConfigMap", "inside", namespace=other)
        try:
            first = await bench.carry_out(opener, inside, bench.config("1"))
            assert [[change.key.kind for change in wave] for wave in first.plan.waves] == [
                ["Namespace"],
                ["ConfigMap", "ConfigMap"],
            ]
            assert {change.unknown for change in first.plan.waves[1]} == {"its namespace is created by this plan", ""}
            made = await bench.plan(bench.config("1"))
            assert [change.key for change in made.plan.prunes] == [inside.key, opener.key]
            for change in made.plan.prunes:
                assert change.uid == bench.rows[change.key].uid
        finally:
            control_plane.delete(f"/api/v1/namespaces/{other}")


async def test_a_real_autoscaler_takes_over_and_gives_back(control_plane: access.ClusterAccess, namespace: str) -> None:
    async with bench_on(control_plane, namespace) as bench:
        workload = bench.deployment(2).key
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"

        def replicas() -> int:
            found = control_plane.get(path)
            assert found is not None
            count = found["spec"]["replicas"]
            assert isinstance(count, int)
            return count

        await bench.carry_out(bench.deployment(2), bench.autoscaler(4))
        await bench.drifted(workload)
        assert replicas() == 4
        made = await bench.plan(bench.deployment(2), bench.autoscaler(4))
        assert acted(made) == {"Deployment": Action.UNCHANGED, "HorizontalPodAutoscaler": Action.UNCHANGED}

        changed = await bench.carry_out(bench.deployment(2, image="web:2"), bench.autoscaler(4))
        assert [field.path for field in change_of(changed, "Deployment").fields] == [
            "spec.template.spec.containers[web].image"
        ]
        assert replicas() == 4

        given_back = await bench.plan(bench.deployment(2, image="web:2"))
        assert acted(given_back) == {"Deployment": Action.CONFIGURED, "HorizontalPodAutoscaler": Action.PRUNED}
        change = change_of(given_back, "Deployment")
        assert change.force and change.fields == (plans.FieldChange("spec.replicas", "4", "2"),)
