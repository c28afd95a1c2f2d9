"""What a rehearsal says of a change is what becomes of it on the real control plane: all cases in one commit, rehearsed
and then pushed. Most begin in an empty sandbox; those that hang on what is live begin with what the cluster holds."""

import asyncio
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from reconciler.app.commands import previewing
from reconciler.app.rehearsal import rehearsing
from reconciler.model import document, ids, outcomes, records
from reconciler.rehearsal import played, verdict
from tests import conftest
from tests.clusterkit import access
from tests.support import audit, kustomize, site

End = verdict.End
PATIENCE = 90.0
FILLERS = 12
"""Targets to which nothing happens: fewer than a fifth of all may fail."""

WIDGETS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.rehearsal.example"},
    "spec": {
        "group": "rehearsal.example",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
                    }
                },
            }
        ],
    },
}
WIDGET = {
    "apiVersion": "rehearsal.example/v1",
    "kind": "Widget",
    "metadata": {"name": "crd"},
    "spec": {"size": 3},
}


def web(name: str, image: str = "v1", **spec: Any) -> dict[str, Any]:
    return site.deployment(name, image=f"registry.example/web:{image}", **spec)


def job(name: str, image: str) -> dict[str, Any]:
    """A Job that runs before each release."""
    its = {"name": name, "annotations": {"reconciler.dev/hook": "pre-sync"}}
    pod = {"restartPolicy": "Never", "containers": [{"name": "app", "image": f"registry.example/job:{image}"}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": its,
        "spec": {"backoffLimit": 0, "template": {"spec": pod}},
    }


def service(name: str, port: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": port}]},
    }


def stateful(name: str, image: str) -> dict[str, Any]:
    labels = {"app": name}
    pod = {"containers": [{"name": "app", "image": f"registry.example/db:{image}"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "serviceName": name,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def selector(name: str) -> dict[str, Any]:
    """The Deployment with another selector, which cannot be changed."""
    changed = web(name, "v2")
    changed["spec"]["selector"] = {"matchLabels": {"app": name, "tier": "new"}}
    changed["spec"]["template"]["metadata"]["labels"] = {"app": name, "tier": "new"}
    return changed


def maps(name: str, count: int) -> list[dict[str, Any]]:
    return [site.config_map(f"{name}-{number}", key="value") for number in range(count)]


def scaled(cluster: access.ClusterAccess, namespace: str) -> None:
    """An autoscaler has set the size."""
    its = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "hpa"}, "maxReplicas": 9}
    cluster.create(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "hpa", "namespace": namespace},
            "spec": its,
        }
    )
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/hpa"
    cluster.patch(f"{path}/scale", {"spec": {"replicas": 4}}, manager="kube-controller-manager")


def drifted(cluster: access.ClusterAccess, namespace: str) -> None:
    cluster.patch(f"/api/v1/namespaces/{namespace}/configmaps/drifted", {"data": {"key": "edited by hand"}})


def in_the_way(cluster: access.ClusterAccess, namespace: str) -> None:
    found = site.config_map("unmanaged-other", key="somebody's")
    cluster.create(found | {"metadata": {"name": "unmanaged-other", "namespace": namespace}})


@dataclass(frozen=True)
class Source:
    """What is rendered. `files` lie in the application's folder."""

    source: Mapping[str, Any]
    files: Mapping[str, str | dict[str, Any]]


