"""Reads the object store of the mirror; there is no work tree, so no link is ever followed (I8). Blocking.

Each function raises `answers.Absent` when the revision is not in the mirror and `answers.Damaged` when the mirror
cannot be read although it is; the port fetches or clones again, and asks once more.
"""

import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler import errors
from reconciler.edges.git import answers, place, process
from reconciler.model import sources

FOUND = re.compile(rb"([0-9a-f]{40}) (blob|tree|commit|tag) (\d{1,18})")
ENTRY = re.compile(rb"(\d{6}) (blob|tree|commit) ([0-9a-f]{40}) +(-|\d{1,18})\t(.+)", re.DOTALL)
LFS = b"version https://git-lfs.github.com/spec/"
LINE_BYTES = 512
"""What one entry of a listing may take on average; a longer listing is refused as too many files."""
TREE_ROW = re.compile(rb"([0-7]{5,6}) ([^\0]+)\0(.{20})", re.DOTALL)
COMMIT_HEAD = re.compile(rb"tree [0-9a-f]{40}\n((?:parent [0-9a-f]{40}\n)*)")
SUBMODULE = "160000"
LEVELS = 32
TREES = 1_000
"""How deep, and how broad, folders are read one by one."""
GENERATIONS = 32
WIDTH = 32
"""How far back, and how many commits at once, history is read commit by commit."""
ANSWER_BYTES = place.PATH_BYTES + 100
"""What the answer about one object may take: it repeats the name that was asked for when there is none."""
COMPLAINTS = 20
FIELDS = "%H%x1f%cI%x1f%P%x1f%an%x1f%ae%x1f%s"
COMMIT_BYTES = 65_536
SHOWN = 300
"""Characters of a name or a subject that are passed on."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a recursive listing. `size` is in bytes, 0 for what is no blob."""

    mode: str
    oid: str
    size: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What a path names. `kind` is git's word for it, '' with the rest when there is nothing."""

    oid: str
    kind: str
    size: int


NOTHING = Found("", "", 0)


def has(git: process.Git, revision: str) -> bool:
    """Whether the mirror holds the commit. Raises Transient when git was ended: unknown is not absent (I6)."""
    ended = git.ask(f"info {revision}^{{commit}}", most=ANSWER_BYTES)
    if not ended.spoke:
        raise answers.local_failure(ended, where=git.place, doing=f"looking for {revision}")
    return ended.fine and FOUND.fullmatch(ended.out.rstrip(b"\n")) is not None


def tip(git: process.Git, ref: str) -> str:
    """What a ref of the mirror names, '' when it does not exist. The object itself is not read."""
    ended = git.run("show-ref", "--verify", "--hash", "--", ref)
    if not ended.spoke:
        raise answers.local_failure(ended, where=git.place, doing=f"looking for {ref}")
    return ended.out.decode().strip() if ended.fine else ""


def descends(git: process.Git, revision: str, *, ancestor: str) -> bool:
    """A revision in the mirror brings its whole history along, so an absent ancestor is none of its ancestors."""
    place.checked_revision(ancestor)
    _present(git, revision)
    if not has(git, ancestor):
        return False
    with git.together():
        near = _near(git, revision, ancestor=ancestor)
    if near is not None:
        return near
    ended = git.run("merge-base", "--is-ancestor", ancestor, revision)
    if ended.stop is process.Stop.EXITED and ended.status in (0, 1):
        return ended.status == 0
    raise answers.local_failure(ended, where=git.place, doing="comparing histories")


def _near(git: process.Git, revision: str, *, ancestor: str) -> bool | None:
    """The same, where few commits lie between them or below; None where git must walk a long history."""
    seen: set[str] = set()
    level = [revision]
    for _ in range(GENERATIONS):
        if ancestor in level:
            return True
        seen.update(level)
        try:
            commits = _contents(git, level, kind="commit", most=len(level) * COMMIT_BYTES)
        except errors.InvalidInput:
            return None  # somebody wrote a book into a message
        heads = [COMMIT_HEAD.match(content) for content in commits.values()]
        parents = {parent for head in heads if head for parent in place.REVISION.findall(head[1].decode())}
        if not all(heads) or len(level := sorted(parents - seen)) > WIDTH:
            return None
        if not level:
            return False
    return None


