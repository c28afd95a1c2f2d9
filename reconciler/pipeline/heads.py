"""What each repository's head asks of each target: polled once per repository, compared by tree OIDs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler import errors, ports
from reconciler.model import ids, outcomes, sources, targets
from reconciler.pipeline import world
from reconciler.settings import application, environment, loading, resolve
from reconciler.source import inputs
from reconciler.source import targets as listing


@dataclass(frozen=True, slots=True)
class Prepared:
    """One target at one revision: its settings and what it reads."""

    target: targets.Target
    inputs: sources.Inputs


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All targets of one repository at one revision. A target that cannot be prepared has its hold instead."""

    revision: str
    targets: Mapping[ids.TargetKey, Prepared | outcomes.Hold] = field(default_factory=dict)


class Heads:
    """The newest snapshot of each repository, and what ails those that cannot be read (unknown is not empty, I6)."""

    def __init__(self, world: world.World) -> None:
        self._world = world
        self._snapshots: dict[str, Snapshot] = {}
        self._troubles: dict[str, outcomes.Hold] = {}
        self._parsed: dict[tuple[ids.TargetKey, str, str], targets.Target] = {}

    def trouble(self, repository: str) -> outcomes.Hold | None:
        """Why the repository's newest poll failed; None when it did not."""
        return self._troubles.get(repository)

    def of(self, key: ids.TargetKey) -> Prepared | outcomes.Hold | None:
        """The target at its repository's head; None when it is in no snapshot (not polled yet, or not in Git)."""
        repository = self._world.settings.environments[key.environment].repository
        snapshot = self._snapshots.get(repository)
        return snapshot.targets.get(key) if snapshot else None

    def revision(self, repository: str) -> str:
        snapshot = self._snapshots.get(repository)
        return snapshot.revision if snapshot else ""

    def known(self) -> tuple[ids.TargetKey, ...]:
        return tuple(sorted(key for snapshot in self._snapshots.values() for key in snapshot.targets))

    def readers(self, key: ids.TargetKey) -> dict[str, tuple[ids.TargetKey, ...]]:
        """Input path → the other targets of the same repository that read it."""
        found: dict[str, list[ids.TargetKey]] = {}
        repository = self._world.settings.environments[key.environment].repository
        for other, prepared in self._snapshots[repository].targets.items():
            if other != key and isinstance(prepared, Prepared):
                for path in prepared.inputs.paths:
                    found.setdefault(path.path, []).append(other)
        return {path: tuple(others) for path, others in found.items()}

    def forget_settings(self) -> None:
        """After a reload: every target is prepared again at the next poll."""
        self._parsed.clear()
        self._snapshots.clear()

    async def poll(self, name: str) -> frozenset[ids.TargetKey]:
        """Ask the repository for its head and prepare what is new. Returns the targets to look at again."""
        try:
            touched = await self._poll(name)
        except errors.RefMissing as error:
            return self._ail(name, outcomes.Hold(outcomes.HoldReason.REF_MISSING, str(error)))
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
            found |= dict(listed.missing)
            found |= await self._prepare_all(repository, revision, listed.present, known=known)
        return Snapshot(revision, found)

    async def _prepare_all(
        self,
        repository: ports.Repository,
        revision: str,
        keys: Sequence[ids.TargetKey],
        *,
        known: Sequence[ids.TargetKey],
    ) -> dict[ids.TargetKey, Prepared | outcomes.Hold]:
        found: dict[ids.TargetKey, Prepared | outcomes.Hold] = {}
        settled: dict[ids.TargetKey, targets.Target] = {}
        oids = await repository.oids(revision, [path for key in keys for path in self._settings_paths(key)])
        for key in keys:
            if not oids[self._settings_paths(key)[0]] and key not in known:
                continue  # a folder without application.yaml is no application: a base, a README
            try:
                settled[key] = await self._target(repository, revision, key, oids=oids)
            except errors.Terminal as error:
                found[key] = outcomes.Hold(_hold_reason(error), str(error), revision)
        paths = {path for target in settled.values() for path, _ in inputs.paths_of(target)}
        oids = await repository.oids(revision, sorted(paths))
        for key, target in settled.items():
            try:
                found[key] = Prepared(target, inputs.inputs(revision, target, oids=oids))
            except errors.Terminal as error:
                found[key] = outcomes.Hold(_hold_reason(error), str(error), revision)
        return found

    async def prepare(self, key: ids.TargetKey, revision: str) -> Prepared:
        """The target at any revision of its repository (last good, for example).

        Raises `errors.InvalidInput` for settings that are not valid there, `errors.PathMissing`.
        """
        repository = self._world.repository_of(key)
        await repository.fetch(revision)
        oids = await repository.oids(revision, self._settings_paths(key))
        target = await self._target(repository, revision, key, oids=oids)
        paths = [path for path, _ in inputs.paths_of(target)]
        return Prepared(target, inputs.inputs(revision, target, oids=await repository.oids(revision, paths)))

    def _folder(self, key: ids.TargetKey) -> str:
        settings = self._world.settings
        return f"{settings.repositories[settings.environments[key.environment].repository].desired_state}/{key}"

    def _settings_paths(self, key: ids.TargetKey) -> tuple[str, str]:
        folder = self._folder(key)
        return f"{folder}/application.yaml", f"{folder.rpartition('/')[0]}/environment.yaml"

    async def _target(
        self, repository: ports.Repository, revision: str, key: ids.TargetKey, *, oids: Mapping[str, str]
    ) -> targets.Target:
        of_application, of_environment = self._settings_paths(key)
        known = (key, oids[of_application], oids[of_environment])
        if known not in self._parsed:
            application_text = await _text(repository, revision, of_application)
            environment_text = await _text(repository, revision, of_environment)
            self._parsed[known] = resolve.resolve(
                self._world.settings,
                key=key,
                folder=self._folder(key),
                application=loading.load(application.Application, application_text, where=of_application),
                environment=loading.load(environment.Environment, environment_text, where=of_environment),
            )
        return self._parsed[known]


def _reads(prepared: Prepared | outcomes.Hold | None) -> tuple[str, outcomes.HoldReason | None]:
    """What of a target decides whether a new revision concerns it."""
    if isinstance(prepared, Prepared):
        return prepared.inputs.digest, None
    return ("", prepared.reason) if prepared else ("", None)


def _hold_reason(error: errors.Terminal) -> outcomes.HoldReason:
    if isinstance(error, errors.PathMissing):
        return outcomes.HoldReason.PATH_MISSING
    return outcomes.HoldReason.SETTINGS_INVALID


async def _text(repository: ports.Repository, revision: str, path: str) -> bytes:
    files = await repository.files(revision, path)
    if len(files) != 1 or files[0].path != path:
        raise errors.PathMissing(f"{path} is not a file in revision {revision[:12]}")
    return files[0].content
