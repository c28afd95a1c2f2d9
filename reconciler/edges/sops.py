"""Opens what SOPS encrypted, with the `sops` binary of the PATH and one age key file. Nothing is written to a disk.

What sops says is never passed on: its words hold checksums of what is in the clear. Its exit codes tell enough.
"""

import asyncio
import contextlib
import hashlib
import os
import pathlib
import re
import shutil
import signal
from collections.abc import Mapping

from reconciler import errors
from reconciler.model import sources

TIMEOUT = 30.0
"""Seconds for one file; an honest one takes 0.05."""
OUTPUT = 16 << 20
AT_ONCE = 4
KEY_BYTES = 1 << 20
LEAST = (3, 9)
VERSION = re.compile(r"sops (\d+)\.(\d+)[.\d]*")
WRONG_KEY, TAMPERED, BROKEN = 128, 51, 25
"""Exit codes of sops (cmd/sops/codes): no key opens it, the MAC does not fit, a value cannot be decrypted."""


class Sops:
    """Fulfils `ports.Opener`. `key_files`: environment → its age key file; those without one are left out."""

    def __init__(self, key_files: Mapping[str, pathlib.Path]) -> None:
        self._key_files = dict(key_files)
        self._turns = asyncio.Semaphore(AT_ONCE)

    def adjust(self, key_files: Mapping[str, pathlib.Path]) -> None:
        """The settings have changed."""
        self._key_files = dict(key_files)

    def means(self, environment: str) -> str:
        """Changes when the key file or the binary does: what could not be opened with the old ones may be now."""
        key = self._key_files.get(environment)
        if key is None:
            return ""  # nothing can be, whatever the binary: asked in every pass, so that the PATH is not searched
        binary = shutil.which("sops")
        found = hashlib.sha256()
        for path in (key, binary):
            found.update(f"{path}\0".encode())
        with contextlib.suppress(OSError):
            found.update(key.read_bytes()[:KEY_BYTES])
        with contextlib.suppress(OSError):
            if binary:
                about = os.stat(binary)
                found.update(f"{about.st_mtime_ns} {about.st_size}".encode())
        return found.hexdigest()

    async def open(self, file: sources.File, *, form: str, environment: str) -> bytes:
        """As `ports.Opener` says."""
        key = self._key_files.get(environment)
        if key is None:
            raise errors.Sealed(
                (
                    f"{file.path} is encrypted with SOPS, and environment {environment} has no key: name the file with"
                    " its age key as decryption.ageKeyFile in deployment-config.yaml",
                )
            )
        usable(key)
        async with self._turns:
            code, out = await run(
                "decrypt", "--input-type", form, "--output-type", form, "/dev/stdin", key=key, given=file.content
            )
        if code == 0:
            return out
        raise errors.Sealed((f"{file.path} cannot be opened: {_why(code, key)}",))


def _why(code: int, key: pathlib.Path) -> str:
    match code:
        case _ if code == WRONG_KEY:
            return f"it is not encrypted for the key in {key}; add its recipient to .sops.yaml and run sops updatekeys"
        case _ if code == TAMPERED:
            return (
                "its MAC does not fit: it was changed after it was encrypted; encrypt it again from what it should hold"
            )
        case _ if code == BROKEN:
            return "a value in it is damaged; encrypt it again from what it should hold"
    return f"sops ended with exit code {code}; run `sops decrypt` with the same key to see why"


def usable(key: pathlib.Path) -> None:
    """`errors.Sealed`, naming the file and never its content, when it cannot serve."""
    try:
        with key.open("rb") as opened:
            text = opened.read(KEY_BYTES)
    except OSError as error:
        raise errors.Sealed((f"the age key file {key} cannot be read: {error.strerror}",)) from error
    if b"AGE-SECRET-KEY-" not in text:
        raise errors.Sealed((f"{key} holds no age key: name the file that age-keygen wrote",))
    about = key.stat()
    if about.st_uid == os.getuid() and about.st_mode & 0o077:
        raise errors.Sealed((f"the age key file {key} is open to others: chmod 600 {key}",))


async def version() -> str:
    """`sops 3.11.0`. Raises `errors.Sealed` when there is none, or one that is too old to be understood."""
    _, out = await run("--version", "--disable-version-check")
    found = VERSION.search(out.decode("utf-8", "replace"))
    if found is None or (int(found[1]), int(found[2])) < LEAST:
        least = ".".join(map(str, LEAST))
        raise errors.Sealed((f"`sops --version` names no version from {least} on: install a newer one",))
    return found[0]


async def run(*arguments: str, key: pathlib.Path | None = None, given: bytes = b"") -> tuple[int, bytes]:
    """Exit code and standard output. Its environment holds the key file's path and nothing else that it could use: no
    home, no agent, no credentials of clouds."""
    binary = shutil.which("sops")
    if binary is None:
        raise errors.Sealed(("sops cannot be started: install it and put it on the PATH of the daemon",))
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": "/nonexistent", "SOPS_DISABLE_VERSION_CHECK": "1"}
    if key:
        environment["SOPS_AGE_KEY_FILE"] = str(key)
    try:
        process = await asyncio.create_subprocess_exec(
            binary,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        if error.errno in errors.SCARCE:
            raise errors.of_the_machine(f"{binary} cannot be started", error) from error
        raise errors.Sealed((f"{binary} cannot be started: {error.strerror}",)) from error
    try:
        async with asyncio.timeout(TIMEOUT):
            out, _ = await process.communicate(given)
    except TimeoutError as error:
        raise errors.Sealed((f"sops gave no answer within {TIMEOUT:g} s and was stopped",)) from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if len(out) > OUTPUT:
        raise errors.Sealed((f"an opened file has more than {OUTPUT} bytes: split it",))
    return process.returncode or 0, out
