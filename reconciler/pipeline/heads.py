"""What each repository's head asks of each target: polled once per repository, compared by tree OIDs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler import errors
from reconciler.model import ids, outcomes, records
from reconciler.pipeline import preparing, world
from reconciler.settings import dependencies
from reconciler.source import targets as listing

Prepared = preparing.Prepared


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All targets of one repository at one revision. A target that cannot be prepared has its hold instead."""

    revision: str
    targets: Mapping[ids.TargetKey, Prepared | outcomes.Hold] = field(default_factory=dict)
    promoted: Mapping[str, tuple[ids.TargetKey, ...]] = field(init=False, compare=False, repr=False)
    """Environment → the targets that take over from it, sorted."""

    def __post_init__(self) -> None:
        promoted: dict[str, list[ids.TargetKey]] = {}
        for key, prepared in sorted(self.targets.items()):
            if isinstance(prepared, Prepared) and (before := prepared.target.promotes_from):
                promoted.setdefault(before, []).append(key)
        object.__setattr__(self, "promoted", {before: tuple(keys) for before, keys in promoted.items()})


class Heads:
    """The newest snapshot of each repository, and what ails those that cannot be read (unknown is not empty, I6)."""

    def __init__(self, world: world.World) -> None:
        self._world = world
        self._snapshots: dict[str, Snapshot] = {}
        self._troubles: dict[str, outcomes.Hold] = {}
        self._preparing = preparing.Preparing(world)

    def trouble(self, repository: str) -> outcomes.Hold | None:
        """Why the repository's newest poll failed; None when it did not."""
        return self._troubles.get(repository)

    def of(self, key: ids.TargetKey) -> Prepared | outcomes.Hold | None:
        """The target at its repository's head; None when it is in no snapshot (not polled yet, or not in Git)."""
        return self._beside(key).get(key)

    def revision(self, repository: str) -> str:
        snapshot = self._snapshots.get(repository)
        return snapshot.revision if snapshot else ""

    def known(self) -> tuple[ids.TargetKey, ...]:
        return tuple(sorted(key for snapshot in self._snapshots.values() for key in snapshot.targets))

    def promoted(self, environment: str) -> tuple[ids.TargetKey, ...]:
        """The targets that take over from the environment."""
        return tuple(key for snapshot in self._snapshots.values() for key in snapshot.promoted.get(environment, ()))

    def readers(self, key: ids.TargetKey) -> dict[str, tuple[ids.TargetKey, ...]]:
        """Input path → the other targets of the same repository that read it, as far as it was read."""
        found: dict[str, list[ids.TargetKey]] = {}
        for other, prepared in self._beside(key).items():
            if other != key and isinstance(prepared, Prepared):
                for path in prepared.inputs.paths:
                    found.setdefault(path.path, []).append(other)
        return {path: tuple(others) for path, others in found.items()}

    def held(self, key: ids.TargetKey) -> tuple[ids.TargetKey, ...]:
        """The other targets of the same repository that cannot be prepared at its head."""
        its = self._beside(key).items()
        return tuple(other for other, prepared in its if other != key and isinstance(prepared, outcomes.Hold))

    def _beside(self, key: ids.TargetKey) -> Mapping[ids.TargetKey, Prepared | outcomes.Hold]:
        """All targets of the same repository; none while it was not read by this process."""
        snapshot = self._snapshots.get(self._world.repository_name(key))
        return snapshot.targets if snapshot else {}

    def forget_settings(self) -> None:
        """After a reload: every target is prepared again at the next poll."""
        self._preparing.forget()
        self._snapshots.clear()

    async def poll(self, name: str) -> frozenset[ids.TargetKey]:
        """Ask the repository for its head and prepare what is new. Returns the targets to look at again."""
        try:
            touched = await self._poll(name)
        except (errors.LeadershipLost, errors.JournalUnusable):
            raise  # no trouble of the repository
        except errors.RefMissing as error:
            return self._ail(name, outcomes.Hold(outcomes.HoldReason.REF_MISSING, str(error)))
        except errors.Untrusted as error:
            return self._ail(name, outcomes.Hold(outcomes.HoldReason.UNTRUSTED, str(error)))
        except (errors.Transient, errors.Terminal) as error:
            return self._ail(name, outcomes.Hold(outcomes.HoldReason.SOURCE_UNAVAILABLE, str(error)))
        if self._troubles.pop(name, None) is not None:
            return frozenset(self._snapshots[name].targets)
        return touched

    def _ail(self, name: str, hold: outcomes.Hold) -> frozenset[ids.TargetKey]:
        before = self._troubles.get(name)
        self._troubles[name] = hold
        snapshot = self._snapshots.get(name)
        return frozenset(snapshot.targets) if snapshot and before != hold else frozenset()

    async def _poll(self, name: str) -> frozenset[ids.TargetKey]:
        repository = self._world.repositories[name]
        revision = await repository.head()
        old = self._snapshots.get(name)
        if old is not None and old.revision == revision:
            return frozenset()
        await repository.fetch(revision)
        await repository.check_signatures(revision)
        new = await self._snapshot(name, revision)
        self._snapshots[name] = new
        if old is None:
            return frozenset(new.targets)
        return frozenset(key for key in new.targets if _reads(new.targets[key]) != _reads(old.targets.get(key)))

    async def _snapshot(self, name: str, revision: str) -> Snapshot:
        repository, settings = self._world.repositories[name], self._world.settings
        known = await self._world.journal.targets()
        found: dict[ids.TargetKey, Prepared | outcomes.Hold] = {}
        root = settings.repositories[name].desired_state
        mine = [environment for environment, its in settings.environments.items() if its.repository == name]
        for environment_name in mine:
            folders = await repository.folders(revision, f"{root}/{environment_name}")
            listed = listing.listed(environment_name, folders, known=known, revision=revision)
            for key, hold in listed.missing:
                if not (await self._world.journal.ledger(key)).gone:
                    found[key] = hold
            ours = [key for key in listed.present if key in known]
            ours += await self._preparing.present(repository, revision, [k for k in listed.present if k not in known])
            prepared = await self._preparing.all(repository, revision, ours)
            found |= prepared | _misplaced(prepared, revision)
        return Snapshot(revision, found)

    async def prepare(self, key: ids.TargetKey, revision: str) -> Prepared:
        """The target at any revision of its repository (last good, for example).

        Raises `errors.InvalidInput` for settings that are not valid there, `errors.PathMissing`.
        """
        return await self._preparing.one(key, revision)

    async def applied(self, key: ids.TargetKey, present: records.Present) -> Prepared | None:
        """What was applied last, from the mirror, while the repository cannot be read and was not read before by this
        process. None when it was, and when the mirror does not have it: the server is not asked for it, which could
        take every worker as long as a fetch may."""
        name = self._world.repository_name(key)
        if name in self._snapshots or name not in self._troubles:
            return None
        try:
            if not await self._world.repositories[name].holds(present.revision):
                return None
            found = await self._preparing.one(key, present.revision)
        except errors.ReconcilerError:
            return None  # the daemon's settings have changed since, say: what it wants is not what was applied
        return found if found.inputs.digest == present.input_digest else None


