"""What becomes of a target in Flux and Argo CD: that no field of ours is dropped in silence, and the way back."""

from typing import Any

import pytest

from reconciler.model import document, targets
from reconciler.settings import application, deployment, environment
from reconciler.settings.peers import argocd, fates, flux, outward, to_flux
from tests.settings.peers.leaving import (
    ENVIRONMENT,
    EXPORT,
    FULL,
    LIMITS,
    REPOSITORY,
    SSH,
    full,
    given,
    missing,
    resolved,
    small,
)


def test_the_files_of_these_tests_have_every_field_set() -> None:
    """So that whoever adds a setting has to say what becomes of it elsewhere."""
    assert missing(application.Application, *(full(kind) for kind in FULL)) == set()
    assert missing(environment.Environment, ENVIRONMENT) == set()
    account = {"impersonate": {"serviceAccount": "web/deployer"}}
    assert missing(deployment.EnvironmentLimits, LIMITS, account) == set()
    assert missing(deployment.Repository, REPOSITORY, {"credentials": SSH}) == set()


@pytest.mark.parametrize("tool", list(EXPORT))
@pytest.mark.parametrize("kind", list(FULL))
@pytest.mark.parametrize("credentials", [REPOSITORY["credentials"], SSH], ids=["https", "ssh"])
def test_every_leaf_has_a_fate_and_what_has_no_counterpart_says_why(
    tool: str, kind: str, credentials: dict[str, str]
) -> None:
    target = given(full(kind), repository=REPOSITORY | {"credentials": credentials})
    made = EXPORT[tool](target)
    files = (target.application, target.environment, target.disk)
    leaves = [(file.where, path) for file in files for path in fates.leaves(file.body)]
    assert [(told.where, told.fate.path) for told in made.told] == leaves
    assert [told.fate.path for told in made.told if not told.fate.to and not told.fate.because] == []
    assert [told.fate.path for told in made.told if told.fate.because == fates.UNKNOWN] == []
    assert all(told.line > 0 for told in made.told)


def lost(tool: str, own: dict[str, Any], **more: Any) -> set[str]:
    made = EXPORT[tool](given(own, **more))
    return {told.fate.path for told in made.told if not told.fate.to and told.where == "application.yaml"}


ANYWHERE = {
    "adopt.from[0]", "adopt.managers[0]", "adopt.marks", "verify.observe", "verify.restarts", "prune.count",
    "prune.percent", "ignore[2].kind", "ignore[2].fields[0]", "ignore[2].fields[1]", "verify.probes[0].url",
    "verify.probes[0].statuses[0]", "verify.probes[0].interval", "verify.probes[0].timeout",
    "verify.probes[0].failures", "verify.healthChecks[0].kind", "verify.healthChecks[0].inProgress",
    "verify.healthChecks[0].failed", "verify.healthChecks[0].current",
}  # fmt: skip
KEPT = {f"keepLive[0].{word}" for word in ("kind", "name", "namespace", "fields[0]")}
BOTH = {f"dependsOn[{place}]" for place in (0, 1)}
PATTERNED = {f"ignore[0].{word}" for word in ("kind", "name", "namespace", "fields[0]")}


@pytest.mark.parametrize(
    ("tool", "kind", "more"),
    [
        ("flux", "manifests", {*KEPT, "dependsOn[1]", "source.manifests.exclude[0]", "source.manifests.exclude[1]"}),
        ("flux", "kustomize", {*KEPT, "dependsOn[1]"}),
        ("flux", "chart", {*KEPT, "dependsOn[0]"}),
        ("flux", "archive", {*KEPT, "dependsOn[0]", "source.chart.digest"}),
        ("argocd", "chart", {*BOTH, *PATTERNED, "verify.progressDeadline"}),
        ("argocd", "archive", {*BOTH, *PATTERNED, "verify.progressDeadline", "source.chart.digest"}),
        (
            "argocd",
            "manifests",
            {
                *BOTH,
                *PATTERNED,
                "verify.progressDeadline",
                "source.manifests.substitute",
                "variables.TAG",
                "variables.DEBUG",
            },
        ),
    ],
)
def test_what_has_no_counterpart(tool: str, kind: str, more: set[str]) -> None:
    assert lost(tool, full(kind)) == ANYWHERE | more


