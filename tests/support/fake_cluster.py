"""An in-memory API server as far as planning asks one: read, server-side dry-run apply, metadata watches.

Honest where a plan depends on it: field ownership by manager (items of lists by name), conflicts, forced applies,
removal of dropped fields, defaults, absent namespaces and kinds, objects being deleted. `calls` counts what a real
server would have been asked. Not a sandbox: nothing runs, nothing is garbage-collected, and only tests write.
"""

import copy
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler import errors
from reconciler.model import document, ids, live, manifests, order

OURS = "reconciler"
SERVED = {
    ("", "Namespace"): ("v1", False),
    ("", "ConfigMap"): ("v1", True),
    ("", "Secret"): ("v1", True),
    ("", "Service"): ("v1", True),
    ("", "PersistentVolumeClaim"): ("v1", True),
    ("apps", "Deployment"): ("v1", True),
    ("autoscaling", "HorizontalPodAutoscaler"): ("v2", True),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): ("v1", False),
}
IDENTITY = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")}
MISSING = object()

Path = tuple[str, ...]
Doc = dict[str, Any]


@dataclass(frozen=True, order=True)
class Manager:
    name: str
    operation: str = "Apply"
    subresource: str = ""

    def __str__(self) -> str:
        return f'{self.name} with subresource "{self.subresource}"' if self.subresource else self.name


@dataclass
class Stored:
    body: Doc
    uid: str
    version: int
    owned: dict[Manager, set[Path]] = field(default_factory=dict)
    times: dict[Manager, int] = field(default_factory=dict)


def steps(item: object, place: int) -> str:
    """How an item of a list is addressed: by its name, else by its place."""
    return f"k:{item['name']}" if isinstance(item, dict) and "name" in item else f"i:{place}"


def leaves(value: object, path: Path = ()) -> dict[Path, object]:
    """Every scalar (and every list of scalars) of a document."""
    if isinstance(value, dict) and value:
        return {key: leaf for name, item in value.items() for key, leaf in leaves(item, (*path, name)).items()}
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        pairs = enumerate(value)
        return {k: leaf for place, item in pairs for k, leaf in leaves(item, (*path, steps(item, place))).items()}
    return {} if path in IDENTITY else {path: value}


def put(body: Any, path: Path, value: object) -> None:
    """Set one leaf, making what lies above it; `MISSING` removes it."""
    for step, following in itertools.pairwise(path):
        empty: Any = [] if following.startswith(("k:", "i:")) else {}
        body = _child(body, step, empty)
    if value is MISSING:
        if isinstance(body, dict):
            body.pop(path[-1], None)
    else:
        body[path[-1]] = copy.deepcopy(value)


def _child(body: Any, step: str, empty: Any) -> Any:
    if isinstance(body, dict):
        return body.setdefault(step, empty)
    found = next((item for place, item in enumerate(body) if steps(item, place) == step), None)
    if found is None:
        found = {"name": step[2:]} if step.startswith("k:") else {}
        body.append(found)
    return found


def as_server_path(path: Path) -> str:
    return "".join(f'[name="{step[2:]}"]' if step.startswith("k:") else f".{step}" for step in path)


def fields_v1(paths: Iterable[Path]) -> Doc:
    tree: Doc = {}
    for path in sorted(paths):
        here = tree
        for step in path:
            here = here.setdefault(step if step.startswith(("k:", "i:")) else f"f:{step}", {})
    return tree


