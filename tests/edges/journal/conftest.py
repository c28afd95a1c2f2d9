"""An open journal, on its thread and inline: both ways must behave the same."""

import pathlib
from collections.abc import AsyncIterator

import pytest

from reconciler.edges.journal import journal


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "state" / "journal.sqlite"


@pytest.fixture(params=[False, True], ids=["thread", "inline"])
async def memory(path: pathlib.Path, request: pytest.FixtureRequest) -> AsyncIterator[journal.SqlJournal]:
    opened = await journal.open_journal(path, inline=request.param)
    yield opened
    await opened.close()