def oids(git: process.Git, revision: str, paths: Sequence[str]) -> Mapping[str, str]:
    """One question for all paths. Its first line asks for the revision itself: without it all paths look absent."""
    checked = [place.checked_path(path) for path in paths]
    if len(paths) > git.place.limits.paths:
        raise errors.InvalidInput((f"{len(paths)} paths are read at once: at most {git.place.limits.paths} may be",))
    return {path: found.oid for path, found in _found(git, revision, checked).items()}


def folders(git: process.Git, revision: str, path: str) -> tuple[str, ...]:
    """Names that are not UTF-8 come escaped: no settings can name them, and the folders beside them go on."""
    found = _found(git, revision, [place.checked_path(path)])[path]
    if found.kind != "tree":
        return ()  # a file of that name holds no folders
    most = git.place.limits.files * LINE_BYTES
    if found.size > most:
        raise errors.InvalidInput((f"{path} at {revision} has too many entries: more than {most} bytes of names",))
    content = _contents(git, [found.oid], kind="tree", most=most)[found.oid]
    rows = _rows(git, content)
    names = (name.decode("utf-8", "backslashreplace") for mode, name, _ in rows if stat.S_ISDIR(mode))
    return tuple(sorted(names))


def listing(git: process.Git, revision: str, paths: Sequence[str]) -> list[Entry]:
    """Everything below `paths` that is no folder, without reading any of it. A tree bomb is cut off and refused."""
    most, named = git.place.limits.files, ", ".join(place.checked_path(path) for path in paths)
    with git.together():
        if (walked := _walked(git, revision, paths)) is not None:
            return walked
        ended = git.run("ls-tree", "-r", "-z", "-l", "--full-tree", revision, "--", *paths, most=most * LINE_BYTES)
    rows = ended.out.split(b"\0")[:-1]
    if ended.stop is process.Stop.FLOODED or len(rows) > most:
        raise errors.InvalidInput((f"{named} at {revision} holds more than {most} files: refused",))
    if not ended.fine or answers.damaged(ended.err, where=git.place):
        raise answers.local_failure(ended, where=git.place, doing=f"listing {named}")
    found = []
    for row in rows:
        if not (match := ENTRY.fullmatch(row)):
            raise errors.InvalidInput((f"{named} at {revision}: git listed an entry of an unknown form",))
        size = 0 if match[4] == b"-" else int(match[4])
        found.append(Entry(match[1].decode(), match[3].decode(), size, match[5]))
    return found


def _walked(git: process.Git, revision: str, paths: Sequence[str]) -> list[Entry] | None:
    """The same by reading the trees, without a process; None where there are many, or they are not as they should be:
    then git walks them, and says what is wrong. Counted is each entry under each of its paths, before the next one is
    kept: a thousand folders may share one tree of thousands."""
    files, names = git.place.limits.files, dict[str, set[bytes]]()
    for path in paths:
        folder, _, name = path.rpartition("/")
        names.setdefault(folder, set()).add(name.encode())
    if len(names) > TREES:
        return None
    begin = _found(git, revision, list(names))
    level = [(folder.encode(), found.oid) for folder, found in begin.items() if found.kind == "tree"]
    rows: dict[bytes, tuple[str, str]] = {}
    room = files * LINE_BYTES
    for depth in range(LEVELS):
        try:
            oids = sorted({oid for _, oid in level})
            content = _contents(git, oids, kind="tree", most=files * LINE_BYTES)
            trees = {oid: _rows(git, tree) for oid, tree in content.items()}
        except (errors.InvalidInput, answers.Damaged):
            return None
        below = []
        for above, oid in level:
            for mode, step, its in trees[oid]:
                if depth == 0 and step not in names[above.decode()]:
                    continue
                full = above + b"/" + step if above else step
                if stat.S_ISDIR(mode):
                    below.append((full, its))
                else:
                    rows[full] = (_mode(mode), its)
                room -= len(full)
                if len(below) > TREES or len(rows) > files or room < 0:
                    return None
        if not below:
            return _sized(git, rows)
        level = below
    return None


