"""The kustomize binary on the PATH, in boxed child processes. See docs/decisions/0008-kustomize.md."""

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler import errors
from reconciler.edges.boxed import box, pool
from reconciler.model import sources, targets

OLDEST = (5, 0)
"""Older ones have other fields and defaults than the scan in `render/kustomization.py` knows."""
REMEDY = f"put kustomize {OLDEST[0]}.{OLDEST[1]} or newer on the daemon's PATH"
MODULE = "reconciler.edges.kustomize.child"


@dataclass(frozen=True, slots=True)
class About:
    """What `doctor` tells: the binary, its version (`v5.8.1`), and what its box could give up here."""

    path: str
    version: str
    isolation: tuple[str, ...]


class KustomizeRenderer:
    """Kustomizations to text. A binary that is replaced is used from the next build on. Close it at the end.

    `search` stands for the PATH.
    """

    def __init__(self, *, limits: box.Limits = box.DEFAULT_LIMITS, workers: int = 2, search: str | None = None) -> None:
        self._limits = limits
        self._workers = workers
        self._search = search
        self._pool: pool.Pool | None = None
        self._identity = ""
        self._known: About | None = None

    @property
    def version(self) -> str:
        """Which binary there is, told without starting it: another one, another key of what is remembered."""
        return f"kustomize {_identity(path)}" if (path := self.path) else "no kustomize"

    @property
    def path(self) -> str:
        """Of the binary, absolute; '' when there is none."""
        found = shutil.which("kustomize", path=self._search)
        return os.path.abspath(found) if found else ""

    async def about(self) -> About:
        """Starts a child where none is. Raises Transient when there is no usable binary, saying what to do."""
        if not (path := self.path):
            raise errors.Transient(f"there is no kustomize on the PATH; {REMEDY}")
        children = await self._children(path)
        if self._known is None:
            greeting = await children.greeting()
            version = str(greeting.get("version"))
            if not version:
                because = "does not run in its box, where a script that starts the program finds nothing"
                raise errors.Transient(f"{path} {because}; {REMEDY}")
            if not new_enough(version):
                raise errors.Transient(f"{path} calls itself {version!r}; {REMEDY}")
            self._known = About(path, version, await children.isolation())
        return self._known

    async def kustomize(self, kustomization: targets.Kustomization, *, files: Sequence[sources.File]) -> str:
        """As `ports.Renderer` says."""
        pool.inside_the_repository(files)
        size = sum(len(file.content) for file in files)
        if size > self._limits.request:
            because = f"{size} bytes can be read by this kustomization, more than {self._limits.request}"
            raise errors.InvalidInput((f"{kustomization.path}: {because}; shorten `reads`, or move other files away",))
        known = await self.about()
        return await (await self._children(known.path)).render(kustomization.path, {}, files=files)

    async def close(self) -> None:
        """End the children."""
        if self._pool:
            await self._pool.close()

    async def _children(self, path: str) -> pool.Pool:
        """Children of this binary as it is now; those of the one before are ended."""
        identity = _identity(path)
        if self._pool is None or identity != self._identity:
            old, self._identity, self._known = self._pool, identity, None
            command = box.command(MODULE, path)
            self._pool = pool.Pool("Kustomize", limits=self._limits, workers=self._workers, command=command)
            if old is not None:
                await old.close()
        return self._pool


def _identity(path: str) -> str:
    """Path, time and size: they differ after an upgrade in place."""
    try:
        found = os.stat(path)
    except OSError:
        return path
    return f"{path} {found.st_mtime_ns} {found.st_size}"


def new_enough(version: str) -> bool:
    """Of what `kustomize version` prints. Not knowing is not new enough."""
    found = re.match(r"\D*(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST
