"""Settings on disk: the daemon's own file, read, watched and read again; and a checkout's files, checked together."""

import asyncio
import pathlib
from collections.abc import AsyncIterator, Iterator

import watchfiles

from reconciler import errors, yamltext
from reconciler.settings import application, deployment, environment, loading, tree

DEBOUNCE = 0.2
"""Seconds of quiet that end a change: an editor writes a file in several steps."""
LOOK_AGAIN = 30.0
"""Seconds after which the file is read without any event: network file systems send none, and a watch on a folder that
was replaced as a whole stays silent (I21)."""


class SettingsFile:
    """`deployment-config.yaml` in one folder."""

    def __init__(self, folder: pathlib.Path, *, look_again: float = LOOK_AGAIN) -> None:
        self._folder = folder
        self._path = folder / deployment.FILE
        self._look_again = look_again
        self._seen: bytes | None = None

    def read(self) -> deployment.Deployment:
        """The settings. Raises `errors.InvalidInput` with every problem, also when the file cannot be read."""
        self._seen = None
        self._seen = content(self._path)
        return loading.load(deployment.Deployment, self._seen, where=str(self._path))

    async def changes(self) -> AsyncIterator[deployment.Deployment | errors.InvalidInput]:
        """After each change of the file: the new settings, or what is wrong with them. Ends only by cancellation.

        A change is measured against the last `read` or item. Whoever gets an error keeps the settings it has.
        """
        async for _ in self._hints():
            before = self._seen
            try:
                settings = await asyncio.to_thread(self.read)
            except errors.InvalidInput as error:
                if self._seen != before:
                    yield error
            else:
                if self._seen != before:
                    yield settings

    async def _hints(self) -> AsyncIterator[None]:
        """One item whenever the file may have changed, and at least every `look_again` seconds.

        The folder is watched and not the file: editors and mounted ConfigMaps put another file in its place.
        """
        while True:
            try:
                async for _ in watchfiles.awatch(
                    self._folder,
                    watch_filter=None,
                    debounce=int(DEBOUNCE * 1000),
                    rust_timeout=int(self._look_again * 1000),
                    yield_on_timeout=True,
                    recursive=False,
                ):
                    yield
            except OSError:  # the folder is away, or the system has no watch left: look now and then
                yield
                await asyncio.sleep(self._look_again)


def check(config: pathlib.Path, *, desired_state: pathlib.Path) -> tree.CheckReport:
    """All complaints about the settings files of a checkout (`config/`, `desired-state/`). Raises nothing."""

    def exists(path: str, prefix: str) -> bool:
        """Whether the checkout has the path; where the checkout's root is unknown, it is given the benefit."""
        whole = root(desired_state, prefix)
        return whole is None or whole.joinpath(path).exists()

    return tree.check(checkout(config, desired_state=desired_state), exists=exists)


def checkout(config: pathlib.Path, *, desired_state: pathlib.Path) -> tree.Tree:
    """The texts of all settings files of the two folders. Raises nothing."""
    return tree.Tree(
        config=str(config),
        deployment=_text(config / deployment.FILE),
        desired_state=str(desired_state),
        folders={
            folder.name: tree.Folder(
                environment=_text(folder / environment.FILE),
                applications={inner.name: _text(inner / application.FILE) for inner in _folders(folder)},
            )
            for folder in _folders(desired_state)
        },
    )


def root(desired_state: pathlib.Path, prefix: str) -> pathlib.Path | None:
    """The root of the checkout, whose folder `prefix` is `desired_state`; None where it is another one."""
    inner = pathlib.PurePosixPath(prefix).parts
    whole = desired_state.absolute()
    return whole.parents[len(inner) - 1] if inner and whole.parts[-len(inner) :] == inner else None


def _folders(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """The folders directly below, sorted; none when the folder itself is missing."""
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.is_dir())


def _text(path: pathlib.Path) -> tree.Text:
    try:
        return content(path)
    except errors.InvalidInput as error:
        return error


def content(path: pathlib.Path) -> bytes:
    """Bounded (I10): one byte more than the loader takes tells it enough. Raises `errors.InvalidInput`."""
    try:
        with path.open("rb") as file:
            return file.read(yamltext.DEFAULT_LIMITS.bytes + 1)
    except FileNotFoundError:
        raise errors.InvalidInput((f"{path}:1: the file: is missing; add it, or name the right folder",)) from None
    except OSError as error:
        problem = f"{path}:1: the file: cannot be read ({error.strerror}); correct its owner or mode"
        raise errors.InvalidInput((problem,)) from error


def word(path: pathlib.Path) -> str:
    """The file's only line, without blanks around it: a user name. Terminal when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise errors.Terminal(f"{path} cannot be read: {error}") from error
