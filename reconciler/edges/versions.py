"""Which versions of what we stand on are here. For `doctor`."""

import asyncio
import importlib.metadata
import platform

from reconciler import errors


def own() -> str:
    """`0.1.0`."""
    return importlib.metadata.version("reconciler")


def python() -> str:
    """`3.11.9`."""
    return platform.python_version()


def helm() -> str:
    """Of the package that contains Helm."""
    return importlib.metadata.version("helm-python-sdk")


async def git() -> str:
    """`2.43.0`. Raises `errors.Terminal` when git cannot be started."""
    return (await _said("git", "--version")).removeprefix("git version").strip()


async def ssh() -> str:
    """`OpenSSH_9.2p1`. Raises `errors.Terminal` when it cannot be started."""
    return (await _said("ssh", "-V")).partition(",")[0].strip()


async def _said(*command: str) -> str:
    """What it prints, also on its standard error, where ssh tells its version."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        raise errors.of_the_machine(f"{command[0]} cannot be started", error) from error
    try:
        out, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    return out.decode("utf-8", "replace").strip()
