"""Watches when the server forgets, falls silent, lies or goes away: nothing is missed, nothing stale is believed."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable

import pytest

from reconciler import errors, ports
from reconciler.edges.kubernetes import cluster, session
from reconciler.model import ids, live
from tests.contracts.waiting import until
from tests.edges.kubernetes import conftest, fake

CONFIG_MAP = ids.KindKey("", "ConfigMap")
TARGET = ids.TargetKey("production", "web")


def is_list(request: fake.Request) -> bool:
    return request.starts_list


def is_resumed(request: fake.Request) -> bool:
    return request.is_watch and not request.starts_list


def meta(edge: cluster.KubernetesCluster, name: str) -> live.LiveMeta | None:
    return edge.meta(ids.ObjectKey("", "ConfigMap", "web", name))


def version(edge: cluster.KubernetesCluster, name: str) -> str:
    """What the watch says now; '' while it says nothing."""
    try:
        found = meta(edge, name)
    except errors.Transient:
        return ""
    return found.resource_version if found else "absent"


def current(api: fake.FakeApi, edge: cluster.KubernetesCluster, name: str) -> Callable[[], bool]:
    def same() -> bool:
        found = api.objects.get(("web", name))
        return version(edge, name) == (found["metadata"]["resourceVersion"] if found else "absent")

    return same


async def test_a_watch_asks_for_metadata_with_bookmarks_and_an_end(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    await edge.watch([(CONFIG_MAP, "web")])
    (opened,) = [request for request in api.requests if request.is_watch]
    assert opened.path == "/api/v1/configmaps"  # our rights reach all namespaces
    assert opened.headers["accept"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    assert 260 <= int(opened.query["timeoutSeconds"]) <= 320
    assert opened.query["allowWatchBookmarks"] == opened.query["sendInitialEvents"] == "true"
    assert opened.query["resourceVersionMatch"] == "NotOlderThan"


async def test_without_rights_on_all_namespaces_each_has_its_own_watch(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    api.may = lambda attributes: attributes["namespace"] != ""
    await edge.watch([(CONFIG_MAP, "web"), (CONFIG_MAP, "shop")])
    opened = sorted(request.path for request in api.requests if request.is_watch)
    assert opened == ["/api/v1/namespaces/shop/configmaps", "/api/v1/namespaces/web/configmaps"]


async def test_where_the_right_on_all_namespaces_is_taken_away_single_ones_are_watched(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    def is_wide(request: fake.Request) -> bool:
        return request.is_watch and request.path == "/api/v1/configmaps"

    api.put("settings")
    api.fault(is_wide, fake.streaming(fake.bookmark(api.version, end=True)))  # its end comes at once
    refused = 'configmaps is forbidden: User "tester" cannot watch resource "configmaps"'
    api.fault(is_wide, fake.refusing(403, refused), times=1000)
    await edge.watch([(CONFIG_MAP, "web")])
    await edge.watch([(CONFIG_MAP, "shop")])  # of a target that is at rest from now on: nobody asks for it again
    api.may = lambda attributes: attributes["namespace"] in ("web", "shop")

    def known() -> bool:
        with contextlib.suppress(errors.Forbidden):
            return version(edge, "settings") == ""
        return True

    await until(known, what="the loss")
    await edge.watch([(CONFIG_MAP, "web")])
    await until(current(api, edge, "settings"), what="the watch of the namespace")
    shop = "/api/v1/namespaces/shop/configmaps"
    await until(lambda: api.count(lambda request: request.is_watch and request.path == shop) > 0, what="the other one")
    before = api.count(is_wide)
    for number in range(5):
        api.put("settings", number=str(number))
        await until(current(api, edge, "settings"), what="the change")
    assert api.count(is_wide) == before, "nobody goes on asking for all namespaces"


async def test_a_token_that_was_rotated_breaks_no_watch(api: fake.FakeApi, tmp_path: pathlib.Path) -> None:
    """A watch that is refused once is opened again at once, with the token that is there by now."""
    patient = session.Timeouts(back_off=600.0, longest_back_off=600.0)
    edge = await cluster.connect("fake", kubeconfig=str(fake.kubeconfig(tmp_path, server=api.url)), timeouts=patient)
    api.token = "token"
    await edge.facts()
    api.token = "rotated"
    (tmp_path / "token").write_text("rotated\n")
    api.put("settings")
    await edge.follow(TARGET, [(CONFIG_MAP, "web")], woken=lambda: None)

    def seen() -> bool:
        with contextlib.suppress(errors.Transient):
            return [key.name for key in edge.followed(TARGET)] == ["settings"]
        return False

    await until(seen, what="the watch")
    sent = [request.headers["authorization"] for request in api.requests if request.is_watch]
    assert sent == ["Bearer token", "Bearer rotated"]
    await edge.close()


TRUNCATED = b'{"type":"ADDED","object":{"metadata":{"na'


@pytest.mark.parametrize(
    "bad",
    [
        TRUNCATED,
        TRUNCATED + b"\n",
        b"garbage\n",
        b'{"type":"NEWS","object":{}}\n',
        b"[]\n",
        b"x" * (session.LARGEST_LINE + 1),
    ],
    ids=["cut", "half a line", "garbage", "unknown type", "no object", "endless line"],
)
async def test_a_bad_line_costs_a_reconnect_and_no_event(
    api: fake.FakeApi, edge: cluster.KubernetesCluster, bad: bytes
) -> None:
    api.put("a")
    listed = fake.event("ADDED", api.objects["web", "a"]) + fake.bookmark(api.version, end=True)
    api.fault(is_list, fake.streaming(listed, bad))
    with contextlib.suppress(errors.Transient):  # it may break before it is seen to be in sync
        await edge.watch([(CONFIG_MAP, "web")])
    api.put("b")
    api.remove("a")
    await until(current(api, edge, "b"), what="what came meanwhile")
    await until(current(api, edge, "a"), what="what went meanwhile")
    assert api.count(is_list) == 1
    assert api.count(is_resumed) >= 1


@pytest.mark.parametrize("in_stream", [True, False], ids=["ERROR event", "HTTP 410"])
async def test_a_forgotten_place_costs_exactly_one_list_and_loses_nothing(
    api: fake.FakeApi, edge: cluster.KubernetesCluster, in_stream: bool
) -> None:
    heard: list[ports.Seen] = []
    edge.listen(heard.append)
    for name in ("stays", "goes", "changes"):
        api.put(name)
    listed = [fake.event("ADDED", found) for found in api.objects.values()]
    api.fault(is_list, fake.streaming(*listed, fake.bookmark(api.version, end=True)))  # and then it ends
    if not in_stream:
        api.fault(is_resumed, fake.refusing(410, "too old resource version", reason="Expired"))
    await edge.watch([(CONFIG_MAP, "web")])
    heard.clear()
    api.remove("goes")
    api.put("changes", a="2")
    api.put("comes")
    api.forgotten = api.version  # also the watch that is open by now could not be resumed
    for name in ("stays", "goes", "changes", "comes"):
        await until(current(api, edge, name), what=name)
    assert api.count(is_list) <= 2
    told = [(seen.meta.key.name, seen.gone) for seen in heard]
    assert sorted(told) == [("changes", False), ("comes", False), ("goes", True)]


async def test_a_server_that_always_forgets_is_a_failing_one(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    gone = fake.event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})
    api.fault(is_list, fake.streaming(gone), times=2)
    with pytest.raises(errors.Transient, match="forgetting"):
        await edge.watch([(CONFIG_MAP, "web")])
    await edge.watch([(CONFIG_MAP, "web")])
    assert meta(edge, "a") is None


async def test_a_silent_watch_is_dead_and_starts_over(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    api.fault(is_list, fake.streaming(fake.bookmark(999_999, end=True), stay=True))  # a place in the future
    await edge.watch([(CONFIG_MAP, "web")])
    api.put("a")
    api.fault(is_list, fake.replying(503, "not yet"))
    await until(lambda: version(edge, "a") == "", what="the watch being known to be dead")
    with pytest.raises(errors.Transient, match="ConfigMap in all namespaces is not in sync"):
        meta(edge, "a")
    await until(current(api, edge, "a"), what="what was missed")
    assert api.count(is_list) == 3
    assert api.count(is_resumed) == 0


async def test_bookmarks_keep_a_quiet_watch_alive_and_move_its_place(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    api.fault(is_list, fake.streaming(fake.bookmark(100, end=True), fake.bookmark(150)))
    await edge.watch([(CONFIG_MAP, "web")])
    await until(lambda: api.count(is_resumed), what="the next watch")
    assert next(request for request in api.requests if is_resumed(request)).query["resourceVersion"] == "150"


async def test_a_watch_that_is_not_answered_is_given_up(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    api.fault(is_list, fake.silent)
    with pytest.raises(errors.Transient):
        await edge.watch([(CONFIG_MAP, "web")])
    await edge.watch([(CONFIG_MAP, "web")])


async def test_a_first_list_that_does_not_end_is_given_up(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    api.fault(is_list, fake.streaming(fake.bookmark(1), stay=True))
    with pytest.raises(errors.Transient):
        await edge.watch([(CONFIG_MAP, "web")])


async def test_a_refused_watch_says_why(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    api.fault(is_list, fake.refusing(403, "configmaps is forbidden: User u", reason="Forbidden"))
    with pytest.raises(errors.Transient, match="configmaps is forbidden"):
        await edge.watch([(CONFIG_MAP, "web")])


async def test_a_busy_server_is_waited_for(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    """A kind is established before its storage is: for a second, watches of it are answered with 429."""
    api.put("a")
    initializing = fake.refusing(429, "storage is (re)initializing", reason="TooManyRequests")
    api.fault(is_list, initializing, times=2)
    await edge.watch([(CONFIG_MAP, "web")])
    assert current(api, edge, "a")()


async def test_a_server_without_streaming_lists_is_listed(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    api.put("a")
    message = "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate"
    api.fault(is_list, fake.refusing(422, message, reason="Invalid"), times=10)
    await edge.watch([(CONFIG_MAP, "web")])
    assert current(api, edge, "a")()
    api.put("b")
    await until(current(api, edge, "b"), what="an event after the list")
    await edge.watch([(CONFIG_MAP, "")])
    assert api.count(is_list) == 1


async def test_a_listener_that_fails_does_not_end_the_watch(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    def failing(seen: ports.Seen) -> None:
        if seen.meta.key.name == "bad" and api.count(is_list) < 2:
            raise RuntimeError("a bug")

    edge.listen(failing)
    await edge.watch([(CONFIG_MAP, "web")])
    api.put("bad")
    api.put("good")
    await until(current(api, edge, "good"), what="what came after it")


async def test_a_follower_that_fails_does_not_end_the_watch(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    calls: list[None] = []

    def failing() -> None:
        calls.append(None)
        if len(calls) < 4:
            raise RuntimeError("a bug")

    api.fault(is_list, fake.replying(503, "not yet"))
    await edge.follow(TARGET, [(CONFIG_MAP, "web")], woken=failing)
    api.put("a")
    key = ids.ObjectKey("", "ConfigMap", "web", "a")

    def seen() -> bool:
        with contextlib.suppress(errors.Transient):
            return key in edge.followed(TARGET)
        return False

    await until(seen, what="the object")


async def test_followers_are_woken_when_the_first_list_of_nothing_arrives(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    woken: list[bool] = []
    api.fault(is_list, fake.replying(503, "not yet"))
    await edge.follow(TARGET, [(CONFIG_MAP, "web")], woken=lambda: woken.append(True))
    with pytest.raises(errors.Transient, match="not in sync"):
        edge.followed(TARGET)
    await until(lambda: len(woken) >= 2, what="being woken by the failure and by the list")
    assert edge.followed(TARGET) == {}
    await edge.unfollow(TARGET)
    assert edge.followed(TARGET) == {}


FORBIDDEN = 'configmaps is forbidden: User "u" cannot watch resource "configmaps" in the namespace "web"'


@pytest.mark.parametrize(
    ("answer", "patience"),
    [(fake.refusing(403, FORBIDDEN), 600.0), (fake.replying(503, "down"), 0.1), (fake.replying(429, "later"), 0.1)],
    ids=["a right is missing: told at once", "away", "busy"],
)
async def test_a_watch_that_cannot_be_opened_again_is_told_once_and_again_after_it_was_back(
    api: fake.FakeApi, tmp_path: pathlib.Path, answer: fake.Answer, patience: float
) -> None:
    """An application at rest asks nothing: it stayed in sync by a watch that was no more."""
    quick = dataclasses.replace(conftest.QUICK, lost=patience)
    edge = await cluster.connect("fake", kubeconfig=str(fake.kubeconfig(tmp_path, server=api.url)), timeouts=quick)
    lost: list[ports.Lost] = []
    edge.listen(lambda seen: None, lost=lost.append)

    def is_watch(request: fake.Request) -> bool:
        return request.is_watch

    async def told(times: int) -> None:
        await until(lambda: len(lost) == times, what="the loss being told")
        tried = api.count(is_watch)
        await until(lambda: api.count(is_watch) > tried + 2, what="more tries")
        assert len(lost) == times, "once each time"

    ends = fake.streaming(fake.bookmark(api.version, end=True))
    api.fault(is_list, ends)
    api.fault(is_watch, answer, times=10_000)
    await edge.watch([(CONFIG_MAP, "web")])
    await told(1)
    api.faults.clear()
    api.fault(is_watch, ends)  # in sync again, for a moment
    api.fault(is_watch, answer, times=10_000)
    await told(2)
    assert (lost[0].cluster, lost[0].kind, lost[0].namespace) == ("fake", CONFIG_MAP, "")
    await edge.close()


async def test_a_watch_that_comes_back_soon_is_not_lost(api: fake.FakeApi, tmp_path: pathlib.Path) -> None:
    patient = dataclasses.replace(conftest.QUICK, lost=600.0)
    edge = await cluster.connect("fake", kubeconfig=str(fake.kubeconfig(tmp_path, server=api.url)), timeouts=patient)
    lost: list[ports.Lost] = []
    edge.listen(lambda seen: None, lost=lost.append)
    api.fault(is_list, fake.streaming(fake.bookmark(api.version, end=True)))
    api.fault(is_resumed, fake.replying(503, "restarting"), times=3)
    await edge.watch([(CONFIG_MAP, "web")])
    await until(lambda: api.count(is_resumed) > 3, what="the watch that is opened again")
    api.put("settings")
    await until(current(api, edge, "settings"), what="the watch being back")
    assert lost == []
    await edge.close()


async def test_a_full_watch_that_may_not_be_opened_says_which_right_is_missing(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    woken: list[None] = []
    api.fault(is_list, fake.refusing(403, FORBIDDEN), times=10_000)
    await edge.follow(TARGET, [(CONFIG_MAP, "web")], woken=lambda: woken.append(None))
    await until(lambda: woken, what="being woken")
    with pytest.raises(errors.Forbidden) as raised:
        edge.followed(TARGET)
    for word in ("watch", "configmaps", '"web"'):
        assert word in str(raised.value)


async def test_after_unwatch_no_metadata_watch_is_open_and_full_ones_go_on(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    heard: list[ports.Seen] = []
    edge.listen(heard.append)
    await edge.watch([(CONFIG_MAP, "web")])
    await edge.follow(TARGET, [(CONFIG_MAP, "web")], woken=lambda: None)
    await until(lambda: len(api.open) == 2, what="both watches")
    await edge.unwatch()
    await until(lambda: len(api.open) == 1, what="the end of one")
    with pytest.raises(errors.Transient, match="no watch covers it"):
        meta(edge, "settings")
    heard.clear()
    api.put("settings")
    await edge.watch([(CONFIG_MAP, "web")])
    assert current(api, edge, "settings")()
    assert heard == [], "whoever listened listens no more"
