"""A Git server in memory, and `ports.Repository` on it: commits, trees, fast-forward pushes, rewritten history.

Object ids are Git's own, so that equal content has equal ids here exactly when it has them there. Only plain files;
`tests/contracts/test_repository.py` holds it against real Git.
"""

import functools
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler import errors, ports
from reconciler.model import sources

AUTHOR = "Reconciler <reconciler@localhost>"


@dataclass(frozen=True, slots=True)
class Blob:
    oid: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Tree:
    oid: str
    entries: Mapping[str, "Blob | Tree"]


@dataclass(frozen=True, slots=True)
class Commit:
    """`at` is RFC 3339."""

    revision: str
    tree: Tree
    parents: tuple[str, ...]
    author: str
    at: str
    message: str


def _oid(kind: str, content: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


@functools.lru_cache(maxsize=4096)
def blob(content: bytes) -> Blob:
    return Blob(_oid("blob", content), content)


def tree(entries: Mapping[str, Blob | Tree]) -> Tree:
    """Git sorts a folder's name as if it ended in a slash."""
    rows = sorted(entries.items(), key=lambda item: item[0] + "/" * isinstance(item[1], Tree))
    content = b"".join(
        f"{'40000' if isinstance(entry, Tree) else '100644'} {name}".encode() + b"\0" + bytes.fromhex(entry.oid)
        for name, entry in rows
    )
    return Tree(_oid("tree", content), dict(rows))


EMPTY = tree({})


def at(root: Tree, path: str) -> Blob | Tree | None:
    found: Blob | Tree | None = root
    for name in path.split("/"):
        found = found.entries.get(name) if isinstance(found, Tree) else None
    return found


def put(root: Tree, path: str, entry: Blob | Tree | None) -> Tree:
    """`root` with `entry` at `path`; None takes away what is there. A folder that becomes empty goes, as in Git."""
    name, _, rest = path.partition("/")
    entries = dict(root.entries)
    if rest:
        below = entries.get(name)
        entry = put(below if isinstance(below, Tree) else EMPTY, rest, entry)
    if entry is None or (isinstance(entry, Tree) and not entry.entries):
        entries.pop(name, None)
    else:
        entries[name] = entry
    return tree(entries)


def files_of(entry: Blob | Tree | None, path: str) -> list[sources.File]:
    match entry:
        case Blob():
            return [sources.File(path, entry.oid, entry.content)]
        case Tree():
            return [found for name, below in entry.entries.items() for found in files_of(below, f"{path}/{name}")]
        case None:
            return []


@dataclass(slots=True)
class Server:
    """The repository that everybody pushes to. `ref_head` '': there is no such ref; `hidden`: for a while."""

    now: Callable[[], str]
    """The time of a commit, RFC 3339."""
    ref_head: str = ""
    hidden: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    pushes: list[tuple[str, str]] = field(default_factory=list)
    """Every accepted push, oldest first: who, and the new head."""

    def commit(
        self, changes: Mapping[str, bytes | None], *, message: str, author: str = "Dev <dev@example.test>", on: str = ""
    ) -> str:
        """Make a commit on `on` (the head, when empty) with these files changed, None taken away. Pushes nothing."""
        parent = on or self.ref_head
        root = self.commits[parent].tree if parent else EMPTY
        for path, content in changes.items():
            root = put(root, path, None if content is None else blob(content))
        return self.add(root, parents=(parent,) if parent else (), author=author, message=message)

    def add(self, root: Tree, *, parents: tuple[str, ...], author: str, message: str) -> str:
        at_ = self.now()
        lines = [f"tree {root.oid}", *(f"parent {parent}" for parent in parents), f"author {author} {at_}", "", message]
        revision = _oid("commit", "\n".join(lines).encode())
        self.commits[revision] = Commit(revision, root, parents, author, at_, message)
        return revision

    def push(self, revision: str, *, who: str, force: bool = False) -> bool:
        """Move the ref; False when that is no fast-forward."""
        if self.ref_head and not force and not self.descends(revision, self.ref_head):
            return False
        self.ref_head = revision
        self.pushes.append((who, revision))
        return True

    def descends(self, revision: str, ancestor: str) -> bool:
        seen, left = {revision}, [revision]
        while left:
            found = left.pop()
            if found == ancestor:
                return True
            new = [parent for parent in self.commits[found].parents if parent not in seen]
            seen.update(new)
            left += new
        return False

    def file(self, path: str, *, revision: str = "") -> bytes:
        """What the head, or `revision`, has there; b'' when nothing."""
        found = at(self.commits[revision or self.ref_head].tree, path)
        return found.content if isinstance(found, Blob) else b""


@dataclass(slots=True)
class MemoryRepository:
    """Fulfils `ports.Repository`. Its mirror holds what was fetched, and outlives the process that fetched it."""

    server: Server
    mirror: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        return "desired"

    @property
    def ref(self) -> str:
        return "refs/heads/main"

    async def head(self) -> str:
        if not self.server.ref_head or self.server.hidden:
            raise errors.RefMissing(f"repository {self.name} has no {self.ref}")
        return self.server.ref_head

    async def hints(self) -> AsyncIterator[None]:
        """None: it is polled."""
        return
        yield  # makes it an iterator

    async def fetch(self, revision: str) -> None:
        if revision in self.mirror:
            return
        self._bring(await self.head())
        if revision not in self.mirror:
            raise errors.Transient(f"repository {self.name}: {self.ref} does not lead to {revision} any more")

    async def holds(self, revision: str) -> bool:
        return revision in self.mirror

    async def keep(self, revision: str) -> None:
        await self._at(revision)
        self.kept.add(revision)

    async def check_signatures(self, revision: str) -> None:
        """Nobody has to sign here."""

    async def descends(self, revision: str, *, ancestor: str) -> bool:
        await self._at(revision)
        return ancestor in self.mirror and self.server.descends(revision, ancestor)

    async def oids(self, revision: str, paths: Sequence[str]) -> Mapping[str, str]:
        root = (await self._at(revision)).tree
        return {path: found.oid if (found := at(root, path)) else "" for path in paths}

    async def reached(self, revision: str, paths: Sequence[str]) -> Mapping[str, sources.Reached]:
        """Nobody commits links here."""
        return {path: sources.Reached(oid) for path, oid in (await self.oids(revision, paths)).items()}

    async def folders(self, revision: str, path: str) -> tuple[str, ...]:
        found = at((await self._at(revision)).tree, path)
        entries = found.entries if isinstance(found, Tree) else {}
        return tuple(sorted(name for name, entry in entries.items() if isinstance(entry, Tree)))

    async def files(self, revision: str, paths: Sequence[str]) -> tuple[sources.File, ...]:
        root = (await self._at(revision)).tree
        found = {file.path: file for path in paths for file in files_of(at(root, path), path)}
        return tuple(found[path] for path in sorted(found))

    async def commit_info(self, revision: str) -> sources.CommitInfo:
        return _info(await self._at(revision))

    async def log(self, newer: str, *, older: str, limit: int) -> tuple[sources.CommitInfo, ...]:
        """First parents only: nobody merges here."""
        await self._at(newer)
        if older and older not in self.mirror:
            raise errors.Terminal(f"repository {self.name} does not hold {older} any more: there is no log since it")
        found: list[sources.CommitInfo] = []
        revision = newer
        while revision and len(found) < limit and not (older and self.server.descends(older, revision)):
            commit = self.server.commits[revision]
            found.append(_info(commit))
            revision = commit.parents[0] if commit.parents else ""
        return tuple(found)

    async def commit_restoring(self, *, parent: str, paths: Sequence[str], source: str, message: str) -> str:
        onto, back = await self._at(parent), self._known(source)
        if back is None:
            raise errors.Terminal(f"{source} cannot be restored: repository {self.name} does not hold it any more")
        root = onto.tree
        for path in paths:
            found = at(back.tree, path)
            ways = [path[:end] for end, sign in enumerate(path) if sign == "/"] if found else []
            if lost := [way for way in ways if isinstance(at(root, way), Blob)]:
                raise errors.Terminal(f"{lost[0]} is a link or a file now, and would go for {path}")
            root = put(root, path, found)
        if root.oid == onto.tree.oid:
            return parent
        revision = self.server.add(root, parents=(parent,), author=AUTHOR, message=message)
        self.mirror.add(revision)
        return revision

    async def push(self, revision: str, *, expected: str) -> ports.Pushed:
        now = await self.head()
        if now == revision:
            return ports.Pushed(ports.PushResult.DONE, f"{self.ref} already is at {revision}")
        if now != expected:
            self._bring(now)
            if self.server.descends(now, revision):
                return ports.Pushed(ports.PushResult.DONE, f"{self.ref} is at {now}, which contains {revision}")
            return ports.Pushed(ports.PushResult.RACED, f"{self.ref} has moved to {now} meanwhile")
        self.server.push(revision, who="reconciler")
        return ports.Pushed(ports.PushResult.DONE, f"{self.ref} is at {revision}")

    def _bring(self, revision: str) -> None:
        """The revision and its history."""
        left = [revision]
        while left:
            found = left.pop()
            if found not in self.mirror:
                self.mirror.add(found)
                left += self.server.commits[found].parents

    def _known(self, revision: str) -> Commit | None:
        return self.server.commits[revision] if revision in self.mirror else None

    async def _at(self, revision: str) -> Commit:
        """As the edge does it: what is not in the mirror is fetched on the way."""
        if (found := self._known(revision)) is None:
            await self.fetch(revision)
            found = self.server.commits[revision]
        return found


def _info(commit: Commit) -> sources.CommitInfo:
    subject = commit.message.partition("\n")[0]
    return sources.CommitInfo(commit.revision, commit.author, commit.at, subject, commit.parents)
