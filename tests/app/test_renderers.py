"""From the settings on disk to a chart of a repository elsewhere."""

import pathlib

import pytest

from reconciler import errors
from reconciler.app import renderers
from reconciler.model import targets
from reconciler.settings import deployment, loading
from tests.support import chartserver

DISK = """\
stateDir: {state}
repositories: {{main: {{url: 'https://git.example.com/a/b.git', ref: refs/heads/main}}}}
clusters: {{main: {{inCluster: true}}}}
environments: {{production: {{repository: main, cluster: main, namespaces: [web]}}}}
"""


async def test_a_listed_repository_is_asked_and_new_settings_count_at_once(tmp_path: pathlib.Path) -> None:
    def settings(more: str = "") -> deployment.Deployment:
        return loading.load(deployment.Deployment, DISK.format(state=tmp_path) + more, where="config.yaml")

    with chartserver.serving(tmp_path) as (server,):
        packed = server.charts[("web", "1.2.3")] = chartserver.packed({"values.yaml": ""})
        wanted = targets.ChartArchive(f"oci://{server.host}/x", "web", "1.2.3", chartserver.digest(packed))
        tested = renderers.Renderers(settings())
        with pytest.raises(errors.InvalidInput, match="is none of chartRepositories"):
            await tested.chart(wanted, path="web-1.2.3.tgz")
        tested.adjust(settings(f"chartRepositories: [{{url: 'oci://{server.host}', caFile: {server.ca_file}}}]\n"))
        found = await tested.chart(wanted, path="web-1.2.3.tgz")
        assert [file.path for file in found] == ["web-1.2.3.tgz/Chart.yaml", "web-1.2.3.tgz/values.yaml"]
        assert [file.suffix for file in (tmp_path / "charts").iterdir()] == [".tgz"]
        await tested.close()
