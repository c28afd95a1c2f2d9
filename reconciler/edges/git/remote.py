"""The questions that go to the server: what the ref names now, bring it here, take this commit. Blocking."""

import hashlib
import re

from reconciler import errors, ports
from reconciler.edges.git import answers, place, plain, process, reading

SYMBOLIC = re.compile(r"ref: (refs/heads/\S+)\tHEAD")
LISTING = re.compile(r"([0-9a-f]{40})\t(\S+)")


def head(git: process.Git) -> str:
    """The SHA of exactly our ref. `ls-remote` matches the end of names too (rows.toml GIT-12): those are passed over.
    An answer without our ref is `RefMissing`, also from a repository that shows no ref at all. Where it lies in a file
    of this machine, that is read: a process less between a commit and its being applied."""
    where = git.place
    if where.local and (found_here := plain.tip(where)):
        return found_here
    ended = git.run(
        "ls-remote", "--exit-code", "--refs", "--", where.url, where.ref, remote=True, within=where.timeouts.head
    )
    nothing = ended.stop is process.Stop.EXITED and ended.status == 2
    if not (ended.fine or nothing):
        raise answers.remote_failure(ended, where=where)
    for line in ended.out.decode("utf-8", "backslashreplace").splitlines():
        if (found := LISTING.fullmatch(line)) and found[2] == where.ref:
            return found[1]
    if where.local and plain.unborn(where):
        raise errors.RefMissing(
            f"repository {where.name} ({where.url}) has no commit yet on {where.ref}: commit something first"
        )
    raise errors.RefMissing(answers.missing_ref(where))


def default_ref(git: process.Git) -> str:
    """The branch that is checked out there, or that a host calls its default."""
    where = git.place
    ended = git.run("ls-remote", "--symref", "--", where.url, "HEAD", remote=True, within=where.timeouts.head)
    if not ended.fine:
        raise answers.remote_failure(ended, where=where)
    label, lines = f"repository {where.name} ({where.url})", ended.out.decode("utf-8", "backslashreplace").splitlines()
    for line in lines:
        if found := SYMBOLIC.fullmatch(line):
            return found[1]
    if not any(line.endswith("\tHEAD") for line in lines):  # git lists no HEAD that leads to no commit
        raise errors.Terminal(
            f"{label} has no commit yet on its branch: commit something first, or name another branch (--ref)"
        )
    raise errors.Terminal(f"{label} has no branch checked out: name one (--ref)")


def tracking(where: place.Place) -> str:
    """Where the mirror keeps what it fetched of the ref. Hashed, so that `a` and `a/b` can live beside each other."""
    return f"refs/reconciler/head/{hashlib.sha256(where.ref.encode()).hexdigest()[:16]}"


def fetch(git: process.Git, revision: str) -> bool:
    """Bring our ref, and nothing else, into the mirror; False when `revision` was there already.

    Forced on this side only: whether a rewritten history is followed is decided in source/admission.py, and for that
    both sides must be readable. Raises Transient when the ref has left `revision` behind, `answers.Damaged` when the
    ref names it and it still cannot be read.
    """
    place.checked_revision(revision)
    if reading.has(git, revision):
        return False
    where = git.place
    ended = git.run(
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-auto-maintenance",
        "--no-recurse-submodules",
        "--",
        where.url,
        f"+{where.ref}:{tracking(where)}",
        remote=True,
        within=where.timeouts.fetch,
    )
    if not ended.fine:
        if _pack_was_cut(where):
            most = where.limits.pack_bytes
            raise errors.Terminal(
                f"repository {where.name} ({where.url}) sent a pack of more than {most} bytes: refused"
            )
        failure = answers.remote_failure(ended, where=where)
        unclear = type(failure) is errors.Transient and ended.stop is process.Stop.EXITED
        if unclear and answers.damaged(ended.err, where=where, fetching=True):
            raise answers.Damaged(
                f"mirror of repository {where.name} is damaged: {answers.quote(ended.err, where=where)}"
            )
        raise failure
    if not reading.has(git, revision):
        if reading.tip(git, tracking(where)) == revision:
            raise answers.Damaged(
                f"mirror of repository {where.name} is damaged: {revision} was fetched and is unreadable"
            )
        raise errors.Transient(
            f"repository {where.name}: {where.ref} does not lead to {revision} any more: the ref has moved meanwhile"
        )
    return True


def _pack_was_cut(where: place.Place) -> bool:
    """Whether the kernel stopped a pack at the limit: git only says "invalid index-pack output" then. The part that
    was written is still there, until mirror.py tidies up."""
    parts = (where.mirror / "objects/pack").glob("tmp_pack_*")
    return any(part.stat().st_size >= where.limits.pack_bytes for part in parts)


def push(git: process.Git, revision: str, *, expected: str) -> ports.Pushed:
    """Push without force, after a look at whether it is needed and still right. See `ports.Repository.push`."""
    where = git.place
    now = head(git)
    if now == revision:
        return ports.Pushed(ports.PushResult.DONE, f"{where.ref} already is at {revision}")
    if now != expected:
        return _overtaken(git, revision, now=now)
    if not reading.has(git, revision):
        return ports.Pushed(ports.PushResult.RACED, f"{revision} is no longer in the mirror: build it again on {now}")
    # Not --force-with-lease: it would also permit what is no fast-forward. The server refuses a lost race by itself.
    ended = git.run(
        "push",
        "--porcelain",
        "--no-verify",
        "--",
        where.url,
        f"{revision}:{where.ref}",
        remote=True,
        within=where.timeouts.push,
    )
    pushed = answers.pushed(ended, where=where)
    if pushed.result is not ports.PushResult.RACED:
        return pushed
    try:
        return _overtaken(git, revision, now=head(git))
    except errors.ReconcilerError:
        return pushed  # the server said no for certain; only the name of the winner is not known


def _overtaken(git: process.Git, revision: str, *, now: str) -> ports.Pushed:
    """The ref is not where we built: did our commit arrive earlier and others came on top, or did others come first?"""
    where = git.place
    if now == revision:
        return ports.Pushed(ports.PushResult.DONE, f"{where.ref} already is at {revision}")
    fetch(git, now)
    if reading.descends(git, now, ancestor=revision):
        return ports.Pushed(ports.PushResult.DONE, f"{where.ref} is at {now}, which contains {revision}")
    return ports.Pushed(ports.PushResult.RACED, f"{where.ref} has moved to {now} meanwhile")
