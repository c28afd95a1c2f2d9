"""What symbolic links within the tree of one revision lead to, in the place of the links. Blocking."""

import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconciler.edges.git import objects, place, process, trees
from reconciler.model import sources

COMPLAINTS = 20
"""More are not looked for."""
EACH, FILE, ROOM = 100, 2_000, 10_000_000
"""In the unit of `trees.STEP`: what each path that is found takes beside its length, and what all may take that links
lead to: so much for each file that may be read, or some tenths of a second of the processor."""
AT_ONCE = 1_000
"""Paths whose folders and links are read together."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What is at a real path, under the path that leads there. `through` is the last link on the way, `within` are the
    real paths of all links that were followed."""

    path: bytes
    real: bytes
    mode: int
    oid: str
    through: bytes = b""
    within: tuple[bytes, ...] = ()


class Followed:
    """Files below paths, with what links among them lead to in their place. Counted is each file and each folder under
    each of its paths, and each step of each link: a few links to folders of links may stand for millions, and a
    thousand that lead nowhere may go a long way."""

    def __init__(self, tree: trees.Tree, *, files: int, besides: int = 0) -> None:
        """`files` may be read, `besides` are so already."""
        self._tree = tree
        self._most = files - besides
        self._room = max(ROOM, files * FILE)
        self._bytes = 2 * files * trees.LINE_BYTES  # as in `trees.linked`
        self.rows: dict[bytes, tuple[str, str, bytes]] = {}
        """Path → mode and object of what is neither folder nor link, and the link that leads there."""
        self.problems: list[str] = []
        self.reached: dict[bytes, str] = {}
        """Where links lead: the real paths, and the objects there. Of a link that leads nowhere: those on the way, and
        the place where something is missing, with ''; it may be put right in any of them."""
        self.full = False
        """There is more than may be read. What was found so far is not all."""

    def add(self, path: bytes) -> None:
        """What is at or below a path."""
        led = self._lead(path)
        if led.passed:
            self._run(self._arrived(path, led, within=()))
        elif led.oid:
            self._run([_Waiting(path, led.path, led.mode, led.oid)])

    def links(self, found: Sequence[tuple[bytes, str]], *, folders: Iterable[str]) -> None:
        """What links lead to, which lie at their real paths. `folders` are those on the way to them."""
        self._read(folders, (oid for _, oid in found), most=self._room)
        waiting = []
        for path, _ in found:
            if self._ended:
                return
            led = self._lead(path)
            if led.passed:
                waiting += self._arrived(path, led, within=(path,))
            else:
                most = trees.FOLDER_BYTES
                self.problems.append(
                    f"{trees.shown(path)} is a symbolic link among more than {most} bytes of names: refused"
                )
        self._run(waiting)

    @property
    def _ended(self) -> bool:
        return self.full or len(self.problems) >= COMPLAINTS

    def _take(self, cost: int) -> None:
        self._room -= cost
        self.full |= self._room < 0

    def _lead(self, path: bytes) -> trees.Led:
        before = self._tree.spent
        led = self._tree.lead(path)
        self._take(self._tree.spent - before + EACH + len(path))
        return led

    def _read(self, folders: Iterable[str], found: Iterable[str], *, most: int) -> int:
        """Together: three questions. Says how many bytes the folders have; if more than `most`, none is read."""
        size = self._tree.load_within(folders, most)
        self.full |= size is None
        self._take(trees.READ + (size or 0))
        if not self.full:
            self._tree.read(found)
        return size or 0

    def _arrived(self, path: bytes, led: trees.Led, *, within: tuple[bytes, ...]) -> list[_Waiting]:
        """What is to be looked at where links led to: nothing when they lead nowhere."""
        if led.wrong:
            self.problems.append(led.problem(path))
            self.reached |= {led.path: ""} | {link.path: link.oid for link in led.passed}
            return []
        self.reached[led.path] = led.oid
        if stat.S_ISDIR(led.mode) and any(trees.covers(led.path, link) for link in within):
            its = trees.shown(led.path) or "the root of the repository"
            self.problems.append(
                f"{trees.shown(path)} is a symbolic link to {its}, which holds the link itself and so has no end:"
                " link to the files that are meant"
            )
            return []
        return [_Waiting(path, led.path, led.mode, led.oid, through=path, within=within)]

    def _run(self, level: list[_Waiting]) -> None:
        """Level by level, some of one together."""
        while level:
            below: list[_Waiting] = []
            for start in range(0, len(level), AT_ONCE):
                some = level[start : start + AT_ONCE]
                self._bytes -= self._read(
                    (its.oid for its in some if stat.S_ISDIR(its.mode)),
                    (its.oid for its in some if stat.S_ISLNK(its.mode)),
                    most=self._bytes,
                )
                for its in some:
                    if self._ended:
                        return
                    below += self._look(its)
            level = below

    def _look(self, its: _Waiting) -> list[_Waiting]:
        """What is below a folder, or where a link leads; a file is done with."""
        if stat.S_ISLNK(its.mode):
            return self._arrived(its.path, self._lead(its.real), within=(*its.within, its.real))
        if not stat.S_ISDIR(its.mode):
            self.rows[its.path] = (objects.mode(its.mode), its.oid, its.through)
            self.full |= len(self.rows) > self._most
            return []
        rows = self._tree.rows(its.oid)
        # the links in a folder that is too large are refused where it really lies; what a link to it stands for, here
        self.full |= len(its.path) > place.PATH_BYTES or (rows is None and bool(its.through))
        self._take(sum(map(len, rows or ())) + len(rows or ()) * (EACH + len(its.path)))
        if self.full or not rows:
            return []
        return [
            _Waiting(_below(its.path, name), _below(its.real, name), mode, oid, its.through, its.within)
            for name, (mode, oid) in rows.items()
        ]


