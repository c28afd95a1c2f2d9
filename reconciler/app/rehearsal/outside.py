"""Real time beside virtual time: what waits for the world runs on an event loop of its own, and the virtual clock
stands still meanwhile."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from reconciler import ports
from reconciler.model import health, live, sources, targets

T = TypeVar("T")


class Outside:
    """An event loop in a thread. Close it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="outside", daemon=True)
        self._thread.start()

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, done there. A virtual clock holds while its loop waits for a thread."""
        done = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return await asyncio.to_thread(done.result)
        except asyncio.CancelledError:
            done.cancel()
            raise

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Renderer:
    """Fulfils `ports.Renderer` with one that lives outside."""

    def __init__(self, outside: Outside, inner: ports.Renderer) -> None:
        self._outside, self._inner = outside, inner

    @property
    def version(self) -> str:
        return self._inner.version

    async def helm(
        self,
        chart: targets.Chart,
        *,
        files: Sequence[sources.File],
        namespace: str,
        kube_version: str,
        api_versions: Sequence[str],
    ) -> str:
        return await self._outside.do(
            self._inner.helm(
                chart, files=files, namespace=namespace, kube_version=kube_version, api_versions=api_versions
            )
        )

    async def kustomize(self, kustomization: targets.Kustomization, *, files: Sequence[sources.File]) -> str:
        return await self._outside.do(self._inner.kustomize(kustomization, files=files))

    async def chart(self, wanted: targets.ChartArchive, *, path: str) -> tuple[sources.File, ...]:
        return await self._outside.do(self._inner.chart(wanted, path=path))


class Opener:
    """Fulfils `ports.Opener` with one that lives outside."""

    def __init__(self, outside: Outside, inner: ports.Opener) -> None:
        self._outside, self._inner = outside, inner

    def means(self, environment: str) -> str:
        return self._inner.means(environment)

    async def open(self, file: sources.File, *, form: str, environment: str) -> bytes:
        return await self._outside.do(self._inner.open(file, form=form, environment=environment))


class Expressions:
    """Fulfils `ports.Expressions` with one that lives outside."""

    def __init__(self, outside: Outside, inner: ports.Expressions) -> None:
        self._outside, self._inner = outside, inner

    async def evaluate(self, check: targets.HealthCheck, found: live.LiveObject) -> health.Answer:
        return await self._outside.do(self._inner.evaluate(check, found))
