"""Who owns which fields after what was done, and what a conflict says: server-side apply, step by step."""

from typing import Any

import pytest

from tests.contracts import twins
from tests.contracts.twins import Side, Step, apply, edit, make, object_of, theirs
from tests.contracts.worlds import Json, config_map, deployment
from tests.sandbox.test_ordering import ORDERS

pytestmark = pytest.mark.cluster

A: Json = {"name": "a", "image": "a:1"}
B: Json = {"name": "b", "image": "b:1"}
C: Json = {"name": "c", "image": "c:1"}
D: Json = {"name": "d", "image": "d:1"}
E: Json = {"name": "e", "image": "e:1"}
LABELS = {"app": "web"}
RBAC = "rbac.authorization.k8s.io"


def data(**values: str) -> Json:
    return config_map(twins.SHOP, **values)


def web(*containers: Json, **spec: Any) -> Json:
    found = deployment(twins.SHOP, **spec)
    found["spec"]["template"]["spec"]["containers"] = list(containers or (A,))
    return found


def with_env(*pairs: tuple[str, str]) -> Json:
    return web(A | {"env": [{"name": name, "value": value} for name, value in pairs]})


def annotated(**notes: str) -> Json:
    found = data(a="1")
    found["metadata"]["annotations"] = notes
    return found


def noted_null() -> Json:
    found = data(a="1")
    found["metadata"] |= {"annotations": {"a": None}, "labels": None}
    return found


def finalized(*names: str) -> Json:
    found = data(a="1")
    found["metadata"]["finalizers"] = list(names)
    return found


def service(*ports: Json) -> Json:
    return object_of("v1", "Service", namespace=twins.SHOP, spec={"selector": LABELS, "ports": list(ports)})


def role(*verbs: str) -> Json:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": list(verbs)}]
    return object_of(f"{RBAC}/v1", "Role", namespace=twins.SHOP, rules=rules)


def size(replicas: int) -> Json:
    return {"spec": {"replicas": replicas}}


def containers(*found: Json) -> Json:
    return {"spec": {"template": {"spec": {"containers": list(found)}}}}


def tolerant() -> Json:
    found = web(A)
    found["spec"]["template"]["spec"]["tolerations"] = [{"key": "b", "operator": "Exists"}]
    return found


TOLERATION: Json = {"key": "a", "operator": "Exists"}
TOLERANT: Json = {"spec": {"template": {"spec": {"tolerations": [TOLERATION]}}}}

