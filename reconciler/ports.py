"""Protocols of the outside world. Each is fulfilled by one edge, and by one honest fake in the tests.

Errors: every method may raise `errors.Transient` (try again later) or `errors.Terminal` (a person or a commit must
act); nothing else leaves an edge. An unknown outcome of a write is `Transient`: the caller plans again from what is
live before it repeats anything (I19).
"""

import datetime
import enum
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from reconciler.model import health, ids, live, manifests, records, rights, sources, targets


class Clock(Protocol):
    """Time. Durations are monotonic (I24); the wall clock is for people and for the journal."""

    def monotonic(self) -> float:
        """Seconds; never goes back."""

    def now(self) -> datetime.datetime:
        """Aware, UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellable."""


class Chance(Protocol):
    """Everything that makes two runs differ."""

    def operation_id(self) -> str:
        """A fresh UUID."""

    def jitter(self, seconds: float) -> float:
        """`seconds`, varied by up to ±10 %."""


class Repository(Protocol):
    """One Git repository at its one pinned, fully qualified ref. Holds a bare mirror; no work tree (M1)."""

    @property
    def name(self) -> str: ...

    @property
    def ref(self) -> str:
        """`refs/heads/main`."""

    async def head(self) -> str:
        """The full SHA the ref names now, by at most one `ls-remote`. Terminal `RefMissing` when there is none."""

    def hints(self) -> AsyncIterator[None]:
        """An item whenever the ref may have moved: a reason to ask sooner, never the answer. Ends where nothing can
        tell."""

    async def fetch(self, revision: str) -> None:
        """Bring `revision` into the mirror; nothing to do when it is there."""

    async def holds(self, revision: str) -> bool:
        """Whether the mirror has the revision. The server is not asked."""

    async def keep(self, revision: str) -> None:
        """Protect a revision (last good) from rewritten history and garbage collection."""

    async def check_signatures(self, revision: str) -> None:
        """Return when all that `revision` brings may be deployed by the repository's signature policy (I5). Raises
        `errors.Untrusted` with the commit that may not, and why."""

    async def descends(self, revision: str, *, ancestor: str) -> bool:
        """Whether `ancestor` is `revision` or an ancestor of it."""

    async def oids(self, revision: str, paths: Sequence[str]) -> Mapping[str, str]:
        """Path → OID of the tree or blob there at `revision`, symbolic links followed; '' where it is absent, the
        link's own where it leads nowhere. One question for all paths."""

    async def reached(self, revision: str, paths: Sequence[str]) -> Mapping[str, sources.Reached]:
        """The same, and where symbolic links lead out of each path: a change there is a change of what is read."""

    async def folders(self, revision: str, path: str) -> tuple[str, ...]:
        """The names of the folders directly below `path`, sorted; empty when `path` is absent."""

    async def files(self, revision: str, paths: Sequence[str]) -> tuple[sources.File, ...]:
        """All blobs at or below `paths`, sorted by path; a few questions however many there are. A symbolic link within
        the repository is followed: what it leads to has the link's path. Other links, submodules and LFS pointers are
        refused by name; number and size are bounded (I8, I10): `errors.InvalidInput`."""

    async def commit_info(self, revision: str) -> sources.CommitInfo: ...

    async def log(self, newer: str, *, older: str, limit: int) -> tuple[sources.CommitInfo, ...]:
        """Commits in `older..newer`, newest first."""

    async def commit_restoring(self, *, parent: str, paths: Sequence[str], source: str, message: str) -> str:
        """Build, with commit-tree and without a work tree, a commit on `parent` whose `paths` are as in `source`
        (absent there: absent). Returns its SHA; pushes nothing."""

    async def push(self, revision: str, *, expected: str) -> "Pushed":
        """Push `revision` to the ref, never forced. `expected` is the head it was built on. Says so when it is
        already there: a retry after a lost answer pushes the same object."""


class PushResult(enum.Enum):
    """What became of a push."""

    DONE = "done"
    RACED = "raced"  # somebody else's push came first: plan again from the new head
    REFUSED = "refused"  # the server does not let us: protected branch, hook, read-only credentials


@dataclass(frozen=True, slots=True)
class Pushed:
    """`because` names the head that won, or quotes the server's refusal."""

    result: PushResult
    because: str


class Charts(Protocol):
    """Charts of repositories elsewhere, pinned by digest."""

    async def chart(self, wanted: targets.ChartArchive, *, path: str) -> tuple[sources.File, ...]:
        """The files of the chart, as if it lay at `path`. One that was fetched before costs no request.

        Raises `errors.InvalidInput`, naming the field of application.yaml, for a repository that the daemon's settings
        do not list, for a digest that is missing or differs, and for an archive that is not one chart;
        `errors.ChartUnavailable` when the repository does not give it now.
        """