CHART = "charts/rehearsed"
TEMPLATE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: 1
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      containers: [{name: app, image: "registry.example/web:{{ .Values.image }}"}]
"""


def chart(release: str, image: str) -> Source:
    return Source({"chart": {"path": CHART, "release": release, "values": {"image": image}}}, {})


def overlay(name: str, image: str) -> Source:
    kustomization = {
        "resources": ["../base"],
        "images": [{"name": "registry.example/web", "newTag": image}],
        "configMapGenerator": [{"name": name, "literals": [f"image={image}"]}],
    }
    base = {"base/kustomization.yaml": {"resources": ["web.yaml"]}, "base/web.yaml": web(name)}
    return Source({"kustomize": {"path": "overlay"}}, base | {"overlay/kustomization.yaml": kustomization})


Manifests = Sequence[dict[str, Any]] | str | Source


@dataclass(frozen=True)
class Case:
    """`end`: what becomes of it, both here and there; `told`: what the rehearsal can say of it where that is less."""

    base: Manifests
    change: Manifests
    end: End
    hold: str = ""
    told: End | None = None
    live: Any = None
    """What somebody does to the cluster before the change comes; it is rehearsed from there."""


CASES: Mapping[str, Case] = {
    "untouched": Case([web("untouched")], [web("untouched")], End.UNTOUCHED),
    "good": Case([web("good")], [web("good", "v2"), site.config_map("good", key="new")], End.SUCCEEDS),
    "stateful": Case([stateful("stateful", "v1")], [stateful("stateful", "v2")], End.SUCCEEDS),
    "crash": Case([web("crash")], [web("crash", "v2-crash-loop")], End.REVERTED),
    "unready": Case([web("unready")], [web("unready", "v2-never-ready")], End.REVERTED),
    "image": Case([web("image")], [web("image", "v2-image-pull-error")], End.REVERTED),
    "first": Case("", [web("first", "v1-crash-loop")], End.FAILS, hold="first-failed"),
    "pruned": Case(maps("pruned", 3), maps("pruned", 2), End.SUCCEEDS),
    "prune-limit": Case(maps("limit", 6), maps("limit", 1), End.HELD, hold="prune-limit"),
    "immutable": Case([web("immutable")], [selector("immutable")], End.HELD, hold="immutable"),
    "crd": Case([site.config_map("crd")], [WIDGET, WIDGETS, site.config_map("crd")], End.SUCCEEDS, told=End.UNKNOWN),
    "hook": Case([web("hook")], [web("hook", "v2"), job("hook", "v1")], End.SUCCEEDS),
    "hook-fails": Case([web("hooked")], [web("hooked", "v2"), job("hooked", "v1-job-fails")], End.REVERTED),
    "namespace": Case(
        [site.config_map("outside")],
        [site.config_map("outside") | {"metadata": {"name": "outside", "namespace": "kube-system"}}],
        End.HELD,
        hold="outside-limits",
    ),
    "chart": Case(chart("chart", "v1"), chart("chart", "v2"), End.SUCCEEDS),
    "chart-crash": Case(chart("chart-crash", "v1"), chart("chart-crash", "v2-crash-loop"), End.REVERTED),
    "kustomize": Case(overlay("overlaid", "v1"), overlay("overlaid", "v2"), End.SUCCEEDS),
    "refused": Case([service("refused", 80)], [service("refused", 99_999)], End.HELD, hold="refused"),
    "hpa": Case([web("hpa")], [web("hpa", "v2")], End.SUCCEEDS, live=scaled),
    "drifted": Case(
        [site.config_map("drifted", key="a")],
        [site.config_map("drifted", key="a", more="b")],
        End.SUCCEEDS,
        live=drifted,
    ),
    "unmanaged": Case(
        [site.config_map("unmanaged")],
        [site.config_map("unmanaged"), site.config_map("unmanaged-other", key="ours")],
        End.HELD,
        hold="unmanaged",
        live=in_the_way,
    ),
}
OF_ENDS = frozenset(
    {
        records.EventKind.ROLLOUT_FAILED,
        records.EventKind.ROLLED_OUT,
        records.EventKind.REVERTED,
        records.EventKind.REVERT_PUSHED,
        records.EventKind.PINNED,
        records.EventKind.HOOK_RAN,
        records.EventKind.SCALED_DOWN,
    }
)
"""Events that a run must have in common with its rehearsal."""


@dataclass
class Both:
    """What was found out, by the name of the application."""

    from_empty: Mapping[str, played.Played]
    from_cluster: Mapping[str, played.Played]
    plans: Mapping[str, document.Json]
    a_site: site.Site
    mark: int
    """The journal's newest event before the change came."""
    written: Sequence[dict[str, Any]]
    """Calls of the rehearsals that change something, or would without dry-run."""


