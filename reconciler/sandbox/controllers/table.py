"""Who reconciles what, and of which kinds the sandbox can tell the health."""

from reconciler import kinds, ports
from reconciler.model import document, ids
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import (
    assumed,
    budgets,
    claims,
    daemon_sets,
    definitions,
    deployments,
    endpoints,
    jobs,
    kubelet,
    placing,
    replica_sets,
    running,
    stateful_sets,
    world,
)

_WAITED_FOR_BY_NOBODY = frozenset(
    {ids.KindKey("batch", "CronJob"), ids.KindKey("networking.k8s.io", "Ingress"), endpoints.KIND}
)
"""Kinds with a health that depends on no controller. No CronJob ever starts a Job here."""

MODELLED = _WAITED_FOR_BY_NOBODY | {
    budgets.KIND,
    claims.KIND,
    daemon_sets.KIND,
    definitions.DEFINITION,
    definitions.NAMESPACE,
    deployments.KIND,
    jobs.KIND,
    kubelet.KIND,
    replica_sets.KIND,
    stateful_sets.KIND,
}
"""Kinds whose health the sandbox can tell. Others are stored and nothing becomes of them: HorizontalPodAutoscalers do
not scale, custom resources have no operator, an APIService nobody who answers."""


def controllers(
    held: objects.Objects,
    clock: ports.Clock,
    *,
    befalls: kubelet.Befalls = lambda pod: {},
    assuming: bool = False,
) -> running.Controllers:
    """All of them over these objects. They act when `run` or `step` is called, and not before. `befalls`: what comes
    over a pod. `assuming`: what the sandbox cannot bring about is taken as given, where that can be (`assumed`)."""
    table = (
        running.Controller(definitions.NAMESPACE, definitions.namespace),
        running.Controller(definitions.DEFINITION, definitions.definition),
        running.Controller(deployments.KIND, deployments.reconcile),
        running.Controller(replica_sets.KIND, replica_sets.reconcile),
        running.Controller(stateful_sets.KIND, stateful_sets.reconcile),
        running.Controller(daemon_sets.KIND, daemon_sets.reconcile),
        running.Controller(jobs.KIND, jobs.Jobs().reconcile),
        running.Controller(claims.KIND, claims.reconcile, claims.wakes),
        running.Controller(kubelet.KIND, kubelet.Kubelet(befalls).reconcile, placing.wakes),
        running.Controller(endpoints.KIND, endpoints.reconcile, endpoints.wakes),
        running.Controller(budgets.KIND, budgets.reconcile, budgets.wakes),
    )
    given = tuple(running.Controller(kind, assumed.reconcile) for kind in assumed.KINDS) if assuming else ()
    return running.Controllers(world.World(held, clock), (*table, *given))


def cannot_tell(manifest: document.Json, key: ids.ObjectKey) -> str:
    """Why the health of this object says nothing here, as a sentence; '' where it does, or where there is none."""
    kind = kinds.of(key)
    if kind is not None and kind.health == "exists":
        return ""
    if key.kind_key not in MODELLED:
        return f"the sandbox has no controller for {key.kind_key}: what becomes of it cannot be told"
    if key.kind_key == endpoints.KIND and document.text(manifest, "spec", "type") == "LoadBalancer":
        return "the sandbox has no load balancers: whether one is given cannot be told"
    return ""