class Renderer(Charts, Protocol):
    """Helm and Kustomize in their boxes (I9). Files in, text out."""

    @property
    def version(self) -> str:
        """`helm-python-sdk 0.2.2, kustomize …`: part of the key under which renders are cached."""

    async def helm(
        self,
        chart: targets.Chart,
        *,
        files: Sequence[sources.File],
        namespace: str,
        kube_version: str,
        api_versions: Sequence[str],
    ) -> str:
        """The YAML that `helm template --include-crds` prints, hooks included, NOTES.txt not.

        `files` holds the chart's folder and the values files, nothing else is readable. Raises `errors.InvalidInput`
        with Helm's own words, `errors.Transient` when the box itself failed.
        """

    async def kustomize(self, kustomization: targets.Kustomization, *, files: Sequence[sources.File]) -> str:
        """The YAML that `kustomize build` prints. `files` are all that is readable. Raises `errors.InvalidInput` with
        Kustomize's own words, `errors.Transient` when there is no usable binary or the box itself failed."""


class Opener(Protocol):
    """Opens encrypted files of the repository with keys of the daemon's disk. Content in, content out: never a file."""

    def means(self, environment: str) -> str:
        """Differs whenever what a file can be opened with does. For keys under which results are remembered."""

    async def open(self, file: sources.File, *, form: str, environment: str) -> bytes:
        """What the file holds in the clear, whole and proven unchanged. `form`: a word of `render.encrypted.Form`.
        Raises `errors.Sealed`, naming the file and the remedy, and nothing of any content."""


Wanted = tuple[ids.KindKey, str]
"""A kind and a namespace; '' as namespace: the whole cluster."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One change a watch saw. `gone` when the object was deleted."""

    cluster: str
    meta: live.LiveMeta
    gone: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """A metadata watch that ended and cannot be opened again: of a kind in a namespace ('': in all of them). It goes on
    trying."""

    cluster: str
    kind: ids.KindKey
    namespace: str
    because: str


class Cluster(Protocol):
    """One Kubernetes API server. Counted calls carry `operation` in their Audit-ID header (I1)."""

    @property
    def name(self) -> str: ...

    async def facts(self, *, fresh: bool = False) -> live.ClusterFacts:
        """Version and served kinds; cached, read again when `fresh`."""

    async def read(self, key: ids.ObjectKey) -> live.LiveObject | None:
        """The live object, None when the server says 404 for it. Raises Terminal when the kind is not served,
        `errors.Forbidden` when the right is missing: unknown is not absent (I6)."""

    async def dry_run(self, manifest: manifests.Manifest, *, force: bool) -> live.Applied | live.Refused: ...

    async def apply(self, manifest: manifests.Manifest, *, operation: str, force: bool) -> live.Applied | live.Refused:
        """Server-side apply as field manager `reconciler`. A counted call. Transient when the outcome is unknown."""

    async def delete(
        self,
        key: ids.ObjectKey,
        *,
        uid: str,
        operation: str,
        propagation: live.Propagation = live.Propagation.BACKGROUND,
    ) -> live.Deleted | live.Refused:
        """Delete exactly the object with that UID. A counted call. Already gone: `Deleted(gone=True)`."""

    async def hand_over(
        self, key: ids.ObjectKey, handover: live.Handover, *, operation: str
    ) -> live.Applied | live.Refused:
        """Change who owns the fields of an object, and its annotations and labels. A counted call. An object that has
        changed since, or is another one: refused with STALE."""

    async def watch(self, wanted: Iterable[Wanted]) -> None:
        """Hold metadata watches on these from now on, beside those asked for before.

        Returns once each has its first list, within a deadline: Transient. Each watch spans the whole cluster where
        the rights allow, else one namespace.
        """

    def meta(self, key: ids.ObjectKey) -> live.LiveMeta | None:
        """From the watches: the metadata, or None when it does not exist. Transient when no healthy watch covers the
        kind there (a watch that missed its deadline covers nothing, I21)."""

    async def unwatch(self) -> None:
        """End every metadata watch and tell nobody of anything any more, as before the first `watch` and `listen`."""

    def listen(self, heard: Callable[[Seen], None], *, lost: Callable[[Lost], None] = lambda lost: None) -> None:
        """Call `heard` for every change a metadata watch sees, in order, and `lost` when one is lost: at once when it
        may not be opened again, else when it could not be for some seconds; once each time. From the event loop."""

    async def follow(self, target: ids.TargetKey, wanted: Iterable[Wanted], *, woken: Callable[[], None]) -> None:
        """Hold full-object watches for one target while it rolls out or is observed: its workloads, and the pods and
        ReplicaSets of its namespaces. `woken` is called after each change. Calling again replaces the set."""

    async def unfollow(self, target: ids.TargetKey) -> None: ...

    def followed(self, target: ids.TargetKey) -> Mapping[ids.ObjectKey, live.LiveObject]:
        """Everything the target's full watches hold. Transient when one of them is not in sync; `errors.Forbidden` when
        that is for want of a right."""

    async def read_record(self, target: ids.TargetKey) -> records.TargetRecord | None:
        """The target record; None when there is none."""

    async def read_records(self) -> tuple[records.TargetRecord, ...]:
        """Every target record, whoever wrote it, by one list. One that cannot be understood, or has lost its label, is
        left out: `read_record` finds it and says what is wrong with it."""

    async def marked(self, namespaces: Sequence[str]) -> live.Marked:
        """Every object that carries a mark: in the whole cluster where the rights reach it, else in `namespaces`. One
        list a kind: for a journal that is rebuilt, not for a pass."""

    async def every(self, kind: ids.KindKey, namespace: str) -> tuple[live.LiveObject, ...]:
        """All whole objects of a kind in a namespace, by one list: for people who look, not for a pass. Raises Terminal
        when the kind is not served or may not be listed."""

    async def happenings(self, about: live.LiveMeta) -> tuple[live.Happening, ...]:
        """What is noted of exactly this object (its UID), newest first; bounded. Raises Terminal when it may not be
        read, or when this cluster keeps none."""

    async def tail(self, pod: ids.ObjectKey, *, container: str, previous: bool, lines: int) -> live.Tail:
        """The last lines of a container's log, bounded in bytes and time; `previous`: of the run before this one.
        Raises Terminal, with the server's words, when there is none to read."""

    async def write_record(self, record: records.TargetRecord) -> None:
        """Create or replace it. Not a counted call."""

    async def check(self) -> tuple["Finding", ...]:
        """What `doctor` asks of a cluster: reachable, who we are, clock, target records."""

    async def rights(self, needed: Sequence[rights.Need]) -> rights.Rights:
        """What of this we may do, as the user whom the API server sees: exact for each verb, kind and namespace."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `doctor`. `ok` None: could not be found out."""

    subject: str
    ok: bool | None
    because: str
    remedy: str = ""


