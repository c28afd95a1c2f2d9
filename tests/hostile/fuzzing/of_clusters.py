"""What API servers, watches and chart repositories answer, and what lies in clusters by other people's hands."""

import contextlib
import gzip
import io
import json
import tarfile
from dataclasses import replace
from typing import Any, cast

import orjson
from hypothesis import strategies as st

from reconciler import errors
from reconciler.edges.charts import archive, index, registry
from reconciler.edges.kubernetes import discovery, looking, objects, reflecting, replies
from reconciler.model import anchors, document, fields, ids, live, records, rollouts, targets
from reconciler.plan import adopting, diff, drift, left, managed, ownership, replacing, replicas, survey
from reconciler.verify import report
from reconciler.web import webhook
from tests.hostile.fuzzing import inputs
from tests.hostile.fuzzing.target import Target
from tests.render import examples as rendering
from tests.sandbox import test_objects as sandboxes
from tests.verify import examples

KEY = ids.ObjectKey("apps", "Deployment", "web", "web")
MANAGED = [
    {
        "manager": "reconciler",
        "operation": "Apply",
        "apiVersion": "apps/v1",
        "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {
            "f:metadata": {"f:annotations": {"f:reconciler.dev/mark": {}}, "f:labels": {"f:app": {}}},
            "f:spec": {
                "f:replicas": {},
                "f:template": {
                    "f:spec": {"f:containers": {'k:{"name":"app"}': {".": {}, "f:image": {}, "f:name": {}}}}
                },
                "f:x": {'v:"a"': {}},
            },
        },
    },
    {
        "manager": "kubectl-client-side-apply",
        "operation": "Update",
        "apiVersion": "apps/v1",
        "fieldsV1": {"f:spec": {}},
    },
    {
        "manager": "kube-controller-manager",
        "operation": "Update",
        "subresource": "status",
        "fieldsV1": {"f:status": {}},
    },
]
MARK = f"here:production/web:{KEY.path}"
LIVE = examples.deployment(
    spec={"replicas": 2, "template": {"spec": {"containers": [{"name": "app", "image": "web:2"}]}}, "x": ["a"]}
)
LIVE["metadata"] |= {
    "resourceVersion": "12",
    "managedFields": MANAGED,
    "labels": {"app": "web", "app.kubernetes.io/instance": "x", "kustomize.toolkit.fluxcd.io/name": "y"},
    "annotations": {
        ids.MARK: MARK,
        "reconciler.dev/wave": "1",
        "meta.helm.sh/release-name": "r",
        "argocd.argoproj.io/tracking-id": "a_b:apps/Deployment:web/web",
        "reconciler.dev/replace": "yes",
    },
    "ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": "u", "controller": True}],
    "finalizers": ["a/b"],
}
JOB = examples.found("batch/v1", "Job", spec={"completions": 1, "ttlSecondsAfterFinished": 5}, status={"failed": 1})
CUSTOM = examples.found("example.com/v1", "Widget", status={"conditions": examples.conditions(Ready="True")})
POD = examples.pod(None, "web-x", **examples.crashed(3))
LIVES = (LIVE, JOB, CUSTOM, POD)
AUTOSCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web", "namespace": "web"},
    "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
}
CONTROLLERS = ({"spec": {"suspend": True}}, {"spec": {"syncPolicy": {"automated": {}}}})
STATUSES = (
    {
        "kind": "Status",
        "status": "Failure",
        "reason": "Conflict",
        "code": 409,
        "message": 'Apply failed with 1 conflict: conflict with "x" using apps/v1: .spec.replicas',
        "details": {
            "name": "web",
            "kind": "deployments",
            "causes": [
                {
                    "reason": "FieldManagerConflict",
                    "message": 'conflict with "x" with subresource "scale" using apps/v1',
                    "field": ".spec.replicas",
                }
            ],
        },
    },
    {"kind": "Status", "code": 422, "reason": "Invalid", "message": 'admission webhook "x" denied the request: no'},
    {"kind": "Status", "code": 429, "reason": "TooManyRequests", "details": {"retryAfterSeconds": 1}},
)
DISCOVERED = {
    "kind": "APIGroupDiscoveryList",
    "items": [
        {
            "metadata": {"name": "apps"},
            "versions": [
                {
                    "version": "v1",
                    "freshness": "Current",
                    "resources": [
                        {
                            "resource": "deployments",
                            "responseKind": {"group": "", "kind": "Deployment"},
                            "scope": "Namespaced",
                            "verbs": ["get", "list"],
                        }
                    ],
                }
            ],
        }
    ],
}
EVENTS = tuple(
    {"type": kind, "object": found}
    for kind in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR")
    for found in (
        LIVE,
        {"metadata": {"resourceVersion": "1", "annotations": {"k8s.io/initial-events-end": "true"}}},
        STATUSES[0],
    )
)
HAPPENED = {
    "type": "Warning",
    "reason": "BackOff",
    "message": "x",
    "count": 3,
    "series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:00Z"},
    "lastTimestamp": "2026-01-01T00:00:00Z",
}
RECORD = anchors.fields(
    records.TargetRecord(ids.TargetKey("production", "web"), "here", 1, "d", ("q",), "i", 3, "h", "r", "a", None, "")
)
WANTED = targets.ChartArchive("https://charts.example.com", "web", "1.2.3", "")
INDEX = (
    "apiVersion: v1\nentries:\n  web:\n  - name: web\n    version: 1.2.3\n    urls: [web-1.2.3.tgz]\n"
    "  - {name: web, version: 1.2.2, urls: [x]}\n  other:\n  - version: 1.2.3\n"
)
LAYERS = {
    "layers": [{"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "digest": f"sha256:{'a' * 64}"}]
}
SHAPES = (
    LIVE,
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"ports": [{"port": 80}]},
    },
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "default"}, "data": {"k": "YQ=="}},
    {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"template": {}},
    },
)


