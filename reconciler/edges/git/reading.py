"""Reads the object store of the mirror; there is no work tree, so nothing is opened by its name (I8). Blocking.

Each function raises `answers.Absent` when the revision is not in the mirror and `answers.Damaged` when the mirror
cannot be read although it is; the port fetches or clones again, and asks once more.
"""

import re
import stat
from collections.abc import Mapping, Sequence

from reconciler import errors
from reconciler.edges.git import answers, links, objects, place, process, trees
from reconciler.model import sources

ENTRY = re.compile(rb"(\d{6}) (blob|tree|commit) ([0-9a-f]{40}) +(-|\d{1,18})\t(.+)", re.DOTALL)
LFS = b"version https://git-lfs.github.com/spec/"
COMMIT_HEAD = re.compile(rb"tree [0-9a-f]{40}\n((?:parent [0-9a-f]{40}\n)*)")
LEVELS = 32
TREES = 1_000
"""How deep, and how broad, folders are read one by one."""
GENERATIONS = 32
WIDTH = 32
"""How far back, and how many commits at once, history is read commit by commit."""
FIELDS = "%H%x1f%cI%x1f%P%x1f%an%x1f%ae%x1f%s"
COMMIT_BYTES = 65_536
SHOWN = 300
"""Characters of a name or a subject that are passed on."""


def has(git: process.Git, revision: str) -> bool:
    """Whether the mirror holds the commit. Raises Transient when git was ended: unknown is not absent (I6)."""
    ended = git.ask(f"info {revision}^{{commit}}", most=objects.ANSWER_BYTES)
    if not ended.spoke:
        raise answers.local_failure(ended, where=git.place, doing=f"looking for {revision}")
    return ended.fine and objects.FOUND.fullmatch(ended.out.rstrip(b"\n")) is not None


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
            commits = objects.contents(git, level, kind="commit", most=len(level) * COMMIT_BYTES)
        except errors.InvalidInput:
            return None  # somebody wrote a book into a message
        heads = [COMMIT_HEAD.match(content) for content in commits.values()]
        parents = {parent for head in heads if head for parent in place.REVISION.findall(head[1].decode())}
        if not all(heads) or len(level := sorted(parents - seen)) > WIDTH:
            return None
        if not level:
            return False
    return None


def oids(git: process.Git, revision: str, paths: Sequence[str], *, known: trees.Known) -> Mapping[str, str]:
    return links.oids(git, revision, _checked(git, paths), known=known)


def reached(
    git: process.Git, revision: str, paths: Sequence[str], *, known: trees.Known
) -> Mapping[str, sources.Reached]:
    return links.reached(git, revision, _checked(git, paths), known=known)


def _checked(git: process.Git, paths: Sequence[str]) -> list[str]:
    checked = [place.checked_path(path) for path in paths]
    if len(paths) > git.place.limits.paths:
        raise errors.InvalidInput((f"{len(paths)} paths are read at once: at most {git.place.limits.paths} may be",))
    return checked


def folders(git: process.Git, revision: str, path: str) -> tuple[str, ...]:
    """Names that are not UTF-8 come escaped: no settings can name them, and the folders beside them go on."""
    found = objects.found(git, revision, [place.checked_path(path)])[path]
    if found.kind != "tree":
        return ()  # a file of that name holds no folders
    most = git.place.limits.files * trees.LINE_BYTES
    if found.size > most:
        raise errors.InvalidInput((f"{path} at {revision} has too many entries: more than {most} bytes of names",))
    content = objects.contents(git, [found.oid], kind="tree", most=most)[found.oid]
    rows = objects.rows(git, content)
    names = (name.decode("utf-8", "backslashreplace") for mode, name, _ in rows if stat.S_ISDIR(mode))
    return tuple(sorted(names))


def listing(git: process.Git, revision: str, paths: Sequence[str]) -> list[objects.Entry]:
    """Everything below `paths` that is no folder, without reading any of it. A tree bomb is cut off and refused."""
    most, named = git.place.limits.files, ", ".join(place.checked_path(path) for path in paths)
    with git.together():
        if (walked := _walked(git, revision, paths)) is not None:
            return walked
        ended = git.run(
            "ls-tree", "-r", "-z", "-l", "--full-tree", revision, "--", *paths, most=most * trees.LINE_BYTES
        )
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
        found.append(objects.Entry(match[1].decode(), match[3].decode(), size, match[5]))
    return found


def _walked(git: process.Git, revision: str, paths: Sequence[str]) -> list[objects.Entry] | None:
    """The same by reading the trees, without a process; None where there are many, or they are not as they should be:
    then git walks them, and says what is wrong. Counted is each entry under each of its paths, before the next one is
    kept: a thousand folders may share one tree of thousands."""
    files, names = git.place.limits.files, dict[str, set[bytes]]()
    for path in paths:
        folder, _, name = path.rpartition("/")
        names.setdefault(folder, set()).add(name.encode())
    if len(names) > TREES:
        return None
    begin = objects.found(git, revision, list(names))
    level = [(folder.encode(), found.oid) for folder, found in begin.items() if found.kind == "tree"]
    rows: dict[bytes, tuple[str, str]] = {}
    room = files * trees.LINE_BYTES
    for depth in range(LEVELS):
        try:
            oids = sorted({oid for _, oid in level})
            content = objects.contents(git, oids, kind="tree", most=files * trees.LINE_BYTES)
            folders = {oid: objects.rows(git, tree) for oid, tree in content.items()}
        except (errors.InvalidInput, answers.Damaged):
            return None
        below = []
        for above, oid in level:
            for mode, step, its in folders[oid]:
                if depth == 0 and step not in names[above.decode()]:
                    continue
                full = above + b"/" + step if above else step
                if stat.S_ISDIR(mode):
                    below.append((full, its))
                else:
                    rows[full] = (objects.mode(mode), its)
                room -= len(full)
                if len(below) > TREES or len(rows) > files or room < 0:
                    return None
        if not below:
            return _sized(git, rows)
        level = below
    return None