def spec(tool: str, own: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = EXPORT[tool](given(own, **more)).objects[-1]["spec"]
    assert isinstance(found, dict)
    return found


def test_a_kustomization() -> None:
    made = to_flux.export(given(full("manifests"))).objects
    header = {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository"}
    url = "https://git.example.com/team/state.git"
    assert made[0] == {
        **header,
        "metadata": {"name": "state", "namespace": "flux-system"},
        "spec": {"interval": "1m30s", "timeout": "1m", "url": url, "ref": {"branch": "main"}},
    }
    assert made[1]["spec"] == {
        "interval": "10m",
        "path": "./apps/web",
        "prune": True,
        "wait": True,
        "sourceRef": {"kind": "GitRepository", "name": "state"},
        "postBuild": {
            "substitute": {"DEBUG": "true", "HOST": "shop.example.com", "REPLICAS": "3", "TAG": "1e3"},
        },
        "ignore": [
            {
                "target": {"group": "apps", "kind": "Deployment", "name": "web-.*", "namespace": "shop"},
                "paths": ["/spec/replicas"],
            },
            {
                "target": {"kind": "Secret", "name": "web"},
                "paths": ["/data/password", "/metadata/annotations/example.com~1at"],
            },
        ],
        "timeout": "1h",
        "targetNamespace": "shop",
        "dependsOn": [{"name": "database"}],
    }
    assert spec("flux", full("kustomize"))["path"] == "./desired-state/production/web/overlay"


def test_a_helm_release() -> None:
    made = to_flux.export(given(full("chart"))).objects
    assert [body["kind"] for body in made] == ["GitRepository", "HelmRelease"]
    release = document.mapping(made[1], "spec")
    assert release["chart"] == {
        "spec": {
            "chart": "./charts/web",
            "sourceRef": {"kind": "GitRepository", "name": "state"},
            "reconcileStrategy": "Revision",
            "valuesFiles": ["./charts/web/values.yaml", "./desired-state/production/web/values.yaml"],
        }
    }
    assert release["values"] == {"a": 1}
    assert release["driftDetection"]["mode"] == "enabled"  # type: ignore[index,call-overload] # a mapping
    assert (release["releaseName"], release["targetNamespace"]) == ("site", "shop")
    assert release["dependsOn"] == [{"name": "queue"}]

    made = to_flux.export(given(full("archive"), values={"a": {"b": [1], "c": 2}})).objects
    assert [body["kind"] for body in made] == ["HelmRepository", "HelmRelease"]
    oci = {"type": "oci", "interval": "1h", "url": "oci://registry.example.com/charts"}
    assert made[0]["spec"] == oci
    release = document.mapping(made[1], "spec")
    assert release["chart"] == {
        "spec": {
            "chart": "web",
            "version": "1.2.3",
            "sourceRef": {"kind": "HelmRepository", "name": "registry-example-com-charts"},
        }
    }
    assert release["values"] == {"a": {"b": [1], "c": 2}}


def test_an_argo_application() -> None:
    git = {"repoURL": "https://git.example.com/team/state.git", "targetRevision": "refs/heads/main"}
    made = spec("argocd", full("manifests"))
    assert made == {
        "project": "default",
        "source": {
            **git,
            "path": "apps/web",
            "directory": {"recurse": True, "exclude": "{*.json,*.json/*,ci,*/ci,ci/*,*/ci/*}"},
        },
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
        "syncPolicy": {
            "automated": {"prune": True, "selfHeal": True},
            "syncOptions": ["ServerSideApply=true", "PruneLast=true", "RespectIgnoreDifferences=true"],
        },
        "ignoreDifferences": [
            {
                "kind": "Secret",
                "name": "web",
                "jsonPointers": ["/data/password", "/metadata/annotations/example.com~1at"],
            },
            {"kind": "Secret", "name": "web", "jsonPointers": ["/data/token"]},
        ],
    }
    values = "desired-state/production/web/values.yaml"
    assert spec("argocd", full("chart"))["source"] == {
        **git,
        "path": "charts/web",
        "helm": {"releaseName": "site", "valueFiles": [f"/{values}"], "valuesObject": {"a": 1}},
    }
    assert spec("argocd", full("archive"))["sources"] == [
        {
            "repoURL": "registry.example.com/charts",
            "chart": "web",
            "targetRevision": "1.2.3",
            "helm": {"releaseName": "site", "valueFiles": [f"$values/{values}"], "valuesObject": {"a": {"b": [1]}}},
        },
        {**git, "ref": "values"},
    ]
    assert spec("argocd", full("kustomize"))["source"] == {
        **git, "path": "desired-state/production/web/overlay", "kustomize": {}
    }  # fmt: skip
    elsewhere = spec("argocd", full("chart"), in_cluster=False)["destination"]
    assert elsewhere == {"name": "main", "namespace": "shop"}


@pytest.mark.parametrize(("count", "percent"), [(0, "25%"), (5, "0%"), (5, "25%")])
@pytest.mark.parametrize("drift", ["heal", "warn"])
def test_limits_of_nothing_and_drift_become_switches(*, count: int, percent: str, drift: str) -> None:
    own = small("manifests", prune={"count": count, "percent": percent}, drift=drift)
    prunes = count > 0 and percent != "0%"
    assert spec("flux", own)["prune"] is prunes
    assert spec("argocd", own)["syncPolicy"]["automated"] == {"prune": prunes, "selfHeal": drift == "heal"}
    assert ("drift" in lost("flux", own)) is (drift == "warn")
    assert spec("flux", small("chart", drift=drift))["driftDetection"]["mode"] == (
        "warn" if drift == "warn" else "enabled"
    )


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/spec/replicas", "/spec/replicas"),
        ("data.password", "/data/password"),
        ("metadata.labels[a.b/c~d]", "/metadata/labels/a.b~1c~0d"),
        ("spec.template.spec.containers[0].image", "/spec/template/spec/containers/0/image"),
        ("spec.template.spec.containers[app].image", ""),
        ("spec.template.spec.containers.app.image", ""),
        ("webhooks[*].clientConfig", ""),
        ("/webhooks/*/clientConfig", ""),
        ("spec.some[thing]", ""),
    ],
)
def test_paths_that_are_json_pointers(path: str, pointer: str) -> None:
    assert outward.pointer(path, kind="Secret") == pointer


