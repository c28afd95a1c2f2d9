"""The bare mirror: made, locked, cleaned of what a crash left behind, packed now and then, set aside when damaged.

Several processes may use one mirror (the daemon, `reconciler plan`). Each holds the lock file shared for its life, and
git inherits it. Who gets it exclusively knows that nobody else lives, so every `*.lock` and temporary pack is stale.
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
import threading
import time
from collections.abc import Iterator

from reconciler import errors
from reconciler.edges.git import answers, place, process

PACKS = 50
"""Each fetch adds a pack; with more than this many they are rolled up. Nothing is ever dropped."""
AGAIN = 600.0
"""Seconds within which a second damage is the disk's and not an accident's: no further clone."""


class Mirror:
    """Blocking; its callers run in threads."""

    def __init__(self, where: place.Place) -> None:
        self._place = where
        self._guard = threading.Lock()
        self._lock = -1
        self._set_aside_at: float | None = None

    def lock(self) -> int:
        """The descriptor of the lock file, held from the first call on. Terminal when the folder cannot be written."""
        with self._guard:
            if self._lock < 0:
                path = self._place.mirror
                try:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    self._lock = os.open(
                        path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
                    )
                except OSError as error:
                    raise errors.of_the_machine(
                        f"the folder {path.parent} for mirrors cannot be written", error
                    ) from error
                with self._alone() as alone:
                    if alone:
                        tidy(path)
            return self._lock

    @property
    def held(self) -> int | None:
        """The same without waiting: None before the first call of `lock`."""
        return self._lock if self._lock >= 0 else None

    def ready(self, git: process.Git) -> None:
        """Make the mirror unless it is there."""
        with self._guard:
            if not (self._place.mirror / "HEAD").is_file():
                ended = git.run("init", "--quiet", "--bare", "--template=", "--", str(self._place.mirror))
                if not ended.fine:
                    raise answers.local_failure(ended, where=self._place, doing="init")

    def tidy(self) -> None:
        """Remove what a killed git left, unless another process or an orphan may still be at work here."""
        with self._guard, self._alone() as alone:
            if alone:
                tidy(self._place.mirror)

    def roll_up(self, git: process.Git) -> None:
        """Keep the number of packs, and of files for refs, small. A failure costs speed only and is met again later."""
        if sum(1 for _ in (self._place.mirror / "objects/pack").glob("*.pack")) > PACKS:
            git.run("repack", "-d", "--geometric=2", "--quiet", within=self._place.timeouts.fetch)
            git.run("pack-refs", "--all")

    def set_aside(self, damage: answers.Damaged) -> None:
        """Move the mirror out of the way; the next fetch clones again. Raises `damage` when that has just been done."""
        with self._guard:
            now = time.monotonic()
            if self._set_aside_at is not None and now - self._set_aside_at < AGAIN:
                raise errors.Transient(
                    f"{damage}; damaged again within {AGAIN / 60:g} minutes: check the disk"
                ) from damage
            self._set_aside_at = now
            path, aside = self._place.mirror, answers.aside(self._place.mirror)
            try:
                shutil.rmtree(aside, ignore_errors=True)
                if path.exists():
                    path.rename(aside)
            except OSError as error:
                raise errors.of_the_machine(f"{damage}; it cannot be moved to {aside}", error) from error

    def close(self) -> None:
        with self._guard:
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether no other process uses the mirror, and none can begin to while the block runs."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = True
        except BlockingIOError:
            alone = False
        try:
            yield alone
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_SH)


def tidy(path: pathlib.Path) -> None:
    """Remove stale locks and temporary files. `git gc` leaves both (rows.toml GIT-19, GIT-20)."""
    for pattern in ("**/*.lock", "objects/**/tmp_*", "objects/tmp_objdir-*", "objects/incoming-*", "index-*"):
        for stale in path.glob(pattern):
            if stale.is_dir():
                shutil.rmtree(stale, ignore_errors=True)
            else:
                stale.unlink(missing_ok=True)
