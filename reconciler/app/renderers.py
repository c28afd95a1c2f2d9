"""The renderers of the present settings, behind one port."""

from collections.abc import Sequence

from reconciler.edges.boxed import box
from reconciler.edges.helm import renderer as helm_renderer
from reconciler.edges.kustomize import renderer as kustomize_renderer
from reconciler.model import sources, targets
from reconciler.settings import deployment

GO_ITSELF = 2 * 1024**3
"""Address space that Go reserves without using it: the configured memory is what a render may use on top."""


def limits(its: deployment.Deployment) -> box.Limits:
    """What the settings allow one box."""
    return box.Limits(wall=its.render.timeout, memory=its.render.memory + GO_ITSELF, output=its.render.output)


class Renderers:
    """Helm and Kustomize; fulfils `ports.Renderer`. Children start when first needed. Close it at the end."""

    def __init__(self, its: deployment.Deployment) -> None:
        self._helm = helm_renderer.HelmRenderer(limits=limits(its))
        self._kustomize = kustomize_renderer.KustomizeRenderer(limits=limits(its))

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

    async def close(self) -> None:
        await self._helm.close()
        await self._kustomize.close()
