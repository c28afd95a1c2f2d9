"""The renderers of the present settings, behind one port."""

import os
import pathlib
from collections.abc import Sequence

from reconciler.edges.boxed import box
from reconciler.edges.charts import store, web
from reconciler.edges.helm import renderer as helm_renderer
from reconciler.edges.kustomize import renderer as kustomize_renderer
from reconciler.model import document, sources, targets
from reconciler.settings import deployment

GO_ITSELF = 2 * 1024**3
"""Address space that Go reserves without using it: the configured memory is what a render may use on top."""


def limits(its: deployment.Deployment) -> box.Limits:
    """What the settings allow one box."""
    return box.Limits(wall=its.render.timeout, memory=its.render.memory + GO_ITSELF, output=its.render.output)


def state_beside(its: deployment.Deployment) -> pathlib.Path:
    """A folder that this user may write. The daemon's own user shares the daemon's; anybody else (root above all) would
    leave files in it that the daemon cannot replace, and gets one in the own cache, for each installation another."""
    state = pathlib.Path(its.state_dir)
    if state.exists() and state.stat().st_uid == os.geteuid():
        return state
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    return cache / "reconciler" / document.digest(its.state_dir)[:12]


def places(its: deployment.Deployment) -> tuple[web.Place, ...]:
    """The chart repositories of the settings, as their edge knows them."""
    return tuple(
        web.Place(
            url=one.url.replace(store.OCI, "https://", 1),
            username_file=_path(one.username_file),
            password_file=_path(one.password_file),
            ca_file=_path(one.ca_file),
            also_from=one.also_from,
            token_server=one.token_server or "",
        )
        for one in its.chart_repositories
    )


def _path(said: str | None) -> pathlib.Path | None:
    return pathlib.Path(said) if said else None


class Renderers:
    """Helm, Kustomize, and the charts of repositories elsewhere; fulfils `ports.Renderer`. Children start when first
    needed. Close it at the end."""

    def __init__(self, its: deployment.Deployment) -> None:
        self._helm = helm_renderer.HelmRenderer(limits=limits(its))
        self._kustomize = kustomize_renderer.KustomizeRenderer(limits=limits(its))
        self._charts = store.ChartStore(state_beside(its) / "charts", places=places(its))

    def adjust(self, its: deployment.Deployment) -> None:
        """Take the chart repositories of new settings."""
        self._charts.places = places(its)

    @property
    def version(self) -> str:
        return f"{self._helm.version}, {self._kustomize.version}"

    async def helm(
        self,
        chart: targets.Chart,
        *,
        files: Sequence[sources.File],
        namespace: str,
        kube_version: str,
        api_versions: Sequence[str],
    ) -> str:
        return await self._helm.helm(
            chart, files=files, namespace=namespace, kube_version=kube_version, api_versions=api_versions
        )

    async def kustomize(self, kustomization: targets.Kustomization, *, files: Sequence[sources.File]) -> str:
        return await self._kustomize.kustomize(kustomization, files=files)

    async def chart(self, wanted: targets.ChartArchive, *, path: str) -> tuple[sources.File, ...]:
        return await self._charts.chart(wanted, path=path)

    async def close(self) -> None:
        await self._helm.close()
        await self._kustomize.close()
