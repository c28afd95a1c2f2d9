"""Builds commits in the mirror with a throw-away index: no work tree, nothing pushed. Blocking."""

import secrets
from collections.abc import Sequence

from reconciler import errors
from reconciler.edges.git import answers, objects, place, process, reading

KEPT = "refs/reconciler/keep"
MESSAGE_BYTES = 65_536


def keep(git: process.Git, revision: str) -> None:
    """A ref of our own on the revision: neither a rewritten history nor `git gc` by hand takes it away."""
    place.checked_revision(revision)
    if _is_kept(git, revision):
        return
    if not reading.has(git, revision):
        raise answers.Absent(f"mirror of repository {git.place.name}: {revision} is not in it")
    ended = git.run("update-ref", "--no-deref", f"{KEPT}/{revision}", revision)
    if not ended.fine:
        raise answers.local_failure(ended, where=git.place, doing=f"keeping {revision}")


def _is_kept(git: process.Git, revision: str) -> bool:
    """Whether the ref is there in a file of its own: a hundred targets are good with one revision at once, and git
    would be started for each of them."""
    try:
        return (git.place.mirror / KEPT / revision).read_bytes() == f"{revision}\n".encode()
    except OSError:
        return False  # or packed: git says


def commit_restoring(git: process.Git, *, parent: str, paths: Sequence[str], source: str, message: str) -> str:
    """A commit on `parent` whose `paths` are as in `source`; `parent` itself when they are so already.

    Each path goes out and comes in as a whole, so a file may become a folder; links and submodules come back byte for
    byte. Everything else in `parent`, other targets' changes above all, stays as it is: Terminal where a path would
    come in the place of a link or file that lies on the way to it. Terminal when `source` is gone: a parent brings its
    history along, so no fetch could bring it.
    """
    if not message.strip() or "\0" in message or len(message.encode()) > MESSAGE_BYTES:
        raise errors.InvalidInput((f"a commit message needs text without NUL, at most {MESSAGE_BYTES} bytes",))
    if not paths:
        raise errors.InvalidInput(("a commit that restores needs at least one path",))
    if not reading.has(git, place.checked_revision(parent)):
        raise answers.Absent(f"mirror of repository {git.place.name}: {parent} is not in it")
    if not reading.has(git, place.checked_revision(source)):
        raise errors.Terminal(f"{source} cannot be restored: repository {git.place.name} does not hold it any more")
    gone, back = reading.listing(git, parent, paths), reading.listing(git, source, paths)
    _check_ways(git, parent, paths=paths, back=back)
    edits = [b"0 " + b"0" * 40 + b"\t" + entry.path for entry in gone]
    edits += [f"{entry.mode} {entry.oid}".encode() + b"\t" + entry.path for entry in back]
    index = git.place.mirror / f"index-{secrets.token_hex(8)}"
    throwaway = {"GIT_INDEX_FILE": str(index)}
    try:
        _must(git, "read-tree", parent, variables=throwaway)
        _must(
            git,
            "update-index",
            "-z",
            "--index-info",
            given=b"".join(edit + b"\0" for edit in edits),
            variables=throwaway,
        )
        tree = _must(git, "write-tree", variables=throwaway)
    finally:
        index.unlink(missing_ok=True)
        index.with_name(f"{index.name}.lock").unlink(missing_ok=True)
    if tree == _must(git, "rev-parse", "--verify", "--end-of-options", f"{parent}^{{tree}}"):
        return parent
    name, mail = git.place.author
    who = {
        f"GIT_{role}_{what}": word
        for role in ("AUTHOR", "COMMITTER")
        for what, word in (("NAME", name), ("EMAIL", mail))
    }
    signed = ["-S"] if git.place.signatures and git.place.signatures.signing_key else []
    return _must(
        git, "commit-tree", *signed, tree, "-p", parent, given=message.encode(), variables=who, signatures=bool(signed)
    )


def _check_ways(git: process.Git, parent: str, *, paths: Sequence[str], back: Sequence[objects.Entry]) -> None:
    """Raise Terminal for a link or file of `parent` that lies on the way to what comes `back`, and is not below `paths`
    itself: the index drops it without a word, and with it whatever others read by way of it."""
    coming = [path for path in paths if any((entry.path + b"/").startswith(f"{path}/".encode()) for entry in back)]
    ways = {path[:end] for path in coming for end, sign in enumerate(path) if sign == "/"}
    ways = {way for way in ways if not any(f"{way}/".startswith(f"{path}/") for path in paths)}
    for way, its in objects.found(git, parent, sorted(ways)).items():
        if its.kind not in ("", "tree"):
            raise errors.Terminal(f"{way} is a link or a file now, and would go for {', '.join(coming)}")


def _must(
    git: process.Git,
    *arguments: str,
    given: bytes = b"",
    variables: dict[str, str] | None = None,
    signatures: bool = False,
) -> str:
    """Run, and return the one line it printed."""
    ended = git.run(*arguments, given=given, variables=variables, signatures=signatures)
    if not ended.fine:
        raise answers.local_failure(ended, where=git.place, doing=arguments[0])
    return ended.out.decode().strip()
