"""Shared paths flow along the chain of environments (E4).

A chart that staging reads too reaches production when staging is good with it: a bad edit stops where it comes first,
and is taken back there, before anybody depends on it.
"""

from collections.abc import Mapping, Sequence

from reconciler import errors
from reconciler.model import ids, outcomes, records, sources
from reconciler.pipeline import heads, world
from reconciler.source import shared


class Chain:
    def __init__(self, here: world.World, its_heads: heads.Heads) -> None:
        self._here = here
        self._heads = its_heads

    async def waits(self, ledger: records.Ledger, prepared: heads.Prepared) -> outcomes.Hold | None:
        """Why the target must not take `prepared` yet; None when it may: nothing shared changed, or the environment
        before it is good with all that did."""
        before_it = prepared.target.promotes_from
        if not before_it:
            return None
        readers = await self._readers(ledger.target, prepared.inputs)
        present = await self._present(ledger)
        for found in shared.shared_paths(prepared.inputs, readers, before=present, target=ledger.target):
            for reader in found.readers:
                if reader.environment != before_it:
                    continue
                good = (await self._here.journal.ledger(reader)).last_good
                if not await self._same(reader, found.path, readers, at=good, revision=prepared.inputs.revision):
                    because = f"{found.path} changed, and {reader} is not good with it yet"
                    return outcomes.Hold(outcomes.HoldReason.UPSTREAM, because, prepared.inputs.revision)
        return None

    async def accepted(self, key: ids.TargetKey, path: str, *, inputs: sources.Inputs) -> tuple[ids.TargetKey, ...]:
        """The other targets that have been brought to the content that `path` has in `inputs` of `key`: it is theirs
        too, and is not taken back over their heads."""
        readers, revision = await self._readers(key, inputs), inputs.revision
        others = {other for name, keys in readers.items() if shared.overlap(path, name) for other in keys}
        found = []
        for other in sorted(others):
            present = (await self._here.journal.ledger(other)).present
            if present and await self._same(other, path, readers, at=present, revision=revision):
                found.append(other)
        return tuple(found)

    def downstream(self, key: ids.TargetKey) -> tuple[ids.TargetKey, ...]:
        """The targets that may have waited for this one to be good."""
        return self._heads.promoted(key.environment)

    async def _readers(self, key: ids.TargetKey, inputs: sources.Inputs) -> dict[str, tuple[ids.TargetKey, ...]]:
        """Path → the other targets that read it. One whose head cannot be read is taken by what it has now; one that
        has nothing yet may read whatever its namesake reads (I6)."""
        found = self._heads.readers(key)
        for other in await self._unread(key):
            its = await self._present(await self._here.journal.ledger(other))
            if its is None and other.application == key.application:
                its = inputs
            for path in its.paths if its else ():
                if not (path.own and its is inputs):
                    found[path.path] = (*found.get(path.path, ()), other)
        return found

    async def _unread(self, key: ids.TargetKey) -> tuple[ids.TargetKey, ...]:
        """The other targets of the same repository whose head cannot be read: all of them, when it was not read yet."""
        its = self._here.settings.environments
        repository = its[key.environment].repository
        if self._heads.revision(repository):
            return self._heads.held(key)
        known = [other for other in await self._here.journal.targets() if other.environment in its and other != key]
        return tuple(other for other in known if its[other.environment].repository == repository)

    async def _present(self, ledger: records.Ledger) -> sources.Inputs | None:
        """What the target has now; None: nothing, or nothing that can be read any more."""
        if ledger.present is None:
            return None
        try:
            return (await self._heads.prepare(ledger.target, ledger.present.revision)).inputs
        except (errors.InvalidInput, errors.PathMissing):
            return None

    async def _same(
        self,
        reader: ids.TargetKey,
        path: str,
        readers: Mapping[str, Sequence[ids.TargetKey]],
        *,
        at: records.Good | records.Present | None,
        revision: str,
    ) -> bool:
        """Whether what `reader` reads at or around `path` is the same at its own revision as at `revision`."""
        if at is None:
            return False
        theirs = sorted(name for name, keys in readers.items() if reader in keys and shared.overlap(path, name))
        repository = self._here.repository_of(reader)
        return await repository.oids(at.revision, theirs) == await repository.oids(revision, theirs)
