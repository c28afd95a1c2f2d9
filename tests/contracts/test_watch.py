"""What every `ports.Cluster` promises of its watches when they break: nothing is believed meanwhile, nothing is missed.

How the edge deals with bookmarks, expired places (410) and silent servers shows against a server that lies
(tests/edges/kubernetes/test_watch_faults.py); here a real one is cut off, and the sandbox is told to be.
"""

import asyncio
import contextlib
import pathlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from reconciler import errors, ports
from reconciler.edges import system
from reconciler.edges.kubernetes import cluster as kubernetes_cluster
from reconciler.edges.kubernetes import session
from reconciler.model import ids
from reconciler.sandbox import cluster as sandbox_cluster
from reconciler.sandbox import objects
from tests.clusterkit import access
from tests.contracts.waiting import until
from tests.contracts.worlds import (
    CONFIG_MAP,
    MAKERS,
    WEB,
    Administrator,
    Neighbour,
    Outside,
    config_map,
    kubernetes,
    rendered,
)

EDITS = 20


@dataclass(frozen=True, slots=True)
class Watched:
    """A cluster under test with what its metadata watch has told. `cut` keeps its watches off until `mend`; those of
    `beside`, another way into the same cluster, go on."""

    cluster: ports.Cluster
    beside: ports.Cluster
    namespace: str
    outside: Outside
    cut: Callable[[], None]
    mend: Callable[[], None]
    close: Callable[[], Awaitable[None]]
    heard: list[ports.Seen] = field(default_factory=list)
    lost: list[ports.Lost] = field(default_factory=list)

    def of(self, name: str) -> list[ports.Seen]:
        return [seen for seen in self.heard if seen.meta.key == self.key(name)]

    def key(self, name: str) -> ids.ObjectKey:
        return rendered(config_map(self.namespace, name)).key

    def apply(self, name: str, **data: str) -> str:
        """By somebody else; its resource version then."""
        made = self.outside.apply(config_map(self.namespace, name, **data))
        return str(made["metadata"]["resourceVersion"])

    def remove(self, name: str) -> None:
        self.outside.remove(config_map(self.namespace, name))

    def version(self, name: str) -> str:
        """What the watch says; '' of what is not there, `unknown` while it cannot tell."""
        try:
            found = self.cluster.meta(self.key(name))
        except errors.Transient:
            return "unknown"
        return found.resource_version if found else ""


