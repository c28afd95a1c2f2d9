"""A release in a world: objects applied from outside, and what becomes of them as the daemon sees it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reconciler import errors
from reconciler.model import health, ids, live, manifests, targets
from reconciler.verify import report, scope
from tests.contracts.waiting import until
from tests.contracts.worlds import World, rendered

Json = dict[str, Any]

APPLICATION = ids.TargetKey("production", "web")
VERIFICATION = targets.Verification(progress_deadline=600.0, observe=60.0, restarts=3, probes=())
LABELS = {"app": "web"}
POD = ids.KindKey("", "Pod")
REPLICA_SET = ids.KindKey("apps", "ReplicaSet")
DEPLOYMENT = ids.KindKey("apps", "Deployment")
STATEFUL_SET = ids.KindKey("apps", "StatefulSet")
DAEMON_SET = ids.KindKey("apps", "DaemonSet")
JOB = ids.KindKey("batch", "Job")
TIMES = {
    "lastTransitionTime",
    "lastUpdateTime",
    "lastProbeTime",
    "startTime",
    "completionTime",
    "startedAt",
    "finishedAt",
    "podIP",
    "podIPs",
    "hostIP",
    "hostIPs",
    "qosClass",
    "observedGeneration",
}
"""Parts of a status that differ from run to run, or that the model of a pod does without."""


@dataclass
class Release:
    """`follow` names kinds that are followed beside those that the daemon would."""

    world: World
    follow: tuple[ids.KindKey, ...] = ()
    wanted: dict[ids.ObjectKey, manifests.Manifest] = field(default_factory=dict)
    woken: list[Callable[[], None]] = field(default_factory=list)

    async def apply(self, api_version: str, kind: str, *, name: str = "web", **body: Any) -> None:
        """Somebody applies it; it is followed from now on."""
        metadata = {"name": name, "namespace": self.world.namespace, **body.pop("metadata", {})}
        made = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}
        manifest = rendered(made)
        if manifest.key not in self.wanted:
            self.wanted[manifest.key] = manifest
            await self._follow()
        self.wanted[manifest.key] = manifest
        self.world.outside.apply(made)

    async def deployment(self, image: str, *, replicas: int = 2, **spec: Any) -> None:
        await self.apply("apps/v1", "Deployment", spec={"replicas": replicas, **workload(image), **spec})

    async def stateful_set(self, image: str, *, replicas: int = 2, **spec: Any) -> None:
        whole = {"replicas": replicas, "serviceName": "web", **workload(image), **spec}
        await self.apply("apps/v1", "StatefulSet", spec=whole)

    async def job(self, image: str, *, restart: str = "Never", **spec: Any) -> None:
        template = {"metadata": {"labels": LABELS}, "spec": {**pod(image), "restartPolicy": restart}}
        await self.apply("batch/v1", "Job", spec={"template": template, **spec})

    def edit(self, kind: str, change: Json, *, api_version: str = "apps/v1", name: str = "web") -> None:
        metadata = {"name": name, "namespace": self.world.namespace}
        self.world.outside.edit({"apiVersion": api_version, "kind": kind, "metadata": metadata}, change)

    def remove(self, kind: str, name: str, *, api_version: str = "v1") -> None:
        metadata = {"name": name, "namespace": self.world.namespace}
        self.world.outside.remove({"apiVersion": api_version, "kind": kind, "metadata": metadata})

    def held(self) -> dict[ids.ObjectKey, live.LiveObject]:
        """What the watches hold; nothing while one of them is not in sync."""
        try:
            return dict(self.world.cluster.followed(APPLICATION))
        except errors.Transient:
            return {}

    def all(self, kind: ids.KindKey) -> list[Json]:
        """The objects of a kind, sorted by name."""
        found = sorted((key, one) for key, one in self.held().items() if key.kind_key == kind)
        return [one.document() for _, one in found]

    def one(self, kind: ids.KindKey, name: str = "web") -> Json | None:
        return next((found for found in self.all(kind) if found["metadata"]["name"] == name), None)

    def pods(self, *, image: str = "") -> list[Json]:
        """Those that are not being deleted, of this image or of any."""
        return [
            found
            for found in self.all(POD)
            if "deletionTimestamp" not in found["metadata"] and image in ("", found["spec"]["containers"][0]["image"])
        ]

    def seen(self, kind: ids.KindKey, name: str = "web") -> bool:
        """Whether what was applied last is live, and its controller has seen it."""
        found = self.one(kind, name)
        wanted = next((one for key, one in self.wanted.items() if key.kind_key == kind and key.name == name), None)
        if found is None or wanted is None or not within(wanted.document()["spec"], found["spec"]):
            return False
        return bool(found["status"].get("observedGeneration") == found["metadata"]["generation"])

    def status(self, kind: ids.KindKey, name: str = "web") -> Json:
        found = self.one(kind, name)
        return dict(found.get("status") or {}) if found else {}

    def report(self, *, spent: float = 30.0, observing: bool = False) -> health.Report:
        return report.report(
            tuple(self.wanted.values()),
            self.held(),
            verification=VERIFICATION,
            spent=spent,
            samples=(),
            observing=observing,
        )

    async def state(self, state: health.State, **how: Any) -> health.Report:
        """The first report with that state."""
        return await self.reports(lambda seen: seen.state is state, f"a report that is {state.value}", **how)

    async def reports(self, right: Callable[[health.Report], bool], what: str, **how: Any) -> health.Report:
        def found() -> health.Report | None:
            seen = self.report(**how)
            return seen if right(seen) else None

        return await until(found, what=what, seconds=30)

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        return await until(condition, what=what, seconds=30)

    async def _follow(self) -> None:
        places = set(scope.followed(tuple(self.wanted.values())))
        places |= {(kind, self.world.namespace) for kind in self.follow}
        await self.world.cluster.follow(APPLICATION, sorted(places), woken=self._wake)

    def _wake(self) -> None:
        for heard in self.woken:
            heard()


def pod(image: str) -> Json:
    return {"containers": [{"name": "app", "image": image}]}


def workload(image: str, **annotations: str) -> Json:
    """A selector and a template; annotations are words of `kwok.yaml`."""
    words = {f"sandbox.reconciler.dev/{word.replace('_', '-')}": value for word, value in annotations.items()}
    metadata = {"labels": LABELS, **({"annotations": words} if words else {})}
    return {"selector": {"matchLabels": LABELS}, "template": {"metadata": metadata, "spec": pod(image)}}


def plain(value: Any) -> Any:
    """A status without what differs from run to run; conditions by type."""
    if isinstance(value, dict):
        kept = {name: plain(part) for name, part in value.items() if name not in TIMES}
        if isinstance(conditions := kept.get("conditions"), list):
            kept["conditions"] = {one["type"]: one for one in conditions}
            for one in conditions:
                del one["type"]
        return kept
    return [plain(part) for part in value] if isinstance(value, list) else value


def saying(status: Json, kind: str) -> tuple[str, str]:
    """Status and reason of a condition; two empty words when there is none."""
    found = next((one for one in status.get("conditions") or () if one["type"] == kind), {})
    return found.get("status", ""), found.get("reason", "")


def within(wanted: Any, found: Any) -> bool:
    """Whether every field that is wanted is there with that value; null and false stand for none, too."""
    if isinstance(wanted, dict):
        return all(within(value, (found or {}).get(name)) for name, value in wanted.items())
    if isinstance(wanted, list):
        pairs = zip(wanted, found or (), strict=False)
        return len(wanted) == len(found or ()) and all(within(one, other) for one, other in pairs)
    return bool(wanted == found) or (wanted is False and found is None)
