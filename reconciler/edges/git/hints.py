"""A repository on this machine shows by its files when its ref moves: a hint to poll, without asking again and again.

Only a hint: it is polled all the same now and then, because a watch may miss a change (a ref that is kept in another
way, a folder that is made anew, no watch left in the system).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import watchfiles

from reconciler.edges.git import place, plain

STEP = 0.005
"""Seconds between two looks of the watching thread at what the kernel has told it; each costs 16 µs of processor."""

LOOK_AGAIN = 60.0
"""Seconds after which the watch is made anew: the folder of the ref comes and goes with its refs."""


async def moves(where: place.Place) -> AsyncIterator[None]:
    """An item whenever the ref of a local repository may have moved. Ends at once for one that is elsewhere."""
    if not where.local:
        return
    git_dir = plain.git_dir(where)
    files = {str(git_dir / where.ref), str(git_dir / "packed-refs")}
    while True:
        folders = [folder for folder in ((git_dir / where.ref).parent, git_dir) if folder.is_dir()]
        try:
            watching = watchfiles.awatch(
                *folders,
                watch_filter=lambda change, path: path in files,
                step=int(STEP * 1000),
                debounce=int(STEP * 2000),
                rust_timeout=int(LOOK_AGAIN * 1000),
                yield_on_timeout=True,
                recursive=False,
            )
            async with contextlib.aclosing(watching):
                async for changes in watching:
                    if not changes:
                        break
                    yield
        except (OSError, RuntimeError):  # a folder has just gone, or the system has no watch left
            await asyncio.sleep(LOOK_AGAIN)
