import pytest

from reconciler.sandbox import ordering

ORDERS = [
    ("ab", "abc", "abc"),
    ("abc", "cba", "cba"),
    ("ab", "bc", "abc"),
    ("axb", "ab", "axb"),
    ("abx", "ba", "bxa"),
    ("xab", "ba", "xba"),
    ("cba", "db", "cdba"),
    ("abcd", "dxa", "bcdxa"),
]
"""What is there, what is applied, and what comes of it; tests/contracts asks the real API server for the same."""


@pytest.mark.parametrize(("old", "new", "together"), [("", "ab", "ab"), ("ab", "", "ab"), *ORDERS])
def test_merged(old: str, new: str, together: str) -> None:
    assert "".join(ordering.merged(old, new)) == together