class FakeCluster:
    """See the module's docstring. `stale` holds keys that the watches do not show though the server has them,
    `after_read` what others do right after each read to come."""

    def __init__(self, *, namespaces: Iterable[str] = ("web",)) -> None:
        self.name = "fake"
        self.objects: dict[ids.ObjectKey, Stored] = {}
        self.calls: list[tuple[str, ids.ObjectKey]] = []
        self.watched: set[tuple[ids.KindKey, str]] = set()
        self.stale: set[ids.ObjectKey] = set()
        self.refusals: dict[ids.ObjectKey, live.Refused] = {}
        self.warnings: dict[ids.ObjectKey, tuple[str, ...]] = {}
        self.forbidden: set[ids.ObjectKey] = set()
        self.unlisted: set[ids.KindKey] = set()
        self.noted: dict[ids.ObjectKey, tuple[live.Happening, ...]] = {}
        self.logs: dict[tuple[str, str], tuple[str, ...]] = {}
        self.after_read: list[Callable[[], None]] = []
        self.served = dict(SERVED)
        self._numbers = itertools.count(1)
        for namespace in namespaces:
            self.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})

    # -- what the port promises -------------------------------------------------------------------------------------

    async def facts(self, *, fresh: bool = False) -> live.ClusterFacts:
        types = tuple(
            live.ResourceType(ids.KindKey(group, kind), version, f"{kind.lower()}s", namespaced, frozenset({"list"}))
            for (group, kind), (version, namespaced) in self.served.items()
        )
        return live.ClusterFacts("v1.36.3", types)

    async def read(self, key: ids.ObjectKey) -> live.LiveObject | None:
        self.calls.append(("read", key))
        if key in self.forbidden:
            raise errors.Terminal(f"{key} is forbidden: cannot get")
        if (key.group, key.kind) not in self.served:
            raise errors.Terminal(f"{key.kind_key} is not served")
        found = self.objects.get(key)
        shown = self._shown(key, found) if found else None
        if self.after_read:
            self.after_read.pop(0)()
        return shown

    async def dry_run(self, manifest: manifests.Manifest, *, force: bool) -> live.Applied | live.Refused:
        self.calls.append(("dry-run", manifest.key))
        if refusal := self.refusals.get(manifest.key):
            return refusal
        key = manifest.key
        if key.namespace and ids.ObjectKey("", "Namespace", "", key.namespace) not in self.objects:
            message = f'namespaces "{key.namespace}" not found'
            return live.Refused(key, live.Why.NO_NAMESPACE, message, status=404)
        answer = self._applied(manifest, Manager(OURS), force=force)
        if isinstance(answer, live.Refused):
            return answer
        if stored := self.objects.get(key):
            answer.version = stored.version  # a dry-run's reply carries the version it ran on
        return live.Applied(self._shown(key, answer), key not in self.objects, self.warnings.get(key, ()))

    async def watch(self, wanted: Iterable[tuple[ids.KindKey, str]]) -> None:
        for kind, namespace in wanted:
            if (kind.group, kind.kind) not in self.served:
                raise errors.Terminal(f"{kind} is not served: cannot watch it")
            self.watched.add((kind, namespace))

    def meta(self, key: ids.ObjectKey) -> live.LiveMeta | None:
        if not {(key.kind_key, key.namespace), (key.kind_key, "")} & self.watched:
            raise errors.Transient(f"no watch covers {key}")
        found = self.objects.get(key)
        return None if found is None or key in self.stale else self._shown(key, found).meta

    async def every(self, kind: ids.KindKey, namespace: str) -> tuple[live.LiveObject, ...]:
        self.calls.append(("every", ids.ObjectKey(kind.group, kind.kind, namespace, "")))
        if kind in self.unlisted:
            raise errors.Terminal(f"objects of {kind} in {namespace} may not be listed (403)")
        fits = (key for key in self.objects if key.kind_key == kind and namespace in ("", key.namespace))
        return tuple(self._shown(key, self.objects[key]) for key in sorted(fits))

    async def happenings(self, about: live.LiveMeta) -> tuple[live.Happening, ...]:
        if about.key in self.forbidden:
            raise errors.Terminal(f"events about {about.key} may not be read (403)")
        return self.noted.get(about.key, ())

    async def tail(self, pod: ids.ObjectKey, *, container: str, previous: bool, lines: int) -> live.Tail:
        self.calls.append(("tail, previous" if previous else "tail", pod))
        if (pod.name, container) not in self.logs:
            raise errors.Terminal("the server does not give it (500): no node")
        return live.Tail(self.logs[pod.name, container][-lines:])

    # -- what tests do to it ----------------------------------------------------------------------------------------

    def seed(self, body: Doc, *, manager: str = "kubectl-create", operation: str = "Update", sub: str = "") -> None:
        """Somebody writes an object, or merges fields into it and owns those."""
        group, slash, _ = body["apiVersion"].rpartition("/")
        metadata = body["metadata"]
        key = ids.ObjectKey(group if slash else "", body["kind"], metadata.get("namespace", ""), metadata["name"])
        writer = Manager(manager, operation, sub)
        manifest = manifests.Manifest(key, body["apiVersion"], document.encode(body), manifests.Origin("test", 0))
        answer = self._applied(manifest, writer, force=True)
        assert not isinstance(answer, live.Refused)
        self.objects[key] = answer

    def land(self, manifest: manifests.Manifest, *, force: bool = False) -> live.LiveObject:
        """Our own apply, as the rollout makes it."""
        answer = self._applied(manifest, Manager(OURS), force=force)
        assert not isinstance(answer, live.Refused), answer
        self.objects[manifest.key] = answer
        return self._shown(manifest.key, answer)

    def strip(self, key: ids.ObjectKey, *path: str) -> None:
        """Somebody removes a field."""
        stored = self.objects[key]
        put(stored.body, path, MISSING)
        for paths in stored.owned.values():
            paths.discard(path)
        stored.version = next(self._numbers)

    def set_status(self, key: ids.ObjectKey, status: Doc) -> None:
        """A controller writes the status."""
        self.objects[key].body["status"] = status
        self.objects[key].version = next(self._numbers)

    def terminate(self, key: ids.ObjectKey) -> None:
        self.objects[key].body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        self.objects[key].version = next(self._numbers)

    def own(self, key: ids.ObjectKey) -> None:
        """A controller becomes the object's owner."""
        references = [{"kind": "ReplicaSet", "name": "x", "uid": "u", "controller": True}]
        self.objects[key].body["metadata"]["ownerReferences"] = references
        self.objects[key].version = next(self._numbers)

    # -- server-side apply ------------------------------------------------------------------------------------------

    def _applied(self, manifest: manifests.Manifest, manager: Manager, *, force: bool) -> Stored | live.Refused:
        """The object as it would be stored. An Update merges, and owns what it changed; an Apply owns all it sends,
        and drops what it sends no more (facts §1)."""
        old = self.objects.get(manifest.key)
        body = document.decode(manifest.body)
        new = copy.deepcopy(old) if old else Stored({}, f"uid-{next(self._numbers)}", 0)
        identity = {"apiVersion": body["apiVersion"], "kind": body["kind"]}
        new.body.update(identity)
        names = {"name": manifest.key.name} | ({"namespace": manifest.key.namespace} if manifest.key.namespace else {})
        new.body.setdefault("metadata", {}).update(names)
        wanted, present = leaves(body), leaves(new.body)
        if not force and (conflicts := _conflicts(new, wanted, present, manager)):
            message = f"Apply failed with {len(conflicts)} conflicts"
            return live.Refused(manifest.key, live.Why.OWNERSHIP, message, conflicts, status=409)
        changed = {path for path, value in wanted.items() if present.get(path, MISSING) != value}
        for path in changed:
            for paths in new.owned.values():
                paths.discard(path)
            put(new.body, path, wanted[path])
        before = new.owned.get(manager, set())
        if manager.operation == "Apply":
            _drop(new, before - set(wanted), manager)
            new.owned[manager] = set(wanted)
        else:
            new.owned[manager] = before | changed
        if manifest.key.kind == "Deployment":
            new.body.setdefault("spec", {}).setdefault("replicas", 1)
        if old is None or old.body != new.body or old.owned != new.owned:
            new.version = new.times[manager] = next(self._numbers)
        return new

    def _shown(self, key: ids.ObjectKey, stored: Stored) -> live.LiveObject:
        body = copy.deepcopy(stored.body)
        metadata = body["metadata"]
        fields = [
            {
                "manager": manager.name,
                "operation": manager.operation,
                **({"subresource": manager.subresource} if manager.subresource else {}),
                "fieldsV1": fields_v1(paths),
            }
            for manager, paths in sorted(stored.owned.items())
            if paths
        ]
        metadata |= {"uid": stored.uid, "resourceVersion": str(stored.version), "managedFields": fields}
        return live.LiveObject(self._meta(key, stored, metadata), document.encode(body))

    def _meta(self, key: ids.ObjectKey, stored: Stored, metadata: Mapping[str, Any]) -> live.LiveMeta:
        ours = stored.owned.get(Manager(OURS))
        entry = document.digest(document.encode(fields_v1(ours)), str(stored.times.get(Manager(OURS)))) if ours else ""
        return live.LiveMeta(
            key,
            stored.uid,
            str(stored.version),
            entry,
            metadata.get("annotations", {}).get(ids.MARK, ""),
            controlled=any(reference.get("controller") for reference in metadata.get("ownerReferences", [])),
            deleting="deletionTimestamp" in metadata,
            wave=order.wave(metadata.get("annotations", {})),
        )


def _conflicts(
    stored: Stored, wanted: Mapping[Path, object], present: Mapping[Path, object], manager: Manager
) -> tuple[live.FieldConflict, ...]:
    return tuple(
        live.FieldConflict(as_server_path(path), str(other), other.operation == "Apply")
        for path, value in wanted.items()
        if present.get(path, value) != value
        for other, paths in sorted(stored.owned.items())
        if other != manager and path in paths
    )


def _drop(stored: Stored, dropped: Iterable[Path], manager: Manager) -> None:
    """A field that its only owner no longer sends goes; one with another owner stays (facts §1)."""
    for path in dropped:
        if not any(path in paths for other, paths in stored.owned.items() if other != manager):
            put(stored.body, path, MISSING)
