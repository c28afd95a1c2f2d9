"""Plain YAML folders: every `*.yaml`, `*.yml` and `*.json` below the folder is a manifest, other files are ignored."""

from collections.abc import Sequence

from reconciler import errors, yamltext
from reconciler.model import manifests, sources
from reconciler.render import parsed

SUFFIXES = (".yaml", ".yml", ".json")
SETTINGS = frozenset({"application.yaml", "environment.yaml"})
"""Our own settings, which live beside the manifests; never manifests, wherever they are."""
KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})


def read(files: Sequence[sources.File]) -> tuple[parsed.Parsed, ...]:
    """All documents of the files, in the order of their paths.

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
        elif name.endswith(SUFFIXES) and name not in SETTINGS:
            try:
                documents = yamltext.load_all(file.content, file.path)
            except errors.InvalidInput as refused:
                problems += refused.problems
                continue
            found += [parsed.Parsed(each.value, manifests.Origin(file.path, each.line)) for each in documents]
    if problems:
        raise errors.InvalidInput(tuple(problems))
    return tuple(found)
