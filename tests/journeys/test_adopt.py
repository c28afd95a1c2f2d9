"""Objects of kubectl, Helm, Flux and Argo CD change hands by a reviewed commit, fields and marks included."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from reconciler.model import outcomes, records
from tests.clusterkit import access
from tests.support import site

Json = dict[str, Any]
UPDATE, APPLY = "Update", "Apply"


@dataclass(frozen=True, slots=True)
class Tool:
    """How a tool leaves its objects. `said` is how a hold names it."""

    name: str
    manager: str
    operation: str
    said: str
    annotations: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    adopt: Json = field(default_factory=dict)


TOOLS = (
    Tool(
        "kubectl-client-side",
        "kubectl-client-side-apply",
        UPDATE,
        "kubectl",
        annotations={"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"data": {"a": "1"}})},
        adopt={"from": ["kubectl"]},
    ),
    Tool("kubectl-server-side", "kubectl", APPLY, "kubectl", adopt={"from": ["kubectl"]}),
    Tool(
        "helm",
        "helm",
        UPDATE,
        "Helm's release shop/web",
        annotations={"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"},
        labels={"app.kubernetes.io/managed-by": "Helm"},
        adopt={"from": ["helm"]},
    ),
    Tool(
        "flux",
        "kustomize-controller",
        APPLY,
        "Flux's Kustomization flux-system/apps",
        labels={
            "kustomize.toolkit.fluxcd.io/name": "apps",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        },
        adopt={"from": ["flux"]},
    ),
    Tool(
        "argocd",
        "argocd-controller",
        APPLY,
        "Argo CD's application shop",
        annotations={"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"},
        adopt={"from": ["argocd"]},
    ),
    Tool("script", "python-requests", UPDATE, "python-requests", adopt={"managers": ["python-requests"]}),
)


def left_by(tool: Tool, a_site: site.Site) -> None:
    """The Deployment and the ConfigMap of the tool, with a field each that Git does not have."""
    metadata = {"namespace": a_site.namespace, "annotations": tool.annotations, "labels": tool.labels}
    settings = site.config_map(tool.name, a="1", dropped="yes")
    workload = site.deployment(tool.name, minReadySeconds=1)
    for each in (settings, workload):
        each["metadata"] = {**each["metadata"], **metadata}
        if tool.operation == APPLY:
            a_site.cluster.apply(each, manager=tool.manager)
            continue
        path = access.path_of(each["apiVersion"], each["kind"], namespace=a_site.namespace)
        reply = a_site.cluster.request("POST", f"{path}?fieldManager={tool.manager}", each)
        access.expected("create", reply)


def pods(a_site: site.Site) -> set[str]:
    found = a_site.cluster.items(f"/api/v1/namespaces/{a_site.namespace}/pods")
    return {one["metadata"]["uid"] for one in found}


def test_each_tools_objects_are_named_and_taken_over(a_site: site.Site) -> None:
    for tool in TOOLS:
        left_by(tool, a_site)
        a_site.application(tool.name, [site.config_map(tool.name, a="1"), site.deployment(tool.name)])
    a_site.commit("what is there, without adopt")
    a_site.wait(lambda: len(pods(a_site)) == 2 * len(TOOLS), what="the pods")
    before = pods(a_site)
    a_site.start()

    # The wrong way: without adopt the hold names whose it is and how to take it over.
    for tool in TOOLS:
        hold = a_site.wait_hold(outcomes.HoldReason.UNMANAGED, tool.name)
        assert tool.said in hold.because, hold.because
        ((key, values),) = tool.adopt.items()
        assert f"adopt: {{{key}: [{values[0]}]}}" in hold.because
        assert f"desired-state/production/{tool.name}/application.yaml" in hold.because

    # The reviewed commit: the plan says adopted, with what leaves; then it is ours, and their fields are gone.
    for tool in TOOLS:
        a_site.application(tool.name, [site.config_map(tool.name, a="1"), site.deployment(tool.name)], adopt=tool.adopt)
    adopted = a_site.commit("adopt")
    begin = a_site.cluster.audit_mark()
    for tool in TOOLS:
        a_site.wait_good(adopted, tool.name)
        settings, workload = a_site.live("configmaps", tool.name, group="v1"), a_site.live("deployments", tool.name)
        assert settings and workload
        assert settings["data"] == {"a": "1"}, f"{tool.name}: what Git does not have has gone"
        assert "minReadySeconds" not in workload["spec"], tool.name
        for found in (settings, workload):
            managers = {entry["manager"] for entry in found["metadata"]["managedFields"] if "subresource" not in entry}
            assert tool.manager not in managers, (tool.name, managers)
            assert not set(tool.annotations) & set(found["metadata"].get("annotations", {})), tool.name
            foreign = set(tool.labels) - {"app.kubernetes.io/managed-by"}
            assert not foreign & set(found["metadata"].get("labels", {})), tool.name
        assert len(a_site.events(records.EventKind.ADOPTED, tool.name)) >= 1
        a_site.wait_in_sync(tool.name)
    assert before <= pods(a_site), "no pod was restarted"
    assert {call["verb"] for call in a_site.counted_calls(after=begin)} == {"patch"}

    # A field dropped from Git later really vanishes, and there is no eternal diff.
    tool = TOOLS[0]
    a_site.application(tool.name, [site.config_map(tool.name, b="2"), site.deployment(tool.name)], adopt=tool.adopt)
    a_site.wait_good(a_site.commit("another key"), tool.name)
    settings = a_site.live("configmaps", tool.name, group="v1")
    assert settings and settings["data"] == {"b": "2"}


def test_marks_can_stay_the_plan_shows_it_and_going_back_deletes_nothing(a_site: site.Site) -> None:
    helm = next(tool for tool in TOOLS if tool.name == "helm")
    left_by(helm, a_site)
    a_site.application("helm", [site.config_map("own", a="1")])
    good = a_site.commit("without what Helm made")
    a_site.start()
    a_site.wait_good(good, "helm")
    assert a_site.stop() == 0

    # A release that adopts and fails: what was there before it is there after it, and not ours.
    bad = site.deployment("helm", image="registry.example/web:v2-crash-loop")
    wanted = [site.config_map("own", a="1"), site.config_map("helm", a="1")]
    adopt = {"from": ["helm"], "marks": "keep"}
    a_site.application("helm", [*wanted, bad], adopt=adopt)
    a_site.commit("adopt, and break it")
    shown = a_site.plan()
    assert "@ Deployment.apps" in shown and "Helm's release shop/web" in shown, shown
    assert "sh.helm.release.v1.web.*" in shown and "2 adopted" in shown
    assert 'data.dropped: - "yes"' in shown, shown
    a_site.start()
    a_site.wait_ledger(
        lambda found: found.git_revert and found.git_revert.step is records.GitStep.PUSHED and not found.rollout,
        what="the revert",
        application="helm",
    )
    a_site.wait_in_sync("helm")
    for plural, group in (("configmaps", "v1"), ("deployments", "apps/v1")):
        found = a_site.live(plural, "helm", group=group)
        assert found and "reconciler.dev/owner" not in found["metadata"]["annotations"]
        assert found["metadata"]["annotations"]["meta.helm.sh/release-name"] == "web", "the marks were kept"
    assert a_site.events(records.EventKind.PRUNED, "helm") == []


DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "kustomizations.kustomize.toolkit.fluxcd.io"},
    "spec": {
        "group": "kustomize.toolkit.fluxcd.io",
        "scope": "Namespaced",
        "names": {"kind": "Kustomization", "plural": "kustomizations"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


@pytest.fixture
def flux(a_site: site.Site) -> str:
    """Flux's kind, and the path of a Kustomization of this name in the site's namespace."""
    a_site.cluster.apply(DEFINITION)
    path = f"/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{a_site.namespace}/kustomizations"
    body = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": {"name": "apps"}}

    def made() -> bool:
        return a_site.cluster.request("POST", path, body).status in (201, 409)

    a_site.wait(made, what="the kind being served")
    return f"{path}/apps"


def test_a_controller_that_is_still_at_work_is_named(a_site: site.Site, flux: str) -> None:
    tool = next(tool for tool in TOOLS if tool.name == "flux")
    its_labels = {**tool.labels, "kustomize.toolkit.fluxcd.io/namespace": a_site.namespace}
    left_by(Tool(tool.name, tool.manager, tool.operation, tool.said, labels=its_labels), a_site)
    a_site.application("flux", [site.config_map("flux", a="1")], adopt=tool.adopt)
    wanted = a_site.commit("adopt while Flux is at work")
    a_site.start()
    hold = a_site.wait_hold(outcomes.HoldReason.FOREIGN_MANAGER, "flux")
    assert f"Kustomization {a_site.namespace}/apps is still at work" in hold.because and "suspend" in hold.because
    a_site.cluster.patch(flux, {"spec": {"suspend": True}})
    a_site.ask(records.RequestKind.SYNC, "flux")
    a_site.wait_good(wanted, "flux")
