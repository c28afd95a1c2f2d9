"""What each answer of an API server means; bodies as Kubernetes 1.36 writes them."""

import base64
import json
from typing import Any

import pytest

from reconciler import errors
from reconciler.edges.kubernetes import replies
from reconciler.model import document, ids, live, manifests

KEY = ids.ObjectKey("", "ConfigMap", "web", "settings")
SECRET = ids.ObjectKey("", "Secret", "web", "login")
MISMATCH = (
    "Operation cannot be fulfilled on configmaps: the UID in the precondition (x) does not match the UID in record"
)
FORBIDDEN = (
    'configmaps "a" is forbidden: User "u" cannot patch resource "configmaps" in API group "" in the namespace "t"'
)
QUOTA = 'pods "a" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1'
UNDECLARED = (
    "failed to create typed patch object (/d; apps/v1, Kind=Deployment): .spec.bogus: field not declared in schema"
)
POLICY = "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"
WEBHOOK = 'admission webhook "hook.example.com" denied the request: no such label'
WEBHOOK_DOWN = 'Internal error occurred: failed calling webhook "hook.example.com": connect: connection refused'
CRD_GOES = "create not allowed while custom resource definition is terminating"


def status(code: int, message: str = "", **more: Any) -> replies.Reply:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code, **more}
    return replies.Reply(code, json.dumps(body).encode(), {})


def text(code: int, body: str, **headers: str) -> replies.Reply:
    return replies.Reply(code, body.encode(), {"content-type": "text/plain", **headers})


def caused(reason: str, message: str = "", field: str = "") -> dict[str, Any]:
    return {"details": {"causes": [{"reason": reason, "message": message, "field": field}]}}


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (status(409, reason="Conflict", **caused("FieldManagerConflict", 'conflict with "flux"')), live.Why.OWNERSHIP),
        (status(409, "the object has been modified; please apply", reason="Conflict"), live.Why.STALE),
        (status(409, MISMATCH, reason="Conflict"), live.Why.UID_CHANGED),
        (status(409, "uid mismatch", reason="Conflict"), live.Why.UID_CHANGED),
        (status(409, "object is being deleted: x", reason="AlreadyExists"), live.Why.TERMINATING),
        (status(422, reason="Invalid", **caused("FieldValueInvalid", field="metadata.uid")), live.Why.UID_CHANGED),
        (status(422, reason="Invalid", **caused("FieldValueInvalid", field="spec.selector")), live.Why.INVALID),
        (status(422, POLICY, reason="Invalid", **caused("", POLICY)), live.Why.DENIED),
        (status(400, "metadata.managedFields must be nil", reason="BadRequest"), live.Why.INVALID),
        (status(400, WEBHOOK), live.Why.DENIED),
        (status(429, WEBHOOK), live.Why.DENIED),
        (status(500, WEBHOOK), live.Why.DENIED),
        (status(400, 'admission webhook "x" does not support dry run'), live.Why.NO_DRY_RUN),
        (status(500, UNDECLARED), live.Why.INVALID),
        (status(413, "Request entity too large", reason="RequestEntityTooLarge"), live.Why.INVALID),
        (status(403, FORBIDDEN, reason="Forbidden"), live.Why.NO_RIGHT),
        (status(403, QUOTA, reason="Forbidden"), live.Why.FORBIDDEN),
        (status(403, POLICY, reason="Forbidden"), live.Why.DENIED),
        (status(403, CRD_GOES, reason="Forbidden"), live.Why.TERMINATING),
        (status(403, "being terminated", reason="Forbidden", **caused("NamespaceTerminating")), live.Why.TERMINATING),
        (status(404, reason="NotFound", details={"name": "web", "kind": "namespaces"}), live.Why.NO_NAMESPACE),
        (status(404, reason="NotFound", details={"name": "settings", "kind": "configmaps"}), live.Why.STALE),
        (status(404, "the server could not find the requested resource", details={}), live.Why.NO_KIND),
        (text(404, "404 page not found\n"), live.Why.NO_KIND),
    ],
)
def test_a_refusal_has_one_reason(reply: replies.Reply, why: live.Why) -> None:
    refused = replies.refusal(reply, KEY)
    assert (refused.why, refused.status, refused.key) == (why, reply.status, KEY)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (text(429, "Too many requests, please try again later.", **{"retry-after": "3"}), "overloaded"),
        (status(401, "Unauthorized", reason="Unauthorized"), "credentials"),
        (status(500, WEBHOOK_DOWN, reason="InternalError"), "hook.example.com"),
        (status(500, "etcdserver: mvcc: database space exceeded"), "database space"),
        (status(500, "etcdserver: leader changed"), "leader changed"),
        (text(500, "<html>proxy</html>"), "proxy"),
        (text(502, "Bad Gateway"), "Bad Gateway"),
        (text(503, "service unavailable"), "service unavailable"),
        (status(504, "request did not complete within requested timeout", reason="Timeout"), "did not complete"),
        (text(302, ""), "302"),
    ],
)
def test_what_is_no_verdict_on_the_request_is_transient(reply: replies.Reply, says: str) -> None:
    with pytest.raises(errors.Transient, match=says) as raised:
        replies.refusal(reply, KEY)
    assert raised.value.retry_after == reply.retry_after


