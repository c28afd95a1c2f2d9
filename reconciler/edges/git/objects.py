"""Asks the mirror about its objects: what a name is, what is in a blob, a commit or a folder (tree). Blocking.

Each function raises `answers.Absent` when the revision is not in the mirror and `answers.Damaged` when the mirror
cannot be read although it is; the port fetches or clones again, and asks once more.
"""

import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.edges.git import answers, place, process

FOUND = re.compile(rb"([0-9a-f]{40}) (blob|tree|commit|tag) (\d{1,18})")
TREE_ROW = re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)
"""As git reads one (tree-walk.c, `get_mode`): a mode of any length passes its check of what arrives."""
MODE_BITS = 0xFFFF
GITLINK = 0o160000
"""The mode of a submodule: its object is a commit of another repository."""
SUBMODULE, LINK = f"{GITLINK:o}", "120000"
ANSWER_BYTES = place.PATH_BYTES + 100
"""What the answer about one object may take: it repeats the name that was asked for when there is none."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a path names. `kind` is git's word for it, '' with the rest when there is nothing. `size` is in bytes."""

    oid: str
    kind: str
    size: int


NOTHING = Found("", "", 0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file below a path. `size` is in bytes, 0 for what is no blob. `through`: the link that leads to it."""

    mode: str
    oid: str
    size: int
    path: bytes
    through: bytes = b""


def found(git: process.Git, revision: str, paths: Sequence[str]) -> dict[str, Found]:
    """`paths` are checked, or '' for the root. One question, whose first line asks for the revision itself: without it
    all paths look absent. No link is followed: it is a blob, and nothing is below it."""
    place.checked_revision(revision)
    asked = [f"{revision}^{{commit}}", *(f"{revision}:{path}" for path in paths)]
    ended = git.ask(*(f"info {name}" for name in asked), most=len(asked) * ANSWER_BYTES)
    lines = ended.out.split(b"\n")[:-1]
    if not ended.fine or len(lines) != len(asked) or answers.damaged(ended.err, where=git.place):
        raise answers.local_failure(ended, where=git.place, doing="looking up paths")
    if not FOUND.fullmatch(lines[0]):
        raise absent(git, revision)
    matches = (FOUND.fullmatch(line) for line in lines[1:])
    return {
        path: Found(match[1].decode(), match[2].decode(), int(match[3])) if match else NOTHING
        for path, match in zip(paths, matches, strict=True)
    }


def contents(git: process.Git, oids: Sequence[str], *, kind: str, most: int) -> dict[str, bytes]:
    """OID → content, by one question; `most` bounds the bytes of all together. Each must be there and of that kind."""
    if not oids:
        return {}
    ended = git.ask(*(f"contents {oid}" for oid in oids), most=most + len(oids) * 100)
    read: dict[str, bytes] = {}
    at = 0
    for oid in oids:
        end = ended.out.find(b"\n", at)
        header = FOUND.fullmatch(ended.out[at:end])
        if end < 0 or header is None or header[1] != oid.encode() or header[2] != kind.encode():
            break
        read[oid] = ended.out[end + 1 : end + 1 + int(header[3])]
        at = end + 1 + int(header[3]) + 1
    if not ended.fine or len(read) != len(oids) or at != len(ended.out):
        if ended.spoke:
            raise answers.Damaged(
                f"mirror of repository {git.place.name} is damaged: a file cannot be read:"
                f" {answers.quote(ended.err, where=git.place)}"
            )
        raise answers.local_failure(ended, where=git.place, doing="reading files")
    return read


def sizes(git: process.Git, oids: Sequence[str], *, kind: str) -> dict[str, int] | None:
    """OID → bytes; None when one of them is not there or not of that kind."""
    ended = git.ask(*(f"info {oid}" for oid in oids), most=len(oids) * ANSWER_BYTES)
    matches = [FOUND.fullmatch(row) for row in ended.out.split(b"\n")[:-1]]
    known = {match[1].decode(): int(match[3]) for match in matches if match and match[2] == kind.encode()}
    return known if ended.fine and not ended.err and len(known) == len(oids) else None


def rows(git: process.Git, tree: bytes) -> list[tuple[int, bytes, str]]:
    """Mode, name and object of each entry of a tree as git stores it. What is left out would look deleted (I6)."""
    read = list(TREE_ROW.finditer(tree))
    if sum(len(row[0]) for row in read) != len(tree):
        raise answers.Damaged(f"mirror of repository {git.place.name} is damaged: a folder cannot be read")
    return [(int(row[1], 8) & MODE_BITS, row[2], row[3].hex()) for row in read]


def mode(its: int) -> str:
    """As git shows it, whatever an old client has written."""
    if stat.S_ISREG(its):
        return "100755" if its & stat.S_IXUSR else "100644"
    return LINK if stat.S_ISLNK(its) else SUBMODULE


def absent(git: process.Git, revision: str) -> answers.Absent:
    return answers.Absent(f"mirror of repository {git.place.name}: {revision} is not in it")