RESOURCE = live.ResourceType(KEY.kind_key, "v1", "deployments", True, frozenset({"watch"}))


def _live(body: Any) -> live.LiveObject:
    found = body if isinstance(body, dict) else {}
    return objects.whole(found, RESOURCE)


def _metadata(body: Any) -> None:
    meta = _live(body).meta
    _ = meta.owner
    row = records.InventoryRow(KEY, "u", "digest", meta.entry, "12", "rollout")
    ownership.objection(meta, row, target=ids.TargetKey("production", "web"), installation="here")
    drift.suspicious(row, meta)
    drift.older(meta, row)


def _fields(body: Any) -> None:
    """Everything that reads who owns what."""
    found = body if isinstance(body, dict) else {}
    claimed = managed.union(
        managed.ours(found), *(document.mapping(each, "fieldsV1") for each in managed.entries(found))
    )
    every = tuple(managed.paths(claimed))[:50]
    managed.without(claimed, *every)
    managed.removed(found, every)
    for wanted in (("spec", "replicas"), ("spec", "x", "*"), ("spec", "template", "spec", "containers", "*", "image")):
        for path in fields.leaves(found, wanted)[:50]:
            value = fields.at(found, path)
            left.claims(claimed, path)
            fields.cut(found, path)
            fields.put(found, path, value[0] if value else None)


def _planned(given: tuple[Any, Any]) -> None:
    """One object from Git, another one live."""
    wanted, before = (_live(each) for each in given)
    sent = examples.manifest(LIVE)
    its = adopting.origin(before.document())
    adopting.refusal(before, its, rendering.FOLDER)
    adopting.at_work(wanted.document(), its, KEY)
    adopting.change(before, its, live.Applied(before, created=False), sent=sent, adopt=targets.Adopt())
    adopting.note(its)
    diff.fields(KEY, diff.comparable(before.document()), diff.comparable(wanted.document()))
    replicas.overlay(sent, before, scaled={})
    left.overlay(replace(sent, born=sent.body, left=(fields.Left(("spec", "x"), keep=True),)), before)
    refused = live.Refused(KEY, live.Why.INVALID, "no", (), 422, ("spec.selector",))
    look = survey.Look(sent, None, "")
    for purpose in rollouts.Purpose:
        probed = live.Applied(before, created=True)
        replacing.judge(look, before, refused, sent=sent, probed=probed, purpose=purpose)


def _autoscaler(body: Any) -> None:
    replicas.scaled_by(body if isinstance(body, dict) else {}, namespace="web")


def _health(found: Any) -> None:
    """Live objects in whatever state, judged by the rules of their kinds, with one another as relatives."""
    made = [{**LIVES[place], **(each if isinstance(each, dict) else {})} for place, each in enumerate(found)]
    for each, good in zip(made, LIVES, strict=False):
        each |= {"apiVersion": good["apiVersion"], "kind": good["kind"]}
        about = each["metadata"] if isinstance(each.get("metadata"), dict) else {}
        each["metadata"] = {
            **about,
            "name": good["metadata"]["name"],
            "namespace": "web",
            "uid": good["metadata"]["uid"],
        }
    seen = {}
    for each in made:
        key = examples.key(each)
        seen[key] = objects.whole(each, live.ResourceType(key.kind_key, "v1", "x", True, frozenset()))
    for observing in (False, True):
        report.report(
            [examples.manifest(good) for good in LIVES],
            seen,
            verification=examples.VERIFICATION,
            spent=30.0,
            samples=(),
            observing=observing,
        )


def _reply(given: tuple[Any, int, str]) -> None:
    body, status, wait = given
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = replies.Reply(status, raw, {"retry-after": wait, "content-type": wait}, (f'299 - "{wait}"',))
    assert isinstance(replies.unanswered(reply, "a question"), errors.Transient)
    assert reply.retry_after is None or reply.retry_after >= 0
    replies.warnings(reply)
    replies.denied(reply)
    for read in (reply.document, reply.items):
        with contextlib.suppress(errors.Transient):
            read()
    replies.refusal(reply, KEY, manifest=examples.manifest(LIVE))


