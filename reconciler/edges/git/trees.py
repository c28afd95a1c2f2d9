"""The tree of one revision: its folders, and where a path in it leads when symbolic links are followed, as the kernel
would in a checkout. Blocking.

Nothing is opened by its name: a link is a text in the object store, and where it leads is looked up in the folders of
the same revision, step by step. What is absolute, or leaves the repository, leads nowhere (I8).
"""

import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler import errors
from reconciler.edges.git import answers, objects, place, process

MOST = 40
"""Links followed on the way to one path, as Linux does: path_resolution(7), ELOOP."""
STEPS = 1_000
"""Names looked up on the way to one path."""
FOLDER_BYTES = 1 << 20
"""A folder with longer content (some 25,000 names) is not looked into."""
LINE_BYTES = 512
"""What one path may take on average; more is refused as too many files."""
STEP, LINK, READ = 20, 100, 8_000
"""What leading takes, beside the bytes of the links' texts: for each name that is looked up, each link, and each object
that needs a question of its own. A million takes the processor less than 0.1 s."""
AT_ONCE_BYTES = 8 << 20
ROW_BYTES = 24
"""The least that a name takes in a folder."""
FEW = 8
"""Names in one folder that are remembered by themselves. One in which more are asked for holds the applications: it
changes with every commit."""
ROWS = 100_000
PLAIN = 200_000
TEXTS = 20_000
"""What is remembered of one repository at most: names in folders, folders without links, texts of links. Some 60 MB;
a thousand applications take 3."""
LEADS = 20_000
"""Ways that one question remembers."""
TOLD, SHOWN = 3, 100
"""Links of a chain, and characters of a link's text, that an error shows."""
REMEDY = "link by a relative path to what is in this repository, or commit the file itself"

Rows = Mapping[bytes, tuple[int, str]]
"""Name → mode and object."""


@dataclass(frozen=True, slots=True)
class Link:
    """One that was followed: its real path, its object and its text."""

    path: bytes
    oid: str
    text: bytes


@dataclass(frozen=True, slots=True)
class Led:
    """Where a path leads: its real path, and what is there; `oid` '' when nothing is.

    `wrong`: why the last of the links on the way leads nowhere. `path` is then where something is missing, `oid` the
    link itself."""

    path: bytes
    mode: int = 0
    oid: str = ""
    passed: tuple[Link, ...] = ()
    wrong: str = ""

    def lacks(self, path: bytes) -> bool:
        """Whether what a path names may change without a change of what is here."""
        return bool(self.wrong) or not covers(self.path, path) or (path == self.path and bool(self.passed))

    def problem(self, path: bytes) -> str:
        """The sentence about `path`, which led here."""
        verb = "is" if self.passed[0].path == path else "leads over"
        texts = " → ".join(f"'{shown(link.text)[:SHOWN]}'" for link in self.passed[:TOLD])
        more = " → …" if len(self.passed) > TOLD else ""
        return f"{shown(path)} {verb} a symbolic link to {texts}{more}, {self.wrong}: {REMEDY}"


class Known:
    """What is known of a repository's folders and links by their ids, so of every revision: what did not change is read
    once. Used by several threads: each keeps for its question what it has found here."""

    def __init__(self) -> None:
        self.rows: dict[str, Rows] = {}
        self.texts: dict[str, bytes] = {}
        self.plain: set[str] = set()
        """Folders without a link anywhere below."""
        self.entries: dict[tuple[str, bytes], tuple[int, str]] = {}
        """Folder and name → mode and object: what is asked for at each commit, also of more than `rows` keeps."""
        self._count = 0

    def remember(self, oid: str, rows: Rows) -> None:
        self._count += len(rows)
        if self._count > ROWS:
            self.rows, self._count = {}, len(rows)
        self.rows[oid] = rows

    def remember_entries(self, entries: Mapping[tuple[str, bytes], tuple[int, str]]) -> None:
        if len(self.entries) + len(entries) > TEXTS:
            self.entries = {}
        self.entries |= entries

    def remember_plain(self, oids: Collection[str]) -> None:
        if len(self.plain) + len(oids) > PLAIN:
            self.plain = set()
        self.plain.update(oids)

    def remember_text(self, oid: str, text: bytes) -> None:
        if len(self.texts) >= TEXTS:
            self.texts = {}
        self.texts[oid] = text


