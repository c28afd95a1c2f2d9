"""Single calls when the server, the network or the credentials misbehave."""

import pathlib

import pytest

from reconciler import errors, ports
from reconciler.edges.kubernetes import calls, cluster, session
from reconciler.model import document, ids, live, manifests, rights
from tests.edges.kubernetes import fake

KEY = ids.ObjectKey("", "ConfigMap", "web", "settings")
MANIFEST = manifests.Manifest(
    KEY,
    "v1",
    document.encode({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}),
    manifests.Origin("a.yaml", 1),
)
BUSY = "Too many requests, please try again later."


def is_write(request: fake.Request) -> bool:
    return request.method == "PATCH"


def is_read(request: fake.Request) -> bool:
    return request.path.endswith("/settings") and request.method == "GET"


async def test_what_an_apply_sends(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    await edge.apply(MANIFEST, operation="operation-1", force=True)
    await edge.dry_run(MANIFEST, force=False)
    applied, tried = [request for request in api.requests if is_write(request)]
    assert applied.path == "/api/v1/namespaces/web/configmaps/settings"
    assert applied.query == {"fieldManager": "reconciler", "fieldValidation": "Strict", "force": "true"}
    assert applied.headers["content-type"] == "application/apply-patch+yaml"
    assert applied.headers["authorization"] == "Bearer token"
    assert applied.headers["user-agent"] == session.USER_AGENT
    assert applied.headers["audit-id"] == "operation-1"
    assert tried.query == {"fieldManager": "reconciler", "fieldValidation": "Strict", "dryRun": "All"}
    assert "audit-id" not in tried.headers


async def test_a_429_is_repeated_under_the_same_operation(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    api.fault(is_write, fake.replying(429, BUSY, **{"Retry-After": "0"}), times=2)
    reply = await edge.apply(MANIFEST, operation="operation-1", force=False)
    assert isinstance(reply, live.Applied)
    assert [request.headers["audit-id"] for request in api.requests if is_write(request)] == ["operation-1"] * 3


async def test_a_server_that_stays_overloaded_is_left_to_the_caller(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    api.fault(is_write, fake.replying(429, BUSY, **{"Retry-After": "0"}), times=100)
    with pytest.raises(errors.Transient, match="overloaded"):
        await edge.apply(MANIFEST, operation="operation-1", force=False)
    assert api.count(is_write) == calls.ATTEMPTS


async def test_a_long_wait_is_left_to_the_caller_at_once(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    api.fault(is_write, fake.replying(429, BUSY, **{"Retry-After": "60"}), times=100)
    with pytest.raises(errors.Transient, match="overloaded") as raised:
        await edge.apply(MANIFEST, operation="operation-1", force=False)
    assert raised.value.retry_after == 60
    assert api.count(is_write) == 1


@pytest.mark.parametrize("answer", [fake.hanging_up, fake.silent], ids=["reset", "no answer in time"])
async def test_a_lost_answer_is_an_unknown_outcome_and_nothing_is_repeated(
    api: fake.FakeApi, edge: cluster.KubernetesCluster, answer: fake.Answer
) -> None:
    await edge.facts()
    api.fault(is_write, answer)
    with pytest.raises(errors.Transient, match="outcome is unknown") as raised:
        await edge.apply(MANIFEST, operation="operation-1", force=False)
    assert str(KEY) in str(raised.value)
    assert api.count(is_write) == 1
    assert isinstance(await edge.apply(MANIFEST, operation="operation-1", force=False), live.Applied)


async def test_a_delete_whose_answer_is_lost_is_not_repeated_by_the_library(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    """I19, also on a connection that was used before."""

    def is_delete(request: fake.Request) -> bool:
        return request.method == "DELETE"

    assert await edge.read(KEY) is None
    api.fault(is_delete, fake.hanging_up)
    with pytest.raises(errors.Transient, match="outcome is unknown"):
        await edge.delete(KEY, uid="uid", operation="operation-1")
    assert api.count(is_delete) == 1


@pytest.mark.parametrize(
    "answer",
    [
        fake.replying(500, "<html>Internal Server Error</html>"),
        fake.replying(502, "Bad Gateway"),
        fake.replying(503, "no healthy upstream", **{"Retry-After": "7"}),
        fake.refusing(504, "Timeout: request did not complete", reason="Timeout"),
        fake.replying(302, "", Location="http://127.0.0.1:1/"),
        fake.replying(200, "<html>Log in, please</html>"),
    ],
)
async def test_answers_of_something_in_between_are_transient(
    api: fake.FakeApi, edge: cluster.KubernetesCluster, answer: fake.Answer
) -> None:
    api.fault(is_write, answer)
    with pytest.raises(errors.Transient):
        await edge.apply(MANIFEST, operation="operation-1", force=False)
    api.fault(is_read, answer)
    with pytest.raises(errors.Transient):
        await edge.read(KEY)


async def test_a_forbidden_read_is_not_an_absence(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    api.fault(is_read, fake.refusing(403, "configmaps is forbidden", reason="Forbidden"))
    with pytest.raises(errors.Terminal, match="forbidden"):
        await edge.read(KEY)


async def test_a_rotated_token_is_read_again_once(
    api: fake.FakeApi, edge: cluster.KubernetesCluster, tmp_path: pathlib.Path
) -> None:
    api.token = "token"
    assert await edge.read(KEY) is None
    api.token = "rotated"
    (tmp_path / "token").write_text("rotated\n")
    reply = await edge.apply(MANIFEST, operation="operation-1", force=False)
    assert isinstance(reply, live.Applied)
    sent = [request.headers["authorization"] for request in api.requests if is_write(request)]
    assert sent == ["Bearer token", "Bearer rotated"]


async def test_credentials_that_stay_refused_are_asked_twice_and_reported(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    await edge.facts()
    api.token = "another"
    with pytest.raises(errors.Transient, match="does not accept our credentials"):
        await edge.apply(MANIFEST, operation="operation-1", force=False)
    assert api.count(is_write) == 2


async def test_a_server_that_is_not_there_is_named(tmp_path: pathlib.Path) -> None:
    async with fake.running(fake.FakeApi()) as gone:
        pass
    edge = await cluster.connect("lost", kubeconfig=str(fake.kubeconfig(tmp_path, server=gone.url)))
    with pytest.raises(errors.Transient, match="cannot be reached") as raised:
        await edge.facts()
    assert "lost" in str(raised.value)
    assert gone.url in str(raised.value)
    findings = await edge.check()
    assert [(finding.subject, finding.ok) for finding in findings] == [("API server", False)]
    assert findings[0].remedy
    await edge.close()


# --- discovery


def is_discovery(request: fake.Request) -> bool:
    return request.path in ("/api", "/apis")


async def test_discovery_is_read_once_and_then_conditionally(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    first = await edge.facts()
    assert await edge.facts() is first
    assert api.count(is_discovery) == 2
    assert await edge.facts(fresh=True) == first
    assert [("if-none-match" in request.headers) for request in api.requests if is_discovery(request)] == [
        False,
        False,
        True,
        True,
    ]


async def test_many_objects_of_an_unknown_kind_ask_once(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    unknown = manifests.Manifest(ids.ObjectKey("x", "Thing", "web", "a"), "x/v1", b"{}", MANIFEST.origin)
    for _ in range(20):
        reply = await edge.dry_run(unknown, force=False)
        assert isinstance(reply, live.Refused)
        assert reply.why is live.Why.NO_KIND
    assert api.count(is_discovery) == 2


async def test_a_group_that_does_not_answer_is_unknown_and_others_go_on(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    api.groups = [{"metadata": {"name": "metrics"}, "versions": [{"version": "v1", "freshness": "Stale"}]}]
    with pytest.raises(errors.Transient, match="metrics"):
        await edge.read(ids.ObjectKey("metrics", "PodMetrics", "web", "a"))
    assert await edge.read(KEY) is None


async def test_a_server_without_aggregated_discovery_is_too_old(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    api.fault(lambda request: request.path == "/api", fake.refusing(406, "not acceptable"))
    with pytest.raises(errors.Terminal, match=r"1\.27"):
        await edge.facts()


# --- check


def finding(found: tuple[ports.Finding, ...], subject: str) -> ports.Finding:
    return next(each for each in found if each.subject == subject)


async def test_check_sees_that_our_credentials_do_not_arrive(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    api.user = "system:anonymous"
    found = finding(await edge.check(), "credentials")
    assert (found.ok, bool(found.remedy)) == (False, True)


async def test_check_compares_the_clocks(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    api.date = "Thu, 01 Jan 2026 00:00:00 GMT"
    found = finding(await edge.check(), "clock")
    assert found.ok is False
    assert "ahead of" in found.because


async def test_missing_rights_are_told_exactly_for_each_kind_and_namespace(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    api.user = "system:serviceaccount:tools:reconciler"
    api.may = lambda attributes: attributes["namespace"] == "web" and attributes["verb"] != "delete"
    unserved = rights.Need(ids.KindKey("example.com", "Widget"), "web", ("get",))
    needed = (rights.Need(KEY.kind_key, "web", rights.VERBS), rights.Need(KEY.kind_key, "shop", ("list",)), unserved)
    found = await edge.rights(needed)
    assert found.user == "system:serviceaccount:tools:reconciler"
    assert [(answer.need, answer.resource, answer.missing) for answer in found.answers] == [
        (needed[0], "configmaps", ("delete",)),
        (needed[1], "configmaps", ("list",)),
        (unserved, ".example.com", ()),
    ]
    records = finding(await edge.check(), "target records")
    assert (records.ok, records.because) == (False, "no get, list, create, patch of ConfigMaps in reconciler")
    assert "create rolebinding reconciler-records -n reconciler" in records.remedy
    assert "--serviceaccount=tools:reconciler" in records.remedy
