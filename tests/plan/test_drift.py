"""What our entry in managedFields tells, line by line."""

from dataclasses import replace

import pytest

from reconciler.model import ids, live, plans, records
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


CHANGE = plans.Change(plans.Action.CONFIGURED, KEY, "taken by kubectl-edit", uid="uid-1", live=SEEN)
EDITED = replace(CHANGE, fields=(plans.FieldChange("data.a", '"secret"', '"1"'),), live=replace(SEEN, entry="entry-2"))
GONE = plans.Change(plans.Action.CREATED, KEY, "it does not exist")


def plan(*changes: plans.Change) -> plans.Plan:
    return plans.Plan(ids.TargetKey("production", "web"), "digest", (changes,))


@pytest.mark.parametrize(
    ("row", "change", "kept", "news"),
    [
        pytest.param(ROW, EDITED, ("entry-2", True), True, id="an edit"),
        pytest.param(replace(ROW, entry="entry-2", drifted=True), EDITED, None, False, id="the same edit, seen before"),
        pytest.param(replace(ROW, entry="entry-0", drifted=True), EDITED, ("entry-2", True), True, id="one more edit"),
        pytest.param(ROW, CHANGE, ("", True), False, id="edited and set back: the value is right, and not ours"),
        pytest.param(replace(ROW, entry="", drifted=True), CHANGE, None, False, id="that, seen before"),
        pytest.param(replace(ROW, entry="", drifted=True), EDITED, ("entry-2", True), True, id="and edited once more"),
        pytest.param(ROW, GONE, ("entry-1", True), True, id="deleted"),
        pytest.param(replace(ROW, drifted=True), GONE, None, False, id="deleted, seen before"),
    ],
)
def test_drift_that_is_only_reported(
    row: records.InventoryRow, change: plans.Change, kept: tuple[str, bool] | None, news: bool
) -> None:
    found = drift.tolerated(plan(change), [row])
    assert [(row.entry, row.drifted) for row in found.rows] == ([kept] if kept else [])
    assert found.news is news
    assert bool(found.because) is (change is not CHANGE)


def test_what_drifted_is_told_without_values() -> None:
    many = replace(EDITED, fields=tuple(plans.FieldChange(f"data.{name}", '"secret"', None) for name in "abcde"))
    assert drift.told(plan(many, GONE), healing=False) == (
        "drift: ConfigMap web/a differs from Git in data.a, data.b, data.c and 2 more (and 1 more)"
    )
    assert drift.told(plan(EDITED), healing=True) == (
        "drift: ConfigMap web/a differs from Git in data.a: taken by kubectl-edit"
    )
    assert drift.told(plan(GONE), healing=False) == "drift: ConfigMap web/a differs from Git: it does not exist"
