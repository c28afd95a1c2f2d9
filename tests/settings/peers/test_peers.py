"""What becomes of the objects of Flux and Argo CD, and that no field of theirs is dropped in silence."""

from typing import Any

import pytest
import yaml

from reconciler.settings import application, loading
from reconciler.settings.peers import argocd, fates, flux

KUSTOMIZATION = yaml.safe_load("""
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: flux-system, labels: {team: a}}
spec:
  interval: 10m
  retryInterval: 1m
  timeout: 5m0s
  path: ./apps/shop/production
  prune: true
  wait: true
  targetNamespace: shop
  sourceRef: {kind: GitRepository, name: flux-system}
  dependsOn: [{name: database}, {name: infra, namespace: other}]
  decryption: {provider: sops, secretRef: {name: age}}
  postBuild:
    substitute: {HOST: shop.example.com}
    substituteFrom: [{kind: ConfigMap, name: cluster}]
  healthCheckExprs: [{apiVersion: example.com/v1, kind: Backup, current: "status.phase == 'Done'"}]
  patches: [{patch: "- op: remove", target: {kind: Deployment}}]
  newInFlux3: {a: [1, {b: 2}], c: {}}
status: {conditions: [{type: Ready}], observedGeneration: 3}
""")
REPOSITORY = yaml.safe_load("""
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: podinfo, namespace: flux-system}
spec: {interval: 1h, url: "https://stefanprodan.github.io/podinfo", secretRef: {name: a}}
""")
OCI = yaml.safe_load("""
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: podinfo}
spec: {url: "oci://ghcr.io/stefanprodan/charts/podinfo", ref: {tag: 6.7.1}}
""")
RELEASE = yaml.safe_load("""
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: podinfo, namespace: web}
spec:
  interval: 10m
  chart:
    spec: {chart: podinfo, version: 6.7.1, interval: 1m, sourceRef: {kind: HelmRepository, name: podinfo}}
  install: {remediation: {retries: 3}}
  driftDetection: {mode: warn, ignore: [{paths: [/spec/replicas], target: {kind: Deployment}}]}
  values: {replicaCount: 2, ui: {message: hello}}
  valuesFrom: [{kind: Secret, name: more}]
""")
APPLICATION = yaml.safe_load("""
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd, finalizers: [resources-finalizer.argocd.argoproj.io]}
spec:
  project: default
  source:
    repoURL: https://git.example.com/team/apps.git
    targetRevision: HEAD
    path: apps/shop
    directory: {recurse: true, exclude: "ci/*", jsonnet: {}}
  destination: {server: "https://kubernetes.default.svc", namespace: shop}
  syncPolicy:
    automated: {prune: true, selfHeal: true}
    syncOptions: [CreateNamespace=true, ServerSideApply=true, Replace=true]
    retry: {limit: 5, backoff: {duration: 5s}}
  ignoreDifferences:
    - {group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}
    - {group: apps, kind: Deployment, jqPathExpressions: [".spec"]}
  revisionHistoryLimit: 3
status: {sync: {status: Synced}}
""")
SOURCES = {("HelmRepository", "podinfo"): REPOSITORY, ("OCIRepository", "podinfo"): OCI}


def charted(**source: Any) -> dict[str, Any]:
    spec = {key: value for key, value in APPLICATION["spec"].items() if key != "source"}
    return APPLICATION | {"spec": spec | {"source": source}}


def released(**spec: Any) -> dict[str, Any]:
    changed = RELEASE["spec"] | spec
    return RELEASE | {"spec": {key: value for key, value in changed.items() if value is not None}}


