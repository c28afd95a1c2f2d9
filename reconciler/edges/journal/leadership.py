"""The file lock that makes one process the leader, beside the database file."""

import fcntl
import os
import pathlib
from typing import Protocol

from reconciler import errors


class Lock(Protocol):
    """Held by the one process that leads."""

    def take(self) -> bool:
        """Whether we hold it now. Never waits."""

    def release(self) -> None: ...


class LeaderLock:
    """Held until `release` or the end of the process, however it ends: the kernel gives it back.

    The lock tells two daemons apart at once; the epoch in the journal is what refuses a stale write, also where the
    lock failed to (somebody removed the file, a network disk). A child process must not inherit the descriptor:
    Python closes it on exec.
    """

    def __init__(self, database: pathlib.Path) -> None:
        self._path = database.with_name(f"{database.name}.leader")
        self._descriptor: int | None = None

    def take(self) -> bool:
        if self._descriptor is not None:
            return True
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise errors.JournalUnusable(
                f"The lock file {self._path} cannot be opened: {error.strerror}. Make it and its folder writable for "
                "this user."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