def too_many(paths: Sequence[str], revision: str, *, most: int) -> str:
    """The sentence about paths with more behind their links than may be read."""
    return (
        f"{', '.join(paths)} at {revision} holds more than {most} files, with what its symbolic links lead to, or links"
        " that take too many steps: refused"
    )


def reached(git: process.Git, revision: str, paths: Sequence[str], *, known: trees.Known) -> dict[str, sources.Reached]:
    """What each path names, and where links lead out of it. `paths` are checked."""
    with git.together():
        tree, led = _led(git, revision, paths, known=known)
        linked = tree.linked({its.oid for its in led.values() if stat.S_ISDIR(its.mode)})
        found = {}
        for path, its in led.items():
            beyond, problem = dict[bytes, str](), ""
            if its.passed or its.oid in linked:
                followed = Followed(tree, files=git.place.limits.files)
                followed.add(path.encode())
                problem = too_many([path], revision, most=git.place.limits.files) if followed.full else ""
                beyond = {name: oid for name, oid in followed.reached.items() if trees.plain(name) and its.lacks(name)}
            there = tuple(sorted((name.decode(), oid) for name, oid in beyond.items()))
            found[path] = sources.Reached(its.oid, there, problem)
        return found


def oids(git: process.Git, revision: str, paths: Sequence[str], *, known: trees.Known) -> dict[str, str]:
    """What each path names, links followed. `paths` are checked."""
    with git.together():
        return {path: its.oid for path, its in _led(git, revision, paths, known=known)[1].items()}


def _led(
    git: process.Git, revision: str, paths: Sequence[str], *, known: trees.Known
) -> tuple[trees.Tree, dict[str, trees.Led]]:
    """Where each path leads. Almost all of them lie in folders that are reached without links: these are looked up, and
    read, together; in one that is too large git looks itself, and follows no link."""
    above = {path: path.rpartition("/")[0] for path in paths}
    folders = objects.found(git, revision, sorted({"", *above.values()}))
    small = {name: its.oid for name, its in folders.items() if its.kind == "tree" and its.size <= trees.FOLDER_BYTES}
    large = [path for path, name in above.items() if folders[name].size > trees.FOLDER_BYTES]
    tree = trees.Tree(git, folders[""].oid, known=known)
    names: dict[str, set[bytes]] = {}
    for path, folder in above.items():
        if folder in small:
            names.setdefault(small[folder], set()).add(path.rpartition("/")[2].encode())
    entries = tree.entries(names, sizes={its.oid: its.size for its in folders.values()})
    led = {}
    for path, its in (objects.found(git, revision, large) if large else {}).items():
        led[path] = trees.Led(path.encode(), stat.S_IFDIR if its.kind == "tree" else stat.S_IFREG, its.oid)
    for path, folder in above.items():
        if path in led:
            continue
        mode, oid = stat.S_IFLNK, ""
        if folder in small:
            mode, oid = entries[small[folder], path.rpartition("/")[2].encode()]
        if stat.S_ISLNK(mode):
            led[path] = tree.lead(path.encode())
        else:
            led[path] = trees.Led(path.encode(), mode, oid if mode != objects.GITLINK else "")
    return tree, led


def _below(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder else name
