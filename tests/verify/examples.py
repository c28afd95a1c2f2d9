"""Live objects as a real API server shows them, cut to what health reads, and a cluster to put them in."""

from collections.abc import Sequence
from typing import Any

from reconciler.model import document, health, ids, live, manifests, targets
from reconciler.verify import report

Doc = dict[str, Any]

VERIFICATION = targets.Verification(progress_deadline=600.0, observe=60.0, restarts=3, probes=())
LABELS = {"app": "web"}


def found(api_version: str, kind: str, name: str = "web", *, namespace: str = "web", **body: Any) -> Doc:
    """A live object. `metadata` is merged into its own."""
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-{kind}-{name}", "generation": 1}
    metadata |= body.pop("metadata", {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


def conditions(**states: str | tuple[str, str] | tuple[str, str, str]) -> list[Doc]:
    """`Ready="True"`, `Ready=("False", "Reason")` or `Ready=("False", "Reason", "message")`."""
    made = []
    for kind, said in states.items():
        words = (said,) if isinstance(said, str) else said
        made.append({"type": kind, **dict(zip(("status", "reason", "message"), words, strict=False))})
    return made


def owned(owner: Doc) -> Doc:
    return {
        "ownerReferences": [
            {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "controller": True,
            }
        ]
    }


def deployment(
    *,
    want: int = 2,
    updated: int = 2,
    total: int = 2,
    available: int = 2,
    progressing: tuple[str, str] | tuple[str, str, str] = ("True", "NewReplicaSetAvailable"),
    observed: int = 3,
    spec: Doc | None = None,
    extra: dict[str, Any] | None = None,
) -> Doc:
    """Complete unless told otherwise; its generation is 3, its revision 2."""
    states: dict[str, Any] = {"Available": "True" if available >= want else "False", "Progressing": progressing}
    status = {
        "observedGeneration": observed,
        "replicas": total,
        "updatedReplicas": updated,
        "readyReplicas": available,
        "availableReplicas": available,
        "conditions": conditions(**states, **(extra or {})),
    }
    return found(
        "apps/v1",
        "Deployment",
        metadata={"generation": 3, "annotations": {"deployment.kubernetes.io/revision": "2"}},
        spec={
            "replicas": want,
            "progressDeadlineSeconds": 600,
            "selector": {"matchLabels": LABELS},
            **(spec or {}),
        },
        status=status,
    )


def replica_set(owner: Doc, revision: int, *, replicas: int = 2) -> Doc:
    name = f"web-{revision}"
    labels = LABELS | {"pod-template-hash": str(revision)}
    return found(
        "apps/v1",
        "ReplicaSet",
        name,
        metadata={
            "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            **owned(owner),
        },
        spec={"replicas": replicas, "selector": {"matchLabels": labels}},
        status={"observedGeneration": 1, "replicas": replicas},
    )


def pod(owner: Doc | None = None, name: str = "web-x", **status: Any) -> Doc:
    """A pod of `owner`, ready unless told otherwise."""
    labels = owner["spec"]["selector"]["matchLabels"] if owner else LABELS
    status = {"phase": "Running", "conditions": conditions(Ready="True"), **status}
    metadata = {"labels": dict(labels), **(owned(owner) if owner else {})}
    return found("v1", "Pod", name, metadata=metadata, spec={"nodeName": "node-1"}, status=status)


def unready(**status: Any) -> Doc:
    """The status of a pod that runs and is not ready."""
    return {"conditions": conditions(Ready="False", ContainersReady="False"), **status}


def container(*, restarts: int = 0, waiting: tuple[str, str] | None = None, last: Doc | None = None) -> Doc:
    """The status of a container that is not ready."""
    state: Doc = {"running": {}}
    if waiting:
        state = {"waiting": {"reason": waiting[0], "message": waiting[1]}}
    made: Doc = {"name": "app", "image": "web:2", "ready": False, "restartCount": restarts, "state": state}
    return made | ({"lastState": {"terminated": last}} if last else {})


def waiting(reason: str, message: str = "") -> Doc:
    """The status of a pod whose container waits."""
    return unready(phase="Pending", containerStatuses=[container(waiting=(reason, message))])


def crashed(restarts: int, reason: str = "Error", code: int = 1, **ended: str) -> Doc:
    """The status of a pod whose container has exited and backs off."""
    last = {"exitCode": code, "reason": reason, **ended}
    return unready(
        containerStatuses=[container(restarts=restarts, waiting=("CrashLoopBackOff", "back-off"), last=last)]
    )


def key(made: Doc) -> ids.ObjectKey:
    group, slash, _ = made["apiVersion"].rpartition("/")
    metadata = made["metadata"]
    return ids.ObjectKey(group if slash else "", made["kind"], metadata.get("namespace", ""), metadata["name"])


def held(*made: Doc) -> dict[ids.ObjectKey, live.LiveObject]:
    """The objects as the watches hold them."""
    return {key(one): live.LiveObject(_meta(one), document.encode(one)) for one in made}


def _meta(made: Doc) -> live.LiveMeta:
    metadata = made["metadata"]
    return live.LiveMeta(
        key=key(made),
        uid=metadata["uid"],
        resource_version="1",
        entry="",
        mark="",
        controlled="ownerReferences" in metadata,
        deleting="deletionTimestamp" in metadata,
        labels=tuple(sorted(metadata.get("labels", {}).items())),
    )


def manifest(made: Doc) -> manifests.Manifest:
    """The manifest of an object; its status is not part of it."""
    body = {word: part for word, part in made.items() if word != "status"}
    return manifests.Manifest(key(made), made["apiVersion"], document.encode(body), manifests.Origin("web.yaml", 1))


def reported(
    wanted: Sequence[Doc],
    *others: Doc,
    spent: float = 30.0,
    observing: bool = False,
    verification: targets.Verification = VERIFICATION,
    samples: Sequence[health.ProbeSample] = (),
    unproven: bool = False,
) -> health.Report:
    """The report on `wanted`, all of them live, with `others` beside them."""
    return report.report(
        [manifest(one) for one in wanted],
        held(*wanted, *others),
        verification=verification,
        spent=spent,
        samples=samples,
        unproven=unproven,
        observing=observing,
    )
