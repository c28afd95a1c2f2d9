"""What is deployed: three targets in one cluster and one repository, and every version that people may commit."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.model import document, ids, order
from reconciler.settings import deployment, loading

ROOT = "desired-state"
SHARED = "shared"
TARGETS = (
    ids.TargetKey("development", "web"),
    ids.TargetKey("production", "shop"),
    ids.TargetKey("production", "web"),
)
POLL, OBSERVE, DEADLINE = 15.0, 20.0, 60.0
PRUNE_COUNT, PRUNE_PERCENT = 10, 50.0

SETTINGS = loading.load(
    deployment.Deployment,
    json.dumps(
        {
            "repositories": {
                "desired": {
                    "url": "/git/desired.git",
                    "allowLocal": True,
                    "ref": "refs/heads/main",
                    "poll": f"{POLL:g}s",
                }
            },
            "clusters": {"main": {"inCluster": True}},
            "environments": {
                name: {
                    "repository": "desired",
                    "cluster": "main",
                    "namespaces": [name],
                    "prune": {"count": PRUNE_COUNT, "percent": f"{PRUNE_PERCENT:g}%"},
                    "verify": {"observe": f"{OBSERVE:g}s", "progressDeadline": f"{DEADLINE:g}s"},
                }
                for name in ("development", "production")
            },
        }
    ),
    where="deployment-config.yaml",
)

GOOD = "well"
BAD = ("crash-loop", "image-pull-error", "never-ready", "fails-later")
BROKEN = ("yaml", "settings", "outside", "empty", "refused")
"""Never carried out: they hold before the first write."""


@dataclass(frozen=True, slots=True)
class Version:
    """One state of one target's folder."""

    number: int
    behaviour: str = GOOD
    """`well`, or one of BAD."""
    extras: int = 2
    """ConfigMaps beside the Deployment and its settings."""
    replicas: int = 2
    broken: str = ""
    """One of BROKEN, or '' when it can be carried out."""
    late: bool = False
    """Whether the ConfigMaps come a wave after the Deployment."""
    absent: bool = False
    """Whether the application is taken away."""

    @property
    def image(self) -> str:
        return f"web:{self.number}" + ("" if self.behaviour == GOOD else f"-{self.behaviour}")

    @property
    def fine(self) -> bool:
        """Whether it can be rolled out and stay."""
        return not self.broken and self.behaviour == GOOD


def folder(key: ids.TargetKey) -> str:
    return f"{ROOT}/{key}"


def files(key: ids.TargetKey, version: Version) -> dict[str, bytes]:
    """The target's folder, whole."""
    settings: document.Json = {
        "apiVersion": "reconciler.dev/v1",
        "kind": "Application",
        "namespace": key.environment,
        "source": {"manifests": {}},
    }
    if version.absent:
        settings["state"] = "absent"
    if key.application == "web":
        settings["reads"] = [SHARED]
    if version.broken == "settings":
        settings["sauce"] = "?"
    bodies = [] if version.broken == "empty" else list(objects(key, version))
    if version.broken == "outside":
        bodies[-1]["metadata"] = {"name": "outside", "namespace": "kube-system"}
    if version.broken == "refused":
        bodies[-1]["data"] = {"number": 1}
    text = b"\n---\n".join(document.encode(body) for body in bodies)
    if version.broken == "yaml":
        text += b"\n---\n{not: [closed"
    return {
        f"{folder(key)}/application.yaml": document.encode(settings),
        f"{folder(key)}/manifests/all.yaml": text + b"\n",
    }


def objects(key: ids.TargetKey, version: Version) -> Iterator[document.Json]:
    """What it renders to, unless it is broken."""
    if version.absent:
        return
    name, namespace = key.application, key.environment
    labels: document.Json = {"app": name}
    container: document.Json = {"name": "main", "image": version.image}
    yield {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": version.replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
    notes: document.Json = {"annotations": {order.WAVE: "1"}} if version.late else {}
    for suffix in ("settings", *(f"extra-{number}" for number in range(version.extras))):
        yield {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"{name}-{suffix}", "namespace": namespace, **notes},
            "data": {"number": str(version.number)},
        }


def keys(key: ids.TargetKey, version: Version) -> frozenset[ids.ObjectKey]:
    return frozenset(key_of(body) for body in objects(key, version))


def key_of(body: document.Json) -> ids.ObjectKey:
    group, slash, _ = document.text(body, "apiVersion").partition("/")
    its = (document.text(body, "metadata", name) for name in ("namespace", "name"))
    return ids.ObjectKey(group if slash else "", document.text(body, "kind"), *its)


def environments() -> Mapping[str, bytes]:
    """What lies beside the targets."""
    plain: document.Json = {"apiVersion": "reconciler.dev/v1", "kind": "Environment"}
    return {
        f"{ROOT}/development/environment.yaml": document.encode(plain),
        f"{ROOT}/production/environment.yaml": document.encode({**plain, "promotesFrom": "development"}),
        f"{SHARED}/base.yaml": b"1\n",
    }


def changed(version: Version, number: int, chance: random.Random) -> Version:
    """Another good version, as people make them."""
    new = replace(version, number=number, behaviour=GOOD, broken="")
    match chance.randrange(6):
        case 0:
            return replace(new, extras=max(0, version.extras - 1))
        case 1:
            return replace(new, extras=version.extras + 1)
        case 2:
            return replace(new, replicas=chance.choice((1, 2, 3)))
        case _:
            return new
