"""What the sandbox serves: every kind of the real API server that `served.json` was taken from, and the kinds of
CustomResourceDefinitions once they are established."""

import functools
import pkgutil
from dataclasses import dataclass

from reconciler.model import document, ids, live
from reconciler.sandbox import shapes
from reconciler.sandbox.stored import CRD

VERBS = frozenset({"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"})


@dataclass(frozen=True, slots=True)
class Published:
    """`served.json`: tests/control-plane/extract.py writes it."""

    version: str
    types: tuple[live.ResourceType, ...]
    subresources: dict[ids.KindKey, frozenset[str]]
    roots: document.Json
    """`apps/v1/Deployment` → the name of its schema."""
    schemas: document.Json


@functools.cache
def published() -> Published:
    """Read once a process, when the first sandbox is made."""
    raw = pkgutil.get_data("reconciler.sandbox", "served.json")
    if raw is None:
        raise FileNotFoundError("reconciler/sandbox/served.json is not installed")
    found = document.decode(raw)
    types: list[live.ResourceType] = []
    subresources: dict[ids.KindKey, frozenset[str]] = {}
    for line in document.items(found, "types"):
        if not isinstance(line, list):
            continue
        group, version, kind, plural, namespaced, verbs, below = line
        key = ids.KindKey(str(group), str(kind))
        words = frozenset(str(verb) for verb in verbs) if isinstance(verbs, list) else frozenset[str]()
        types.append(live.ResourceType(key, str(version), str(plural), namespaced is True, words))
        names = frozenset(str(name) for name in below) if isinstance(below, list) else frozenset[str]()
        subresources.setdefault(key, names)
    return Published(
        document.text(found, "version"),
        tuple(types),
        subresources,
        document.mapping(found, "roots"),
        document.mapping(found, "schemas"),
    )


@functools.cache
def _without_custom() -> live.ClusterFacts:
    """What every sandbox serves at first."""
    return live.ClusterFacts(published().version, published().types)


GENERATED = frozenset(
    {
        ("", "Pod"),
        ("", "PodTemplate"),
        ("", "ReplicationController"),
        ("apps", "DaemonSet"),
        ("apps", "Deployment"),
        ("apps", "ReplicaSet"),
        ("apps", "StatefulSet"),
        ("batch", "CronJob"),
        ("batch", "Job"),
        ("discovery.k8s.io", "EndpointSlice"),
        ("networking.k8s.io", "Ingress"),
        ("networking.k8s.io", "IngressClass"),
        ("networking.k8s.io", "NetworkPolicy"),
        ("policy", "PodDisruptionBudget"),
        ("scheduling.k8s.io", "PriorityClass"),
    }
)
GENERATED_GROUPS = frozenset({"admissionregistration.k8s.io", "apiextensions.k8s.io", "flowcontrol.apiserver.k8s.io"})


@dataclass(frozen=True, slots=True)
class Serving:
    """How the objects of one version of a kind are stored. `generated`: they count their generations; `status`: it is
    written by its subresource alone."""

    shape: shapes.Shape
    generated: bool
    status: bool


@functools.cache
def _definitions() -> shapes.Definitions:
    return shapes.Definitions(published().schemas)


@functools.cache
def _built_in(api_version: str, kind: str) -> Serving:
    """Shared by all sandboxes: it never changes."""
    found, group = published(), api_version.rpartition("/")[0]
    root = document.text(found.roots, f"{api_version}/{kind}")
    generated = (group, kind) in GENERATED or group in GENERATED_GROUPS
    status = "status" in found.subresources.get(ids.KindKey(group, kind), ())
    return Serving(_definitions().shape(root, default=None, built_in=True), generated, status)


