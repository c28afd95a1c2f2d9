"""The rule of reference/api-server-facts.md §2, line by line."""

from dataclasses import replace

import pytest

from reconciler.model import ids, live, records
from reconciler.plan import drift

KEY = ids.ObjectKey("", "ConfigMap", "web", "a")
ROW = records.InventoryRow(KEY, "uid-1", "digest", "entry-1", "100", "r1")
SEEN = live.LiveMeta(KEY, "uid-1", "101", "entry-1", "mark", controlled=False, deleting=False)


@pytest.mark.parametrize(
    ("row", "meta", "because"),
    [
        pytest.param(ROW, SEEN, "", id="status, or a foreign field: our entry stays"),
        pytest.param(ROW, replace(SEEN, entry="entry-2"), "fields of ours", id="our entry changed"),
        pytest.param(ROW, replace(SEEN, entry=""), "is gone from it", id="managedFields stripped"),
        pytest.param(ROW, replace(SEEN, uid="uid-2"), "another object", id="recreated by somebody"),
        pytest.param(ROW, replace(SEEN, deleting=True), "being deleted", id="on its way out"),
        pytest.param(ROW, None, "deleted", id="gone"),
        pytest.param(ROW, replace(SEEN, resource_version="100", entry="x"), "", id="our own write, heard late"),
        pytest.param(ROW, replace(SEEN, resource_version="99", entry="x"), "", id="older than our write"),
        pytest.param(ROW, replace(SEEN, resource_version="99", deleting=True), "", id="a replayed past"),
        pytest.param(ROW, replace(SEEN, resource_version="1000", entry="x"), "fields of ours", id="compared as number"),
        pytest.param(replace(ROW, drifted=True), SEEN, "changed again", id="blind while drifted: any change counts"),
        pytest.param(replace(ROW, uid=""), replace(SEEN, entry="x"), "", id="pending: its pass is at work"),
        pytest.param(replace(ROW, uid=""), None, "", id="pending and not there yet"),
        pytest.param(
            replace(ROW, resource_version="b7"),
            replace(SEEN, resource_version="a9", entry="x"),
            "fields of ours",
            id="versions that are no numbers: what is not known counts as newer",
        ),
    ],
)
def test_suspicion(row: records.InventoryRow, meta: live.LiveMeta | None, because: str) -> None:
    found = drift.suspicious(row, meta)
    assert (because in found) if because else found == ""


@pytest.mark.parametrize(("seen", "older"), [("99", True), ("100", False), ("1000", False), ("a9", False)])
def test_older_than_our_write(seen: str, older: bool) -> None:
    """Health is not judged by what a watch saw before our newest write."""
    assert drift.older(replace(SEEN, resource_version=seen), ROW) is older