@pytest.mark.parametrize(
    ("seconds", "text"), [(90.0, "1m30s"), (86_400.0, "24h"), (1.5, "1s500ms"), (0.0, "0s"), (3_661.0, "1h1m1s")]
)
def test_durations_as_go_reads_them(seconds: float, text: str) -> None:
    assert outward.duration(seconds) == text


# --- and back


def back(tool: str, own: dict[str, Any]) -> targets.Target:
    """Exported, imported, and resolved in an environment that says nothing."""
    outer = {"apiVersion": "reconciler.dev/v1", "kind": "Environment"}
    made = EXPORT[tool](given(own, outer=outer)).objects
    main = made[-1]
    if tool == "argocd":
        found = argocd.application(main)
    elif main["kind"] == "Kustomization":
        found = flux.kustomization(main)
    else:
        sources = {(document.text(body, "kind"), document.text(body, "metadata", "name")): body for body in made}
        found = flux.helm_release(main, sources)
    assert found.refused == ()
    unknown = [fate.path for fate in found.fates if fate.because == fates.UNKNOWN]
    assert (found.name, unknown) == ("web", [])
    return resolved(found.settings, outer=outer, limits=LIMITS)


IGNORE = [
    {"kind": "Deployment.apps", "name": "web", "fields": ["/spec/replicas"]},
    {"kind": "Secret", "name": "web-a.b", "namespace": "shop", "fields": ["/data/password"]},
]
SAME = {"namespace": "shop", "ignore": IGNORE}
RENAMED = {"repository": "https://charts.example.com/stable", "name": "web", "version": "1.2.3", "values": {"a": [1]}}


@pytest.mark.parametrize("limit", [0, 9])
@pytest.mark.parametrize(
    ("tool", "source", "more"),
    [
        ("flux", {"kustomize": {"path": "overlay", "substitute": True}}, {"variables": {"A": "1e3", "B": "true"}}),
        ("flux", {"kustomize": {"path": "/apps/web"}}, {"dependsOn": ["database"]}),
        ("flux", {"chart": {"path": "charts/web", "valuesFiles": ["v.yaml"], "values": {"a": 1}}}, {"drift": "warn"}),
        ("flux", {"chart": RENAMED}, {"dependsOn": ["queue"]}),
        ("flux", {"chart": RENAMED | {"repository": "oci://registry.example.com/charts", "release": "site"}}, {}),
        ("argocd", {"kustomize": {"path": "overlay"}}, {"drift": "warn"}),
        ("argocd", {"manifests": {"path": "/apps/web"}}, {}),
        ("argocd", {"chart": {"path": "charts/web", "valuesFiles": ["v.yaml"], "values": {"a": 1}}}, {}),
        ("argocd", {"chart": RENAMED}, {}),
        ("argocd", {"chart": RENAMED | {"repository": "oci://registry.example.com/charts", "release": "site"}}, {}),
    ],
)
def test_there_and_back_again(tool: str, source: dict[str, Any], more: dict[str, Any], limit: int) -> None:
    header = {"apiVersion": "reconciler.dev/v1", "kind": "Application"}
    own = {**header, "source": source, **SAME, **more, "prune": {"count": limit}}
    outer = {"apiVersion": "reconciler.dev/v1", "kind": "Environment"}
    before, after = resolved(own, outer=outer, limits=LIMITS), back(tool, own)
    known = ("namespace", "source", "variables", "left", "drift", "depends_on")
    assert {word: getattr(after, word) for word in known} == {word: getattr(before, word) for word in known}
    if "chart" not in source or tool == "argocd":
        assert (after.prune.count > 0) is (limit > 0)
    if tool == "flux":
        assert after.verification.progress_deadline == before.verification.progress_deadline
