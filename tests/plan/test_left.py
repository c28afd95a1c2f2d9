"""What is sent of the fields that are left to the cluster."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model import document, fields, live, manifests
from reconciler.plan import left
from tests.support import planned

WANTED = planned.manifest("Secret", "a", data={"password": "new", "user": "app"})
US = {"manager": "reconciler", "operation": "Apply", "fieldsV1": {"f:data": {"f:password": {}, "f:user": {}}}}
US_WITHOUT = {"manager": "reconciler", "operation": "Apply", "fieldsV1": {"f:data": {"f:user": {}}}}
PERSON = {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:data": {"f:password": {}}}}


def wanted(*, keep: bool) -> manifests.Manifest:
    body = WANTED.document()
    fields.cut(body, ("data", "password"))
    return replace(
        WANTED, body=document.encode(body), born=WANTED.body, left=(fields.Left(("data", "password"), keep),)
    )


def there(password: str | None, *managers: Any) -> live.LiveObject:
    data = {"user": "app"} | ({"password": password} if password is not None else {})
    body: document.Json = {"metadata": {"managedFields": list(managers)}, "data": dict(data)}
    meta = live.LiveMeta(WANTED.key, "u", "1", "e", "", controlled=False, deleting=False)
    return live.LiveObject(meta, document.encode(body))


@pytest.mark.parametrize(
    ("keep", "found", "sent"),
    [
        pytest.param(True, None, "new", id="made with the rendered value"),
        pytest.param(False, None, "new", id="made with the rendered value, then not ours"),
        pytest.param(True, there("old", US), "old", id="kept: sent, or it would vanish"),
        pytest.param(True, there("theirs", US_WITHOUT, PERSON), "theirs", id="kept: whoever changed it"),
        pytest.param(True, there(None, US_WITHOUT), "new", id="kept: made again"),
        pytest.param(False, there("old", US), "old", id="ignored: sent while only we own it, or it would vanish"),
        pytest.param(False, there("theirs", US_WITHOUT, PERSON), None, id="ignored: theirs"),
        pytest.param(False, there("old", US, PERSON), None, id="ignored: theirs too"),
        pytest.param(False, there(None, US_WITHOUT), None, id="ignored: taken away"),
        pytest.param(False, there("old"), None, id="ignored: nobody's"),
    ],
)
def test_overlay(keep: bool, found: live.LiveObject | None, sent: str | None) -> None:
    manifest = wanted(keep=keep)
    overlaid = left.overlay(manifest, found)
    assert document.at(overlaid.document(), "data", "password") == sent
    assert document.at(overlaid.document(), "data", "user") == "app"
    assert overlaid.digest == manifest.digest, "the plan, the journal and the next survey name the rendered one"


def test_without_rules_the_manifest_is_itself() -> None:
    assert left.overlay(WANTED, there("old", US)) is WANTED


@pytest.mark.parametrize(
    ("claimed", "path", "held"),
    [
        ({"f:data": {"f:a": {}}}, "data/a", True),
        ({"f:data": {"f:a": {}}}, "data/b", False),
        ({"f:data": {}}, "data/a", True),
        ({"f:data": {".": {}, "f:b": {}}}, "data/a", False),
        ({"f:c": {'k:{"name":"app"}': {"f:image": {}}}}, "c/app/image", True),
        ({"f:c": {'k:{"name":"app"}': {"f:image": {}}}}, "c/side/image", False),
        ({"f:p": {'k:{"containerPort":80,"protocol":"TCP"}': {"f:x": {}}}}, "p/80/x", True),
        ({"f:tolerations": {}}, "tolerations/0/key", True),
        ({}, "data/a", False),
    ],
)
def test_claims(claimed: document.Json, path: str, held: bool) -> None:
    assert left.claims(claimed, tuple(path.split("/"))) is held
