"""The values of a release: files first, later ones win, inline values last; merged as `helm --values` merges."""

from collections.abc import Sequence

from reconciler import errors, yamltext
from reconciler.model import document, sources, targets


def of(chart: targets.Chart, files: Sequence[sources.File]) -> document.Json:
    """Read strictly: Helm itself keeps the last of duplicate keys, silently. Raises `errors.InvalidInput`."""
    by_path = {file.path: file for file in files}
    merged: document.Json = {}
    problems: list[str] = []
    for path in chart.values_files:
        if path not in by_path:
            problems.append(f"{path}: the values file is not in the repository; correct its path")
            continue
        try:
            merged = merge(merged, _mapping(by_path[path]))
        except errors.InvalidInput as refused:
            problems += refused.problems
    own = by_path.get(f"{chart.path}/values.yaml" if chart.path else "values.yaml")
    if own is not None:
        try:
            _mapping(own)  # Helm reads it by itself; this only refuses what Helm would silently drop
        except errors.InvalidInput as refused:
            problems += refused.problems
    if problems:
        raise errors.InvalidInput(tuple(problems))
    return merge(merged, document.decode(chart.values)) if chart.values else merged


def _mapping(file: sources.File) -> document.Json:
    documents = yamltext.load_all(file.content, file.path)
    if not documents:
        return {}
    value = documents[0].value
    if len(documents) > 1:
        raise errors.InvalidInput((f"{file.path}:{documents[1].line}: a second document; Helm reads only the first",))
    if not isinstance(value, dict):
        raise errors.InvalidInput((f"{file.path}:{documents[0].line}: values must be a mapping; write key: value",))
    return value


def merge(under: document.Json, over: document.Json) -> document.Json:
    """Mappings merge, anything else is replaced; a null stays, because to Helm it removes the chart's default."""
    merged = dict(under)
    for key, value in over.items():
        present = merged.get(key)
        merged[key] = merge(present, value) if isinstance(present, dict) and isinstance(value, dict) else value
    return merged