GIT_CHART = {"spec": {"chart": "./charts/web", "sourceRef": {"kind": "GitRepository", "name": "a"}}}
BY_REFERENCE = {"kind": "OCIRepository", "name": "podinfo"}
ALL = {
    "kustomization": (KUSTOMIZATION, flux.kustomization(KUSTOMIZATION)),
    "release": (RELEASE, flux.helm_release(RELEASE, SOURCES)),
    "release of Git": (released(chart=GIT_CHART), flux.helm_release(released(chart=GIT_CHART), {})),
    "repository": (REPOSITORY, flux.source(REPOSITORY)),
    "oci": (OCI, flux.source(OCI)),
    "application": (APPLICATION, argocd.application(APPLICATION)),
    "chart": (
        made := charted(repoURL="ghcr.io/a", chart="web", targetRevision="1.2.3", helm={"values": "a: 1\n"}),
        argocd.application(made),
    ),
    "helm folder": (
        folder := charted(
            repoURL="https://g", path="charts/web", helm={"valueFiles": ["p.yaml", "/v.yaml", "$a/b"], "parameters": []}
        ),
        argocd.application(folder),
    ),
}


@pytest.mark.parametrize("name", list(ALL))
def test_every_leaf_has_a_fate_and_what_has_no_counterpart_says_why(name: str) -> None:
    body, made = ALL[name]
    assert [fate.path for fate in made.fates] == list(fates.leaves(body))
    assert all(fate.to or fate.because for fate in made.fates)
    known = [fate.path for fate in made.fates if fate.because != fates.UNKNOWN]
    assert set(fates.leaves(body)) - set(known) == {
        path for path in fates.leaves(body) if path.startswith("spec.newInFlux3")
    }


@pytest.mark.parametrize("name", [name for name, (_, made) in ALL.items() if made.name])
def test_what_is_made_is_a_valid_application(name: str) -> None:
    made = ALL[name][1]
    assert made.refused == ()
    loading.load(application.Application, yaml.safe_dump(made.settings), where="application.yaml")


def settings(name: str) -> dict[str, Any]:
    return {key: value for key, value in ALL[name][1].settings.items() if key not in ("apiVersion", "kind")}


def test_a_kustomization() -> None:
    assert settings("kustomization") == {
        "namespace": "shop",
        "source": {"kustomize": {"path": "/apps/shop/production", "substitute": True}},
        "adopt": {"from": ["flux", "kubectl"]},
        "dependsOn": ["database"],
        "verify": {
            "progressDeadline": "5m0s",
            "healthChecks": [{"kind": "Backup.example.com", "current": "status.phase == 'Done'"}],
        },
        "variables": {"HOST": "shop.example.com"},
    }


def test_a_helm_release() -> None:
    chart = {"repository": "https://stefanprodan.github.io/podinfo", "name": "podinfo", "version": "6.7.1"}
    assert settings("release") == {
        "namespace": "web",
        "source": {"chart": {**chart, "release": "podinfo", "values": RELEASE["spec"]["values"]}},
        "adopt": {"from": ["helm", "flux"]},
        "ignore": [{"kind": "Deployment.apps", "fields": ["/spec/replicas"]}],
        "drift": "warn",
    }
    assert settings("release of Git")["source"]["chart"]["path"] == "charts/web"
    found = flux.helm_release(released(chart=None, chartRef=BY_REFERENCE, targetNamespace="other"), SOURCES)
    chart = {"repository": "oci://ghcr.io/stefanprodan/charts", "name": "podinfo", "version": "6.7.1"}
    assert found.settings["source"] == {
        "chart": {**chart, "release": "other-podinfo", "values": RELEASE["spec"]["values"]}
    }


