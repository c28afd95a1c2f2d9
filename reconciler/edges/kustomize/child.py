"""Kustomize in the box: one process of the binary for each build, started from a descriptor that was opened outside."""

import contextlib
import os
import re
import resource
import sys
from typing import Any, BinaryIO

from reconciler.edges.boxed import inside

BUILD = ("build", "--load-restrictor", "LoadRestrictionsRootOnly")
"""The default, said again. Plugins, functions and Helm need flags of their own, and are never given them."""
REFUSED = 1
"""Kustomize's exit code when it found something wrong. Go's runtime ends with 2, a signal with neither."""
ERROR_BYTES = 64 * 1024
CONFIGURATION = re.compile(r"`[^`]*`", re.DOTALL)
PATCH = re.compile(r"\[patch: .*\]", re.DOTALL)
LITERALS = re.compile(r"literal sources \[.*\]:.*", re.DOTALL)


class Kustomize:
    """The binary whose path is the child's first argument."""

    def __init__(self, limits: dict[str, int]) -> None:
        path = sys.argv[1]
        self._most = min(limits["output"] + 1, limits["request"])  # bytes; the child may write no larger file
        self._nothing = os.open(os.devnull, os.O_RDONLY)
        # Executing a descriptor needs no path: it works with another root, and where the folder is mounted noexec.
        self._program: int | str = os.open(path, os.O_RDONLY) if os.execve in os.supports_fd else path
        self._out, self._err = open("out", "w+b"), open("err", "w+b")  # noqa: SIM115 - they live as long as the child
        # A binary that needs libraries finds none below another root.
        self.confinable = isinstance(self._program, int) and self._run("version", confined=True)[0] == 0
        code, out, _ = self._run("version")
        self.version = "" if code else out.decode("utf-8", "replace").strip()[:100]

    def render(self, request: dict[str, Any]) -> str:
        """What `kustomize build` prints. An absolute path is never taken for the address of a repository."""
        here = os.getcwd()
        code, out, err = self._run(*BUILD, os.path.join(here, request["path"]))
        if code == 0 and len(out) < self._most:
            return out.decode("utf-8", "replace")
        if len(out) >= self._most:
            raise inside.Refused(f"{request['path']}: renders to more than {self._most - 1} bytes; split it")
        if code == REFUSED:
            raise inside.Refused(f"{request['path']}: kustomize: {in_the_repository(err, here=here)}")
        os.write(2, err)  # the daemon reads there what the box died of
        raise SystemExit(code)

    def _run(self, *arguments: str, confined: bool = False) -> tuple[int, bytes, bytes]:
        """Exit code (negative: the signal that ended it), output and error output of one process."""
        for file in (self._out, self._err):
            file.seek(0)
            file.truncate()
        process = os.fork()
        if process == 0:
            self._become(arguments, confined=confined)
        _, status = os.waitpid(process, 0)
        result = os.waitstatus_to_exitcode(status), _content(self._out), _content(self._err)[:ERROR_BYTES]
        for file in (self._out, self._err):  # they lie on a disk, and may hold what was encrypted in Git
            file.seek(0)
            file.truncate()
        return result

    def _become(self, arguments: tuple[str, ...], *, confined: bool) -> None:
        """Turn the forked copy of this child into kustomize. Does not return."""
        with contextlib.suppress(OSError):
            for given, wanted in ((self._nothing, 0), (self._out.fileno(), 1), (self._err.fileno(), 2)):
                os.dup2(given, wanted)
            resource.setrlimit(resource.RLIMIT_FSIZE, (self._most, self._most))
            if not confined or inside.leave_file_system():
                inside.die_with_the_daemon()
                os.execve(self._program, ("kustomize", *arguments), dict(os.environ))  # noqa: S606 - no shell is wanted
        os._exit(127)


def _content(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def in_the_repository(text: bytes, *, here: str) -> str:
    """Kustomize's own words with the repository's paths, bounded, and without the contents that it quotes: patches and
    literals may hold secrets (I13)."""
    lines = [line for line in text.decode("utf-8", "replace").splitlines() if not line.startswith("# Warning: ")]
    said = "\n".join(lines).removeprefix("Error: ").replace(f"{here}/", "").replace(f"'{here}'", "'.'")
    for quoted, instead in ((CONFIGURATION, "`…`"), (PATCH, "[…]"), (LITERALS, "literal sources […]")):
        said = quoted.sub(instead, said)
    said = said.strip()
    return said if len(said) <= 2_000 else f"{said[:1_000]} … {said[-1_000:]}"


if __name__ == "__main__":
    inside.serve(Kustomize)
