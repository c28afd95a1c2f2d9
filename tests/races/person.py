"""A person who works on the same branch as the daemon: commits on top of what is there, pushes, and pulls when late."""

import os
import pathlib
import subprocess
import threading
from collections.abc import Mapping

NAMES = {"GIT_AUTHOR_NAME": "Dev", "GIT_AUTHOR_EMAIL": "dev@example.com"}
NAMES |= {"GIT_COMMITTER_NAME": "Dev", "GIT_COMMITTER_EMAIL": "dev@example.com"}
ENVIRONMENT = NAMES | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "PATH": os.environ["PATH"]}
ATTEMPTS = 20

Change = Mapping[str, str]
"""Path → content."""


class Person:
    """With a clone of their own. May be asked from several threads."""

    def __init__(self, folder: pathlib.Path, remote: pathlib.Path) -> None:
        self._folder = folder
        self._clone = threading.Lock()
        self.pushed: list[str] = []
        """Every commit of theirs that the server has accepted."""
        folder.mkdir(parents=True)
        self.git("clone", "--quiet", str(remote), ".")
        self.git("checkout", "--quiet", "-B", "main")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self._folder, env=ENVIRONMENT, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def push(self, *changes: Change, merge: bool = False, attempts: int = ATTEMPTS) -> tuple[str, ...]:
        """A commit for each change, pushed together; () when somebody else came first `attempts` times. `merge`: on a
        branch of its own, and then merged."""
        with self._clone:
            for _ in range(attempts):
                if (made := self._once(changes, merge=merge)) is not None:
                    self.pushed += made
                    return tuple(made)
        return ()

    def _once(self, changes: tuple[Change, ...], *, merge: bool) -> list[str] | None:
        self.git("fetch", "--quiet", "origin")
        self.git("reset", "--quiet", "--hard", "origin/main")
        before = self.git("rev-parse", "HEAD")
        for change in changes:
            self._commit(change)
        if merge:
            work = self.git("rev-parse", "HEAD")
            self.git("reset", "--quiet", "--hard", before)
            self.git("merge", "--quiet", "--no-ff", "-m", "Merge", work)
        made = self.git("rev-list", "--reverse", "HEAD", f"^{before}").split()
        try:
            self.git("push", "--quiet", "origin", "HEAD:main")
        except subprocess.CalledProcessError:
            return None
        return made

    def begin(self, change: Change) -> None:
        """The first commit of an empty repository."""
        self._commit(change)
        self.git("push", "--quiet", "origin", "HEAD:main")

    def _commit(self, change: Change) -> None:
        for path, content in change.items():
            file = self._folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", f"change {', '.join(change)}")
