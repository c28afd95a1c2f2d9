"""One warm boxed child process: started clean, asked one question at a time, killed with everything it started (I9)."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from reconciler.model import document

BOOT = (
    "import runpy, sys; root, module = sys.argv[1:3]; del sys.argv[1:3]; sys.path.append(root); "
    "runpy.run_module(module, run_name='__main__')"
)
ROOT = Path(__file__).parents[3]
"""Holds the package, also where it is not installed: an isolated interpreter looks nowhere else."""
STDERR_KEPT = 8 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use. Bytes and seconds."""

    wall: float = 30.0  # one render; honest ones take milliseconds
    cpu: int = 300  # the child's whole life
    memory: int = 3 * 1024**3  # address space, of which Go reserves 1.8 GiB without using it
    request: int = 32 * 1024**2  # all files of one render
    output: int = 16 * 1024**2
    renders: int = 200  # then the child is replaced, and what it leaked is gone
    processes: int = 256  # processes and threads


DEFAULT_LIMITS = Limits()


def command(module: str, *arguments: str) -> tuple[str, ...]:
    """What starts a child that runs `module`; the limits follow the arguments as one more."""
    return (sys.executable, "-I", "-B", "-c", BOOT, str(ROOT), module, *arguments)


class BoxBroken(Exception):  # noqa: N818 - an internal signal of this edge; the renderer translates it
    """The child died, hung or spoke nonsense; the text continues "the box …". `late`: it used up its wall time."""

    def __init__(self, message: str, *, late: bool = False) -> None:
        super().__init__(message)
        self.late = late


class Box:
    """One child. Not for concurrent use; after `BoxBroken` it is dead and cleaned up."""

    def __init__(self, process: asyncio.subprocess.Process, *, folder: str, limits: Limits) -> None:
        self._process = process
        self._folder = folder
        self._limits = limits
        self._complaint = b""
        self._drain = asyncio.create_task(self._keep_complaint())
        self.greeting: Mapping[str, document.JsonValue] = {}
        self.asked = 0

    @classmethod
    async def start(cls, *, limits: Limits, command: Sequence[str]) -> "Box":
        """A child that has greeted. Its environment holds nothing of ours; its folder is new and empty."""
        folder = ""
        numbers = {name: getattr(limits, name) for name in ("cpu", "memory", "request", "output", "processes")}
        try:
            folder = tempfile.mkdtemp(prefix="reconciler-box-")
            process = await asyncio.create_subprocess_exec(
                *command,
                orjson.dumps(numbers).decode(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=folder,
                env={"LANG": "C.UTF-8", "PATH": "/nonexistent", "HOME": "/nonexistent", "TZ": "UTC"},
                start_new_session=True,
            )
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise BoxBroken(f"could not be started: {error.strerror}") from error
        box = cls(process, folder=folder, limits=limits)
        try:
            box.greeting = await box._exchange(())
        except BoxBroken as broken:
            said = box._complaint.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise BoxBroken(f"did not start, it {broken}: {said[:200]}") from broken  # it knows no secret yet
        return box

    @property
    def usable(self) -> bool:
        """Whether another question may be put to it."""
        return self._process.returncode is None and self.asked < self._limits.renders

    async def ask(self, header: Mapping[str, object], *, contents: Iterable[bytes]) -> document.Json:
        """The answer to one request, within the wall time; anything else kills the child and all it started."""
        self.asked += 1
        head = orjson.dumps(header)
        return await self._exchange((len(head).to_bytes(4, "big"), head, *contents))

    async def _exchange(self, parts: Iterable[bytes]) -> document.Json:
        try:
            async with asyncio.timeout(self._limits.wall):
                return await self._talk(parts)
        except TimeoutError as error:
            await self.kill()
            raise BoxBroken(f"gave no answer within {self._limits.wall:g} s and was killed", late=True) from error
        except (asyncio.IncompleteReadError, OSError, ValueError) as error:
            with contextlib.suppress(TimeoutError):  # it may be ending by itself, and then its exit code says why
                async with asyncio.timeout(1.0):
                    await self._process.wait()
            await self.kill()
            raise BoxBroken(self._cause()) from error
        except BaseException:
            await self.kill()  # cancelled half-way: the next answer would belong to this question
            raise

    async def _talk(self, parts: Iterable[bytes]) -> document.Json:
        assert self._process.stdin is not None  # noqa: S101 - both are pipes; this tells the type checker
        assert self._process.stdout is not None  # noqa: S101
        for part in parts:
            self._process.stdin.write(part)
            await self._process.stdin.drain()
        size = int.from_bytes(await self._process.stdout.readexactly(4), "big")
        if size > 6 * self._limits.output + 65_536:  # JSON may escape a byte to six
            raise ValueError("the answer is too long")
        return document.decode(await self._process.stdout.readexactly(size))

    async def kill(self) -> None:
        """End the whole process group at once and remove the folder. Twice is harmless."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):  # something that left the group may still hold the pipe
                await asyncio.shield(self._drain)
        self._drain.cancel()
        if self._process.stdin is not None:
            self._process.stdin.close()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def _cause(self) -> str:
        if b"out of memory" in self._complaint or b"MemoryError" in self._complaint:
            return f"needed more than {self._limits.memory // 1024**2} MiB of address space and was ended"
        code = self._process.returncode
        if code is not None and code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code} in the middle of an answer"

    async def _keep_complaint(self) -> None:
        """Read standard error to its end, keeping only the beginning: Go prints the reason first, stacks after."""
        assert self._process.stderr is not None  # noqa: S101 - a pipe; this tells the type checker
        while chunk := await self._process.stderr.read(65_536):
            self._complaint += chunk[: max(0, STDERR_KEPT - len(self._complaint))]
