"""Warm children of one kind, started when first needed and replaced after any failure."""

import asyncio
from collections.abc import Sequence

from reconciler import errors
from reconciler.edges.boxed import box
from reconciler.model import sources


class Pool:
    """Up to `workers` children, so that one slow render does not hold up the others. Close it at the end.

    `called` is the tool's name in messages.
    """

    def __init__(self, called: str, *, limits: box.Limits, workers: int, command: Sequence[str]) -> None:
        self._called = called
        self._limits = limits
        self._command = tuple(command)
        self._free = asyncio.Semaphore(workers)
        self._idle: list[box.Box] = []
        self._closed = False

    async def greeting(self) -> dict[str, object]:
        """What a child said of itself: `version`, and `isolation`, a list of what it could give up of `network`,
        `files` (all but its own folder) and `user`. Raises Transient when no child starts."""
        async with self._free:
            try:
                child, _ = await self._child()
            except box.BoxBroken as broken:
                raise errors.Transient(f"the box for {self._called} {broken}; it is tried again") from broken
            await self._back(child)
            return dict(child.greeting)

    async def isolation(self) -> tuple[str, ...]:
        """The greeting's `isolation`. For `doctor`."""
        given_up = (await self.greeting()).get("isolation")
        return tuple(str(name) for name in given_up) if isinstance(given_up, list) else ()

    async def render(self, path: str, request: dict[str, object], *, files: Sequence[sources.File]) -> str:
        """The text for a request about `path`. `files` are written into the box first.

        Raises `errors.InvalidInput` with the tool's own words, `errors.Transient` when the box itself failed.
        """
        request = {**request, "path": path, "files": [(file.path, len(file.content)) for file in files]}
        answer = await self._ask(path, request, contents=tuple(file.content for file in files))
        refused, text = answer.get("refused"), answer.get("text")
        if isinstance(refused, str):
            raise errors.InvalidInput((refused,))
        if not isinstance(text, str):
            raise errors.Transient(f"{path}: the box for {self._called} answered nonsense; it is tried again")
        return text

    async def close(self) -> None:
        """End the children; one that is at work ends after its answer."""
        self._closed = True
        while self._idle:
            await self._idle.pop().kill()

    async def _ask(self, path: str, request: dict[str, object], *, contents: tuple[bytes, ...]) -> dict[str, object]:
        async with self._free:
            while True:
                try:
                    child, warm = await self._child()
                except box.BoxBroken as broken:
                    raise errors.Transient(
                        f"{path}: the box for {self._called} {broken}; it is tried again"
                    ) from broken
                try:
                    answer = await child.ask(request, contents=contents)
                except box.BoxBroken as broken:
                    if warm and not broken.late:
                        continue  # a warm child may have died of something else: once more with a fresh one
                    raise errors.Transient(
                        f"{path}: the box for {self._called} {broken} while it rendered this; it is tried again, "
                        "simplify it if that happens every time"
                    ) from broken
                await self._back(child)
                return dict(answer)

    async def _back(self, child: box.Box) -> None:
        if self._closed:
            await child.kill()
        else:
            self._idle.append(child)

    async def _child(self) -> tuple[box.Box, bool]:
        """A child to ask, and whether it is one that has answered before."""
        while self._idle:
            child = self._idle.pop()
            if child.usable:
                return child, True
            await child.kill()
        return await box.Box.start(limits=self._limits, command=self._command), False


def inside_the_repository(files: Sequence[sources.File]) -> None:
    """Raises `errors.InvalidInput` for paths that could lead out of the folder they are written into."""
    odd = [file.path for file in files if not _ordinary(file.path)]
    if odd:
        raise errors.InvalidInput(tuple(f"{path!r}: not a path inside the repository; rename it" for path in odd))


def _ordinary(path: str) -> bool:
    return "\0" not in path and all(part not in ("", ".", "..") for part in path.split("/"))