class Tree:
    """The tree of one revision, for one question about it."""

    def __init__(self, git: process.Git, root: str, *, known: Known) -> None:
        self._git = git
        self._root = root
        self._known = known
        self._rows: dict[str, Rows | None] = {}
        self._texts: dict[str, bytes | None] = {}
        self._leads: dict[bytes, Led] = {}
        self._room = ROWS
        self.spent = 0
        """What `lead` has taken so far. Nothing for a path that it has led along before, nor for what was read
        together."""

    def load(self, oids: Iterable[str]) -> None:
        """Read these folders, together. Of too many the first are forgotten again, and read one by one."""
        missing = []
        for oid in sorted(set(oids) - self._rows.keys()):
            if (rows := self._known.rows.get(oid)) is not None:
                self._keep(oid, rows)
            else:
                missing.append(oid)
        large = set(missing)
        for oid, content in _each(self._git, missing, kind="tree", largest=FOLDER_BYTES):
            large.discard(oid)
            rows = {name: (mode, its) for mode, name, its in objects.rows(self._git, content)}
            self._keep(oid, rows)
            self._known.remember(oid, rows)
        self._rows |= dict.fromkeys(large)

    def _keep(self, oid: str, rows: Rows) -> None:
        self._room -= len(rows)
        if self._room < 0:
            self._rows, self._room = {}, ROWS - len(rows)
        self._rows[oid] = rows

    def load_within(self, oids: Iterable[str], most: int) -> int | None:
        """The same unless they have more than `most` bytes together: then None, and none is read. What they have."""
        missing = sorted(set(oids) - self._rows.keys())
        sizes = _sizes(self._git, missing, kind="tree")
        small = [oid for oid in missing if sizes[oid] <= FOLDER_BYTES]
        self._rows |= dict.fromkeys(set(missing) - set(small))
        if (size := sum(sizes[oid] for oid in small)) > most:
            return None
        self.load(small)
        return size

    def entries(
        self, names: Mapping[str, Collection[bytes]], *, sizes: Mapping[str, int]
    ) -> dict[tuple[str, bytes], tuple[int, str]]:
        """Folder and name → mode and object, '' where nothing is, of folders of at most `FOLDER_BYTES`. They are read
        by as many together as are kept at once, and not again while they are the same."""
        known = self._known.entries
        asked = [(oid, name) for oid, some in names.items() for name in some]
        found = {key: its for key in asked if (its := known.get(key)) is not None}
        missing = sorted({oid for oid, name in asked if (oid, name) not in found})
        while missing:
            some, room = list[str](), ROWS * ROW_BYTES
            while missing and (not some or sizes[missing[-1]] <= room):
                some.append(missing.pop())
                room -= sizes[some[-1]]
            if ROWS - room // ROW_BYTES > self._room:
                self._rows, self._room = {}, ROWS
            self.load(some)
            for oid in some:
                fresh = {(oid, name): (self.rows(oid) or {}).get(name, (0, "")) for name in names[oid]}
                found |= fresh
                if len(fresh) <= FEW:
                    self._known.remember_entries(fresh)
        return found

    def rows(self, oid: str) -> Rows | None:
        """What is in a folder; None when it is too large to be looked into."""
        if oid not in self._rows:
            self.spent += READ + (self.load_within((oid,), FOLDER_BYTES) or 0)
        return self._rows[oid]

    def lead(self, path: bytes) -> Led:
        """Where a path from the root leads. A link counts from the folder that it really lies in, `..` leads out of the
        folder that is really there."""
        if (led := self._leads.get(path)) is None:
            if len(self._leads) >= LEADS:
                self._leads = {}
            led = self._leads[path] = self._lead(path)
        return led

    def _lead(self, path: bytes) -> Led:
        at: list[tuple[bytes, int, str]] = [(b"", stat.S_IFDIR, self._root)]
        ahead = path.split(b"/")[::-1]
        passed: list[Link] = []

        def wrong(why: str, *names: bytes) -> Led:
            if not passed:
                return Led(_path(at, *names))
            return Led(_path(at, *names), stat.S_IFLNK, passed[-1].oid, tuple(passed), why)

        for _ in range(STEPS):
            if not ahead:
                break
            step = ahead.pop()
            self.spent += STEP
            if not stat.S_ISDIR(at[-1][1]):
                return wrong(f"and {shown(_path(at))} is no folder")
            if step in (b"", b"."):
                continue
            if step == b"..":
                if len(at) == 1:
                    return wrong("which leaves the repository")
                at.pop()
                continue
            rows = self.rows(at[-1][2])
            if rows is None:
                its = shown(_path(at)) or "the root"
                return wrong(f"and {its} is a folder with more than {FOLDER_BYTES} bytes of names")
            mode, oid = rows.get(step, (0, ""))
            if not oid:
                return wrong(f"and there is no {shown(_path(at, step))}", step)
            if not stat.S_ISLNK(mode):
                at.append((step, mode, oid))
                continue
            text = self.text(oid)
            passed.append(Link(_path(at, step), oid, text or b""))
            self.spent += LINK + len(text or b"")
            if len(passed) > MOST:
                return wrong(f"which leads over more than {MOST} links, or in a circle")
            if not text:
                return wrong(f"which is empty, or longer than {place.PATH_BYTES} bytes")
            if text.startswith(b"/"):
                return wrong("an absolute path")
            ahead += text.split(b"/")[::-1]
        else:
            return wrong(f"which takes more than {STEPS} steps")
        if passed and len(at) > 1 and not plain(_path(at)):
            return wrong("whose name is not plain text in UTF-8")
        return Led(_path(at), at[-1][1], at[-1][2], tuple(passed))

    def text(self, oid: str) -> bytes | None:
        """Where a link says that it leads; None when that is too long for a path."""
        if oid not in self._texts:
            self.spent += READ
            self.read((oid,))
        return self._texts[oid]

    def read(self, links: Iterable[str]) -> None:
        """Read where these links say that they lead, together."""
        if len(self._texts) >= TEXTS:
            self._texts = {}
        known = self._known.texts
        asked = sorted(set(links) - self._texts.keys())
        self._texts |= {oid: known.get(oid) for oid in asked}
        missing = [oid for oid in asked if self._texts[oid] is None]
        sizes = _sizes(self._git, missing, kind="blob")
        small = [oid for oid in missing if sizes[oid] <= place.PATH_BYTES]
        for oid, text in _each(self._git, small, kind="blob", largest=place.PATH_BYTES):
            self._known.remember_text(oid, text)
            self._texts[oid] = text

    def linked(self, folders: Collection[str]) -> set[str]:
        """Those of these folders with a link at some depth. Each folder is looked at once, however often it is there.
        Below each of `folders` that ends where there is more than may be read of it: what is not looked at counts as
        linked, and is refused when it is read."""
        known, most = self._known.plain, self._git.place.limits.files
        above: dict[str, set[str]] = {oid: set() for oid in folders if oid not in known}
        whose, found, level, unseen = {oid: oid for oid in above}, set[str](), set(above), set[str]()
        room = dict.fromkeys(above, 2 * most * LINE_BYTES)  # what may be read takes less, also with all of its paths
        while level:
            sizes = _sizes(self._git, sorted(level - self._known.rows.keys()), kind="tree")
            for oid in sorted(level):
                room[whose[oid]] -= max(sizes.get(oid, 0), LINE_BYTES)
                if room[whose[oid]] < 0 or sizes.get(oid, 0) > FOLDER_BYTES:
                    unseen.add(oid)
            below: set[str] = set()
            for oid, rows in self._passing(level - unseen):
                for mode, its in rows:
                    if stat.S_ISLNK(mode):
                        found.add(oid)
                    elif stat.S_ISDIR(mode) and its in above:
                        above[its].add(oid)
                    elif stat.S_ISDIR(mode) and its not in known:
                        above[its], whose[its] = {oid}, whose[oid]
                        below.add(its)
            level = below
        self.load(found)
        found |= unseen
        waiting = list(found)
        while waiting:
            fresh = above[waiting.pop()] - found
            found |= fresh
            waiting += fresh
        self._known.remember_plain(above.keys() - found)
        return found & set(folders)

    def _passing(self, oids: Iterable[str]) -> Iterator[tuple[str, Iterable[tuple[int, str]]]]:
        """Mode and object of all that is in these folders, which are not kept: most of them hold no link."""
        fresh = []
        for oid in sorted(oids):
            if (rows := self._known.rows.get(oid)) is not None:
                yield oid, rows.values()
            else:
                fresh.append(oid)
        for oid, content in _each(self._git, fresh, kind="tree", largest=FOLDER_BYTES):
            yield oid, ((mode, its) for mode, _, its in objects.rows(self._git, content))


