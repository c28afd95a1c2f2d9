"""What a folder is, and the application that deploys it."""

import enum
import pathlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
    """`folder`, or one file, is tried; `root`, which holds it, is what the repository gets: an overlay needs its bases.

    `given`: files and folders with manifests that the cluster has before, as a team's own cluster has.
    """

    folder: pathlib.Path
    root: pathlib.Path
    shape: Shape
    values: tuple[pathlib.Path, ...] = ()
    given: tuple[pathlib.Path, ...] = ()

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
) -> Source:
    """What `folder` is. Raises ValueError with a sentence when it is not there, or not within `root`."""
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
    return Source(folder, root, shape, tuple(values), tuple(given))


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
    reads = {"reads": [TREE]} if source.root != source.folder else {}
    return {**header, "source": settings, **reads}
