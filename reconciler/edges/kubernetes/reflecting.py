"""A copy of what a cluster holds of one kind in one namespace, kept by a watch.

A watch starts with everything that is there (a streaming list; LIST and then WATCH on servers without it), and is
resumed after its last line when the server ends it. It starts over, once each time, when the server has forgotten that
place (410), and when it was silent past its deadline: behind a restored etcd our place may lie in the future, where a
watch is silent for ever. While the copy is not in sync it answers nothing.
https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import asyncio
import contextlib
import enum
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

from reconciler import errors
from reconciler.edges.kubernetes import discovery, listing, objects, replies, session
from reconciler.model import document, ids, live, metadata

LOG = logging.getLogger(__name__)

STEADY = 10.0
"""Seconds that a watch must last for earlier failures to be forgotten."""
MOST_DOUBLINGS = 10
JITTER = 0.25
"""Share of a wait the server asked for that is added by chance."""
INITIAL_END = "k8s.io/initial-events-end"

T = TypeVar("T")


class State(enum.Enum):
    """What a reflector can say of its objects."""

    STARTING = "starting"
    IN_SYNC = "in-sync"
    NOT_SERVED = "not-served"  # the kind does not exist in the cluster, so none of its objects does
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Shape(Generic[T]):
    """In what form objects are asked for, and what is kept of each."""

    one: str
    """Accept of a watch. The form of a list here would be answered with 200 and nothing."""
    many: str
    """Accept of a LIST. The form of one object here would be answered with 406."""
    keep: Callable[[document.Json, live.ResourceType], T]
    meta: Callable[[T], live.LiveMeta]


def _partial(form: str) -> str:
    return f"application/json;as={form};g=meta.k8s.io;v=v1"


METADATA: Shape[live.LiveMeta] = Shape(
    _partial("PartialObjectMetadata"),
    _partial("PartialObjectMetadataList"),
    keep=lambda found, resource: metadata.meta(found, resource.kind),
    meta=lambda kept: kept,
)
WHOLE: Shape[live.LiveObject] = Shape(
    "application/json", "application/json", keep=objects.whole, meta=lambda kept: kept.meta
)


class NoStreamingListsError(Exception):
    """The server knows them and has them switched off."""


class BusyError(Exception):
    """The server asks to come back: it is overloaded, or a kind that is new is not ready to be watched."""

    def __init__(self, because: str, *, seconds: float) -> None:
        super().__init__(because)
        self.seconds = seconds


class StartOver(Exception):  # noqa: N818 - what happens next
    """The place at which the watch stood is lost."""


@dataclass(slots=True)
class Ability:
    """What was learnt of one server; shared by its reflectors."""

    streams_lists: bool = True


class Reflector(Generic[T]):
    """`held` is the copy; `changed` hears of each object that came, changed or went, `moved` of each new state, `lost`
    once when a copy that was in sync is not to be had any more, and why."""

    def __init__(
        self,
        opened: session.Session,
        served: discovery.Discovery,
        *,
        kind: ids.KindKey,
        namespace: str,
        shape: Shape[T],
        ability: Ability,
        changed: Callable[[T, bool], None],
        moved: Callable[[], None] = lambda: None,
        lost: Callable[[str], None] = lambda because: None,
    ) -> None:
        self.held: dict[ids.ObjectKey, T] = {}
        self.state = State.STARTING
        self.because = "its first list has not arrived"
        self.forbidden = False
        """Broken for want of a right."""
        self.what = f"{kind} in {namespace or 'all namespaces'}"
        self._session, self._served = opened, served
        self._kind, self._namespace = kind, namespace
        self._shape, self._ability = shape, ability
        self._changed, self._moved, self._lost = changed, moved, lost
        self._owes_word = False
        """It was in sync, and nobody was told since that it is lost."""
        self._out_since: float | None = None
        """Loop time of its first failure since it was in sync."""
        self._version = ""
        self._incoming: dict[ids.ObjectKey, T] | None = None
        self._failures = 0
        self._started_over = False
        self._turns = 0
        self._turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._poked = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=f"watch {self.what}")

    @property
    def settled(self) -> bool:
        return self.state in (State.IN_SYNC, State.NOT_SERVED)

    async def until_settled(self) -> None:
        """Wait for the first list, trying at once if the watch is waiting to. Raises `errors.Transient` when that
        fails."""
        self.poke()
        failed = self._turns
        while not self.settled:
            await asyncio.shield(self._turn)
            if self.state is State.BROKEN and self._turns > failed:
                because = f"the watch of {self.what}: {self.because}"
                raise errors.Forbidden(because) if self.forbidden else errors.Transient(because)

    def poke(self) -> None:
        """Try now, if it is waiting: the cluster may serve the kind, or be there, again."""
        self._poked.set()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            started = now()
            try:
                await self._once()
            except StartOver:
                self._start_over()
            except BusyError as error:
                self._incoming = None
                self._enter(State.STARTING, str(error))
                self._out(str(error))
                await asyncio.sleep(error.seconds * (1 + JITTER * random.random()))  # noqa: S311 - no secret
                continue
            except errors.ReconcilerError as error:
                self._failed(str(error), forbidden=isinstance(error, errors.Forbidden))
            except Exception as error:  # one watch's failure, be it a listener's bug, ends no other
                LOG.exception("the watch of %s failed", self.what)
                self._version = ""
                self._failed(f"{type(error).__name__}: {error}")
            if now() - started >= STEADY:
                self._failures = 0 if self.state is State.IN_SYNC else 1
            elif self.state is State.IN_SYNC:
                self._failures += 1  # the server ends what it has just begun
            if self.state is not State.STARTING and self._failures:
                await self._wait(self._pause())

    async def _once(self) -> None:
        """A first list with the watch that follows, or a watch from where the last one ended."""
        resource = await self._served.preferred(self._kind)
        if resource is None:
            self._version = ""
            self._replace({})
            self._enter(State.NOT_SERVED, f"the cluster does not serve {self._kind}")
            await self._wait(self._session.timeouts.longest_back_off)
            return
        if not self._version and self._ability.streams_lists:
            try:
                await self._watch(resource, resumed=False)
            except NoStreamingListsError:
                self._ability.streams_lists = False
            else:
                return
        if not self._version:
            await self._list(resource)
        await self._watch(resource, resumed=True)

    def _start_over(self) -> None:
        """At once, but only once: a server that keeps saying so is one that fails."""
        self._version = ""
        if self._started_over:
            self._failed("the server keeps forgetting where the watch stood")
        else:
            self._started_over = True
            self._enter(State.STARTING, "the server forgot where the watch stood; it lists again")

    async def _watch(self, resource: live.ResourceType, *, resumed: bool) -> None:
        timeouts = self._session.timeouts
        # ±10 %, so that watches which began together do not end together for ever.
        lasting = timeouts.watch * (0.9 + 0.2 * random.random())  # noqa: S311 - no secret
        query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(max(1, round(lasting)))}
        if resumed:
            query["resourceVersion"] = self._version
        else:
            query |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
            self._incoming = {}
        path = objects.path(resource, self._namespace)
        async with self._session.stream(path, query=query, headers={"Accept": self._shape.one}) as lines:
            if isinstance(lines, replies.Reply):
                await self._refused(lines)
            if resumed:
                self._synced()
            await self._follow(lines, resource)

    async def _follow(self, lines: session.Lines, resource: live.ResourceType) -> None:
        """Until the server ends the watch. The first list has a deadline of its own."""
        limit = self._session.timeouts.first_list
        try:
            async with asyncio.timeout(limit):
                while self._incoming is not None:
                    line = await lines.next()
                    if line is None:
                        raise errors.Transient("the watch ended before its first list was complete")
                    self._take(line, resource)
        except TimeoutError as error:
            raise errors.Transient(f"its first list was not complete after {limit:g} s") from error
        try:
            while (line := await lines.next()) is not None:
                self._take(line, resource)
        except session.SilentError:
            self._version = ""  # behind a restored etcd it lies in the future
            raise

    def _take(self, line: bytes, resource: live.ResourceType) -> None:
        """One event. Raises `errors.Transient` when it is none, StartOver when it says that our place is lost."""
        try:
            event = document.decode(line)
        except ValueError as error:
            # Not quoted: it may hold the content of a Secret (I13).
            raise errors.Transient(f"a line of the watch, {len(line)} bytes, is no event") from error
        found = document.mapping(event, "object")
        match event.get("type"):
            case "ADDED" | "MODIFIED":
                self._put(self._shape.keep(found, resource))
            case "DELETED":
                self._drop(self._shape.keep(found, resource))
            case "BOOKMARK":
                if document.at(found, "metadata", "annotations", INITIAL_END) == "true" and self._incoming is not None:
                    self._replace(self._incoming)
                    self._synced()
            case "ERROR":
                raise self._error(replies.Status.read(found, code=document.number(found, "code")))
            case other:
                raise errors.Transient(f"a watch event of the unknown type {other!r}")
        if self._incoming is None:
            self._version = document.text(found, "metadata", "resourceVersion") or self._version

    def _error(self, status: replies.Status) -> Exception:
        if status.code == 410 or status.reason == "Expired":
            return StartOver()
        return errors.Transient(f"the server ended the watch: {status.code} {status.message}")

    async def _refused(self, reply: replies.Reply) -> NoReturn:
        """The watch or the list was not opened."""
        status = replies.Status.of(reply)
        if status.code == 410:
            raise StartOver
        if self._incoming is not None and status.code in (400, 422) and "sendInitialEvents" in status.message:
            raise NoStreamingListsError
        if status.code == 429:
            seconds = 1.0 if reply.retry_after is None else reply.retry_after
            limit = self._session.timeouts.longest_back_off
            raise BusyError(f"the server asks to come back: {status.message}", seconds=min(limit, seconds))
        if status.code == 404:
            await self._served.facts(fresh=True)  # a CRD that is gone: the next round sees it
        raise replies.unanswered(reply, "the server refuses it")

    async def _list(self, resource: live.ResourceType) -> None:
        """Everything there is, by pages; afterwards `_version` is where to watch from."""
        incoming: dict[ids.ObjectKey, T] = {}
        query, turned = {"limit": listing.PAGE}, set[str]()
        while True:
            reply = await self._session.request(
                "GET", objects.path(resource, self._namespace), query=query, headers={"Accept": self._shape.many}
            )
            if not reply.ok:
                await self._refused(reply)
            page = reply.document()
            for found in reply.items():
                kept = self._shape.keep(found, resource)
                incoming[self._shape.meta(kept).key] = kept
            token = listing.onward(page, turned, what=f"the list of {self.what}")
            if not token:
                break
            query = {"limit": listing.PAGE, "continue": token}
        self._replace(incoming)
        self._version = document.text(page, "metadata", "resourceVersion")

    def _put(self, kept: T) -> None:
        key = self._shape.meta(kept).key
        if self._incoming is not None:
            self._incoming[key] = kept
            return
        self.held[key] = kept
        self._changed(kept, False)

    def _drop(self, kept: T) -> None:
        key = self._shape.meta(kept).key
        if self._incoming is not None:
            self._incoming.pop(key, None)
            return
        self.held.pop(key, None)
        self._changed(kept, True)

    def _replace(self, incoming: Mapping[ids.ObjectKey, T]) -> None:
        """A new first list: tell what differs from the copy, what vanished while nobody looked included."""
        old, self.held, self._incoming = self.held, dict(incoming), None
        for key, kept in old.items():
            if key not in self.held:
                self._changed(kept, True)
        for key, kept in self.held.items():
            if key not in old or self._shape.meta(old[key]) != self._shape.meta(kept):
                self._changed(kept, False)

    def _synced(self) -> None:
        self._started_over = False
        self._owes_word, self._out_since = True, None
        self._enter(State.IN_SYNC, "")

    def _failed(self, because: str, *, forbidden: bool = False) -> None:
        self._failures += 1
        self._incoming = None
        self._enter(State.BROKEN, because, forbidden=forbidden)
        self._out(because)

    def _out(self, because: str) -> None:
        """It is out of sync still. Whoever rests on it asks nothing by himself: he is told once, without delay for want
        of a right, which no restart of a server brings back."""
        now = asyncio.get_running_loop().time()
        self._out_since = now if self._out_since is None else self._out_since
        if self._owes_word and (self.forbidden or now - self._out_since >= self._session.timeouts.lost):
            self._owes_word = False
            self._tell(lambda: self._lost(because))

    def _enter(self, state: State, because: str, *, forbidden: bool = False) -> None:
        before, self.state, self.because, self.forbidden = self.state, state, because, forbidden
        self._turns += 1
        turn, self._turn = self._turn, asyncio.get_running_loop().create_future()
        turn.set_result(None)
        if before is not state:
            self._tell(self._moved)

    def _tell(self, listener: Callable[[], None]) -> None:
        try:
            listener()
        except Exception:  # told from where failures are handled: a listener's bug must not end the watch
            LOG.exception("a listener of the watch of %s failed", self.what)

    def _pause(self) -> float:
        """Seconds: twice as long after each failure in a row, varied by chance so that watches do not return as one."""
        timeouts = self._session.timeouts
        pause = timeouts.back_off * 2.0 ** min(self._failures - 1, MOST_DOUBLINGS)
        return min(timeouts.longest_back_off, pause) * (0.75 + 0.5 * random.random())  # noqa: S311 - no secret

    async def _wait(self, seconds: float) -> None:
        """Less when poked."""
        self._poked.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._poked.wait()
