"""A daemon that kills itself at a named boundary: what a power cut between two effects looks like.

It runs in a child process, built like the real one, with its journal, cluster and repository behind `_Mortal`. The
child is forked from a server that has loaded everything already: an ordinary start spends its second on imports.
"""

import asyncio
import contextlib
import json
import multiprocessing
import os
import pathlib
import signal
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from reconciler.app import composing, opening
from reconciler.daemon import beats, metrics, run
from reconciler.edges import settings_files, system
from reconciler.model import records
from tests.clusterkit import access

EFFECTS = {
    "journal": ("lead", "write", "append", "intend", "settle", "adopt_rows", "answer"),
    "cluster": ("apply", "delete", "write_record"),
    "repository": ("keep", "commit_restoring", "push"),
}
"""Every call of the ports that changes something: between any two of them the daemon may die."""

ENTERED = records.EventKind.PHASE_ENTERED.value

ACKNOWLEDGED = "acknowledged"
"""The file beside the trace with one line for each row that the journal has confirmed, over all lives."""

_ONE_AT_A_TIME = threading.Lock()
"""A start looks at all other children, too, and an exit code can be read but once."""

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.support.dying"])


@dataclass(frozen=True, slots=True)
class Death:
    """`after` the call named `boundary`, or before it; the `nth` of that name since the start counts from 1."""

    boundary: str
    after: bool = False
    nth: int = 1
    by: signal.Signals = signal.SIGKILL
    """SIGSTOP: it only pauses there, until somebody sends SIGCONT."""

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} {self.boundary}{f' ({self.nth})' if self.nth > 1 else ''}"


class Child:
    """The process, with what `subprocess.Popen` has and `site.Site` uses."""

    def __init__(self, config: pathlib.Path, log: pathlib.Path, *, death: Death | None, trace: pathlib.Path) -> None:
        # Not a daemonic process: those may have no children, and ours starts git.
        self._process = _FORKS.Process(target=_live, args=(config, log, death, trace))
        with _ONE_AT_A_TIME:
            self._process.start()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        with _ONE_AT_A_TIME:
            return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float = 30.0) -> int:
        access.wait_for(lambda: self.poll() is not None, timeout, what=f"the end of process {self.pid}")
        ended = self.poll()
        assert ended is not None
        return ended


def _live(config: pathlib.Path, log: pathlib.Path, death: Death | None, trace: pathlib.Path) -> None:
    """The child: `reconciler run`, until its death or until it is told to stop."""
    os.setsid()
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(config, _Fate(death, trace)))


async def _serve(config: pathlib.Path, fate: "_Fate") -> None:
    """`app.composing.serve` without its pages, and with mortal ports."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    file = settings_files.SettingsFile(config)
    its, clock = file.read(), system.SystemClock()
    async with opening.open_journal(its) as journal, composing.build(its, journal) as here:
        here.journal = _Mortal(here.journal, "journal", fate)
        here.clusters = {name: _Mortal(cluster, "cluster", fate) for name, cluster in here.clusters.items()}
        here.repositories = {name: _Mortal(found, "repository", fate) for name, found in here.repositories.items()}
        await run.Daemon(here, beats.Beats(clock), metrics.Metrics(), reloads=file.changes()).run(stop)


class _Fate:
    """Counts the calls, writes each to the trace, and ends the process when its time has come."""

    def __init__(self, death: Death | None, trace: pathlib.Path) -> None:
        self._death = death
        self._seen: Counter[str] = Counter()
        self._trace = trace

    def passes(self, boundary: str) -> bool:
        """Called before each effect; whether death comes after it."""
        self._seen[boundary] += 1
        with self._trace.open("a") as trace:
            trace.write(f"{boundary}\n")
        death = self._death
        if death is None or (death.boundary, death.nth) != (boundary, self._seen[boundary]):
            return False
        if not death.after:
            self.die()
        return death.after

    def acknowledged(self, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        """Note what the journal has confirmed, outside of the journal: it must be there for ever."""
        match name:
            case "write" | "append":
                events = named["events"] if name == "write" else arguments[0]
                rows = [[f"event {event.kind.value}", event.at, event.because] for event in events]
            case "intend":
                rows = [["intent", intent.operation, ""] for intent in arguments[0]]
            case "settle":
                rows = [["outcome", settled.operation, settled.result.value] for settled in arguments[0]]
            case _:
                return
        with self._trace.with_name(ACKNOWLEDGED).open("a") as file:
            file.writelines(f"{json.dumps(row)}\n" for row in rows)

    def die(self) -> None:
        if self._death:
            os.kill(os.getpid(), self._death.by)


class _Mortal:
    """A port whose effects are boundaries; everything else goes straight through."""

    def __init__(self, port: Any, kind: str, fate: _Fate) -> None:
        self._port = port
        self._effects = EFFECTS[kind]
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return self._bounded(name, found) if name in self._effects else found

    def _bounded(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        fate = self._fate

        async def called(*arguments: Any, **named: Any) -> Any:
            last = fate.passes(_boundary(name, arguments, named))
            answer = await call(*arguments, **named)
            fate.acknowledged(name, arguments, named)
            if last:
                fate.die()
            return answer

        return called


def _boundary(name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> str:
    """The call in words: what is written, intended, applied."""
    match name:
        case "write" | "append":
            events = [event.kind.value for event in (named["events"] if name == "write" else arguments[0])]
            # Whether phases are written with what follows them depends on how soon that is.
            told = [kind for kind in events if kind != ENTERED] or events[:1]
            return f"{name} {'+'.join(told) or 'nothing new'}"
        case "intend" if arguments[0]:
            return f"intend {arguments[0][0].verb.value}"
        case "settle" if arguments[0]:
            return f"settle {arguments[0][0].result.value}"
        case "apply":
            return f"apply {arguments[0].key.kind}"
        case "delete":
            return f"delete {arguments[0].kind}"
        case "intend" | "settle":
            return f"{name} nothing"
    return name