def _custom(definition: document.Json) -> dict[tuple[str, str], Serving]:
    """Every version of a CustomResourceDefinition."""
    spec = document.mapping(definition, "spec")
    group, kind = document.text(spec, "group"), document.text(spec, "names", "kind")
    found: dict[tuple[str, str], Serving] = {}
    for version in document.items(spec, "versions"):
        if not isinstance(version, dict):
            continue
        schema = document.mapping(version, "schema", "openAPIV3Schema")
        text: document.Json = {"type": "string"}
        properties = {**document.mapping(schema, "properties"), "apiVersion": text, "kind": text, "metadata": METADATA}
        whole: document.Json = {**schema, "type": "object", "properties": properties}
        shape = shapes.Shape(whole, _definitions(), default=None, built_in=False)
        status = isinstance(document.at(version, "subresources", "status"), dict)
        found[f"{group}/{document.text(version, 'name')}", kind] = Serving(shape, True, status)
    return found


METADATA: document.Json = {"$ref": "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}


class Served:
    """The kinds of one sandbox."""

    def __init__(self) -> None:
        self._custom: dict[str, tuple[live.ResourceType, ...]] = {}
        """Of each established CustomResourceDefinition, by its name."""
        self._facts: live.ClusterFacts | None = _without_custom()
        self._shapes: dict[tuple[str, str], Serving] = {}
        self._definitions: dict[ids.KindKey, ids.ObjectKey] = {}
        """Of each custom kind, the definition that it is served by."""

    def facts(self) -> live.ClusterFacts:
        if self._facts is None:
            found = published()
            custom = tuple(kind for name in sorted(self._custom) for kind in self._custom[name])
            self._facts = live.ClusterFacts(found.version, found.types + custom)
        return self._facts

    def find(self, api_version: str, kind: str) -> live.ResourceType | None:
        return self.facts().find(api_version, kind)

    def preferred(self, kind: ids.KindKey) -> live.ResourceType | None:
        return self.facts().preferred(kind)

    def serving(self, api_version: str, kind: str) -> "Serving":
        """How a served kind's objects are stored."""
        found = self._shapes.get((api_version, kind))
        if found is None:
            found = self._shapes[api_version, kind] = _built_in(api_version, kind)
        return found

    def definition_of(self, kind: ids.KindKey) -> ids.ObjectKey | None:
        """The definition of a custom kind."""
        return self._definitions.get(kind)

    def defined(self, definition: document.Json, *, gone: bool) -> None:
        """A CustomResourceDefinition was written: its kind is served from `Established` on."""
        name = document.text(definition, "metadata", "name")
        before = self._custom.pop(name, ())
        if not gone and _established(definition):
            self._custom[name] = tuple(_types(definition))
            self._shapes |= _custom(definition)
            self._definitions |= {
                kind.kind: ids.ObjectKey(CRD.group, CRD.kind, "", name) for kind in self._custom[name]
            }
        if self._custom.get(name, ()) != before:
            self._facts = None


def _established(definition: document.Json) -> bool:
    return any(
        isinstance(condition, dict) and (condition.get("type"), condition.get("status")) == ("Established", "True")
        for condition in document.items(definition, "status", "conditions")
    )


def _types(definition: document.Json) -> list[live.ResourceType]:
    """Its served versions, in order of their priority: stable before beta before alpha, newer before older."""
    spec = document.mapping(definition, "spec")
    key = ids.KindKey(document.text(spec, "group"), document.text(spec, "names", "kind"))
    plural, namespaced = document.text(spec, "names", "plural"), spec.get("scope") == "Namespaced"
    versions = [
        document.text(version, "name")
        for version in document.items(spec, "versions")
        if isinstance(version, dict) and version.get("served") is True
    ]
    return [
        live.ResourceType(key, version, plural, namespaced, VERBS)
        for version in sorted(versions, key=_priority, reverse=True)
    ]


def _priority(version: str) -> tuple[int, int, int, str]:
    """`v2` > `v1` > `v2beta1` > `v1alpha1` > anything else."""
    for place, word in enumerate(("alpha", "beta")):
        major, found, minor = version.removeprefix("v").partition(word)
        if found and major.isdecimal() and minor.isdecimal():
            return place + 1, int(major), int(minor), version
    major = version.removeprefix("v")
    return (3, int(major), 0, version) if major.isdecimal() else (0, 0, 0, version)
