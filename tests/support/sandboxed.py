"""The set-up of `site.Site` on a sandbox: the same daemon, in this process, on the event loop of its cluster."""

import asyncio
import contextlib
import logging
import pathlib
import subprocess
from collections.abc import Iterator

from typer import testing

from reconciler import errors
from reconciler.app import beside, composing, opening
from reconciler.app.commands import previewing as showing
from reconciler.cli import main
from reconciler.pipeline import previewing
from tests.clusterkit import sandbox
from tests.support import site

log = logging.getLogger("reconciler")


class SandboxSite(site.Site):
    """What needs a process of its own (`kill`, an environment) is not here: mark such journeys `only_kubernetes`."""

    cluster: sandbox.SandboxAccess

    def start(self, **environment: str) -> None:
        if environment:
            raise NotImplementedError("the daemon shares the environment of this process")
        self.process = Daemon(self.config, self.log_file, self.cluster)

    def kill(self) -> None:
        raise NotImplementedError("a thread cannot be killed as a power cut would")

    def command(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """In this process: it works on the journal alone, and a process would take a second to load."""
        variables = {"RECONCILER_CONFIG": str(self.config), "NO_COLOR": "1"}
        done = testing.CliRunner().invoke(main.app, list(arguments), env=variables)
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)

    def plan(self) -> str:
        return self.cluster.call(self._plan())

    async def _plan(self) -> str:
        its = opening.settings(self.config)
        async with (
            beside.journal_or_none(its) as (journal, lonely),
            beside.build(its, journal, models=self.cluster.models) as found,
        ):
            setting = previewing.Setting(lonely=lonely, unreachable=found.unreachable)
            return showing.text(await previewing.Previewing(found.here, setting).all(lambda key: True))

    def close(self) -> None:
        self.stop()


class Daemon:
    """`reconciler run`, with what `subprocess.Popen` has and `site.Site` uses."""

    def __init__(self, config: pathlib.Path, log_file: pathlib.Path, where: sandbox.SandboxAccess) -> None:
        self._where = where
        self._stop = asyncio.Event()
        self._ended = asyncio.run_coroutine_threadsafe(self._run(config, log_file), where.loop)

    async def _run(self, config: pathlib.Path, log_file: pathlib.Path) -> int:
        with _logged(log_file, self._where.thread.ident):
            try:
                await composing.serve(config, stop=self._stop, models=self._where.models)
            except errors.ReconcilerError as error:
                log.error("%s", error)
                return 1
            except Exception:
                log.exception("a bug")
                return 1
        return 0

    @property
    def returncode(self) -> int | None:
        return self._ended.result() if self._ended.done() else None

    def poll(self) -> int | None:
        return self.returncode

    def terminate(self) -> None:
        self._where.loop.call_soon_threadsafe(self._stop.set)

    def wait(self, timeout: float | None = None) -> int:
        return self._ended.result(timeout)


@contextlib.contextmanager
def _logged(file: pathlib.Path, thread: int | None) -> Iterator[None]:
    """Whatever is logged on that thread goes to the file, from INFO on."""
    handler = logging.FileHandler(file)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(lambda record: record.thread == thread)
    log.setLevel(logging.INFO)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
