"""Waiting for a condition that other tasks of the same event loop bring about."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(condition: Callable[[], T | None], *, what: str, seconds: float = 15.0) -> T:
    """What `condition` returns once that is true; TimeoutError, naming `what`, after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            while not (found := condition()):  # noqa: ASYNC110 - any condition, set by code that knows no event
                await asyncio.sleep(0.01)
            return found
    except TimeoutError as error:
        raise TimeoutError(f"{what} did not come true in {seconds:g} s") from error


async def until_asked(question: Callable[[], Awaitable[bool]], *, what: str, seconds: float = 15.0) -> None:
    """The same for a condition that the cluster has to be asked for."""
    try:
        async with asyncio.timeout(seconds):
            while not await question():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise TimeoutError(f"{what} did not come true in {seconds:g} s") from error
