"""Which versions of what we stand on are here, and which of them cannot be stood on (I25)."""

import asyncio
import importlib.metadata
import platform
import re
from collections.abc import Mapping

from reconciler import errors

LEAST_GIT = (2, 36)
"""From 2.31 on git takes its settings from the environment: an older one passes over every one that locks it (no hooks,
no helpers, no redirects, checked objects) in silence. 2.34 verifies SSH signatures, 2.36 has `--batch-command`."""
BAD: Mapping[str, Mapping[str, str]] = {"kubernetes": {"36.0.0": "sends no Authorization header"}}
"""Package → version → what it does. `proving.py` finds the like of it that nobody knows yet."""
WANTED = re.compile(r"([A-Za-z0-9._-]+)>=([0-9.]+)")


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


def complaints(installed: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Packages that are absent, older than this version was made for, or known to be bad. `installed`: package →
    version, for those that are not to be looked up."""
    found = []
    for wanted in importlib.metadata.requires("reconciler") or ():
        match = None if "extra ==" in wanted else WANTED.match(wanted)
        if match is None:
            continue
        name, least = match.groups()
        here = (installed or {}).get(name) or _installed(name)
        if not here:
            found.append(f"{name} is not installed")
        elif _numbers(here) < _numbers(least):
            found.append(f"{name} {here} is older than {least}, which this version was made for")
        elif said := BAD.get(name, {}).get(here):
            found.append(f"{name} {here} {said}")
    return tuple(f"{problem}; install what requirements.lock pins" for problem in found)


def old_git(version: str) -> str:
    """What is wrong with a git of that version; '' for nothing."""
    found = re.match(r"(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) >= LEAST_GIT:
        return ""
    least = ".".join(map(str, LEAST_GIT))
    return f"git {version or 'without a version'} is older than {least} and passes over settings that it is locked by"


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    """As far as they are numbers: `3.14.5` and `3.14rc1` begin with the same two."""
    return tuple(int(part) for part in re.findall(r"\d{1,9}", version.partition("+")[0])[:4])


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