class Relay:
    """Hands connections on to the API server until it is cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open: set[asyncio.StreamWriter] = set()
        self._cut = False
        self.port = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Relay"]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()

    def cut(self) -> None:
        self._cut = True
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        self._cut = False

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self._to)
        both = {writer, onward_writer}
        self._open |= both
        try:
            await asyncio.gather(_hand(reader, onward_writer), _hand(onward_reader, writer))
        finally:
            self._open -= both
            for one in both:
                one.transport.abort()


async def _hand(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    writer.transport.abort()


@contextlib.asynccontextmanager
async def over_a_relay(plane: access.ClusterAccess, namespace: str, folder: pathlib.Path) -> AsyncIterator[Watched]:
    """The edge, whose every connection goes through a relay."""
    written = plane.kubeconfig.read_text()
    port = re.search(r"server: https://127\.0\.0\.1:(\d+)", written)
    assert port
    async with Relay(int(port[1])).running() as relay:
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(written.replace(f"127.0.0.1:{port[1]}", f"127.0.0.1:{relay.port}"))
        soon = session.Timeouts(lost=1.0)
        edge = await kubernetes_cluster.connect("test", kubeconfig=str(kubeconfig), timeouts=soon)
        beside = await kubernetes_cluster.connect("beside", kubeconfig=str(plane.kubeconfig))
        try:
            yield Watched(edge, beside, namespace, Administrator(plane), relay.cut, relay.mend, edge.close)
        finally:
            relay.mend()
            await edge.close()
            await beside.close()


@contextlib.asynccontextmanager
async def modelled() -> AsyncIterator[Watched]:
    kept = objects.Objects(system.SystemClock(), system.SystemChance())
    kept.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}, manager="somebody")
    model = sandbox_cluster.SandboxCluster("test", kept)

    def cut() -> None:
        model.watches.pause(trouble="the connection was lost")

    beside = sandbox_cluster.SandboxCluster("beside", kept)
    yield Watched(model, beside, "shop", Neighbour(kept), cut, model.watches.resume, model.close)
    await beside.close()
    await model.close()


@pytest.fixture(params=MAKERS)
def side(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path
) -> Callable[[], contextlib.AbstractAsyncContextManager[Watched]]:
    if request.param is not kubernetes:
        return modelled
    plane, namespace = request.getfixturevalue("control_plane"), request.getfixturevalue("namespace")
    return lambda: over_a_relay(plane, namespace, tmp_path)


@pytest.fixture
async def watched(
    side: Callable[[], contextlib.AbstractAsyncContextManager[Watched]],
) -> AsyncIterator[Watched]:
    async with side() as made:
        made.cluster.listen(made.heard.append, lost=made.lost.append)
        await made.cluster.watch([(CONFIG_MAP, made.namespace)])
        yield made


async def test_what_happens_to_an_object_is_told_in_its_order(watched: Watched) -> None:
    versions = [watched.apply("one", number=str(number)) for number in range(EDITS)]
    watched.remove("one")
    await until(lambda: watched.of("one") and watched.of("one")[-1].gone, what="its removal")
    *told, last = watched.of("one")
    assert [seen.meta.resource_version for seen in told] == versions
    assert not any(seen.gone for seen in told) and last.gone
    assert watched.version("one") == ""


async def test_while_a_watch_is_broken_nothing_is_believed(watched: Watched) -> None:
    await watched.cluster.follow(WEB, [(CONFIG_MAP, watched.namespace)], woken=lambda: None)
    version = watched.apply("one")
    await until(lambda: watched.version("one") == version, what="the object")
    watched.cut()
    await until(lambda: watched.version("one") == "unknown", what="the end of the watch")
    with pytest.raises(errors.Transient):
        watched.cluster.followed(WEB)
    watched.mend()
    await until(lambda: watched.version("one") == version, what="the watch")


async def test_what_happened_meanwhile_is_told_afterwards(watched: Watched) -> None:
    """What went as well: it is in no list that could be read now."""
    versions = {name: watched.apply(name, number="1") for name in ("stays", "changes", "goes", "returns")}
    await until(lambda: all(watched.version(name) == its for name, its in versions.items()), what="all of them")
    watched.cut()
    await until(lambda: watched.version("stays") == "unknown", what="the end of the watch")
    before = len(watched.heard)
    versions["changes"] = watched.apply("changes", number="2")
    watched.remove("goes")
    watched.remove("returns")
    versions["returns"] = watched.apply("returns", number="1")
    versions["comes"] = watched.apply("comes")
    watched.mend()

    versions["goes"] = ""
    await until(lambda: all(watched.version(name) == its for name, its in versions.items()), what="what is there now")
    told = {name: [seen for seen in watched.heard[before:] if seen.meta.key == watched.key(name)] for name in versions}
    assert told["stays"] == []
    for name in ("changes", "returns", "comes"):
        assert (told[name][-1].meta.resource_version, told[name][-1].gone) == (versions[name], False)
    assert [seen.gone for seen in told["goes"]] == [True]
    uids = {seen.meta.uid for seen in watched.of("returns")}
    assert len(uids) == 2, "it is another object of the same name"


async def test_followers_are_woken_when_the_watch_is_back(watched: Watched) -> None:
    woken: list[str] = []
    await watched.cluster.follow(WEB, [(CONFIG_MAP, watched.namespace)], woken=lambda: woken.append("woken"))
    watched.apply("goes")
    await until(lambda: "goes" in names(watched), what="the object")
    watched.cut()
    await until(lambda: "unknown" in names(watched), what="the end of the watch")
    watched.remove("goes")
    watched.apply("comes")
    woken.clear()
    watched.mend()
    await until(lambda: names(watched) >= {"comes"} and "goes" not in names(watched), what="what is there now")
    assert woken


def names(watched: Watched) -> set[str]:
    try:
        found = watched.cluster.followed(WEB)
    except errors.Transient:
        return {"unknown"}
    return {key.name for key in found}


async def test_a_cluster_that_is_closed_tells_nothing_any_more(watched: Watched) -> None:
    version = watched.apply("one")
    await until(lambda: watched.version("one") == version, what="the object")
    await watched.beside.watch([(CONFIG_MAP, watched.namespace)])
    await watched.close()
    before = len(watched.heard)
    watched.apply("one", number="2")
    watched.remove("one")
    await until(lambda: watched.beside.meta(watched.key("one")) is None, what="its removal, for others")
    assert watched.heard[before:] == []


async def test_that_a_watch_is_lost_is_told_once_and_what_was_missed_when_it_is_back(watched: Watched) -> None:
    watched.cut()
    loss = await until(lambda: watched.lost, what="the loss being told")
    assert [(one.cluster, one.kind) for one in loss] == [("test", CONFIG_MAP)]
    assert loss[0].because
    version = watched.apply("one")
    watched.mend()
    await until(lambda: watched.of("one"), what="what was missed", seconds=60.0)
    assert watched.version("one") == version
    assert len(watched.lost) == 1


async def test_after_unwatch_nothing_is_told_or_known_until_somebody_asks_again(watched: Watched) -> None:
    await watched.cluster.unwatch()
    before = len(watched.heard)
    version = watched.apply("one")
    assert watched.version("one") == "unknown"
    await watched.cluster.watch([(CONFIG_MAP, watched.namespace)])
    await until(lambda: watched.version("one") == version, what="the object")
    assert watched.heard[before:] == []
    watched.cluster.listen(watched.heard.append)
    watched.apply("one", number="2")
    await until(lambda: watched.of("one"), what="being told again")
