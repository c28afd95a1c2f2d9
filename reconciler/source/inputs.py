"""What a target reads of a revision: the paths, and the Git objects they name there."""

from collections.abc import Mapping

from reconciler import errors
from reconciler.model import sources, targets

ENVIRONMENT_FILE = "environment.yaml"


def paths_of(target: targets.Target) -> tuple[tuple[str, bool], ...]:
    """Each path that the target reads, sorted, with whether it is its own.

    Own is its folder, and only that: a revert commit restores own paths, because others may read the rest. What lies
    inside the folder is covered by the folder's tree and not listed again. A kustomization's bases elsewhere are named
    in `reads`: what is not among these paths is refused before it is built (`render/kustomization.py`), so no change of
    it can go unseen. A chart's archive is no path: its digest stands in application.yaml, so in the folder. An
    application that is to go away reads no source any more, which may have gone before it.
    """
    shared = [f"{target.folder.rpartition('/')[0]}/{ENVIRONMENT_FILE}"]
    if target.state is targets.State.PRESENT:
        shared += [*target.reads, *_sources(target.source)]
    outside = {path for path in shared if not covers(target.folder, path)}
    return tuple(sorted([(target.folder, True), *((path, False) for path in outside)]))


def _sources(source: targets.ManifestFolder | targets.Chart | targets.Kustomization) -> tuple[str, ...]:
    if not isinstance(source, targets.Chart):
        return (source.path,)
    return source.values_files if source.archive else (*source.values_files, source.path)


def covers(folder: str, path: str) -> bool:
    """Whether `path` is `folder` or below it. By whole steps: `charts/web-evil` is not below `charts/web`."""
    return path == folder or path.startswith(f"{folder}/")


def inputs(revision: str, target: targets.Target, *, reached: Mapping[str, sources.Reached]) -> sources.Inputs:
    """`reached` has each path of `paths_of`. Where links lead out of all of these is read as well, and is not its own.
    Raises `errors.PathMissing` naming all paths that are absent, `errors.InvalidInput` for those whose links lead to
    more than may be read."""
    named = paths_of(target)
    read = [sources.InputPath(path, reached[path].oid, own) for path, own in named]
    absent = [found.path for found in read if not found.oid]
    if absent:
        raise errors.PathMissing(
            f"{target.key} reads {', '.join(absent)}, which {'is' if len(absent) == 1 else 'are'} not in revision"
            f" {revision}; nothing is deleted"
        )
    if problems := tuple(reached[path].problem for path, _ in named if reached[path].problem):
        raise errors.InvalidInput(problems)
    linked = {path: oid for each, _ in named for path, oid in reached[each].linked}
    read += [
        sources.InputPath(path, oid, own=False)
        for path, oid in linked.items()
        if not any(covers(each, path) for each, _ in named)
    ]
    return sources.Inputs(revision, tuple(sorted(read, key=lambda found: found.path)))
