"""`clusters` of `config/deployment-config.yaml`: how each one is reached."""

from collections.abc import Iterator

from pydantic import Field

from reconciler.settings import base, values


class Cluster(base.Settings):
    """One Kubernetes API server, and how to reach it: `kubeconfig` or `inCluster`. Or none at all: `sandbox`."""

    kubeconfig: values.DiskPath | None = Field(default=None, description="Path of the kubeconfig file.")
    context: values.Text | None = Field(
        default=None, description="Context of the kubeconfig. Left out: its current context."
    )
    in_cluster: values.Flag = Field(
        default=False, description="Use the service account of the pod in which the daemon runs."
    )
    sandbox: values.Flag = Field(
        default=False,
        description="A model of a cluster inside the daemon's process, empty at each start: to try things. Either all"
        " clusters are, or none.",
    )
    namespace: values.Name = Field(
        default="reconciler",
        description="The reconciler's own namespace, which holds one target record (a ConfigMap) a target.",
    )


WAYS = "kubeconfig: /path, inCluster: true or sandbox: true"


def complaints(raw: object) -> Iterator[base.Complaint]:
    """About the whole file."""
    names = base.names(raw, "clusters")
    for name in names:
        yield from _one(base.inside(raw, "clusters", name), name=name)
    models = [name for name in names if base.inside(raw, "clusters", name, "sandbox") is True]
    real = [name for name in names if name not in models]
    if models and real:
        because = f"is a sandbox and {', '.join(real)} not: what is only tried must not share a journal with what runs"
        yield base.Complaint(("clusters", models[0], "sandbox"), f"{because}; write it for all clusters, or for none")


def _one(raw: object, *, name: str) -> Iterator[base.Complaint]:
    at = ("clusters", name)
    kubeconfig, in_cluster = base.inside(raw, "kubeconfig") is not None, base.inside(raw, "inCluster") is True
    ways = {"kubeconfig": kubeconfig, "inCluster": in_cluster, "sandbox": base.inside(raw, "sandbox") is True}
    said = [way for way, given in ways.items() if given]
    if isinstance(raw, dict) and len(said) != 1:
        found = f"has both {' and '.join(said[:2])}" if said else "says not how to reach it"
        yield base.Complaint(at, f"{found}; write either {WAYS}")
    if not kubeconfig and said and base.inside(raw, "context") is not None:
        yield base.Complaint((*at, "context"), "belongs to a kubeconfig; remove it, or name the kubeconfig")
