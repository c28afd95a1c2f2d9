"""Commands are tested at a desk without a cluster; tests that need one build theirs."""

import pathlib

import pytest

from tests.cli import desk


@pytest.fixture
def a_desk(tmp_path: pathlib.Path) -> desk.Desk:
    return desk.Desk(tmp_path)
