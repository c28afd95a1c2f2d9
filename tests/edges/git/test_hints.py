"""A local repository tells when its ref moves."""

import asyncio
import pathlib
from collections.abc import AsyncIterator

import pytest

from reconciler.edges import git
from reconciler.edges.git import hints
from tests.support import gitserver, site


def _place(path: pathlib.Path, folder: pathlib.Path) -> git.Place:
    return git.Place.checked(
        "desired", url=str(path), allow_local=True, ref="refs/heads/main", mirror=folder / "mirror"
    )


async def _next(found: AsyncIterator[None], moving: asyncio.Task[None]) -> None:
    try:
        await asyncio.wait_for(anext(found), site.PATIENCE)
    finally:
        moving.cancel()
        await asyncio.gather(moving, return_exceptions=True)


@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
async def test_a_push_is_a_hint(tmp_path: pathlib.Path, packed: bool) -> None:
    upstream = gitserver.create(tmp_path / "deploy.git")
    upstream.commit({"n": b"0"})
    if packed:
        upstream.git("pack-refs", "--all")
    found = hints.moves(_place(upstream.path, tmp_path))

    async def move() -> None:
        """Again and again: the first may come before the watch is there."""
        for number in range(1_000):
            await asyncio.to_thread(upstream.commit, {"n": str(number).encode()})
            await asyncio.sleep(0.1)

    await _next(found, asyncio.create_task(move()))
    await found.aclose()


async def test_elsewhere_nothing_tells(tmp_path: pathlib.Path) -> None:
    where = git.Place.checked("d", url="https://git.example.com/d.git", ref="refs/heads/main", mirror=tmp_path / "m")
    assert [hint async for hint in hints.moves(where)] == []
