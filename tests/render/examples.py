"""Targets, clusters and documents that the tests of rendering share."""

from collections.abc import Sequence
from dataclasses import replace

from reconciler import yamltext
from reconciler.model import ids, live, manifests, sources, targets
from reconciler.render import assemble, parsed

VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
KEY = ids.TargetKey("production", "web")
CHART = targets.Chart("charts/web", "web", (), b"")


def served(api_version: str, kind: str, *, namespaced: bool = True, verbs: frozenset[str] = VERBS) -> live.ResourceType:
    group, slash, version = api_version.partition("/")
    key = ids.KindKey(group if slash else "", kind)
    return live.ResourceType(key, version if slash else group, kind.lower() + "s", namespaced, verbs)


FACTS = live.ClusterFacts(
    "v1.36.3",
    (
        served("v1", "ConfigMap"),
        served("v1", "Secret"),
        served("v1", "Service"),
        served("v1", "Pod"),
        served("v1", "Namespace", namespaced=False),
        served("apps/v1", "Deployment"),
        served("batch/v1", "Job"),
        served("networking.k8s.io/v1", "Ingress"),
        served("rbac.authorization.k8s.io/v1", "ClusterRole", namespaced=False),
        served("apiextensions.k8s.io/v1", "CustomResourceDefinition", namespaced=False),
        served("authentication.k8s.io/v1", "TokenReview", namespaced=False, verbs=frozenset({"create"})),
    ),
)


def target(
    source: targets.ManifestFolder | targets.Chart | targets.Kustomization, *, namespace: str = "web"
) -> targets.Target:
    return targets.Target(
        key=KEY,
        repository="main",
        folder="desired-state/production/web",
        cluster="here",
        namespace=namespace,
        source=source,
        reads=(),
        confinement=targets.Confinement(("*",), ()),
        verification=targets.Verification(60, 60, 3, ()),
        prune=targets.PruneLimit(5, 20),
        drift=targets.DriftMode.HEAL,
        git=targets.GitPolicy.PUSH,
        first_failure=targets.FirstFailure.LEAVE,
        max_lag=3600,
    )


FOLDER = target(targets.ManifestFolder("desired-state/production/web"))


def file(path: str, content: str | bytes) -> sources.File:
    raw = content.encode() if isinstance(content, str) else content
    return sources.File(path, f"oid-{hash(raw)}", raw)


def documents(text: str, *, path: str = "web.yaml") -> tuple[parsed.Parsed, ...]:
    return tuple(
        parsed.Parsed(found.value, manifests.Origin(path, found.line)) for found in yamltext.load_all(text, path)
    )


def assembled(text: str, *, namespace: str = "web", notes: Sequence[str] = ()) -> manifests.ManifestSet:
    return assemble.manifest_set(
        documents(text), target=replace(FOLDER, namespace=namespace), installation="here", facts=FACTS, notes=notes
    )


def chart_files(**templates: str) -> tuple[sources.File, ...]:
    """A chart `charts/web` with these templates; `cm="…"` becomes templates/cm.yaml."""
    return (
        file("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        *(file(f"charts/web/templates/{name}.yaml", text) for name, text in templates.items()),
    )
