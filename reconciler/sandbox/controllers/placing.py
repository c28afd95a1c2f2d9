"""The scheduler: every pod that one node can take gets a place there. It knows node selectors and claims, not room:
the node is as large as a pod wants it to be."""

from collections.abc import Iterable

from reconciler.model import document, ids
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import conditions, owning, world

NODE = "node-1"
LABELS: document.Json = {"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux"}
CLAIM = ids.KindKey("", "PersistentVolumeClaim")
SCHEDULER = "kube-scheduler"
NO_HELP = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."


def place(pod: objects.Stored, cluster: world.World) -> None:
    """Put it on the node, or say why not."""
    status = dict(document.mapping(pod.body, "status"))
    status.setdefault("phase", "Pending")
    held = document.items(status, "conditions")
    seen: document.Json = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": cluster.stamp(),
    }
    if because := unfit(pod.body) or _unbound(pod, cluster):
        seen |= {"status": "False", "reason": "Unschedulable", "message": f"0/1 nodes are available: {because}"}
    else:
        cluster.kept.update(pod.key, _bind, manager=SCHEDULER)
    status["conditions"] = conditions.put(held, seen)
    cluster.status(pod, status)


def wakes(happened: objects.Happened, cluster: world.World) -> Iterable[ids.ObjectKey]:
    """A claim that changed may be what pods without a place wait for."""
    key = happened.stored.key
    if key.kind_key != CLAIM:
        return ()
    return [
        pod.key
        for pod in cluster.kept.of_kind(world.POD, key.namespace)
        if not document.text(pod.body, "spec", "nodeName")
    ]


def _bind(body: document.Json) -> None:
    document.mapping(body, "spec")["nodeName"] = NODE


def unfit(pod: document.Json) -> str:
    """Why the node does not suit a pod, or a template; '' when it does."""
    selector = document.mapping(pod, "spec", "nodeSelector")
    place = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = document.items(pod, "spec", *place, "nodeSelectorTerms")
    fits = not terms or any(owning.matches(term, LABELS) for term in terms if isinstance(term, dict))
    if fits and selector.items() <= LABELS.items():
        return ""
    return f"1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, {NO_HELP}"


def claimed(pod: document.Json) -> list[str]:
    """The names of the claims that it uses."""
    volumes = (volume for volume in document.items(pod, "spec", "volumes") if isinstance(volume, dict))
    return [name for one in volumes if (name := document.text(one, "persistentVolumeClaim", "claimName"))]


def _unbound(pod: objects.Stored, cluster: world.World) -> str:
    """Why the pod's claims keep it waiting."""
    for name in claimed(pod.body):
        claim = cluster.kept.get(world.key_of(CLAIM, pod.key.namespace, name))
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found. no new claims to deallocate, {NO_HELP}'
        if document.text(claim.body, "status", "phase") != "Bound":
            return f"pod has unbound immediate PersistentVolumeClaims. no new claims to deallocate, {NO_HELP}"
    return ""