CASES: dict[str, list[Step]] = {
    "a-dropped-field-goes": [apply(data(a="1", b="1")), apply(data(a="1"))],
    "the-last-field-dropped": [apply(data(a="1")), apply(data())],
    "a-co-owned-field-stays": [apply(data(a="1", b="1")), theirs(data(b="1")), apply(data(a="1"))],
    "the-same-value-by-two": [apply(data(a="1")), theirs(data(a="1"), manager="flux", force=False), apply(data(a="1"))],
    "force-keeps-co-owners-of-the-same-value": [
        apply(data(a="1")),
        theirs(data(a="1", b="2"), manager="flux"),
        apply(data(a="1", b="3"), force=True),
        apply(data(a="2", b="3")),
    ],
    "conflict-with-an-applier": [
        theirs(data(a="1"), manager="flux"),
        apply(data(a="2")),
        apply(data(a="2"), force=True),
    ],
    "conflict-with-an-editor": [apply(data(a="1")), edit(data(), {"data": {"a": "2"}}), apply(data(a="3"))],
    "conflict-with-two-at-once": [
        apply(data(a="1", b="1")),
        edit(data(), {"data": {"a": "2"}}, manager="kubectl-patch"),
        theirs(data(b="2"), manager="flux"),
        apply(data(a="3", b="3")),
        apply(data(a="3", b="3"), force=True),
    ],
    "an-edit-to-the-same-value-owns-nothing": [apply(data(a="1")), edit(data(), {"data": {"a": "1"}})],
    "an-edit-back-is-no-longer-ours": [
        apply(data(a="1")),
        edit(data(), {"data": {"a": "2"}}),
        edit(data(), {"data": {"a": "1"}}),
        apply(data(a="1")),
    ],
    "a-removed-field-comes-back-without-conflict": [
        apply(data(a="1", b="1")),
        edit(data(), {"data": {"b": None}}),
        apply(data(a="1", b="1")),
    ],
    "all-data-removed": [apply(data(a="1")), edit(data(), {"data": None}), apply(data(a="1"))],
    "theirs-beside-ours": [apply(data(a="1")), edit(data(), {"data": {"x": "1"}}), apply(data(a="2"))],
    "an-editor-widens-what-it-owns": [
        apply(data(a="1")),
        edit(data(), {"data": {"x": "1"}}),
        edit(data(), {"data": {"y": "1", "x": "2"}}),
        edit(data(), {"data": {"x": None}}),
    ],
    "made-by-another": [make(data(a="1")), apply(data(a="2")), apply(data(a="2"), force=True), apply(data())],
    "an-object-without-fields": [apply(data()), apply(data()), edit(data(), {"data": {"a": "1"}}), apply(data(a="2"))],
    "stripped-managed-fields": [
        apply(data(a="1")),
        edit(data(), {"metadata": {"managedFields": [{}]}}),
        edit(data(), {"data": {"b": "1"}}),
        apply(data(a="2")),
        apply(data(a="2"), force=True),
    ],
    "a-dotted-key": [apply(data(**{"a.b": "1"})), edit(data(), {"data": {"x.y": "1"}}), apply(data(**{"x.y": "2"}))],
    "finalizers-are-a-set": [
        apply(finalized("example.com/a", "example.com/b")),
        theirs(finalized("example.com/b", "example.com/c")),
        apply(finalized("example.com/a")),
        apply(data(a="1")),
    ],
    "annotations-one-by-one": [
        apply(annotated(a="1", b="1")),
        edit(data(), {"metadata": {"annotations": {"c": "1", "b": "2"}}}),
        apply(annotated(a="1", b="1")),
        apply(annotated(a="1", b="1"), force=True),
        apply(annotated(b="1")),
        theirs(annotated(b="1", d="1"), manager="flux"),
        apply(data(a="1")),
        edit(data(), {"metadata": {"annotations": None}}),
        apply(annotated(a="1")),
    ],
    "the-last-annotation-dropped": [apply(annotated(a="1")), apply(data(a="1")), apply(data(a="2"))],
    "containers-by-name": [
        apply(web(A, B)),
        theirs(web(A | {"workingDir": "/a"}, C), manager="flux"),
        apply(web(B, A | {"image": "a:2"})),
        apply(web(B)),
        apply(web(A, B)),
        edit(web(), containers(C, B | {"tty": True})),
        apply(web(B)),
        apply(web(A)),
    ],
    "order-of-three": [
        apply(web(A, B, C)),
        apply(web(C, B, A)),
        theirs(web(D, B), manager="flux"),
        apply(web(B, A, C)),
        edit(web(), containers(D, A, C, B)),
        apply(web(B, C)),
        theirs(web(A, D, E), manager="flux"),
        apply(web(C, A, B)),
    ],
    "status-is-somebody-elses": [
        apply(web(A) | {"status": {"replicas": 3, "conditions": []}}),
        edit(web(), {"status": {"replicas": 2, "readyReplicas": 1}}, manager="controller", subresource="status"),
        apply(web(A) | {"status": {"replicas": 3}}),
        edit(web(), {"status": {"replicas": 5}}),
        apply(web(A | {"image": "a:2"})),
        apply(web(A) | {"status": None}),
    ],
    "nulls": [
        apply(web(A, replicas=None)),
        apply(web(A, replicas=None, strategy=None)),
        apply(web(A | {"env": None, "resources": None})),
        apply(data(a="1") | {"data": {"a": None}}),
        apply(data(a="1") | {"data": None}),
        apply(noted_null()),
        apply(web(A, replicas=2)),
        apply(web(A, replicas=None)),
    ],
    "a-foreign-container-stays": [apply(web(A)), theirs(web(B)), apply(web(A | {"image": "a:2"})), apply(web(C, A))],
    "a-foreign-container-by-edit": [apply(web(A)), edit(web(), containers(B, A)), apply(web(A | {"image": "a:2"}))],
    "a-renamed-container": [
        apply(web(A)),
        edit(web(), containers(A | {"workingDir": "/x"})),
        apply(web(A | {"name": "other"})),
    ],
    "environment-by-name": [
        apply(with_env(("A", "1"), ("B", "2"))),
        edit(with_env(), containers(A | {"env": [{"name": "A", "value": "9"}, {"name": "B", "value": "2"}]})),
        apply(with_env(("A", "1"), ("B", "2"))),
        apply(with_env(("A", "1"), ("B", "2")), force=True),
        apply(with_env(("B", "2"), ("C", "3"))),
        apply(web(A)),
    ],
    "ports-by-number-and-protocol": [
        apply(web(A | {"ports": [{"containerPort": 80, "name": "web"}]})),
        theirs(web(A | {"ports": [{"containerPort": 80, "name": "other"}]}), manager="flux"),
        apply(web(A | {"ports": [{"containerPort": 80, "name": "web"}]})),
        apply(web(A | {"ports": [{"containerPort": 80, "protocol": "UDP"}]}), force=True),
    ],
    "tolerations-are-one-value": [
        apply(web(A)),
        edit(web(), TOLERANT),
        apply(web(A, replicas=2)),
        apply(tolerant()),
        apply(tolerant(), force=True),
        apply(web(A)),
    ],
    "rules-of-a-role-are-one-value": [
        apply(role("get")),
        edit(role(), {"rules": role("get", "list")["rules"]}),
        apply(role("get")),
        apply(role("get"), force=True),
    ],
    "rules-of-a-role-emptied": [
        apply(role("get")),
        edit(role(), {"rules": []}),
        apply(role("get")),
        apply(object_of(f"{RBAC}/v1", "Role", namespace=twins.SHOP, rules=[])),
    ],
    "a-selector-of-a-service-is-one-value": [
        apply(service({"port": 80})),
        edit(service(), {"spec": {"selector": {"tier": "x"}}}),
        apply(service({"port": 80})),
        apply(service({"port": 80}), force=True),
    ],
    "ports-of-a-service": [
        apply(service({"port": 80, "name": "a"})),
        theirs(service({"port": 81, "name": "b"})),
        apply(service({"port": 80, "name": "a", "targetPort": 8080})),
    ],
    "replicas-only-ours-and-dropped": [apply(web(A, replicas=3)), apply(web(A))],
    "replicas-scaled-and-dropped": [
        apply(web(A, replicas=3)),
        edit(web(), size(5), manager="kubectl", subresource="scale"),
        apply(web(A, replicas=3)),
        apply(web(A)),
    ],
    "replicas-scaled-to-the-same": [
        apply(web(A, replicas=3)),
        edit(web(), size(3), manager="kubectl", subresource="scale"),
        apply(web(A)),
    ],
    "replicas-scaled-and-forced-back": [
        apply(web(A, replicas=3)),
        edit(web(), size(5), manager="kubectl", subresource="scale"),
        apply(web(A, replicas=3), force=True),
        apply(web(A)),
    ],
    "replicas-scaled-and-agreed": [
        apply(web(A, replicas=3)),
        edit(web(), size(5), manager="kubectl", subresource="scale"),
        apply(web(A, replicas=5)),
        apply(web(A)),
    ],
    "replicas-handed-over": [
        apply(web(A, replicas=3)),
        theirs(size(3) | {k: v for k, v in web().items() if k != "spec"}, manager="handover", force=False),
        apply(web(A)),
    ],
    "quantities-are-the-same-in-other-words": [
        apply(web(A | {"resources": {"limits": {"cpu": "0.1", "memory": "1024Mi"}}})),
        apply(web(A | {"resources": {"limits": {"cpu": "100m", "memory": "1Gi"}}})),
        theirs(web(A | {"resources": {"limits": {"cpu": "0.1"}}}), manager="flux", force=False),
    ],
    "a-strategy-dropped": [
        apply(web(A, strategy={"rollingUpdate": {"maxSurge": 1}})),
        apply(web(A)),
        edit(web(), {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}),
    ],
    "a-template-annotation-by-restart": [
        apply(web(A)),
        edit(web(), {"spec": {"template": {"metadata": {"annotations": {"restartedAt": "now"}}}}}),
        apply(web(A | {"image": "a:2"})),
    ],
    "a-probe-swapped": [
        apply(web(A | {"livenessProbe": {"httpGet": {"port": 80}}})),
        apply(web(A | {"livenessProbe": {"tcpSocket": {"port": 80}}})),
        apply(web(A)),
    ],
    "empty-lists-and-maps": [apply(web(A | {"env": [], "args": []})), apply(web(A | {"resources": {}}))],
}


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_ownership(sides: tuple[Side, Side], case: str) -> None:
    await twins.alike(sides, *CASES[case])


@pytest.mark.parametrize(("old", "new", "together"), ORDERS)
async def test_order(sides: tuple[Side, Side], old: str, new: str, together: str) -> None:
    there, ours = ([{"name": name, "image": f"{name}:1"} for name in names] for names in (old, new))
    _, (_, (_, _, body), _) = await twins.alike(sides, theirs(web(*there)), apply(web(*ours)))
    assert [found["name"] for found in body["spec"]["template"]["spec"]["containers"]] == list(together)
