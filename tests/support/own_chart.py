"""What the chart of the daemon renders to."""

import pathlib
from typing import Any

import helm_python

from reconciler import yamltext

ROOT = pathlib.Path(__file__).parents[2]
CHART = ROOT / "charts" / "reconciler"
NAMESPACE = "tools"

Json = dict[str, Any]
SETTINGS: Json = {
    "repositories": {"desired": {"url": "https://git.example.com/desired.git", "ref": "refs/heads/main"}},
    "clusters": {"here": {"inCluster": True}},
    "environments": {"production": {"repository": "desired", "cluster": "here", "namespaces": ["web"]}},
}


def render(values: Json, *, namespace: str = NAMESPACE) -> dict[tuple[str, str, str], Json]:
    """(kind, namespace, name) → object."""
    with helm_python.Chart.load(CHART) as chart:
        templates = chart.render(values, name="reconciler", namespace=namespace)
    objects: dict[tuple[str, str, str], Json] = {}
    for path, text in templates.items():
        for document in yamltext.load_all(text, path):
            rendered: Any = document.value
            metadata = rendered["metadata"]
            objects[rendered["kind"], metadata.get("namespace", ""), metadata["name"]] = rendered
    return objects


def rules(objects: dict[tuple[str, str, str], Json], kind: str) -> list[Json]:
    return [rule for (its, _, _), found in objects.items() if its == kind for rule in found["rules"]]
