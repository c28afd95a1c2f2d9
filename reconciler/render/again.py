"""A folder of plain files rendered before: what the files that did not change have given need not be read again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.model import manifests, sources
from reconciler.render import assemble, parsed, served


@dataclass(frozen=True, slots=True)
class Before:
    """`oids`: the files, by path, that were read for `manifests`."""

    oids: Mapping[str, str]
    manifests: tuple[manifests.Manifest, ...]

    @property
    def bytes(self) -> int:
        """Of memory, roughly."""
        return size(self.manifests) + sum(len(path) + len(oid) for path, oid in self.oids.items())


NOTHING = Before({}, ())


def size(of: Sequence[manifests.Manifest]) -> int:
    """Bytes of memory, roughly."""
    return sum(len(manifest.body) + len(manifest.born) for manifest in of)


def before(files: Sequence[sources.File], found: manifests.ManifestSet, *, notes: Sequence[str]) -> Before:
    """What can be taken up. Nothing where one file has a say in what another gives (definitions), or where something
    was noted of objects: nobody knows of which file. `notes`: those that are of no object."""
    defines = any(manifest.key.kind_key == served.DEFINITION for manifest in found.manifests)
    if defines or tuple(notes) != found.notes:
        return NOTHING
    return Before({file.path: file.oid for file in files}, found.manifests)


def split(
    files: Sequence[sources.File], known: Before
) -> tuple[tuple[sources.File, ...], tuple[manifests.Manifest, ...]]:
    """The files that must be read, and the manifests of the others."""
    same = {file.path for file in files if known.oids.get(file.path) == file.oid}
    fresh = tuple(file for file in files if file.path not in same)
    return fresh, tuple(manifest for manifest in known.manifests if manifest.origin.path in same)


def alone(read: Sequence[parsed.Parsed]) -> bool:
    """Whether none of the documents has a say in what others give."""
    opened, _ = assemble.opened(read)  # a definition may be an item of a List
    return not served.definitions(each.value for each in opened)