def _misplaced(
    found: Mapping[ids.TargetKey, Prepared | outcomes.Hold], revision: str
) -> dict[ids.TargetKey, Prepared | outcomes.Hold]:
    """The holds of those whose `dependsOn` cannot be fulfilled within their environment: `found` is all of it."""
    listed = {
        key.application: tuple(its.name for its in each.target.depends_on) if isinstance(each, Prepared) else ()
        for key, each in found.items()
    }
    holds: dict[ids.TargetKey, Prepared | outcomes.Hold] = {}
    for key, each in found.items():
        if isinstance(each, Prepared) and each.target.depends_on:
            wrong = dependencies.wrong(key.application, listed)
            if texts := [f"{each.target.depends_on[index].place}: {text}" for index, text in wrong]:
                holds[key] = outcomes.Hold(outcomes.HoldReason.SETTINGS_INVALID, "\n".join(texts), revision)
    return holds


def _reads(prepared: Prepared | outcomes.Hold | None) -> tuple[str, outcomes.HoldReason | None]:
    """What of a target decides whether a new revision concerns it. Other settings may be wrong in another way."""
    if isinstance(prepared, Prepared):
        return prepared.inputs.digest, None
    if prepared and prepared.reason is outcomes.HoldReason.SETTINGS_INVALID:
        return prepared.because, prepared.reason
    return ("", prepared.reason) if prepared else ("", None)
