"""The renderer port, fulfilled by Helm's SDK in boxed child processes. See docs/decisions/0007-helm-box.md."""

import asyncio
import importlib.metadata
from collections.abc import Sequence

from reconciler import errors
from reconciler.edges.helm import box, values
from reconciler.model import sources, targets


class HelmRenderer:
    """Keeps up to `workers` warm children, started when first needed, so that one slow chart does not hold up others.

    Fulfils `ports.Renderer`. Close it at the end.
    """

    def __init__(
        self, *, limits: box.Limits = box.DEFAULT_LIMITS, workers: int = 2, command: Sequence[str] = box.CHILD
    ) -> None:
        self._limits = limits
        self._command = tuple(command)
        self._free = asyncio.Semaphore(workers)
        self._idle: list[box.Box] = []
        self._version = f"helm-python-sdk {importlib.metadata.version('helm-python-sdk')}"

    @property
    def version(self) -> str:
        """`helm-python-sdk 0.2.2`: the package pins Helm; asking the library itself would load it into the daemon."""
        return self._version

    async def isolation(self) -> tuple[str, ...]:
        """What a child could give up here: of `network`, `files` (all but its own folder) and `user`. For `doctor`.

        Raises Transient when no child starts.
        """
        async with self._free:
            try:
                child, _ = await self._child()
            except box.BoxBroken as broken:
                raise errors.Transient(f"the box for Helm {broken}; it is tried again") from broken
            self._idle.append(child)
            given_up = child.greeting.get("isolation")
            return tuple(str(name) for name in given_up) if isinstance(given_up, list) else ()

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
            "chart": chart.path,
            "release": chart.release,
            "namespace": namespace,
            "kube_version": kube_version,
            "api_versions": list(api_versions),
            "values": values.of(chart, files),
            "files": [(file.path, len(file.content)) for file in readable],
        }
        answer = await self._ask(chart, request, contents=tuple(file.content for file in readable))
        refused, text = answer.get("refused"), answer.get("text")
        if isinstance(refused, str):
            raise errors.InvalidInput((refused,))
        if not isinstance(text, str):
            raise errors.Transient(f"{chart.path}: the box for Helm answered nonsense; it is tried again")
        return text

    async def close(self) -> None:
        """End the children."""
        while self._idle:
            await self._idle.pop().kill()

    async def _ask(
        self, chart: targets.Chart, request: dict[str, object], *, contents: tuple[bytes, ...]
    ) -> dict[str, object]:
        async with self._free:
            while True:
                try:
                    child, warm = await self._child()
                except box.BoxBroken as broken:
                    raise errors.Transient(f"{chart.path}: the box for Helm {broken}; it is tried again") from broken
                try:
                    answer = await child.ask(request, contents=contents)
                except box.BoxBroken as broken:
                    if warm and not broken.late:
                        continue  # a warm child may have died of something else: once more with a fresh one
                    raise errors.Transient(
                        f"{chart.path}: the box for Helm {broken} while it rendered this chart; it is tried again, "
                        "simplify the chart if it happens every time"
                    ) from broken
                self._idle.append(child)
                return dict(answer)

    async def _child(self) -> tuple[box.Box, bool]:
        """A child to ask, and whether it is one that has answered before."""
        while self._idle:
            child = self._idle.pop()
            if child.usable:
                return child, True
            await child.kill()
        return await box.Box.start(limits=self._limits, command=self._command), False


def _readable(chart: targets.Chart, files: Sequence[sources.File], *, limit: int) -> list[sources.File]:
    """The chart's own files, the only ones that reach the box. Raises `errors.InvalidInput`."""
    below = f"{chart.path}/" if chart.path else ""
    inside = [file for file in files if file.path.startswith(below)]
    if f"{below}Chart.yaml" not in {file.path for file in inside}:
        raise errors.InvalidInput((f"{below}Chart.yaml: there is no chart here; correct the path of the chart",))
    odd = [file.path for file in inside if not _ordinary(file.path)]
    if odd:
        raise errors.InvalidInput(tuple(f"{path!r}: not a path inside the repository; rename it" for path in odd))
    size = sum(len(file.content) for file in inside)
    if size > limit:
        raise errors.InvalidInput(
            (f"{chart.path}: the chart's files hold {size} bytes, more than {limit}; add a .helmignore or split it",)
        )
    return inside


def _ordinary(path: str) -> bool:
    return "\0" not in path and all(part not in ("", ".", "..") for part in path.split("/"))
