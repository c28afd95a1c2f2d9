"""From files to the manifest set, remembered: what did not change renders nothing."""

import collections
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from reconciler import errors, ports
from reconciler.model import document, live, manifests, sources, targets
from reconciler.pipeline import opening
from reconciler.render import again, assemble, chart, encrypted, folder, kustomize, left, lookups, stable, variables
from reconciler.settings import application

ENTRIES = 512
BYTES = 256 * 1024 * 1024
"""Of all remembered objects together."""


class Rendering:
    """Renders targets; remembers results, and refusals, by everything they depend on."""

    def __init__(
        self,
        renderer: ports.Renderer,
        installation: str,
        *,
        opener: ports.Opener | None,
        entries: int = ENTRIES,
        most_bytes: int = BYTES,
    ) -> None:
        self._renderer = renderer
        self._opener = opener
        self._installation = installation
        self._entries, self._most_bytes = entries, most_bytes
        self._known: dict[str, manifests.ManifestSet | errors.InvalidInput] = {}
        self._before: dict[str, again.Before] = {}
        """Of each target's folder of plain files, by everything but the inputs. What it shares with `_known` is counted
        twice: either may forget it first."""
        self._used: collections.OrderedDict[str, int] = collections.OrderedDict()
        """Keys of both, used longest ago first, and their bytes: what serves no target any more goes before what does,
        in either."""
        self._bytes = 0

    async def render(
        self,
        target: targets.Target,
        *,
        files: Callable[[], Awaitable[Sequence[sources.File]]],
        input_digest: str,
        facts: live.ClusterFacts,
    ) -> manifests.ManifestSet:
        """The target's manifest set, possibly without any object: what that means is the caller's decision (I6).

        `files` is asked for all blobs of the target's inputs only when they must be rendered. Raises
        `errors.InvalidInput` with every problem, `errors.Transient` when the renderer's box failed.
        """
        key = self._key(target, input_digest=input_digest, facts=facts)
        if key not in self._known:
            fetched = await self._fetched(target)  # a refusal here is not remembered: it is not the inputs' alone
            try:
                own = [file for file in await files() if not (fetched and _called_like(target.source.path, file))]
                known: manifests.ManifestSet | errors.InvalidInput = await self._rendered(
                    target, files=(*own, *fetched), facts=facts
                )
            except errors.Sealed:
                raise  # not for good: the key may come
            except errors.InvalidInput as refused:
                known = errors.InvalidInput(refused.problems)
            self._known[key] = known
            self._remember(key, size=_size(known))
        self._used.move_to_end(key)
        found = self._known[key]
        if isinstance(found, errors.InvalidInput):
            raise errors.InvalidInput(found.problems)
        return found

    async def _fetched(self, target: targets.Target) -> tuple[sources.File, ...]:
        """The files of a chart that lies in an archive."""
        if not isinstance(target.source, targets.Chart) or target.source.archive is None:
            return ()
        try:
            return await self._renderer.chart(target.source.archive, path=target.source.path)
        except errors.InvalidInput as refused:
            where = f"{target.folder}/{application.FILE}"
            raise errors.InvalidInput(tuple(f"{where}: {problem}" for problem in refused.problems)) from None

    def _key(self, target: targets.Target, *, input_digest: str, facts: live.ClusterFacts) -> str:
        """Input digest + renderer version + parameters (M1), never the commit."""
        return document.digest(input_digest, self._parameters(target, facts=facts))

    def _parameters(self, target: targets.Target, *, facts: live.ClusterFacts) -> str:
        """Everything but the inputs that a render depends on. Plain YAML has no renderer: its version, which searches
        the PATH, is not asked for in every pass."""
        plain = isinstance(target.source, targets.ManifestFolder)
        return document.digest(
            "" if plain else self._renderer.version,
            self._opener.means(target.key.environment) if self._opener else "",
            self._installation,
            str(target.key),
            target.namespace,
            repr((target.source, target.left, target.variables)),
            facts.digest,
        )

    def _remember(self, key: str, *, size: int) -> None:
        """Count what was put there under this key, in place of what was there; forget what is too much."""
        self._bytes += size - self._used.pop(key, 0)
        self._used[key] = size
        for kept in (self._known, self._before):
            if len(kept) > self._entries:
                self._forget(next(each for each in self._used if each in kept))
        while len(self._used) > 1 and self._bytes > self._most_bytes:
            self._forget(next(iter(self._used)))

    def _forget(self, key: str) -> None:
        self._bytes -= self._used.pop(key)
        self._known.pop(key, None)
        self._before.pop(key, None)

    async def _rendered(
        self, target: targets.Target, *, files: Sequence[sources.File], facts: live.ClusterFacts
    ) -> manifests.ManifestSet:
        """What was encrypted is in the clear only from here on, in memory, and goes into no problem."""
        opened = await opening.opened(self._opener, target, files)
        try:
            return await self._in_the_clear(target, files=opened.files, facts=facts)
        except errors.InvalidInput as refused:
            problems = encrypted.masked(refused.problems, opened.secrets)
        raise errors.InvalidInput(problems)

    async def _in_the_clear(
        self, target: targets.Target, *, files: Sequence[sources.File], facts: live.ClusterFacts
    ) -> manifests.ManifestSet:
        source = target.source
        if isinstance(source, targets.ManifestFolder):
            return self._folder(target, source, files=files, facts=facts)
        if isinstance(source, targets.Kustomization):
            kustomize.check(target, source, files=files)
            text = await self._renderer.kustomize(source, files=files)
            built = kustomize.read(text, source=source, fill=variables.fill(target))
            return self._assembled(target, facts=facts, rendered=chart.Rendered(built, ()))
        return await self._rendered_twice(target, source, files=files, facts=facts)

    def _folder(
        self,
        target: targets.Target,
        source: targets.ManifestFolder,
        *,
        files: Sequence[sources.File],
        facts: live.ClusterFacts,
    ) -> manifests.ManifestSet:
        """A commit mostly changes one file of many: the manifests of the others are those of the render before. What
        is refused is refused as from nothing: which of two is one too many depends on the order of all files."""
        mine, notes = folder.chosen(files, source)
        parameters = self._parameters(target, facts=facts)
        known = self._before.get(parameters, again.NOTHING)
        fresh, beside = again.split(mine, again.NOTHING if target.left else known)  # those are without their fields

        def made(of: Sequence[sources.File], beside: Sequence[manifests.Manifest]) -> manifests.ManifestSet | None:
            read = folder.read(of, fill=variables.fill(target))
            if beside and not again.alone(read):
                return None
            return self._assembled(target, facts=facts, rendered=chart.Rendered(read, notes), beside=beside)

        found = None
        if beside:
            with contextlib.suppress(errors.InvalidInput):
                found = made(fresh, beside)
        if found is None:
            found = made(mine, ())
        assert found is not None  # noqa: S101 - nothing is beside it; this tells mypy
        self._before[parameters] = kept = again.before(mine, found, notes=notes)
        self._remember(parameters, size=kept.bytes)
        return found

    async def _rendered_twice(
        self, target: targets.Target, source: targets.Chart, *, files: Sequence[sources.File], facts: live.ClusterFacts
    ) -> manifests.ManifestSet:
        """A chart that renders differently each time would be applied, and rolled out, each time: it is refused."""
        text = await self._helm(target, source, files=files, facts=facts)
        read = chart.read(text, chart=source)
        read = replace(read, notes=(*read.notes, *lookups.notes(files, source=source)))
        first = self._assembled(target, facts=facts, rendered=read)
        try:
            again = await self._helm(target, source, files=stable.at_another_time(files), facts=facts)
        except errors.InvalidInput:  # the replaced time broke a template: compare what can be compared
            again = await self._helm(target, source, files=files, facts=facts)
        if again != text:
            second = self._assembled(target, facts=facts, rendered=chart.read(again, chart=source))
            if unstable := stable.differences(first, second):
                raise errors.InvalidInput(unstable)
        return first

    async def _helm(
        self, target: targets.Target, source: targets.Chart, *, files: Sequence[sources.File], facts: live.ClusterFacts
    ) -> str:
        served = {found.api_version for found in facts.types}
        served |= {f"{found.api_version}/{found.kind.kind}" for found in facts.types}
        return await self._renderer.helm(
            source,
            files=files,
            namespace=target.namespace,
            kube_version=facts.version,
            api_versions=sorted(served),
        )

    def _assembled(
        self,
        target: targets.Target,
        *,
        facts: live.ClusterFacts,
        rendered: chart.Rendered,
        beside: Sequence[manifests.Manifest] = (),
    ) -> manifests.ManifestSet:
        found = assemble.manifest_set(
            rendered.parsed,
            target=target,
            installation=self._installation,
            facts=facts,
            notes=rendered.notes,
            beside=beside,
        )
        return left.taken_out(found, target.left)


def _called_like(path: str, file: sources.File) -> bool:
    """A file of the repository where an archive's files are: it would get among them."""
    return file.path == path or file.path.startswith(f"{path}/")


def _size(known: manifests.ManifestSet | errors.InvalidInput) -> int:
    """Bytes, roughly."""
    if isinstance(known, errors.InvalidInput):
        return sum(map(len, known.problems))
    return again.size(known.manifests)