def _sized(git: process.Git, rows: Mapping[bytes, tuple[str, str]]) -> list[Entry] | None:
    """The entries of `rows` (path → mode, object) with their sizes; None when one is no blob."""
    blobs = sorted({oid for mode, oid in rows.values() if mode != SUBMODULE})
    ended = git.ask(*(f"info {oid}" for oid in blobs), most=len(blobs) * ANSWER_BYTES)
    found = [FOUND.fullmatch(row) for row in ended.out.split(b"\n")[:-1]]
    sizes = {match[1].decode(): int(match[3]) for match in found if match and match[2] == b"blob"}
    if not ended.fine or ended.err or len(sizes) != len(blobs):
        return None
    return [Entry(mode, oid, sizes.get(oid, 0), path) for path, (mode, oid) in sorted(rows.items())]


def _rows(git: process.Git, tree: bytes) -> list[tuple[int, bytes, str]]:
    """Mode, name and object of each entry of a tree as git stores it. What is left out would look deleted (I6)."""
    rows = list(TREE_ROW.finditer(tree))
    if sum(len(row[0]) for row in rows) != len(tree):
        raise answers.Damaged(f"mirror of repository {git.place.name} is damaged: a folder cannot be read")
    return [(int(row[1], 8), row[2], row[3].hex()) for row in rows]


def _mode(mode: int) -> str:
    """As git shows it, whatever an old client has written."""
    if stat.S_ISREG(mode):
        return "100755" if mode & stat.S_IXUSR else "100644"
    return "120000" if stat.S_ISLNK(mode) else SUBMODULE


def files(git: process.Git, revision: str, paths: Sequence[str]) -> tuple[sources.File, ...]:
    """Sizes are known before the first byte is read. All complaints at once, at most twenty."""
    limits = git.place.limits
    entries = listing(git, revision, paths) if paths else []
    problems = [problem for entry in entries if (problem := _complaint(entry, limits=limits))]
    if sum(entry.size for entry in entries) > limits.total_bytes:
        problems.append(f"{', '.join(paths)} hold more than {limits.total_bytes} bytes in all: refused")
    if not problems:
        blobs = _contents(git, sorted({entry.oid for entry in entries}), kind="blob", most=limits.total_bytes)
        read = [sources.File(entry.path.decode(), entry.oid, blobs[entry.oid]) for entry in entries]
        problems = [
            f"{file.path} is a Git LFS pointer: LFS is not supported, commit the file itself"
            for file in read
            if file.content.startswith(LFS)
        ]
        if not problems:
            return tuple(sorted(read, key=lambda file: file.path))
    raise errors.InvalidInput(tuple(f"{problem} (revision {revision})" for problem in problems[:COMPLAINTS]))


def log(git: process.Git, newer: str, *, older: str, limit: int) -> tuple[sources.CommitInfo, ...]:
    """`older` '': the history from its beginning. Terminal when `older` has gone with a rewritten history.

    A commit whose names and subject take more than 64 KiB is shown cut off, and ends the answer: what somebody wrote
    into a message must not hold up a deployment.
    """
    _present(git, newer)
    if older and not has(git, place.checked_revision(older)):
        raise errors.Terminal(f"repository {git.place.name} does not hold {older} any more: there is no log since it")
    ended = git.run(
        "log",
        f"--max-count={limit}",
        "-z",
        f"--format={FIELDS}",
        "--no-color",
        "--no-decorate",
        "--no-notes",
        "--no-mailmap",
        "--no-show-signature",
        "--no-patch",
        "--end-of-options",
        newer,
        *([f"^{older}"] if older else []),
        "--",
        most=limit * COMMIT_BYTES,
    )
    if not ended.fine and ended.stop is not process.Stop.FLOODED:
        raise answers.local_failure(ended, where=git.place, doing="reading the log")
    rows = ended.out.decode("utf-8", "replace").split("\0")
    return tuple(_commit(row) for row in rows if row.count("\x1f") >= 2)  # what was cut within its id is no commit


