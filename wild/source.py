"""What a folder is, and the application that deploys it."""

import enum
import pathlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

CHART = "Chart.yaml"
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
TREE = "tree"
"""Where in the temporary repository the folder, or what it is part of, lies."""


class Shape(enum.Enum):
    """What is in a folder, by the file that says so."""

    CHART = "Helm chart"
    KUSTOMIZATION = "kustomization"
    MANIFESTS = "manifests"


@dataclass(frozen=True, slots=True)
class Source:
    """`folder`, or one file, is tried; `root`, which holds it, is what the repository gets: an overlay needs its bases,
    a link what it leads to.

    `given`: files and folders with manifests that the cluster has before, as a team's own cluster has.
    `settings` of application.yaml go over those that the shape asks for.
    """

    folder: pathlib.Path
    root: pathlib.Path
    shape: Shape
    values: tuple[pathlib.Path, ...] = ()
    given: tuple[pathlib.Path, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The folder's path in the repository."""
        inside = self.folder.relative_to(self.root).as_posix()
        return TREE if inside == "." else f"{TREE}/{inside}"

    @property
    def name(self) -> str:
        """A name of an application made of the folder's, or of its parent's where that says nothing."""
        parts = [*self.folder.parent.parts, self.folder.name.partition(".")[0]]
        names = [part for part in reversed(parts) if part not in ("manifests", "deploy", "base", "default")]
        word = re.sub(r"[^a-z0-9]+", "-", (names[0] if names else "wild").lower()).strip("-")
        return word[:40].strip("-") or "wild"


def found(
    folder: pathlib.Path,
    *,
    root: pathlib.Path | None = None,
    values: Sequence[pathlib.Path] = (),
    given: Sequence[pathlib.Path] = (),
    settings: str = "",
) -> Source:
    """What `folder` is. Raises ValueError with a sentence when it is not there, or not within `root`, or `settings` are
    no YAML mapping."""
    folder = folder.resolve()
    root = (root or folder).resolve()
    if not folder.exists():
        raise ValueError(f"{folder} is not there; name a folder with manifests, a kustomization or a chart, or a file")
    if not folder.is_relative_to(root):
        raise ValueError(f"{folder} does not lie within {root}; name a root that holds it")
    shape = Shape.MANIFESTS
    if (folder / CHART).is_file():
        shape = Shape.CHART
    elif any((folder / name).is_file() for name in KUSTOMIZATIONS):
        shape = Shape.KUSTOMIZATION
    if missing := [str(path) for path in (*values, *given) if not path.exists()]:
        raise ValueError(f"{', '.join(missing)}: not there")
    if values and shape is not Shape.CHART:
        raise ValueError(f"{folder} is no Helm chart: values files are for charts")
    written = yaml.safe_load(settings) if settings else {}
    if not isinstance(written, dict):
        raise ValueError(f"{settings}: no mapping; write it as in application.yaml: {{keepLive: [...]}}")
    return Source(folder, root, shape, tuple(values), tuple(given), written)


def application(source: Source, *, namespace: str) -> dict[str, Any]:
    """The application.yaml."""
    at = f"/{source.path}"
    settings: dict[str, Any] = {"manifests": {"path": at}}
    if source.shape is Shape.CHART:
        names = [f"values-{number}.yaml" for number in range(len(source.values))]
        settings = {"chart": {"path": source.path, "valuesFiles": names}}
    elif source.shape is Shape.KUSTOMIZATION:
        settings = {"kustomize": {"path": at}}
    header = {"apiVersion": "reconciler.dev/v1", "kind": "Application", "namespace": namespace}
    bases = source.root != source.folder and source.shape is Shape.KUSTOMIZATION
    reads = {"reads": [TREE]} if bases else {}
    return _over({**header, "source": settings, **reads}, source.settings)


def _over(settings: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings are joined, anything else is replaced."""
    joined = dict(settings)
    for name, value in more.items():
        below = joined.get(name)
        joined[name] = _over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return joined