class Prober(Protocol):
    async def probe(self, probe: targets.HttpProbe) -> health.ProbeSample:
        """Ask once. Never raises: what could not be asked is `ok=None`."""


class Expressions(Protocol):
    async def evaluate(self, check: targets.HealthCheck, found: live.LiveObject) -> health.Answer:
        """What the check's expressions say of the object, within a second. Never raises: an expression that fails at
        run time, or is cut off, is a `problem`."""


class Journal(Protocol):
    """The durable memory. Every write is one transaction that checks the epoch (I2) and is on disk when it returns.
    Raises `errors.LeadershipLost`, `errors.JournalUnusable`."""

    @property
    def installation(self) -> str:
        """A UUID made when the journal was created."""

    async def lead(self, holder: str) -> int:
        """Become the one leader: a new epoch, higher than any before. Transient while another process leads."""

    async def targets(self) -> tuple[ids.TargetKey, ...]:
        """Every target that has a ledger."""

    async def ledger(self, target: ids.TargetKey) -> records.Ledger:
        """An empty one for a target never seen."""

    async def write(self, new: records.Ledger, *, events: Sequence[records.Event], epoch: int) -> None:
        """Replace the target's ledger and append the events, together."""

    async def append(self, events: Sequence[records.Event], *, epoch: int) -> None:
        """Append events that belong to no ledger change."""

    async def inventory(self, target: ids.TargetKey) -> tuple[records.InventoryRow, ...]: ...

    async def owners(
        self, keys: Sequence[ids.ObjectKey], *, cluster_of: Sequence[ids.TargetKey]
    ) -> Mapping[ids.ObjectKey, ids.TargetKey]:
        """Those of `keys` that one of these targets has in its inventory, and which. One question for all."""

    async def intend(self, intents: Sequence[records.Intent], *, epoch: int) -> None:
        """Record intents; an apply of an object without a row gets a pending one (uid ''). What is taken over gets one
        too, and a row of it that is there already says so from now on."""

    async def settle(self, results: Sequence[records.Settled], *, epoch: int) -> None: ...

    async def open_intents(self, target: ids.TargetKey) -> tuple[records.Intent, ...]:
        """Intents without an outcome: after a crash, or under way."""

    async def adopt_rows(
        self,
        target: ids.TargetKey,
        rows: Sequence[records.InventoryRow],
        *,
        forget: Sequence[ids.ObjectKey] = (),
        epoch: int,
    ) -> None:
        """Replace these rows and remove the forgotten ones without an intent: what a plan learnt by reading (a
        pending UID, a new entry, an object that is gone)."""

    async def history(self, target: ids.TargetKey, *, limit: int) -> tuple[records.ChainedEvent, ...]:
        """The target's newest events, newest first: what `history` shows."""

    async def events(self, *, after: int, limit: int) -> tuple[records.ChainedEvent, ...]:
        """The chain, oldest first."""

    async def head(self) -> tuple[int, str]:
        """Sequence and hash of the newest event; (0, '') when there is none."""

    async def ask(self, request: records.Request) -> None:
        """Insert a request: any process may, leader or not."""

    async def open_requests(self) -> tuple[records.Request, ...]:
        """Oldest first."""

    async def answer(self, request: records.Request, *, answer: str, epoch: int) -> None: ...

    async def request(self, id: str) -> records.Request | None: ...  # noqa: A002 - the field's own name

    def changes(self) -> AsyncIterator[None]:
        """One item whenever another process may have written (a request came in), and at least every ten seconds."""

    async def close(self) -> None: ...