def test_an_argo_application() -> None:
    assert settings("application") == {
        "namespace": "shop",
        "source": {"manifests": {"path": "/apps/shop", "exclude": ["ci/*"]}},
        "adopt": {"from": ["argocd", "kubectl"]},
        "drift": "heal",
        "ignore": [{"kind": "Deployment.apps", "fields": ["/spec/replicas"]}],
    }
    chart = settings("chart")["source"]["chart"]
    assert chart == {
        "repository": "oci://ghcr.io/a", "name": "web", "version": "1.2.3", "release": "shop", "values": {"a": 1}
    }  # fmt: skip
    assert settings("helm folder")["source"]["chart"] == {
        "path": "charts/web",
        "valuesFiles": ["/charts/web/p.yaml", "/v.yaml"],
        "release": "shop",
    }


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (flux.helm_release(RELEASE, {}), "the HelmRepository podinfo is not among the files"),
        (flux.helm_release(released(chart=None, chartRef=BY_REFERENCE), {}), "OCIRepository podinfo is not among"),
        (
            flux.helm_release(released(chart={"spec": RELEASE["spec"]["chart"]["spec"] | {"version": "6.x"}}), SOURCES),
            "spec.chart.spec.version: '6.x' is no exact version",
        ),
        (argocd.application(APPLICATION | {"spec": {"sources": [{"path": "a"}]}}), "an application has one source"),
        (flux.kustomization(KUSTOMIZATION | {"metadata": {"name": "a.b"}}), "metadata.name: 'a.b' is no name"),
    ],
)
def test_what_cannot_be_an_application(made: fates.Imported, says: str) -> None:
    assert any(says in refused for refused in made.refused)


@pytest.mark.parametrize(("prune", "limit"), [(True, None), (False, {"count": 0})])
def test_prune_that_was_off_waits_for_a_person(*, prune: bool, limit: dict[str, int] | None) -> None:
    made = flux.kustomization(KUSTOMIZATION | {"spec": KUSTOMIZATION["spec"] | {"prune": prune}})
    assert made.settings.get("prune") == limit


@pytest.mark.parametrize(
    ("target", "path", "rule"),
    [
        ({"kind": "Deployment"}, "/spec/replicas", {"kind": "Deployment.apps"}),
        ({"kind": "Deployment", "group": "apps", "name": "web-.*"}, "/a", {"kind": "Deployment.apps", "name": "web-*"}),
        (
            {"kind": "Backup", "group": r"example\.com", "name": r"a\.b"},
            "/a",
            {"kind": "Backup.example.com", "name": "a.b"},
        ),
        ({"kind": "Secret", "namespace": ".*"}, "/data/a", {"kind": "Secret", "namespace": "*"}),
        ({"kind": "Backup"}, "/spec/replicas", None),
        ({"kind": "Deployment|StatefulSet", "group": "apps"}, "/spec/replicas", None),
        ({"kind": "Deployment", "name": "web|shop"}, "/spec/replicas", None),
        ({"kind": "Deployment", "labelSelector": "a=b"}, "/spec/replicas", None),
        ({"kind": "Deployment"}, "/metadata/name", None),
        ({}, "/spec/replicas", None),
    ],
)
def test_rules_of_flux_that_are_rules_of_ours(target: dict[str, str], path: str, rule: dict[str, str] | None) -> None:
    """A rule that cannot be carried over has no counterpart, and keeps nothing else from being carried over."""
    spec = KUSTOMIZATION["spec"] | {"ignore": [{"target": target, "paths": [path]}]}
    made = flux.kustomization(KUSTOMIZATION | {"spec": spec})
    assert made.settings.get("ignore") == (None if rule is None else [rule | {"fields": [path]}])
    fate = next(fate for fate in made.fates if fate.path == "spec.ignore[0].paths[0]")
    assert (fate.to, bool(fate.because)) == ("" if rule is None else "ignore", True)
    loading.load(application.Application, yaml.safe_dump(made.settings), where="application.yaml")


@pytest.mark.parametrize(
    ("exclude", "patterns"), [("{a,b/*}", ["a", "b/*"]), ("*.json", ["*.json"]), ("a,b", None), ("{a,}", None)]
)
def test_what_argo_excludes(exclude: str, patterns: list[str] | None) -> None:
    source = APPLICATION["spec"]["source"] | {"directory": {"exclude": exclude}}
    made = argocd.application(APPLICATION | {"spec": APPLICATION["spec"] | {"source": source}})
    assert made.settings["source"]["manifests"].get("exclude") == patterns  # type: ignore[index,call-overload,union-attr] # a mapping
