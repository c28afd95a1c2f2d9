"""Whose a live object is, whether Git allows to take it over, and what is sent then; and giving one up again."""

from typing import Any

import pytest

from reconciler.model import document, ids, live, outcomes, plans, targets
from reconciler.plan import adopting, giving
from tests.support import planned

Maker = targets.Maker
WANTED = planned.config("a", x="1")


def found(
    *entries: tuple[str, str], annotations: dict[str, str] | None = None, labels: dict[str, str] | None = None
) -> live.LiveObject:
    """A ConfigMap with the keys x and old, written by these managers and operations."""
    fields: document.Json = {"f:data": {"f:x": {}, "f:old": {}}}
    if annotations:
        fields["f:metadata"] = {"f:annotations": {f"f:{name}": {} for name in annotations}}
    records: list[Any] = [
        {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields}
        for manager, operation in entries
    ]
    metadata: document.Json = {"name": "a", "namespace": "web", "uid": "u1", "resourceVersion": "7"}
    metadata |= {"annotations": dict(annotations or {}), "labels": dict(labels or {}), "managedFields": records}
    body: document.Json = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"x": "0", "old": "1"},
    }
    meta = live.LiveMeta(WANTED.key, "u1", "7", "", "", controlled=False, deleting=False)
    return live.LiveObject(meta, document.encode(body))