def test_conflicts_name_field_and_manager() -> None:
    causes = [
        ("FieldManagerConflict", 'conflict with "kubectl-edit" using v1', ".data.a.b"),
        ("FieldManagerConflict", 'conflict with "flux"', '.spec.containers[name="c"].image'),
        ("FieldManagerConflict", 'conflict with "kubectl" with subresource "scale" using apps/v1', ".spec.replicas"),
    ]
    details = {"causes": [{"reason": reason, "message": says, "field": field} for reason, says, field in causes]}
    assert replies.refusal(status(409, "Apply failed", reason="Conflict", details=details), KEY).conflicts == (
        live.FieldConflict(".data.a.b", "kubectl-edit", applied=False),
        live.FieldConflict('.spec.containers[name="c"].image', "flux", applied=True),
        live.FieldConflict(".spec.replicas", 'kubectl with subresource "scale"', applied=False),
    )


def secret(value: str) -> manifests.Manifest:
    body = {"apiVersion": "v1", "kind": "Secret", "data": {"password": base64.b64encode(value.encode()).decode()}}
    return manifests.Manifest(SECRET, "v1", document.encode(body), manifests.Origin("a.yaml", 1))


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (status(422, 'data: Invalid value: "hunter2"', **caused("FieldValueInvalid", field="data.password")), "data."),
        (status(500, "failed to convert: illegal base64 data: hunter2"), "not shown"),
        (status(400, 'admission webhook "x" denied the request: "hunter2" is weak'), 'webhook "x" denied'),
        (status(403, 'secrets "login" is forbidden: aHVudGVyMg== hunter2', reason="Forbidden"), "is forbidden"),
    ],
)
def test_no_message_holds_the_content_of_a_secret(reply: replies.Reply, says: str) -> None:
    message = replies.refusal(reply, SECRET, manifest=secret("hunter2")).message
    assert says in message
    assert "hunter2" not in message
    assert "aHVudGVyMg" not in message


def test_nor_does_an_error_or_a_warning() -> None:
    with pytest.raises(errors.Transient) as raised:
        replies.refusal(
            status(500, 'failed calling webhook "w": hunter2', reason="InternalError"),
            SECRET,
            manifest=secret("hunter2"),
        )
    assert "hunter2" not in str(raised.value)
    warned = replies.Reply(200, b"{}", {}, ('299 - "hunter2 is \\"short\\""', "199 - other"))
    assert replies.warnings(warned, secret("hunter2")) == ('*** is "short"',)


def test_only_seconds_are_understood_as_a_wait() -> None:
    assert text(429, "", **{"retry-after": "4"}).retry_after == 4.0
    assert text(429, "", **{"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}).retry_after is None
    assert text(429, "").retry_after is None


@pytest.mark.parametrize(
    "body", [b"{}", b'{"items":[]}', b'{"kind":"Status"}', b'{"kind":"Table","items":[]}', b"<html>"]
)
def test_what_is_no_list_is_not_an_empty_one(body: bytes) -> None:
    """A proxy that answers in the server's place has not said that there is nothing (I6)."""
    with pytest.raises(errors.Transient, match=r"is no (list|JSON object)"):
        replies.Reply(200, body, {"content-type": "text/html"}).items()
    assert replies.Reply(200, b'{"kind":"PodList","items":[{"a":1},2]}', {}).items() == [{"a": 1}]
    assert replies.Reply(200, b'{"kind":"PodList","items":null}', {}).items() == []
