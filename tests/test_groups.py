"""What shares a set-up runs in one process, in the order of its file."""

import pytest

pytestmark = pytest.mark.xdist_group("groups")


def test_a_group_is_kept_together(request: pytest.FixtureRequest) -> None:
    """`--dist loadgroup` tells a group by the end of its tests' names; a pytest that does not tell it splits groups."""
    grouped = getattr(request.config.option, "loadgroup", False)
    assert request.node.nodeid.endswith("@groups") == grouped
