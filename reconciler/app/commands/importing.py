"""`import`: files of Flux and Argo CD → application.yaml files, or nothing at all when one of them cannot be."""

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler import errors, yamltext
from reconciler.app import writing
from reconciler.model import document
from reconciler.settings import application, environment, loading
from reconciler.settings.peers import argocd, fates, flux

LARGEST = 16 * 1024 * 1024
"""Bytes of one file (I10)."""
SOURCES = ("HelmRepository", "OCIRepository")


@dataclass(frozen=True, slots=True)
class Written:
    """`files`: path → content, in the order of writing. `others`: objects that no application comes of."""

    files: dict[pathlib.Path, str]
    found: tuple[fates.Imported, ...]
    others: tuple[str, ...]


def read(files: Sequence[pathlib.Path], *, environment_name: str, out: pathlib.Path) -> Written:
    """What would be written below `out`. Raises `errors.InvalidInput` with everything that cannot be carried over or
    would be overwritten."""
    bodies = [body for file in files for body in _objects(file)]
    named = {
        (document.text(body, "kind"), document.text(body, "metadata", "name")): body
        for body in bodies
        if document.text(body, "kind") in SOURCES
    }
    others: list[str] = []
    found: list[fates.Imported] = []
    for body in bodies:
        made = _imported(body, named)
        if made is None:
            others.append(f"{document.text(body, 'kind')} {document.text(body, 'metadata', 'name')}")
        else:
            found.append(made)
    applications = [one for one in found if one.name]
    folder = out / environment_name
    written = {}
    if not (folder / environment.FILE).exists():
        written[folder / environment.FILE] = writing.as_yaml({"apiVersion": "reconciler.dev/v1", "kind": "Environment"})
    problems = [said for one in found for said in one.refused]
    for one in applications:
        path = folder / one.name / application.FILE
        if path in written:
            problems.append(f"{one.source}: another one of that name is among the files; rename one of them")
        elif path.exists():
            problems.append(f"{path} exists and is not overwritten; remove it, or give another --out")
        written[path] = writing.as_yaml(one.settings)
        if not one.refused:
            problems += _check(path, written[path])
    if not applications:
        problems.append("no Kustomization, HelmRelease or Application is in these files")
    if problems:
        raise errors.InvalidInput(tuple(problems))
    return Written(written, tuple(found), tuple(others))


def write(wanted: Written) -> None:
    """Make the files; none of them may exist by now either."""
    for path, content in wanted.files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(content)
        except OSError as error:
            raise errors.InvalidInput((f"{path} cannot be written: {error.strerror or error}",)) from error


def _objects(file: pathlib.Path) -> list[document.Json]:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError as error:
        raise errors.InvalidInput((f"{file} cannot be read: {error.strerror or error}",)) from error
    if len(content) > LARGEST:
        raise errors.InvalidInput((f"{file} is larger than {LARGEST} bytes; split it",))
    bodies = [found.value for found in yamltext.load_all(content, str(file))]
    return [inner for body in bodies if isinstance(body, dict) for inner in _unlisted(body)]


def _unlisted(body: document.Json) -> list[document.Json]:
    """The items of a List, as `kubectl get -o yaml` prints it; else the object itself."""
    if document.text(body, "kind") != "List":
        return [body]
    return [item for item in document.items(body, "items") if isinstance(item, dict)]


def _imported(body: document.Json, sources: flux.Sources) -> fates.Imported | None:
    group = document.text(body, "apiVersion").partition("/")[0]
    match (group, document.text(body, "kind")):
        case ("kustomize.toolkit.fluxcd.io", "Kustomization"):
            return flux.kustomization(body)
        case ("helm.toolkit.fluxcd.io", "HelmRelease"):
            return flux.helm_release(body, sources)
        case ("source.toolkit.fluxcd.io", "HelmRepository" | "OCIRepository"):
            return flux.source(body)
        case ("argoproj.io", "Application"):
            return argocd.application(body)
    return None


def _check(path: pathlib.Path, content: str) -> tuple[str, ...]:
    try:
        loading.load(application.Application, content, where=str(path))
    except errors.InvalidInput as error:
        return tuple(f"{problem} (as it was carried over)" for problem in error.problems)
    return ()


def lost(found: fates.Imported) -> tuple[fates.Fate, ...]:
    """Fields without a counterpart."""
    return tuple(fate for fate in found.fates if not fate.to)


def data(wanted: Written) -> document.Json:
    """For scripts. Names are stable; `to` is null for a field without a counterpart."""
    return {
        "files": [str(path) for path in wanted.files],
        "others": list(wanted.others),
        "objects": [
            {
                "source": one.source,
                "application": one.name or None,
                "fields": [
                    {"path": fate.path, "to": fate.to or None, "because": fate.because or None} for fate in one.fates
                ],
            }
            for one in wanted.found
        ],
    }
