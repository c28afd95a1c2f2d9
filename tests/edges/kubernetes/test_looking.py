"""Events and the ends of logs, as a server gives them and refuses them."""

import pytest
from aiohttp import web

from reconciler import errors
from reconciler.edges.kubernetes import cluster, looking
from reconciler.model import ids, live
from tests.edges.kubernetes import fake

POD = ids.ObjectKey("", "Pod", "web", "web-1")
META = live.LiveMeta(POD, "uid-web-1", "1", "", "", controlled=True, deleting=False)
PODS = {
    "resource": "pods",
    "responseKind": {"group": "", "version": "", "kind": "Pod"},
    "scope": "Namespaced",
    "verbs": fake.VERBS,
}


@pytest.fixture(autouse=True)
def serving_pods(api: fake.FakeApi) -> None:
    api.more.append(PODS)


def is_log(request: fake.Request) -> bool:
    return request.path == "/api/v1/namespaces/web/pods/web-1/log"


def is_events(request: fake.Request) -> bool:
    return request.path == "/api/v1/namespaces/web/events"


def json(body: fake.Json) -> fake.Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(body)

    return answer


async def tail(edge: cluster.KubernetesCluster, *, previous: bool = False, lines: int = 3) -> live.Tail:
    return await edge.tail(POD, container="app", previous=previous, lines=lines)


async def test_the_end_of_a_log_is_asked_for_within_bounds(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    api.fault(is_log, fake.replying(200, "one\ntwo\nthree\nfour \udcff\n".encode(errors="replace").decode()))
    assert await tail(edge, previous=True) == live.Tail(("two", "three", "four ?"))
    (asked,) = [request.query for request in api.requests if is_log(request)]
    assert asked == {"container": "app", "tailLines": "3", "limitBytes": str(looking.LOG_BYTES), "previous": "true"}


async def test_a_log_that_meets_the_bound_says_so(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    api.fault(is_log, fake.replying(200, "x" * looking.LOG_BYTES))
    assert (await tail(edge)).cut
    assert "previous" not in api.requests[-1].query


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (
            fake.refusing(400, 'container "app" in pod "web-1" is waiting to start: ErrImagePull', reason="BadRequest"),
            errors.Terminal,
            "waiting to start",
        ),
        (fake.refusing(403, 'pods "web-1" is forbidden', reason="Forbidden"), errors.Terminal, "(403)"),
        (fake.refusing(500, "dial tcp 10.0.0.1:10250: connection refused"), errors.Terminal, "connection refused"),
        (fake.replying(429, "Too many requests", **{"Retry-After": "1"}), errors.Transient, "429"),
        (fake.hanging_up, errors.Transient, "no answer"),
    ],
)
async def test_a_log_that_is_not_given(
    api: fake.FakeApi,
    edge: cluster.KubernetesCluster,
    *,
    answer: fake.Answer,
    error: type[errors.ReconcilerError],
    says: str,
) -> None:
    api.fault(is_log, answer, times=2)  # a connection that breaks is tried once more by the client
    with pytest.raises(error) as raised:
        await tail(edge)
    assert says in str(raised.value)


async def test_events_of_the_very_object_newest_first(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    old = {"type": "Normal", "reason": "Pulled", "message": "a", "lastTimestamp": "2026-01-01T10:00:00Z", "count": 1}
    series = {"count": 7, "lastObservedTime": "2026-01-01T10:02:00.000000Z"}
    new = {
        "type": "Warning",
        "reason": "BackOff",
        "message": "b",
        "eventTime": "2026-01-01T10:01:00Z",
        "series": series,
    }
    bare = {"metadata": {"creationTimestamp": "2026-01-01T09:00:00Z"}, "lastTimestamp": None}
    api.fault(is_events, json({"kind": "EventList", "metadata": {}, "items": [old, new, bare]}))
    found = await edge.happenings(META)
    assert [(one.at, one.count, one.warning, one.reason) for one in found] == [
        ("2026-01-01T10:02:00.000000Z", 7, True, "BackOff"),
        ("2026-01-01T10:00:00Z", 1, False, "Pulled"),
        ("2026-01-01T09:00:00Z", 1, False, ""),
    ]
    (asked,) = [request.query for request in api.requests if is_events(request)]
    assert asked["fieldSelector"] == "involvedObject.uid=uid-web-1"


async def test_events_that_may_not_be_read(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    api.fault(is_events, fake.refusing(403, "forbidden", reason="Forbidden"))
    with pytest.raises(errors.Terminal, match=r"events about Pod web/web-1 may not be read \(403\)"):
        await edge.happenings(META)


async def test_a_list_that_may_not_be_read(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    api.put("settings", a="1")
    (found,) = await edge.every(ids.KindKey("", "ConfigMap"), "web")
    assert (found.meta.key.name, found.document()["kind"]) == ("settings", "ConfigMap")
    api.fault(lambda request: request.path.endswith("/configmaps"), fake.refusing(403, "no", reason="Forbidden"))
    with pytest.raises(errors.Terminal, match=r"ConfigMap in web may not be listed \(403\)"):
        await edge.every(ids.KindKey("", "ConfigMap"), "web")


def page(token: str) -> fake.Answer:
    return json({"kind": "ConfigMapList", "metadata": {"resourceVersion": "7", "continue": token}, "items": []})


@pytest.mark.parametrize("tokens", [["a", "a"], ["a", "b", "a"]], ids=["the same again", "in a circle"])
async def test_a_list_without_an_end_is_given_up(
    api: fake.FakeApi, edge: cluster.KubernetesCluster, tokens: list[str]
) -> None:
    """It was asked for ever, and with it a command that looks."""
    for token in tokens:
        api.fault(lambda request: request.method == "GET" and not request.is_watch, page(token))
    kind = ids.KindKey("", "ConfigMap")
    api.faults, served = [], api.faults
    await edge.facts()
    api.faults += served
    with pytest.raises(errors.Transient, match="does not end"):
        await edge.every(kind, "web")
    assert not api.faults


async def test_a_watch_whose_list_has_no_end_says_so(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    await edge.facts()
    disabled = (
        "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate"
    )
    api.fault(lambda request: request.starts_list, fake.refusing(422, disabled, reason="Invalid"))
    api.fault(lambda request: not request.is_watch and request.path.endswith("configmaps"), page("a"), times=2)
    with pytest.raises(errors.Transient, match="does not end"):
        await edge.watch([(ids.KindKey("", "ConfigMap"), "web")])
