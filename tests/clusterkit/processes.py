"""
The processes of a control plane and the folder they live in: started together, gone together.

Three nets catch what a crash leaves. A part ends by itself when its owner is gone (main.go). The parts are process
groups of their own, so Ctrl-C reaches only the owner, which then ends them in order; and a part that was stopped by a
signal is woken by the kernel when its owner dies. What still is there is ended, with its folder, by the next start.
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence

PREFIX = f"reconciler-control-plane-{os.getuid()}-"
TAIL = 15  # lines of a part's log that an error quotes
PROC = pathlib.Path("/proc")


class PartEndedError(Exception):
    """A part of the control plane ended by itself; the message ends with the tail of its log."""


class Part:
    """One process, which can be ended, frozen and started again with the same arguments. Its output is `<name>.log`."""

    def __init__(self, name: str, *, command: Sequence[str], folder: pathlib.Path) -> None:
        self.name = name
        self._command = [*command]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=os.environ | {"CONTROL_PLANE_OWNER": str(os.getpid())},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        with (self._folder / "pids").open("a") as pids:
            pids.write(f"{self._process.pid}\n")

    def kill(self) -> None:
        """At once: a polite end of an API server takes up to a minute while watches are open."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def check(self) -> None:
        """Raises PartEndedError when it should run and does not."""
        if self._process is not None and self._process.poll() is not None:
            tail = "\n".join((self._folder / f"{self.name}.log").read_text(errors="replace").splitlines()[-TAIL:])
            raise PartEndedError(f"{self.name} ended with {self._process.returncode}:\n{tail}")

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise PartEndedError(f"{self.name} is not running")
        self._process.send_signal(number)


@contextlib.contextmanager
def owned_folder() -> Iterator[pathlib.Path]:
    """A new temporary folder that is removed at the end, by the next start if this process crashes."""
    with sole_user_of_the_temporary_folder():
        remove_abandoned()
        folder = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX))
        owner = (folder / "owner").open("w")
        fcntl.flock(owner, fcntl.LOCK_EX)  # the kernel lets go of it when this process ends, however it ends
    with owner:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def sole_user_of_the_temporary_folder() -> Iterator[None]:
    """Nobody may take a folder for abandoned in the instant between its creation and its lock."""
    with pathlib.Path(tempfile.gettempdir(), f"{PREFIX}lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def remove_abandoned() -> None:
    for owner in pathlib.Path(tempfile.gettempdir()).glob(f"{PREFIX}*/owner"):
        with owner.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # its owner lives
            kill_recorded(owner.parent)
            shutil.rmtree(owner.parent, ignore_errors=True)


def kill_recorded(folder: pathlib.Path) -> None:
    """End the parts recorded in `folder`; a number that now belongs to another program is left alone."""
    recorded = folder / "pids"
    for pid in recorded.read_text().split() if recorded.exists() else ():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if os.fsencode(folder) in (PROC / pid / "cmdline").read_bytes():
                os.kill(int(pid), signal.SIGKILL)
