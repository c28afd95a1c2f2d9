"""Objects that change hands: one target stops rendering them and another starts, in one commit, and nothing is deleted
in between (I7)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from reconciler import errors
from reconciler.model import ids, live, manifests, outcomes, plans, records, targets
from reconciler.pipeline import heads, world
from reconciler.source import desired

Render = Callable[[heads.Prepared], Awaitable[manifests.ManifestSet]]


class Hands(Protocol):
    """What a plan asks about the other targets."""

    async def keeps(self, giver: ids.TargetKey, key: ids.ObjectKey) -> str:
        """Why `giver`, whose the object is, has not let go of it; '' when it has."""

    async def claimed(self, keys: Sequence[ids.ObjectKey]) -> dict[ids.ObjectKey, str]:
        """Those of `keys` that another target which wants them has made, or is making, and who it is."""

    async def has(self, key: ids.ObjectKey, owner: ids.TargetKey | None) -> ids.TargetKey | None:
        """The other target that made the object, or is making it, and renders it for certain; None when there is none.
        `owner`: whose mark it carries, None where it is not there."""

    async def takers(self, keys: Sequence[ids.ObjectKey]) -> dict[ids.ObjectKey, plans.Taker]:
        """Those of `keys` that another target renders now, or may render as far as can be told."""


class Neighbours:
    """The other targets as seen by one, at its repository's head."""

    def __init__(
        self, here: world.World, its_heads: heads.Heads, render: Render, *, of: heads.Prepared, ledger: records.Ledger
    ) -> None:
        self._here = here
        self._heads = its_heads
        self._render = render
        self._target = of.target
        self._before = ledger.present.revision if ledger.present else ""
        self._same_cluster: list[ids.TargetKey] | None = None

    async def keeps(self, giver: ids.TargetKey, key: ids.ObjectKey) -> str:
        found = await self._renders(giver, key)
        return found if isinstance(found, str) else f"{giver} renders it still" if found else ""

    async def _renders(self, giver: ids.TargetKey, key: ids.ObjectKey) -> bool | str:
        """Whether `giver` renders the object, or why that cannot be told."""
        head = self._heads.of(giver) if giver.environment in self._here.settings.environments else None
        if head is None:
            return f"what {giver} wants is not read here"
        if isinstance(head, outcomes.Hold):
            return False if await self._left(giver, head) else f"what {giver} wants cannot be told: {head.because}"
        try:
            wanted = await self._render(await self._wanted(giver, head))
        except errors.Terminal as error:
            return f"what {giver} wants cannot be told: {error}"
        return wanted.find(key) is not None

    async def claimed(self, keys: Sequence[ids.ObjectKey]) -> dict[ids.ObjectKey, str]:
        claims = {key: await self.keeps(owner, key) for key, owner in (await self._known(keys)).items()}
        return {key: why for key, why in claims.items() if why}

    async def has(self, key: ids.ObjectKey, owner: ids.TargetKey | None) -> ids.TargetKey | None:
        other = owner or (await self._known([key])).get(key)
        return other if other and await self._renders(other, key) is True else None

    async def takers(self, keys: Sequence[ids.ObjectKey]) -> dict[ids.ObjectKey, plans.Taker]:
        """A target that is in sync with its head has what it renders already: only the others are asked."""
        if not self._heads.revision(self._target.repository):
            unread = "whether another target takes it over cannot be told: the repository was not read since the start"
            return dict.fromkeys(keys, plans.Taker(unread, known=False))
        found: dict[ids.ObjectKey, plans.Taker] = {}
        for other in self._others() if keys else ():
            head = self._heads.of(other)
            if isinstance(head, outcomes.Hold):
                unknown = head.because if await self._changed(other, "") else ""
            elif head is None or await self._in_sync(other, head):
                continue
            else:
                try:
                    wanted = await self._render(head)
                    taker = plans.Taker(f"it changes hands: {other} renders it now")
                    found |= {key: taker for key in keys if wanted.find(key)}
                    continue
                except errors.Terminal as error:
                    unknown = str(error) if await self._changed(other, head.inputs.digest) else ""
            if unknown:
                taker = plans.Taker(f"whether {other} takes it over cannot be told: {unknown}", known=False)
                found |= {key: taker for key in keys if key not in found}
        return found

    async def _known(self, keys: Sequence[ids.ObjectKey]) -> Mapping[ids.ObjectKey, ids.TargetKey]:
        """The other target whose inventory has the object, for those of `keys` that one has."""
        others = self._others()
        return await self._here.journal.owners(keys, cluster_of=others) if keys and others else {}

    def _others(self) -> list[ids.TargetKey]:
        """Of the same cluster, as known when this was asked first."""
        if self._same_cluster is None:
            environments = self._here.settings.environments
            self._same_cluster = [
                other
                for other in self._heads.known()
                if other != self._target.key and environments[other.environment].cluster == self._target.cluster
            ]
        return self._same_cluster

    async def _left(self, giver: ids.TargetKey, hold: outcomes.Hold) -> bool:
        """Whether its whole folder is gone: a folder that was moved renders nothing any more."""
        repository = self._here.repository_of(giver)
        root = self._here.settings.repositories[repository.name].desired_state
        folder = f"{root}/{giver}"
        return hold.reason is outcomes.HoldReason.PATH_MISSING and not (
            await repository.oids(hold.revision, [folder])
        ).get(folder)

    async def _wanted(self, key: ids.TargetKey, head: heads.Prepared) -> heads.Prepared:
        """What it runs while its head is in quarantine, else its head."""
        choice = desired.choose(head.inputs, await self._here.journal.ledger(key))
        if not choice.revision or choice.input_digest == head.inputs.digest:
            return head
        return await self._heads.prepare(key, choice.revision)

    async def _in_sync(self, key: ids.TargetKey, head: heads.Prepared) -> bool:
        present = (await self._here.journal.ledger(key)).present
        done = present is not None and present.complete and present.input_digest == head.inputs.digest
        return done or head.target.state is not targets.State.PRESENT

    async def _changed(self, key: ids.TargetKey, digest: str) -> bool:
        """Whether the target changed since what the asking one runs: only then can it have begun to render more. What
        was as broken before keeps nobody waiting for ever."""
        if not self._before or self._here.repository_of(key) is not self._here.repository_of(self._target.key):
            return False
        try:
            return (await self._heads.prepare(key, self._before)).inputs.digest != digest
        except errors.PathMissing:
            return True
        except errors.Terminal:
            return bool(digest)


