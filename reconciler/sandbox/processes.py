"""Processes that die: the daemon on ports that end with it, on an event loop that goes on.

A process that is killed makes no further call and hears no answer: whatever of it Python still unwinds reaches nothing.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
OWNER: contextvars.ContextVar["Process | None"] = contextvars.ContextVar("OWNER", default=None)
"""The process that a task belongs to."""


class Dead(asyncio.CancelledError):
    """No line of a dead process runs on; where Python unwinds its tasks, they reach nothing any more."""


class Fate(Protocol):
    """What befalls a call of a port."""

    async def meet(
        self, process: "Process", port: str, name: str, call: Callable[[], Awaitable[T]], about: object
    ) -> T:
        """Make the call, or not, or late; return its answer or another one, raise, or end the process."""


@dataclass(slots=True)
class Process:
    """`number` counts them in a run."""

    number: int
    fate: Fate
    alive: bool = True
    frozen: asyncio.Event | None = None
    """Set, and everything waits for it: a process that is stopped, and goes on later."""
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    async def through(self, port: str, name: str, call: Callable[[], Awaitable[T]], about: object = None) -> T:
        """One call of a port; `about`: the object's key."""
        await self.gate()
        result = await self.fate.meet(self, port, name, call, about)
        await self.gate()
        return result

    async def gate(self) -> None:
        while self.frozen is not None and self.alive:
            await self.frozen.wait()
        self.check()

    def check(self) -> None:
        if not self.alive:
            raise Dead

    def kill(self) -> None:
        """At once: nothing it has not done yet will be done."""
        self.alive = False
        if self.frozen:
            self.frozen.set()
        for task in tuple(self.tasks):
            task.cancel()

    def adopt(self, task: asyncio.Task[Any]) -> None:
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def start(self, main: Any) -> asyncio.Task[None]:
        """A task of this process; so is every task that comes of it, on a loop with `task_factory`."""
        context = contextvars.copy_context()
        context.run(OWNER.set, self)
        return context.run(asyncio.get_running_loop().create_task, main)


def task_factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **more)
    if owner := OWNER.get():
        owner.adopt(task)
    return task


class Passing:
    """Every coroutine method of `inner` goes through the process; anything else must be alive."""

    def __init__(self, process: Process, inner: Any, *, port: str) -> None:
        self._process, self._inner, self._port = process, inner, port

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def passed(*arguments: Any, **named: Any) -> Any:
            about = getattr(arguments[0], "key", arguments[0]) if arguments else None
            return await self._process.through(self._port, name, lambda: found(*arguments, **named), about)

        self.__dict__[name] = passed
        return passed
