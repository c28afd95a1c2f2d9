"""From a revision to what one target, or all of them, want there: settings and inputs, read in as few questions as
there are kinds of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler import errors, ports
from reconciler.model import ids, outcomes, sources, targets
from reconciler.pipeline import world
from reconciler.settings import application, environment, loading, resolve
from reconciler.source import inputs

REMEMBERED = 20_000
"""Parsed settings kept at the most: twenty revisions of a thousand targets."""

AT_ONCE = 500
"""Settings files read in one question: a command line holds that many paths."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """One target at one revision: its settings and what it reads."""

    target: targets.Target
    inputs: sources.Inputs

    @property
    def named(self) -> tuple[str, ...]:
        """The paths that its files are asked for by: what their links lead to comes with them."""
        return tuple(path for path, _ in inputs.paths_of(self.target))


Answer = dict[ids.TargetKey, Prepared | outcomes.Hold]


class Preparing:
    """Remembers parsed settings by the OIDs of their files: a commit that leaves them alone parses nothing."""

    def __init__(self, here: world.World) -> None:
        self._here = here
        self._parsed: dict[tuple[ids.TargetKey, str, str], targets.Target] = {}

    def forget(self) -> None:
        """The daemon's own settings changed: what was resolved against them is void."""
        self._parsed.clear()

    async def one(self, key: ids.TargetKey, revision: str) -> Prepared:
        """The target at any revision of its repository (last good, for example).

        Raises `errors.InvalidInput` for settings that are not valid there, `errors.PathMissing`.
        """
        found = (await self.all(self._here.repository_of(key), revision, [key]))[key]
        if isinstance(found, Prepared):
            return found
        if found.reason is outcomes.HoldReason.PATH_MISSING:
            raise errors.PathMissing(found.because)
        raise errors.InvalidInput((found.because,))

    async def all(self, repository: ports.Repository, revision: str, keys: Sequence[ids.TargetKey]) -> Answer:
        """Each target at `revision`, or why it cannot be prepared there."""
        files = [path for key in keys for path in self._files_of(key)]
        oids = await repository.oids(revision, files)
        fresh = [key for key in keys if self._known(key, oids) not in self._parsed]
        texts = await _texts(
            repository, revision, [path for key in fresh for path in self._files_of(key) if oids[path]]
        )
        found: Answer = {}
        for key in keys:
            try:
                self._parse(key, revision, oids=oids, texts=texts)
            except errors.Terminal as error:
                found[key] = _hold(error, revision)
        settled = {key: self._parsed[self._known(key, oids)] for key in keys if key not in found}
        paths = sorted({path for target in settled.values() for path, _ in inputs.paths_of(target)})
        reached = await repository.reached(revision, paths)
        for key, target in settled.items():
            try:
                found[key] = Prepared(target, inputs.inputs(revision, target, reached=reached))
            except errors.Terminal as error:
                found[key] = _hold(error, revision, invalid=outcomes.HoldReason.RENDER_FAILED)
        return found

    async def present(
        self, repository: ports.Repository, revision: str, keys: Sequence[ids.TargetKey]
    ) -> tuple[ids.TargetKey, ...]:
        """Those of `keys` that have an application.yaml: other folders are bases, or hold a README."""
        oids = await repository.oids(revision, [self._files_of(key)[0] for key in keys])
        return tuple(key for key in keys if oids[self._files_of(key)[0]])

    def _parse(
        self,
        key: ids.TargetKey,
        revision: str,
        *,
        oids: Mapping[str, str],
        texts: Mapping[str, bytes | errors.Terminal],
    ) -> None:
        """Resolve the target's settings unless they are known. Raises what is wrong with them."""
        known = self._known(key, oids)
        if known in self._parsed:
            return
        of_application, of_environment = self._files_of(key)
        for path in (of_application, of_environment):
            if not oids[path]:
                raise errors.PathMissing(f"{path} is not in revision {revision[:12]}")
        if len(self._parsed) >= REMEMBERED:
            self._parsed.clear()
        self._parsed[known] = resolve.resolve(
            self._here.settings,
            key=key,
            folder=of_application.rpartition("/")[0],
            application=loading.load(application.Application, _bytes(texts[of_application]), where=of_application),
            environment=loading.load(environment.Environment, _bytes(texts[of_environment]), where=of_environment),
        )

    def _known(self, key: ids.TargetKey, oids: Mapping[str, str]) -> tuple[ids.TargetKey, str, str]:
        of_application, of_environment = self._files_of(key)
        return key, oids[of_application], oids[of_environment]

    def _files_of(self, key: ids.TargetKey) -> tuple[str, str]:
        """Paths of its application.yaml and its environment.yaml."""
        root = self._here.settings.repositories[self._here.repository_name(key)].desired_state
        return f"{root}/{key}/application.yaml", f"{root}/{key.environment}/environment.yaml"


async def _texts(
    repository: ports.Repository, revision: str, paths: Sequence[str]
) -> dict[str, bytes | errors.Terminal]:
    """The files' contents; one that may not be read (a submodule, say) has its error and holds up no other."""
    found: dict[str, bytes | errors.Terminal] = {}
    wanted = sorted(set(paths))
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        try:
            found |= {file.path: file.content for file in await repository.files(revision, some)}
        except errors.InvalidInput as error:
            if len(some) == 1:
                found[some[0]] = error
            else:
                for path in some:
                    found |= await _texts(repository, revision, [path])
    missing = [path for path in wanted if path not in found]
    return found | {path: errors.PathMissing(f"{path} is no file in revision {revision[:12]}") for path in missing}


def _bytes(text: bytes | errors.Terminal) -> bytes:
    if isinstance(text, errors.Terminal):
        raise text
    return text


def _hold(
    error: errors.Terminal, revision: str, *, invalid: outcomes.HoldReason = outcomes.HoldReason.SETTINGS_INVALID
) -> outcomes.Hold:
    """`invalid`: the reason unless a path is missing."""
    missing = isinstance(error, errors.PathMissing)
    return outcomes.Hold(outcomes.HoldReason.PATH_MISSING if missing else invalid, str(error), revision)
