"""What is deleted and made again, what holds, and what becomes of the children."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model import document, ids, live, manifests, outcomes, plans, records, rollouts
from reconciler.plan import replacing, survey
from tests.support import planned

RELEASE, REVERT = rollouts.Purpose.RELEASE, rollouts.Purpose.REVERT
SELECTOR = {"matchLabels": {"app": "web"}}
OTHER = {"matchLabels": {"app": "other"}}


def marked(kind: str, said: str, *, api_version: str = "apps/v1", **spec: Any) -> manifests.Manifest:
    made = planned.manifest(kind, "web", api_version=api_version, spec=spec)
    if not said:
        return made
    body = made.document()
    body["metadata"] = {
        **document.mapping(body, "metadata"),
        "annotations": {**document.mapping(body, "metadata", "annotations"), replacing.OPT_IN: said},
    }
    return replace(made, body=document.encode(body))


def stored(manifest: manifests.Manifest, *, owner: str = "reconciler") -> live.LiveObject:
    body = manifest.document()
    fields: document.Json = {"f:metadata": {"f:annotations": {f"f:{replacing.OPT_IN}": {}}}}
    entry: document.Json = {"manager": owner, "operation": "Apply", "fieldsV1": fields}
    body["metadata"] = {**document.mapping(body, "metadata"), "uid": "u1", "managedFields": [entry]}
    meta = live.LiveMeta(manifest.key, "u1", "7", "e", "", controlled=False, deleting=False)
    return live.LiveObject(meta, document.encode(body))


def judged(
    was: manifests.Manifest,
    wanted: manifests.Manifest,
    *,
    purpose: rollouts.Purpose = RELEASE,
    owner: str = "reconciler",
) -> plans.Change | outcomes.Hold:
    fresh = replacing.probe(wanted)
    assert fresh is not None
    refused = live.Refused(wanted.key, live.Why.INVALID, "field is immutable", (), 422, ("spec.selector",))
    look = survey.Look(wanted, records.InventoryRow(wanted.key, "u1", "d", "e", "7", "r"), "its manifest changed")
    return replacing.judge(
        look,
        stored(was, owner=owner),
        refused,
        sent=wanted,
        probed=live.Applied(stored(fresh), created=True),
        purpose=purpose,
    )


@pytest.mark.parametrize(
    ("kind", "was_said", "said", "purpose", "replaced"),
    [
        ("Deployment", "", "true", RELEASE, True),
        ("Deployment", "", "stateful", RELEASE, True),
        ("Deployment", "", "", RELEASE, False),
        ("Deployment", "", "yes", RELEASE, False),
        ("Deployment", "true", "", RELEASE, False),
        ("Deployment", "true", "", REVERT, True),
        ("Deployment", "", "true", REVERT, True),
        ("Deployment", "", "", REVERT, False),
        ("StatefulSet", "", "true", RELEASE, False),
        ("StatefulSet", "", "stateful", RELEASE, True),
        ("StatefulSet", "stateful", "", REVERT, True),
    ],
)
def test_somebody_must_have_allowed_it(
    kind: str, was_said: str, said: str, purpose: rollouts.Purpose, *, replaced: bool
) -> None:
    found = judged(marked(kind, was_said, selector=SELECTOR), marked(kind, said, selector=OTHER), purpose=purpose)
    if replaced:
        assert isinstance(found, plans.Change) and found.action is plans.Action.REPLACED
        assert found.uid == "u1" and "spec.selector cannot be changed" in found.because
        assert "metadata.name" not in [field.path for field in found.fields], "the probe's name is nobody's business"
        assert any(field.path.startswith("spec.selector") for field in found.fields)
    else:
        assert isinstance(found, outcomes.Hold) and found.reason is outcomes.HoldReason.IMMUTABLE
        assert "spec.selector" in found.because and replacing.OPT_IN in found.because


def test_an_opt_in_that_somebody_wrote_past_git_does_not_count() -> None:
    was, wanted = marked("Deployment", "true", selector=SELECTOR), marked("Deployment", "", selector=OTHER)
    assert isinstance(judged(was, wanted, purpose=REVERT, owner="kubectl"), outcomes.Hold)


@pytest.mark.parametrize(
    ("kind", "api_version"), [("PersistentVolumeClaim", "v1"), ("Namespace", "v1"), ("PersistentVolume", "v1")]
)
def test_what_does_not_come_back_is_never_replaced(kind: str, api_version: str) -> None:
    for said in ("true", "stateful"):
        wanted = marked(kind, said, api_version=api_version, a=1)
        found = judged(marked(kind, said, api_version=api_version, a=2), wanted)
        assert isinstance(found, outcomes.Hold) and "never replaced" in found.because


@pytest.mark.parametrize(
    ("kind", "api_version", "selector", "propagation"),
    [
        ("Deployment", "apps/v1", OTHER, live.Propagation.BACKGROUND),
        ("DaemonSet", "apps/v1", OTHER, live.Propagation.BACKGROUND),
        ("StatefulSet", "apps/v1", SELECTOR, live.Propagation.ORPHAN),
        ("StatefulSet", "apps/v1", OTHER, live.Propagation.FOREGROUND),
        ("Job", "batch/v1", SELECTOR, live.Propagation.FOREGROUND),
        ("Widget", "example.com/v1", SELECTOR, live.Propagation.BACKGROUND),
    ],
)
def test_what_becomes_of_the_children(
    kind: str, api_version: str, selector: object, propagation: live.Propagation
) -> None:
    was = marked(kind, "", api_version=api_version, selector=SELECTOR)
    found = judged(was, marked(kind, "stateful", api_version=api_version, selector=selector, x=1))
    assert isinstance(found, plans.Change) and found.propagation is propagation


def test_the_probe_has_a_name_of_its_own_and_some_kinds_cannot_be_probed() -> None:
    made = marked("Deployment", "", selector=SELECTOR)
    fresh = replacing.probe(made)
    assert fresh is not None and fresh.key.name != "web" and fresh.key.namespace == "web"
    assert document.text(fresh.document(), "metadata", "name") == fresh.key.name
    crd = planned.manifest(
        "CustomResourceDefinition", "a.example.com", api_version="apiextensions.k8s.io/v1", namespace=""
    )
    assert replacing.probe(crd) is None
    assert ids.KindKey("apiregistration.k8s.io", "APIService") in replacing.NAMED_BY_CONTENT