def _sized(git: process.Git, rows: Mapping[bytes, tuple[str, str]]) -> list[objects.Entry] | None:
    """The entries of `rows` (path → mode, object) with their sizes; None when one is no blob."""
    sizes = objects.sizes(git, sorted({oid for mode, oid in rows.values() if mode != objects.SUBMODULE}), kind="blob")
    if sizes is None:
        return None
    return [objects.Entry(mode, oid, sizes.get(oid, 0), path) for path, (mode, oid) in sorted(rows.items())]


def files(git: process.Git, revision: str, paths: Sequence[str], *, known: trees.Known) -> tuple[sources.File, ...]:
    """Sizes are known before the first byte is read. All complaints at once, at most twenty."""
    limits = git.place.limits
    entries = listing(git, revision, paths) if paths else []
    entries, problems = _followed(git, revision, paths, entries=entries, known=known)
    problems += [problem for entry in entries if (problem := _complaint(entry, limits=limits))]
    if sum(entry.size for entry in entries) > limits.total_bytes:
        problems.append(f"{', '.join(paths)} hold more than {limits.total_bytes} bytes in all: refused")
    if not problems:
        oids = sorted({entry.oid for entry in entries})
        blobs = objects.contents(git, oids, kind="blob", most=limits.total_bytes)
        read = [
            sources.File(entry.path.decode(), entry.oid, blobs[entry.oid], entry.through.decode()) for entry in entries
        ]
        problems = [
            f"{file.path} is a Git LFS pointer: LFS is not supported, commit the file itself"
            for file in read
            if file.content.startswith(LFS)
        ]
        if not problems:
            return tuple(sorted(read, key=lambda file: file.path))
    raise errors.InvalidInput(tuple(f"{problem} (revision {revision})" for problem in problems[: links.COMPLAINTS]))


def _followed(
    git: process.Git,
    revision: str,
    paths: Sequence[str],
    *,
    entries: Sequence[objects.Entry],
    known: trees.Known,
) -> tuple[list[objects.Entry], list[str]]:
    """The entries, with what links lead to in the place of links, and what is wrong with those that lead nowhere."""
    names = {entry.path for entry in entries}
    begin = [path.encode() for path in paths if path.encode() not in names]
    lost = [path for path in begin if not any(name.startswith(path + b"/") for name in names)]
    found = [entry for entry in entries if entry.mode != objects.LINK]
    if not lost and len(found) == len(entries):
        return found, []
    most, their = git.place.limits.files, [(entry.path, entry.oid) for entry in entries if entry.mode == objects.LINK]
    with git.together():
        tops = objects.found(git, revision, ["", *_above([path for path, _ in their], most=git.place.limits.paths)])
        followed = links.Followed(trees.Tree(git, tops[""].oid, known=known), files=most, besides=len(found))
        followed.links(their, folders={top.oid for top in tops.values() if top.kind == "tree"})
        for path in lost:
            followed.add(path)
        if followed.full:
            raise errors.InvalidInput((links.too_many(paths, revision, most=most),))
        blobs = sorted({oid for mode, oid, _ in followed.rows.values() if mode != objects.SUBMODULE})
        sizes = objects.sizes(git, blobs, kind="blob")
    if sizes is None:
        raise answers.Damaged(f"mirror of repository {git.place.name} is damaged: a file that a link names is missing")
    for path, (mode, oid, through) in followed.rows.items():
        found.append(objects.Entry(mode, oid, sizes.get(oid, 0), path, through))
    return found, followed.problems


def _above(paths: Sequence[bytes], *, most: int) -> list[str]:
    """The folders on the way to these, some of too many; without those that cannot be asked for by name."""
    found: dict[bytes, None] = {}
    for path in paths:
        while (path := path.rpartition(b"/")[0]) and path not in found and len(found) < most:
            found[path] = None
    return [path.decode() for path in found if trees.plain(path)]


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


def _complaint(entry: objects.Entry, *, limits: place.Limits) -> str:
    """Why an entry may not be read, or ''. The path is shown escaped where it is not plain text."""
    shown = entry.path.decode("utf-8", "backslashreplace")
    if place.CONTROL.search(shown):
        return f"{shown.encode('unicode_escape').decode()} holds control characters in its name: rename it"
    try:
        entry.path.decode()
    except UnicodeDecodeError:
        return f"{shown} is not named in UTF-8: rename it"
    if entry.mode == objects.SUBMODULE:
        return f"{shown} is a submodule: submodules are disabled, commit the files themselves"
    if entry.size > limits.file_bytes:
        return f"{shown} has {entry.size} bytes: at most {limits.file_bytes} are read"
    return ""


def _present(git: process.Git, revision: str) -> None:
    place.checked_revision(revision)
    if not has(git, revision):
        raise objects.absent(git, revision)
