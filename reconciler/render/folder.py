"""Plain YAML folders: every `*.yaml`, `*.yml` and `*.json` below the folder is a manifest, other files are ignored."""

import fnmatch
from collections.abc import Iterable, Sequence

from reconciler import errors, yamltext
from reconciler.model import document, manifests, sources, targets
from reconciler.render import parsed

SUFFIXES = (".yaml", ".yml", ".json")
SETTINGS = frozenset({"application.yaml", "environment.yaml"})
"""Names of our own settings, which may lie beside manifests. Others use the names as well: only what says `OURS` is."""
OURS = "reconciler.dev/"
KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})


def chosen(
    files: Iterable[sources.File], source: targets.ManifestFolder
) -> tuple[tuple[sources.File, ...], tuple[str, ...]]:
    """Those of `files` that `source` wants, and a note for each pattern that excludes none: it may be misspelt."""
    below = f"{source.path}/" if source.path else ""
    mine = [file for file in files if file.path.startswith(below) or file.path == source.path]
    out = {
        pattern: {file.path for file in mine if excludes(pattern, file.path.removeprefix(below))}
        for pattern in source.exclude
    }
    gone = frozenset().union(*out.values())
    notes = tuple(f"exclude: {pattern!r} fits no file below {source.path}" for pattern in out if not out[pattern])
    return tuple(file for file in mine if file.path not in gone), notes


def excludes(pattern: str, path: str) -> bool:
    """Whether `pattern` fits `path`, a path from the source's folder, or a folder that it lies in.

    As in a .gitignore: without a slash it fits at any depth, with one from the folder on; `*` and `?` stand for
    characters of one step, `**` for any number of steps.
    """
    wanted = pattern.strip("/").split("/")
    if "/" not in pattern.rstrip("/"):
        wanted = ["**", *wanted]
    at = _skipped({0}, wanted)
    for step in path.split("/"):
        open_places = (place for place in at if place < len(wanted))
        fits = {
            place if wanted[place] == "**" else place + 1
            for place in open_places
            if wanted[place] == "**" or fnmatch.fnmatchcase(step, wanted[place])
        }
        at = _skipped(fits, wanted)
        if len(wanted) in at:
            return True
    return False


def _skipped(places: set[int], wanted: Sequence[str]) -> set[int]:
    """`places`, and those behind any `**`, which also stands for no step at all."""
    for place, step in enumerate(wanted):
        if place in places and step == "**":
            places = places | {place + 1}
    return places


def read(files: Sequence[sources.File], *, fill: yamltext.Fill | None = None) -> tuple[parsed.Parsed, ...]:
    """All documents of the files, in the order of their paths; `fill` puts in variables.

    Raises `errors.InvalidInput` with the problems of all files: one bad file among many refuses the whole (I6).
    """
    found: list[parsed.Parsed] = []
    problems: list[str] = []
    for file in sorted(files, key=lambda file: file.path):
        name = file.path.rpartition("/")[2]
        if name in KUSTOMIZATIONS:
            folder = file.path.rpartition("/")[0]
            remedy = f"write source: {{kustomize: {{path: /{folder}}}}} in application.yaml, or remove it"
            problems.append(f"{file.path}: a folder of plain files holds no kustomization; {remedy}")
        elif name.endswith(SUFFIXES):
            try:
                documents = yamltext.load_all(file.content, file.path, fill=fill)
            except errors.InvalidInput as refused:
                problems += refused.problems
                continue
            found += [
                parsed.Parsed(each.value, manifests.Origin(file.path, each.line))
                for each in documents
                if not (name in SETTINGS and _ours(each.value))
            ]
    if problems:
        raise errors.InvalidInput(tuple(problems))
    return tuple(found)


def _ours(value: document.JsonValue) -> bool:
    return isinstance(value, dict) and document.text(value, "apiVersion").startswith(OURS)
