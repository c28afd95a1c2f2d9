"""Who reconciles what."""

from reconciler import ports
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import deployments, kubelet, placing, replica_sets, running, world


def controllers(held: objects.Objects, clock: ports.Clock) -> running.Controllers:
    """All of them over these objects. They act when `run` or `step` is called, and not before."""
    table = (
        running.Controller(deployments.KIND, deployments.reconcile),
        running.Controller(replica_sets.KIND, replica_sets.reconcile),
        running.Controller(kubelet.KIND, kubelet.Kubelet().reconcile, placing.wakes),
    )
    return running.Controllers(world.World(held, clock), table)


MODELLED = frozenset({deployments.KIND, replica_sets.KIND, kubelet.KIND})
"""Kinds whose health the sandbox can tell, because what it depends on happens here. Kinds without health
(ConfigMaps) are not in it; any other kind is stored, and nothing becomes of it: a rehearsal cannot tell."""