def _commit(row: str) -> sources.CommitInfo:
    """What people wrote is made printable: an escape sequence in a subject must not reach a terminal."""
    revision, at, parents, *written = row.split("\x1f", 5)
    cut = [place.CONTROL.sub("�", text[:SHOWN]).strip() for text in written]
    name, mail, subject = (*cut, "", "", "")[:3]
    return sources.CommitInfo(revision, f"{name} <{mail}>", at, subject, tuple(place.REVISION.findall(parents)))


def _complaint(entry: Entry, *, limits: place.Limits) -> str:
    """Why an entry may not be read, or ''. The path is shown escaped where it is not plain text."""
    shown = entry.path.decode("utf-8", "backslashreplace")
    if place.CONTROL.search(shown):
        return f"{shown.encode('unicode_escape').decode()} holds control characters in its name: rename it"
    try:
        entry.path.decode()
    except UnicodeDecodeError:
        return f"{shown} is not named in UTF-8: rename it"
    if entry.mode == "120000":
        return f"{shown} is a symbolic link: links are not followed, commit the file itself"
    if entry.mode == SUBMODULE:
        return f"{shown} is a submodule: submodules are disabled, commit the files themselves"
    if entry.size > limits.file_bytes:
        return f"{shown} has {entry.size} bytes: at most {limits.file_bytes} are read"
    return ""


def _found(git: process.Git, revision: str, paths: Sequence[str]) -> dict[str, Found]:
    """`paths` are checked, or '' for the root."""
    place.checked_revision(revision)
    asked = [f"{revision}^{{commit}}", *(f"{revision}:{path}" for path in paths)]
    ended = git.ask(*(f"info {name}" for name in asked), most=len(asked) * ANSWER_BYTES)
    rows = ended.out.split(b"\n")[:-1]
    if not ended.fine or len(rows) != len(asked) or answers.damaged(ended.err, where=git.place):
        raise answers.local_failure(ended, where=git.place, doing="looking up paths")
    if not FOUND.fullmatch(rows[0]):
        raise _absent(git, revision)
    found = (FOUND.fullmatch(row) for row in rows[1:])
    return {
        path: Found(match[1].decode(), match[2].decode(), int(match[3])) if match else NOTHING
        for path, match in zip(paths, found, strict=True)
    }


def _contents(git: process.Git, oids: Sequence[str], *, kind: str, most: int) -> dict[str, bytes]:
    """OID → content, by one question; `most` bounds the bytes of all together. Each must be there and of that kind."""
    if not oids:
        return {}
    ended = git.ask(*(f"contents {oid}" for oid in oids), most=most + len(oids) * 100)
    contents: dict[str, bytes] = {}
    at = 0
    for oid in oids:
        end = ended.out.find(b"\n", at)
        header = FOUND.fullmatch(ended.out[at:end])
        if end < 0 or header is None or header[1] != oid.encode() or header[2] != kind.encode():
            break
        contents[oid] = ended.out[end + 1 : end + 1 + int(header[3])]
        at = end + 1 + int(header[3]) + 1
    if not ended.fine or len(contents) != len(oids) or at != len(ended.out):
        if ended.spoke:
            raise answers.Damaged(
                f"mirror of repository {git.place.name} is damaged: a file cannot be read:"
                f" {answers.quote(ended.err, where=git.place)}"
            )
        raise answers.local_failure(ended, where=git.place, doing="reading files")
    return contents


def _present(git: process.Git, revision: str) -> None:
    place.checked_revision(revision)
    if not has(git, revision):
        raise _absent(git, revision)


def _absent(git: process.Git, revision: str) -> answers.Absent:
    return answers.Absent(f"mirror of repository {git.place.name}: {revision} is not in it")
