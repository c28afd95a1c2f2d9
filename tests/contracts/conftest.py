"""The worlds of `test_cluster.py`, for every contract."""

from tests.contracts.test_cluster import maker, world

__all__ = ["maker", "world"]
