"""A copy of the configured repository for a rehearsal: it holds the base and the change, takes what would be pushed,
and goes with its folder."""

import dataclasses
import pathlib
from dataclasses import dataclass

from reconciler import errors
from reconciler.app import composing
from reconciler.edges.git import place, rehearsed
from reconciler.settings import deployment

AHEAD = "refs/rehearsal/change"
UNSIGNED = "signatures are not checked: what would be merged has none yet"


@dataclass(frozen=True, slots=True)
class Copied:
    """`base`: the head of the configured ref; `change`: what it would be with the change. `repository` stands at the
    base until it is moved, `ahead` at the change."""

    base: str
    change: str
    repository: rehearsed.Rehearsed
    ahead: rehearsed.Rehearsed
    origin: rehearsed.Gathered
    notes: tuple[str, ...] = ()

    async def merge(self) -> None:
        """The change comes: the ref names it."""
        await self.origin.point(self.repository.ref, self.change)
        self.repository.stands_at = self.change

    async def close(self) -> None:
        for opened in (self.repository, self.ahead, self.origin):
            await opened.close()


async def copy(its: deployment.Deployment, ref: str, *, folder: pathlib.Path) -> Copied:
    """Of the one repository of these settings. `ref` '': what is checked out where we are. Raises
    `errors.InvalidInput` for a ref that names nothing, and for a conflict."""
    ((name, wanted),) = its.repositories.items()
    where = dataclasses.replace(composing.place_of(name, wanted, its), mirror=folder / "origin.git")
    gathered = rehearsed.Gathered(where)
    base = await gathered.ref_commit()
    tip, source = await _change(gathered, where, ref, base=base)
    change = await gathered.merged(base, tip)
    await gathered.point(wanted.ref, base)
    await gathered.point(AHEAD, change)
    local = place.Place.checked(
        name,
        url=str(folder / "origin.git"),
        ref=wanted.ref,
        mirror=folder / "mirrors" / name,
        allow_local=True,
        author=where.author,
        timeouts=where.timeouts,
        limits=where.limits,
    )
    ahead = dataclasses.replace(local, ref=AHEAD)
    notes = [f"{ref or 'HEAD'} is {tip[:12]} {source}"]
    if change != tip:
        notes.append(f"{tip[:12]} does not contain the head of {wanted.ref}: a merge of both is rehearsed")
    if wanted.signatures.required:
        notes.append(UNSIGNED)
    return Copied(
        base,
        change,
        rehearsed.Rehearsed(local, stands_at=base),
        rehearsed.Rehearsed(ahead, stands_at=change),
        gathered,
        tuple(notes),
    )


async def _change(gathered: rehearsed.Gathered, where: place.Place, ref: str, *, base: str) -> tuple[str, str]:
    """The commit that `ref` names, and where that was found: a checkout of the repository comes first."""
    git_dir = rehearsed.checkout(pathlib.Path.cwd())
    if git_dir is not None and (local := await gathered.named(git_dir, ref or "HEAD")):
        found = await _taken(local)
        if await gathered.related(base, found):
            return found, f"in the checkout {git_dir.parent}"
    if not ref:
        remedy = "say what to rehearse by --ref, or call it inside a checkout of the repository"
        raise errors.InvalidInput((f"there is no checkout of repository {where.name} here; {remedy}",))
    for full in _names(ref):
        try:
            return await _taken(dataclasses.replace(where, ref=full)), f"in repository {where.name}"
        except errors.RefMissing:
            continue
    raise errors.InvalidInput((f"repository {where.name} has no branch, tag or commit {ref}",))


async def _taken(where: place.Place) -> str:
    taking = rehearsed.Gathered(where)
    try:
        return await taking.ref_commit()
    finally:
        await taking.close()


def _names(ref: str) -> tuple[str, ...]:
    """The full refs that a person may mean."""
    if ref.startswith("refs/") or place.REVISION.fullmatch(ref):
        return (ref,)
    return (f"refs/heads/{ref}", f"refs/tags/{ref}")
