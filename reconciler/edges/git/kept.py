"""The `git cat-file` that was started for one question about the mirror, and waits for the next one.

It costs a process only when there is none: after the start, after it died, complained or was stopped, and when the
mirror is another folder, or has lost a pack, since. Packs that came are seen: git looks again for what it misses.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass

Process = subprocess.Popen[bytes]

PATIENCE = 0.05
"""Seconds that a question waits for the one before it. An answer takes a millisecond mostly, a start some five of the
processor; what is slow keeps nobody longer than this."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a process relies on: the folder of the mirror, and the packs in it."""

    folder: tuple[int, int]
    packs: frozenset[str]

    def holds(self, now: "Look") -> bool:
        return self.folder == now.folder and self.packs <= now.packs


class Kept:
    """At most one process. Questions that come at once take turns; who has waited too long for his finds none here and
    starts his own, one of which is kept."""

    def __init__(self, mirror: pathlib.Path, *, patience: float = PATIENCE) -> None:
        self._mirror, self._patience = mirror, patience
        self._guard = threading.Lock()
        self._turn = threading.Lock()
        self._waiting: tuple[Process, Look] | None = None
        self._closed = False

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Ask within the block: nobody else does, unless one of the two is late."""
        mine = self._turn.acquire(timeout=self._patience)
        try:
            yield
        finally:
            if mine:
                self._turn.release()

    def look(self) -> Look | None:
        """The mirror as it is now; None when there is none. Look before a process starts, never after."""
        try:
            found = self._mirror.stat()
            packs = frozenset(os.listdir(self._mirror / "objects/pack"))
        except OSError:
            return None
        return Look((found.st_dev, found.st_ino), packs)

    def take(self, now: Look | None) -> Process | None:
        """The one that waits, for the caller alone; None when there is none that may be asked."""
        with self._guard:
            waiting, self._waiting = self._waiting, None
        if waiting is None:
            return None
        process, seen = waiting
        if now is not None and seen.holds(now) and process.poll() is None:
            return process
        end(process)
        return None

    def give(self, process: Process, seen: Look | None) -> None:
        """Let it wait for the next question. It must have answered the last one to its end."""
        with self._guard:
            if seen is not None and self._waiting is None and not self._closed:
                self._waiting = (process, seen)
                return
        end(process)

    def close(self) -> None:
        """End the one that waits, and every one that is given from now on."""
        with self._guard:
            waiting, self._waiting, self._closed = self._waiting, None, True
        if waiting:
            end(waiting[0])


def end(process: Process) -> None:
    """Kill its group unless it has ended, wait for it and close its pipes."""
    if process.poll() is None:
        kill(process)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()


def kill(process: Process) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it has just ended by itself
