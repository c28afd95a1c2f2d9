"""Encrypted files are opened between Git and the renderers, all or none; nothing that they held is said again (I13)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciler import errors, ports
from reconciler.model import sources, targets
from reconciler.render import encrypted, folder


@dataclass(frozen=True, slots=True)
class Opened:
    """`files` in the clear, and every value that was encrypted in them. Lives as long as one render."""

    files: tuple[sources.File, ...]
    secrets: frozenset[str]


async def opened(opener: ports.Opener | None, target: targets.Target, files: Sequence[sources.File]) -> Opened:
    """The target's files, those opened that go into its render. `errors.Sealed` names each that cannot be opened."""
    found: list[sources.File] = []
    secrets: set[str] = set()
    problems: list[str] = []
    needed = _needed(target.source, files)
    for file in files:
        how = encrypted.form(file) if file.path in needed else None
        if how is None:
            found.append(file)
        elif opener is None:
            problems.append(f"{file.path} is encrypted with SOPS, and nothing here can open it")
        else:
            try:
                content = await opener.open(file, form=how.value, environment=target.key.environment)
            except errors.Sealed as error:
                problems += error.problems
                continue
            secrets |= encrypted.opened_values(file, content, how=how)
            found.append(replace(file, content=content))
    if problems:
        raise errors.Sealed(tuple(problems))
    return Opened(tuple(found), frozenset(secrets))


def _needed(
    source: targets.ManifestFolder | targets.Chart | targets.Kustomization, files: Sequence[sources.File]
) -> frozenset[str]:
    """Paths that go into the render: what a chart does not read may be encrypted for somebody else."""
    if isinstance(source, targets.ManifestFolder):
        return frozenset(file.path for file in folder.chosen(files, source)[0])
    if isinstance(source, targets.Chart):
        inside = f"{source.path}/" if source.path else ""
        return frozenset(
            file.path for file in files if file.path in source.values_files or file.path.startswith(inside)
        )
    return frozenset(file.path for file in files)
