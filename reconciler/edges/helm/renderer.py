"""Helm's SDK in boxed child processes. See docs/decisions/0007-helm-box.md."""

import importlib.metadata
from collections.abc import Sequence

from reconciler import errors
from reconciler.edges.boxed import box, pool
from reconciler.edges.helm import values
from reconciler.model import sources, targets

CHILD = box.command("reconciler.edges.helm.child")


class HelmRenderer:
    """Charts to text. Close it at the end."""

    def __init__(
        self, *, limits: box.Limits = box.DEFAULT_LIMITS, workers: int = 2, command: Sequence[str] = CHILD
    ) -> None:
        self._limits = limits
        self._pool = pool.Pool("Helm", limits=limits, workers=workers, command=command)
        self._version = f"helm-python-sdk {importlib.metadata.version('helm-python-sdk')}"

    @property
    def version(self) -> str:
        """`helm-python-sdk 0.2.2`: the package pins Helm; asking the library itself would load it into the daemon."""
        return self._version

    async def isolation(self) -> tuple[str, ...]:
        """What a child could give up here: of `network`, `files` (all but its own folder) and `user`. For `doctor`.

        Raises Transient when no child starts.
        """
        return await self._pool.isolation()

    async def helm(
        self,
        chart: targets.Chart,
        *,
        files: Sequence[sources.File],
        namespace: str,
        kube_version: str,
        api_versions: Sequence[str],
    ) -> str:
        """As `ports.Renderer` says; custom resource definitions of `crds/` are included, NOTES.txt is not."""
        readable = _readable(chart, files, limit=self._limits.request)
        request: dict[str, object] = {
            "release": chart.release,
            "namespace": namespace,
            "kube_version": kube_version,
            "api_versions": list(api_versions),
            "values": values.of(chart, files),
        }
        return await self._pool.render(chart.path, request, files=readable)

    async def close(self) -> None:
        """End the children."""
        await self._pool.close()


def _readable(chart: targets.Chart, files: Sequence[sources.File], *, limit: int) -> list[sources.File]:
    """The chart's own files, the only ones that reach the box. Raises `errors.InvalidInput`."""
    below = f"{chart.path}/" if chart.path else ""
    inside = [file for file in files if file.path.startswith(below)]
    if f"{below}Chart.yaml" not in {file.path for file in inside}:
        raise errors.InvalidInput((f"{below}Chart.yaml: there is no chart here; correct the path of the chart",))
    pool.inside_the_repository(inside)
    size = sum(len(file.content) for file in inside)
    if size > limit:
        raise errors.InvalidInput(
            (f"{chart.path}: the chart's files hold {size} bytes, more than {limit}; add a .helmignore or split it",)
        )
    return inside
