"""`clusters` of `config/deployment-config.yaml`: how each one is reached."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from reconciler.settings import base, values


class Exec(base.Settings):
    """Exec plugins: programs that a kubeconfig names, and that print a token (`aws eks get-token`)."""

    allow: values.Flag = Field(
        default=False,
        description="Whether they may be started. Off: a kubeconfig would choose what runs with the daemon's rights.",
    )
    timeout: Annotated[float, values.duration(least="1s", most="5m")] = Field(
        default=30.0,
        description="For one start, after which its process group is killed. Clouds answer within seconds.",
    )
    environment: tuple[values.Text, ...] = Field(
        default=(),
        description="Variables of the daemon's environment that they are given, beside PATH, HOME, LANG and TMPDIR.",
        examples=["[AWS_REGION, AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE]"],
    )


class Cluster(base.Settings):
    """One Kubernetes API server, and how to reach it: `kubeconfig` or `inCluster`. Or none at all: `sandbox`."""

    kubeconfig: values.DiskPath | None = Field(default=None, description="Path of the kubeconfig file.")
    context: values.Text | None = Field(
        default=None, description="Context of the kubeconfig. Left out: its current context."
    )
    exec: Exec = Field(default=Exec(), description="Exec plugins of the kubeconfig.")
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
    if not kubeconfig and said and base.inside(raw, "exec") is not None:
        yield base.Complaint((*at, "exec"), "belongs to a kubeconfig; remove it, or name the kubeconfig")