HELM = {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"}
FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
FLUX_HELM = {"helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "shop"}
ARGO = {"argocd.argoproj.io/tracking-id": "shop:/ConfigMap:web/a"}


@pytest.mark.parametrize(
    ("live_object", "maker", "who", "controller"),
    [
        (found(("kubectl-client-side-apply", "Update")), Maker.KUBECTL, "kubectl", ""),
        (found(("kubectl", "Apply")), Maker.KUBECTL, "kubectl", ""),
        (found(annotations={adopting.LAST_APPLIED: "{}"}), Maker.KUBECTL, "kubectl", ""),
        (found(("helm", "Update"), annotations=HELM), Maker.HELM, "Helm's release shop/web", ""),
        (
            found(("kustomize-controller", "Apply"), labels=FLUX),
            Maker.FLUX,
            "Flux's Kustomization flux-system/apps",
            "Kustomization.kustomize.toolkit.fluxcd.io flux-system/apps",
        ),
        (
            found(("helm-controller", "Update"), annotations=HELM, labels=FLUX_HELM),
            Maker.FLUX,
            "Flux's HelmRelease shop/web",
            "HelmRelease.helm.toolkit.fluxcd.io shop/web",
        ),
        (
            found(("argocd-controller", "Apply"), annotations=ARGO),
            Maker.ARGOCD,
            "Argo CD's application shop",
            "Application.argoproj.io argocd/shop",
        ),
        (
            found(("argocd-controller", "Update"), labels={"app.kubernetes.io/instance": "team_shop"}),
            Maker.ARGOCD,
            "Argo CD's application team_shop",
            "Application.argoproj.io team/shop",
        ),
        (
            found(("script", "Update"), labels={"app.kubernetes.io/instance": "shop"}),
            None,
            "the field managers script",
            "",
        ),
        (found(), None, "somebody who left no record", ""),
    ],
)
def test_whose_it_is(live_object: live.LiveObject, maker: Maker | None, who: str, controller: str) -> None:
    its = adopting.origin(live_object.document())
    assert (its.maker, its.who, str(its.controller or "")) == (maker, who, controller)


@pytest.mark.parametrize(
    ("adopt", "live_object", "allow"),
    [
        (targets.Adopt(), found(("kubectl", "Apply")), "adopt: {from: [kubectl]}"),
        (targets.Adopt((Maker.HELM,)), found(("kubectl", "Apply")), "adopt: {from: [kubectl]}"),
        (targets.Adopt((Maker.KUBECTL,)), found(("helm", "Update"), annotations=HELM), "adopt: {from: [helm]}"),
        (targets.Adopt(managers=("b",)), found(("a", "Update")), "adopt: {managers: [a]}"),
        (targets.Adopt((Maker.KUBECTL,)), found(("kubectl", "Apply")), ""),
        (targets.Adopt(managers=("a",)), found(("a", "Update")), ""),
    ],
)
def test_git_must_allow_it(adopt: targets.Adopt, live_object: live.LiveObject, allow: str) -> None:
    hold = refusal(live_object, adopt)
    assert (hold is None) is (allow == "")
    if hold is not None:
        assert hold.reason is outcomes.HoldReason.UNMANAGED
        assert allow in hold.because and "desired-state/production/web/application.yaml" in hold.because


def refusal(live_object: live.LiveObject, adopt: targets.Adopt) -> outcomes.Hold | None:
    its = adopting.origin(live_object.document())
    return adopting.refusal(live_object, its, planned.target(adopt=adopt))


@pytest.mark.parametrize(
    ("labels", "annotations", "controller", "held"),
    [
        (FLUX, {}, {"spec": {}}, True),
        (FLUX, {}, {"spec": {"suspend": False}}, True),
        (FLUX, {}, {"spec": {"suspend": True}}, False),
        ({}, ARGO, {"spec": {"syncPolicy": {"automated": {"prune": True}}}}, True),
        ({}, ARGO, {"spec": {"syncPolicy": {}}}, False),
    ],
)
def test_a_controller_at_work_is_named(
    labels: dict[str, str], annotations: dict[str, str], controller: document.Json, held: bool
) -> None:
    its = adopting.origin(found(labels=labels, annotations=annotations).document())
    hold = adopting.at_work(controller, its, WANTED.key)
    assert (hold is not None) is held
    if hold:
        assert hold.reason is outcomes.HoldReason.FOREIGN_MANAGER and its.who in hold.because


def taken(live_object: live.LiveObject, marks: targets.Marks) -> tuple[plans.Change, live.Handover]:
    its = adopting.origin(live_object.document())
    after = live_object.document()
    after["data"] = {"x": "1", "old": "1"}
    ours: document.Json = {"manager": "reconciler", "operation": "Apply", "fieldsV1": {"f:data": {"f:x": {}}}}
    after["metadata"] = {**document.mapping(after, "metadata"), "managedFields": [ours]}
    reply = live.Applied(live.LiveObject(live_object.meta, document.encode(after)), created=False)
    change = adopting.change(live_object, its, reply, sent=WANTED, adopt=targets.Adopt((Maker.HELM,), marks=marks))
    assert change.action is plans.Action.ADOPTED and change.handover is not None
    return change, change.handover


def test_records_move_and_what_only_the_tool_wanted_leaves() -> None:
    change, _ = taken(found(("helm", "Update"), annotations=HELM), targets.Marks.REMOVE)
    paths = {(field.path, field.after) for field in change.fields}
    assert ("data.x", '"1"') in paths and ("data.old", None) in paths
    status = ("kube-controller-manager", "Update")
    _, handover = taken(found(("helm", "Update"), status, annotations=HELM), targets.Marks.REMOVE)
    assert (handover.uid, handover.resource_version) == ("u1", "7")
    records = document.decode(b'{"all":' + handover.managed_fields + b"}")["all"]
    assert isinstance(records, list)
    by = {entry["manager"]: entry for entry in records if isinstance(entry, dict)}
    assert set(by) == {"kube-controller-manager", "reconciler"}, "controllers of Kubernetes keep theirs"
    assert by["reconciler"]["operation"] == "Apply"
    assert document.at(by["reconciler"], "fieldsV1", "f:data", "f:old") == {}, "so that the next apply drops it"
    assert dict(handover.annotations) == {ids.MARK: str(ids.Mark(planned.INSTALLATION, planned.TARGET, WANTED.key))}


def test_marks_that_are_kept_are_not_ours_to_drop() -> None:
    _, handover = taken(found(("helm", "Update"), annotations=HELM), targets.Marks.KEEP)
    assert set(dict(handover.annotations)) == {ids.MARK, *HELM}
    assert b"release-name" not in handover.managed_fields


def test_a_record_of_another_version_stays() -> None:
    live_object = found(("helm", "Update"), annotations=HELM)
    body = live_object.document()
    for entry in document.items(body, "metadata", "managedFields"):
        assert isinstance(entry, dict)
        entry["apiVersion"] = "v1beta1"
    _, handover = taken(live.LiveObject(live_object.meta, document.encode(body)), targets.Marks.REMOVE)
    assert b'"manager":"helm"' in handover.managed_fields


def test_given_up_nothing_of_ours_is_left_on_it() -> None:
    mark = {ids.MARK: "m", "team": "blue"}
    ours = found(
        ("reconciler", "Apply"),
        ("kubectl-edit", "Update"),
        annotations=mark,
        labels={giving.MANAGED_BY: "reconciler", "tier": "web"},
    )
    handover = giving.up(ours)
    assert dict(handover.annotations) == {"team": "blue"} and dict(handover.labels) == {"tier": "web"}
    assert b"kubectl-edit" in handover.managed_fields and b'"manager":"reconciler"' not in handover.managed_fields
    assert giving.up(found(("reconciler", "Apply"))).managed_fields == b"[{}]", "an empty list would change nothing"
    chosen = giving.up(found(labels={giving.MANAGED_BY: "helmfile"}))
    assert dict(chosen.labels) == {giving.MANAGED_BY: "helmfile"}