def _discovery(body: Any) -> None:
    page = discovery.parse(body if isinstance(body, dict) else {}, etag="", known=discovery.Page())
    facts = live.ClusterFacts("v1.36.3", page.types)
    facts.find("apps/v1", "Deployment")
    facts.preferred(KEY.kind_key)


def _event(given: Any) -> None:
    """A line of a watch, to a reflector in the middle of its first list and after it."""
    line = given if isinstance(given, bytes) else json.dumps(given).encode()
    for incoming in ({}, None):
        watching = cast(Any, object.__new__(reflecting.Reflector))
        watching.held, watching.because, watching.what = {}, "", "it"
        watching.state = reflecting.State.STARTING
        watching._incoming, watching._version, watching._shape = incoming, "1", reflecting.WHOLE
        watching._changed, watching._moved = (lambda kept, gone: None), (lambda: None)
        watching._failures, watching._started_over, watching._turns = 0, False, 0
        watching._synced = lambda: None
        with contextlib.suppress(reflecting.StartOver, errors.ReconcilerError):
            watching._take(line, RESOURCE)


def _happening(body: Any) -> None:
    looking._happening(body if isinstance(body, dict) else {})


def _record(data: Any) -> None:
    anchors.parse(data if isinstance(data, dict) else {})


def _names(text: str) -> None:
    ids.Mark.parse(text, on=KEY)
    with contextlib.suppress(ValueError):
        ids.TargetKey.parse(text)
    with contextlib.suppress(ValueError):
        ids.ObjectKey.from_path(text)


def _webhook(body: Any) -> None:
    webhook.branch(body if isinstance(body, bytes) else json.dumps(body).encode())


def _index(text: str) -> None:
    index.url_of(text, WANTED)


def _packed(*members: tuple[str, bytes, str]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as packed:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, content
            data = content.encode() if kind == tarfile.REGTYPE else b""
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    return plain.getvalue()


CHART = _packed(
    ("web/Chart.yaml", tarfile.REGTYPE, "apiVersion: v2\nname: web\nversion: 1.2.3\n"),
    ("web/templates/a.yaml", tarfile.REGTYPE, "a: 1\n"),
    ("web/link", tarfile.SYMTYPE, "/etc/passwd"),
)


def _archive(given: tuple[bytes, bool]) -> None:
    content, zipped = given
    archive.files(gzip.compress(content, 1) if zipped else content, WANTED, path="charts/web")


def _layer(body: Any) -> None:
    registry._layer(body if isinstance(body, bytes) else json.dumps(body).encode(), WANTED)


def _sandbox(given: Any) -> None:
    """What people apply to the model of a cluster."""
    kept = sandboxes.store()
    for body in given:
        if isinstance(body, dict):
            kept.apply(body, manager="somebody", force=True)


def _json_or_bytes(good: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    return inputs.mangled(good) | inputs.raw([orjson.dumps(one) for one in good])


STATUS = st.sampled_from([200, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503, 504, 0, 99, 999])

TARGETS = (
    Target(
        "api-reply",
        st.tuples(_json_or_bytes(STATUSES), STATUS, inputs.text(["1", "x", "Wed, 21 Oct 2026 07:28:00 GMT"])),
        _reply,
    ),
    Target("discovery", inputs.mangled([DISCOVERED]), _discovery),
    Target("watch-events", _json_or_bytes(EVENTS), _event),
    Target("live-metadata", inputs.mangled(LIVES), _metadata),
    Target("managed-fields", inputs.mangled([LIVE], most=8), _fields),
    Target("git-against-live", st.tuples(inputs.mangled(LIVES), inputs.mangled(LIVES)), _planned),
    Target("autoscalers", inputs.mangled([AUTOSCALER]), _autoscaler),
    Target("health", st.tuples(*(inputs.mangled([one]) for one in LIVES)), _health),
    Target("kubernetes-events", inputs.mangled([HAPPENED]), _happening),
    Target("target-records", inputs.mangled([RECORD]), _record, (ValueError,)),
    Target("marks-and-names", inputs.text([MARK, "production/web", KEY.path]), _names),
    Target("webhooks", _json_or_bytes(({"ref": "refs/heads/main", "after": "a" * 40},)), _webhook),
    Target("chart-index", inputs.text([INDEX]), _index),
    Target("chart-archive", st.tuples(inputs.raw([CHART]), st.booleans()), _archive),
    Target("chart-layers", _json_or_bytes((LAYERS,)), _layer),
    Target("sandbox-apply", st.lists(inputs.mangled(SHAPES), min_size=1, max_size=3), _sandbox),
)
