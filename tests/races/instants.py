"""Stops the daemon's git at a chosen instant until somebody else has done something: who comes first is not luck then.

An instant is `process-7` (before the seventh git process that the daemon starts) or one inside the push: `received`
(the server has the commit and has not looked at the ref), `locked` (the ref's file is locked for us) and `updated`.
Two more end the server's process there and let nobody in: `cut-before` and `cut-after` the update; the daemon is left
without an answer.
"""

import contextlib
import os
import pathlib
import shutil
import threading
from collections.abc import Callable, Collection, Iterator

IN_THE_PUSH = ("received", "locked", "updated")
CUTS = ("cut-before", "cut-after")

NOBODY = "nobody"

GIT = """#!/bin/sh
if [ "$GIT_DIR" = "{mirror}" ]; then
  read count < {folder}/count
  count=$((count + 1))
  echo $count > {folder}/count
  if [ -e {folder}/armed/process-$count ]; then {folder}/stop process-$count; fi
fi
exec {git} "$@"
"""
"""In place of git on the PATH. It counts what works on the daemon's mirror: not the person's, nor the server's."""

STOP = """#!/bin/sh
[ -e {folder}/armed/$1 ] || exit 0
rm {folder}/armed/$1
echo $1 > {folder}/asks
until [ -e {folder}/answered/$1 ]; do sleep 0.01; done
"""
"""A file, and no answer through a pipe: whoever is killed while they wait leaves none for the next one."""

HOOKS = {
    "pre-receive": "{folder}/stop received; cut cut-before",
    "reference-transaction": '[ "$1" != prepared ] || {folder}/stop locked',
    "post-receive": "{folder}/stop updated; cut cut-after",
}
HOOK = """#!/bin/sh
[ "$HOME" = "{mirror}" ] || exit 0
cut() {{ if [ -e {folder}/armed/$1 ]; then rm {folder}/armed/$1; kill -9 $PPID; fi; }}
{text}
exit 0
"""
"""Of the server; only for the daemon's pushes: its git has its mirror as its home."""


class Instants:
    """`met` is called with an instant's name while the daemon stands still there, from a thread of its own."""

    def __init__(self, folder: pathlib.Path, *, mirror: pathlib.Path, met: Callable[[str], None]) -> None:
        self._folder = folder
        self._met = met
        self._armed, self._answered = folder / "armed", folder / "answered"
        self._idle = threading.Event()
        for made in (self._armed, self._answered):
            made.mkdir(parents=True)
        self._words = {"folder": str(folder), "mirror": str(mirror), "git": str(shutil.which("git"))}
        os.mkfifo(folder / "asks")
        _program(folder / "stop", STOP.format(**self._words))
        _program(folder / "bin" / "git", GIT.format(**self._words))
        self._restart()

    def install(self, repository: pathlib.Path) -> None:
        """The hooks of the bare `repository`."""
        for name, text in HOOKS.items():
            _program(repository / "hooks" / name, HOOK.format(text=text.format(**self._words), **self._words))

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """While it lasts the daemon's git is ours, and whoever stops is heard."""
        self._asks = os.open(self._folder / "asks", os.O_RDWR)  # both ends: nobody waits for the other to open one
        listener = threading.Thread(target=self._listen)
        listener.start()
        path = os.environ["PATH"]
        os.environ["PATH"] = f"{self._folder / 'bin'}:{path}"
        try:
            yield
        finally:
            os.environ["PATH"] = path
            os.write(self._asks, b"\n")
            listener.join()
            os.close(self._asks)

    def arm(self, instants: Collection[str]) -> None:
        """Each is stopped at once; the daemon's processes are counted from here."""
        self._restart()
        for file in self._answered.iterdir():
            file.unlink()
        for instant in instants:
            (self._armed / instant).touch()

    def left(self) -> list[str]:
        """The instants that did not come; they are disarmed. Returns once nobody is heard any more."""
        self._idle.clear()
        os.write(self._asks, f"{NOBODY}\n".encode())
        self._idle.wait()
        found = sorted(each.name for each in self._armed.iterdir())
        for name in found:
            (self._armed / name).unlink()
        return found

    def processes(self) -> int:
        """How many the daemon has started since `arm`."""
        return int((self._folder / "count").read_text())

    def _restart(self) -> None:
        (self._folder / "count").write_text("0\n")

    def _listen(self) -> None:
        with os.fdopen(os.dup(self._asks)) as lines:
            while instant := lines.readline().strip():
                if instant == NOBODY:
                    self._idle.set()
                    continue
                try:
                    self._met(instant)
                finally:
                    (self._answered / instant).touch()


def _program(file: pathlib.Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
