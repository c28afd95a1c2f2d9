"""A path of application.yaml leads nowhere but into the repository: refused by line and field, or a name to look up."""

import pytest

from reconciler import errors
from reconciler.edges.git import place
from reconciler.model import ids, targets
from reconciler.settings import application, deployment, environment, loading, resolve

FOLDER = "desired-state/production/web"
HEAD = "apiVersion: reconciler.dev/v1\nkind: {}\n"
DISK = """\
repositories: {main: {url: 'https://git.example.com/a.git', ref: refs/heads/main}}
clusters: {main: {inCluster: true}}
environments: {production: {repository: main, cluster: main, namespaces: [web]}}
"""
FIELDS = {
    "source.manifests.path": "source: {{manifests: {{path: {}}}}}",
    "source.chart.path": "source: {{chart: {{path: {}}}}}",
    "source.chart.valuesFiles[1]": "source: {{chart: {{path: /charts/web, valuesFiles: [values.yaml, {}]}}}}",
    "source.kustomize.path": "source: {{kustomize: {{path: {}}}}}",
    "reads[0]": "source: {{manifests: {{}}}}\nreads: [{}]",
}
OUTSIDE = (
    "../x",
    "..",
    "a/../../x",
    "/../x",
    "..\\x",
    "a\\..\\..\\x",
    "/",
    "//etc/passwd",
    "-x",
    "--output=x",
    ":(top)x",
    "a\n../x",
    "a\0b",
)
INSIDE = {
    "/etc/passwd": "etc/passwd",
    "file:///etc/passwd": "file:/etc/passwd",
    "https://h/x": "https:/h/x",
    "%2e%2e/x": "%2e%2e/x",
    "..%2fx": "..%2fx",
    "..../x": "..../x",
    "~/x": "~/x",
    "$HOME/x": "$HOME/x",
    "a/./b": "a/b",
}
"""What is a name like any other: looked up in the repository, where it is there or not."""


def read(field: str, path: str) -> str:
    """What the field means: a path from the repository's root."""
    own = HEAD.format("Application") + "namespace: web\n" + FIELDS[field].format(quoted(path)) + "\n"
    target = resolve.resolve(
        loading.load(deployment.Deployment, DISK, where="deployment-config.yaml"),
        key=ids.TargetKey("production", "web"),
        folder=FOLDER,
        application=loading.load(application.Application, own, where=f"{FOLDER}/application.yaml"),
        environment=loading.load(environment.Environment, HEAD.format("Environment"), where="environment.yaml"),
    )
    if field == "reads[0]":
        return target.reads[0]
    if isinstance(target.source, targets.Chart) and target.source.values_files:
        return target.source.values_files[1]
    assert not isinstance(target.source, targets.ChartArchive)
    return target.source.path


def quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace("\n", "\\n").replace("\0", "\\0") + '"'


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.row("GIT-02", "GIT-06")
def test_what_leads_outside_is_refused_by_line_and_field(field: str, path: str) -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        read(field, path)
    (problem,) = refused.value.problems
    assert problem.startswith(f"{FOLDER}/application.yaml:{5 if field == 'reads[0]' else 4}: {field}: "), problem
    assert "; " in problem, "a remedy follows"


@pytest.mark.parametrize("path", INSIDE)
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.row("GIT-06")
def test_what_looks_like_a_way_out_is_a_name_in_the_repository(field: str, path: str) -> None:
    found = read(field, path)
    from_root = path.startswith("/") or field in ("reads[0]", "source.chart.path")
    assert found == (INSIDE[path] if from_root else f"{FOLDER}/{INSIDE[path]}")
    assert place.checked_path(found) == found
