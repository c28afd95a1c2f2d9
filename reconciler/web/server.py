"""`/metrics`, `/healthz`, `/readyz`: three read-only pages on aiohttp. Every other route is 404."""

from collections.abc import Callable

from aiohttp import web

from reconciler.web import listening


class Server:
    """Serves on one address until closed. `late` names loops that missed their deadline; `ready` says why not yet."""

    def __init__(
        self, *, metrics: Callable[[], bytes], late: Callable[[], tuple[str, ...]], ready: Callable[[], str]
    ) -> None:
        self._metrics = metrics
        self._late = late
        self._ready = ready
        app = web.Application(client_max_size=1024)
        app.router.add_get("/metrics", self._serve_metrics)
        app.router.add_get("/healthz", self._serve_healthz)
        app.router.add_get("/readyz", self._serve_readyz)
        self._runner = listening.runner(app)

    async def start(self, address: str) -> str:
        """Listen on `host:port` (port 0: any). Returns the address in use. Terminal when it cannot be taken."""
        return await listening.listen(self._runner, address, what="metrics")

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _serve_healthz(self, request: web.Request) -> web.Response:
        """Alive: no loop is stale. A stuck loop is a reason to restart the process."""
        if late := self._late():
            return web.Response(status=503, text="\n".join(late) + "\n")
        return web.Response(text="ok\n")

    async def _serve_readyz(self, request: web.Request) -> web.Response:
        """Ready: leading, and no loop is stale."""
        problems = (*self._late(), *((self._ready(),) if self._ready() else ()))
        if problems:
            return web.Response(status=503, text="\n".join(problems) + "\n")
        return web.Response(text="ok\n")