async def taker(
    hands: Hands, key: ids.ObjectKey, *, meta: live.LiveMeta | None, of: ids.TargetKey, within: str
) -> ids.TargetKey | None:
    """The target of the installation `within` that has what `of` once had, and renders it for certain; None when there
    is none. `meta`: of the live object, None where it is not there."""
    mark = meta.owner() if meta else None
    if meta and (mark is None or mark.installation != within or mark.target == of):
        return None
    return await hands.has(key, mark.target if mark else None)


MOVED = "moved"


async def forget_moved(here: world.World, ledger: records.Ledger) -> records.Ledger:
    """A target whose folder is gone forgets what other targets have taken over; when that was the last of it, it was
    renamed, and is `moved`. What is left stays, and holds."""
    rows = [row for row in await here.journal.inventory(ledger.target) if not ledger.gone]
    cluster = here.cluster_of(ledger.target)
    await cluster.watch(sorted({(row.key.kind_key, row.key.namespace) for row in rows}))
    taken = tuple(row.key for row in rows if _elsewhere(cluster.meta(row.key), ledger.target))
    if not taken:
        return ledger
    await here.journal.adopt_rows(ledger.target, (), forget=taken, epoch=here.epoch)
    if len(taken) < len(rows):
        return ledger
    return await here.write(replace(ledger, gone=MOVED))


def _elsewhere(meta: live.LiveMeta | None, target: ids.TargetKey) -> bool:
    owner = meta.owner() if meta else None
    return owner is not None and owner.target != target
