"""Repositories that are thrown away: one that takes what a rehearsal needs and what it would push, and one on it whose
head the rehearsal moves."""

import dataclasses
import pathlib
from collections.abc import AsyncIterator

from reconciler import errors, ports
from reconciler.edges.git import answers, place, process, reading, repository

AUTHOR = {
    f"GIT_{role}_{what}": word
    for role in ("AUTHOR", "COMMITTER")
    for what, word in (("NAME", "rehearsal"), ("EMAIL", "rehearsal@localhost"), ("DATE", "2026-01-01T00:00:00Z"))
}


class Gathered(repository.GitRepository):
    """A bare repository of our own, filled from `where`: the real repository, or a checkout of it."""

    async def ref_commit(self) -> str:
        """The commit that the ref of `where` names, fetched: a tag is followed to what it marks."""
        found = await self.head() if not place.REVISION.fullmatch(self.ref) else self.ref
        async with self._changing:
            await self._fetch(found)
            return await self._call(_commit, found)

    async def named(self, git_dir: pathlib.Path, ref: str) -> place.Place | None:
        """Where to fetch what `ref` names in a checkout of this machine; None when it names no commit there."""
        found = await self._call(_named, str(git_dir), ref)
        if found is None:
            return None
        common, revision = found
        mine = self._place
        local = place.Place.checked(mine.name, url=common, ref=mine.ref, mirror=mine.mirror, allow_local=True)
        return dataclasses.replace(local, ref=revision)

    async def related(self, one: str, other: str) -> bool:
        """Whether they have history in common."""
        return await self._call(_related, one, other)

    async def merged(self, base: str, change: str) -> str:
        """What the ref would be after `change` was merged: `change` itself where it contains `base`, else a merge of
        both that is made here. Raises `errors.InvalidInput` for a conflict, naming the files."""
        if await self.descends(change, ancestor=base):
            return change
        async with self._changing:
            return await self._call(_merge, base, change)

    async def point(self, ref: str, revision: str) -> None:
        """Let `ref` of this repository name the revision."""
        async with self._changing:
            await self._call(_point, ref, revision)


class Rehearsed(repository.GitRepository):
    """The repository as the daemon meets it in a rehearsal. Its head is what `stands_at` says, and what is pushed."""

    def __init__(self, where: place.Place, *, stands_at: str) -> None:
        super().__init__(where)
        self.stands_at = stands_at
        self.refuses = False
        """Whether it lets nobody push."""

    async def head(self) -> str:
        return self.stands_at

    async def hints(self) -> AsyncIterator[None]:
        """None: it moves by what a rehearsal does."""
        return
        yield  # makes it an iterator

    async def push(self, revision: str, *, expected: str) -> ports.Pushed:
        if self.refuses:
            return ports.Pushed(ports.PushResult.REFUSED, "protected branch (a fault of the rehearsal)")
        pushed = await super().push(revision, expected=expected)
        if pushed.result is ports.PushResult.DONE:
            self.stands_at = revision
        return pushed


def checkout(folder: pathlib.Path) -> pathlib.Path | None:
    """The Git directory of the work tree that `folder` lies in."""
    for parent in (folder, *folder.parents):
        found = parent / ".git"
        if found.is_dir():
            return found
        if found.is_file():
            return (parent / found.read_text().strip().removeprefix("gitdir: ")).resolve()
    return None


def _named(git: process.Git, git_dir: str, ref: str) -> tuple[str, str] | None:
    variables = {"GIT_DIR": git_dir}
    found = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", variables=variables)
    common = git.run("rev-parse", "--path-format=absolute", "--git-common-dir", variables=variables)
    if not found.fine or not common.fine:
        return None
    return common.out.decode().strip(), found.out.decode().strip()


def _commit(git: process.Git, revision: str) -> str:
    ended = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not ended.fine:
        raise errors.InvalidInput((f"repository {git.place.name}: {git.place.ref} names no commit",))
    return ended.out.decode().strip()


def _related(git: process.Git, one: str, other: str) -> bool:
    return git.run("merge-base", one, other).fine


def _merge(git: process.Git, base: str, change: str) -> str:
    for revision in (base, change):
        if not reading.has(git, place.checked_revision(revision)):
            raise answers.Absent(f"{revision} is not there")
    merged = git.run("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", base, change)
    tree, *conflicts = [part for part in merged.out.decode("utf-8", "backslashreplace").split("\0") if part] or [""]
    if merged.status == 1 and conflicts:
        remedy = "merge or rebase it first"
        raise errors.InvalidInput((f"{change[:12]} conflicts with {base[:12]} in {', '.join(conflicts)}; {remedy}",))
    if not merged.fine or not place.REVISION.fullmatch(tree):
        remedy = "rebase it onto the ref, or use git 2.38 or newer"
        raise errors.InvalidInput((f"{change[:12]} does not contain {base[:12]} and cannot be merged here; {remedy}",))
    made = git.run("commit-tree", tree, "-p", base, "-p", change, given=b"Merge for a rehearsal\n", variables=AUTHOR)
    if not made.fine:
        raise answers.local_failure(made, where=git.place, doing="commit-tree")
    return made.out.decode().strip()


def _point(git: process.Git, ref: str, revision: str) -> None:
    ended = git.run("update-ref", "--no-deref", ref, place.checked_revision(revision))
    if not ended.fine:
        raise answers.local_failure(ended, where=git.place, doing="update-ref")