def _each(git: process.Git, oids: Sequence[str], *, kind: str, largest: int) -> Iterator[tuple[str, bytes]]:
    """Contents of those objects that have at most `largest` bytes: by one question, unless that is too much at once."""
    try:
        read = objects.contents(git, oids, kind=kind, most=AT_ONCE_BYTES)
    except errors.InvalidInput:
        sizes = _sizes(git, oids, kind=kind)
        some, room = list[str](), AT_ONCE_BYTES
        for oid in (oid for oid in oids if sizes[oid] <= largest):
            if sizes[oid] > room:
                yield from objects.contents(git, some, kind=kind, most=AT_ONCE_BYTES).items()
                some, room = [], AT_ONCE_BYTES
            some.append(oid)
            room -= sizes[oid]
        read = objects.contents(git, some, kind=kind, most=AT_ONCE_BYTES)
    yield from ((oid, content) for oid, content in read.items() if len(content) <= largest)


def _sizes(git: process.Git, oids: Sequence[str], *, kind: str) -> dict[str, int]:
    sizes = objects.sizes(git, oids, kind=kind) if oids else {}
    if sizes is None:
        raise answers.Damaged(f"mirror of repository {git.place.name} is damaged: a {kind} is missing")
    return sizes


def covers(folder: bytes, path: bytes) -> bool:
    """Whether `path` is `folder` or below it; everything is below the root."""
    return not folder or path == folder or path.startswith(folder + b"/")


def shown(path: bytes) -> str:
    """For people: what is not plain text is escaped."""
    text = path.decode("utf-8", "backslashreplace")
    return text.encode("unicode_escape").decode() if place.CONTROL.search(text) else text


def plain(path: bytes) -> bool:
    """Whether a path can be asked for by its name."""
    try:
        place.checked_path(path.decode())
    except (UnicodeDecodeError, errors.InvalidInput):
        return False
    return True


def _path(at: Sequence[tuple[bytes, int, str]], *names: bytes) -> bytes:
    return b"/".join([*(name for name, _, _ in at[1:]), *names])