@pytest.fixture(scope="module")
def both(control_plane: access.ClusterAccess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Everything happens here, once: the base is deployed, the change rehearsed and then pushed."""
    namespace = conftest.new_namespace(control_plane, "rehearsal")
    path = pytest.MonkeyPatch()
    path.setenv("PATH", f"{kustomize.binary().parent}:{os.environ['PATH']}")  # the daemon's, and the rehearsal's
    a_site = made(tmp_path_factory.mktemp("rehearsal"), control_plane, namespace)
    try:
        base = [name for name, case in CASES.items() if case.base]
        a_site.start()
        for name in base:
            a_site.wait_in_sync(name)
        assert a_site.stop() == 0
        for case in CASES.values():
            if case.live:
                case.live(control_plane, namespace)
        for name, case in CASES.items():
            application(a_site, name, case.change)
        a_site.git("add", "--all")
        a_site.git("commit", "--quiet", "-m", "change")
        a_site.git("push", "--quiet", "origin", "HEAD:change")
        before = control_plane.audit_mark()
        from_empty, from_cluster = rehearsed(a_site, from_cluster=False), rehearsed(a_site, from_cluster=True)
        written = a_site.calls(audit.Call.COUNTED, audit.Call.RECORD, audit.Call.DRY_RUN, after=before)
        mark = a_site.rows("SELECT max(sequence) FROM events")[0][0]
        found = Both(from_empty, from_cluster, plans(a_site), a_site, mark, written)
        a_site.git("push", "--quiet", "origin", "HEAD:main")
        a_site.start()
        yield found
    finally:
        path.undo()
        a_site.close()
        control_plane.delete("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.rehearsal.example")
        control_plane.delete(f"/api/v1/namespaces/{namespace}")


def made(folder: pathlib.Path, cluster: access.ClusterAccess, namespace: str) -> site.Site:
    """A site with all bases."""
    a_site = site.Site(folder, cluster, namespace)
    its = a_site.settings["environments"][site.ENVIRONMENT]
    its["clusterKinds"] = ["CustomResourceDefinition.apiextensions.k8s.io"]
    its["prune"] = {"count": 3, "percent": "60%"}
    its["verify"] = {"progressDeadline": "20s", "observe": "0s", "restarts": 2}
    a_site.configure()
    a_site.write(f"{CHART}/Chart.yaml", {"apiVersion": "v2", "name": "rehearsed", "version": "1.0.0"})
    a_site.write(f"{CHART}/templates/web.yaml", TEMPLATE)
    for name, case in CASES.items():
        if case.base:
            application(a_site, name, case.base)
    for number in range(FILLERS):
        application(a_site, f"filler-{number}", [site.config_map(f"filler-{number}")])
    a_site.commit("base")
    return a_site


def application(a_site: site.Site, name: str, manifests: Manifests) -> None:
    """The application as it is to be from here on."""
    if not isinstance(manifests, Source):
        a_site.application(name, manifests)
        return
    folder = f"desired-state/{site.ENVIRONMENT}/{name}"
    header = {"apiVersion": "reconciler.dev/v1", "kind": "Application", "namespace": a_site.namespace}
    a_site.write(f"{folder}/application.yaml", header | {"source": manifests.source})
    for path, content in manifests.files.items():
        a_site.write(f"{folder}/{path}", content)


def rehearsed(a_site: site.Site, *, from_cluster: bool) -> dict[str, played.Played]:
    wish = rehearsing.wish(
        environment=site.ENVIRONMENT, wanted=lambda key: True, ref="change", from_cluster=from_cluster
    )
    found = rehearsing.rehearse(a_site.config, wish)
    assert found.troubles == ()
    return {target.target.application: target for target in found.played}


def plans(a_site: site.Site) -> dict[str, document.Json]:
    """What the daemon would do on the real cluster."""
    found = asyncio.run(previewing.preview(a_site.config, environment=None, wanted=lambda key: True, ref="change"))
    return {preview.target.application: comparable(preview) for preview in found.found}


def comparable(preview: Any) -> document.Json:
    data = previewing.previewing.data(preview)
    return {name: data[name] for name in ("waves", "prunes", "hooks", "manifestDigest", "changes")} | {
        "holds": [hold.reason.value for hold in preview.holds]
    }


@pytest.mark.parametrize("name", CASES)
def test_the_same_becomes_of_it(both: Both, name: str) -> None:
    case = CASES[name]
    target = (both.from_cluster if case.live else both.from_empty)[name]
    said = verdict.of(target)
    assert said.end is (case.told or case.end), said.because
    assert (target.after.hold.reason.value if target.after.hold else "") == case.hold

    ledger = both.a_site.wait_ledger(
        lambda found: ended(found, case), what=case.end.value, application=name, timeout=PATIENCE
    )
    assert kinds(both, name) == sorted(
        moment.event.kind.value for moment in target.moments if moment.event.kind in OF_ENDS
    )
    revert = ledger.git_revert
    assert (revert.paths if revert else ()) == (target.after.git_revert.paths if target.after.git_revert else ())


@pytest.mark.parametrize("name", CASES)
def test_the_plan_is_the_same(both: Both, name: str) -> None:
    case, real = CASES[name], both.plans[name]
    found = [both.from_cluster] if case.live else [both.from_cluster, both.from_empty]
    for rehearsals in found:
        assert without_installation(comparable(rehearsals[name].preview)) == without_installation(real)


def test_a_rehearsal_writes_nothing_into_the_cluster(both: Both) -> None:
    assert both.written == []


def without_installation(plan: document.Json) -> document.Json:
    """Marks name the installation: it is part of the manifests' digest."""
    return {name: value for name, value in plan.items() if name != "manifestDigest"}


def ended(ledger: records.Ledger, case: Case) -> bool:
    """Whether the real run has come where the table says."""
    if ledger.rollout or (ledger.hold.reason.value if ledger.hold else "") != case.hold:
        return False
    match case.end:
        case End.REVERTED:
            return bool(ledger.git_revert and ledger.git_revert.step is records.GitStep.PUSHED and ledger.hold is None)
        case End.SUCCEEDS:
            return bool(ledger.last_good and ledger.earlier)
        case _:
            return True


def kinds(both: Both, name: str) -> list[str]:
    """The real run's events of ends."""
    key = ids.TargetKey(site.ENVIRONMENT, name)
    found = both.a_site.rows(
        "SELECT kind FROM events WHERE sequence > ? AND application = ? ORDER BY sequence",
        str(both.mark),
        key.application,
    )
    return sorted(kind for (kind,) in found if kind in {wanted.value for wanted in OF_ENDS})


def test_an_invalid_manifest_is_held_here_and_there(both: Both) -> None:
    """On top of all others, since nothing is pruned anywhere while one application cannot be read."""
    a_site = both.a_site
    a_site.pull()
    application(a_site, "good", "kind: [\n")
    a_site.git("add", "--all")
    a_site.git("commit", "--quiet", "-m", "invalid")
    a_site.git("push", "--quiet", "--force", "origin", "HEAD:change")
    target = rehearsed(a_site, from_cluster=True)["good"]
    a_site.git("push", "--quiet", "origin", "HEAD:main")
    there = a_site.wait_hold(outcomes.HoldReason.RENDER_FAILED, "good", timeout=PATIENCE)
    assert target.after.hold is not None
    assert (target.after.hold.reason, target.after.hold.because) == (there.reason, there.because)
