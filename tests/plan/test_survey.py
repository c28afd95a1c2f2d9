"""Which objects are known to be as wanted without a call."""

from dataclasses import replace

import pytest

from reconciler.model import live, plans, records
from reconciler.plan import survey
from tests.support import planned

WANTED = planned.config("a", x="1")
ROW = records.InventoryRow(WANTED.key, "uid-1", WANTED.digest, "entry-1", "100", "r1")
SEEN = live.LiveMeta(WANTED.key, "uid-1", "100", "entry-1", "mark", controlled=False, deleting=False)


@pytest.mark.parametrize(
    ("row", "meta", "because"),
    [
        pytest.param(ROW, SEEN, "", id="nothing happened"),
        pytest.param(ROW, replace(SEEN, resource_version="101"), "", id="written by others, our entry is the same"),
        pytest.param(ROW, replace(SEEN, resource_version="99", entry="old"), "", id="the watch lags behind our write"),
        pytest.param(ROW, replace(SEEN, resource_version="101", entry="x"), "fields of ours", id="drift"),
        pytest.param(ROW, replace(SEEN, resource_version="101", entry=""), "is gone", id="stripped"),
        pytest.param(
            replace(ROW, entry=""),
            replace(SEEN, resource_version="101", entry=""),
            "is gone",
            id="no fingerprint equals no fingerprint, and proves nothing",
        ),
        pytest.param(None, SEEN, "not in the inventory", id="no row"),
        pytest.param(None, None, "not in the inventory", id="new"),
        pytest.param(replace(ROW, uid=""), SEEN, "no answer yet", id="pending"),
        pytest.param(replace(ROW, manifest_digest="other"), SEEN, "manifest changed", id="changed in Git"),
        pytest.param(ROW, None, "does not see it", id="row, and nothing seen"),
        pytest.param(ROW, replace(SEEN, uid="uid-2"), "another object", id="recreated"),
        pytest.param(ROW, replace(SEEN, uid="uid-2", resource_version="99"), "another object", id="recreated, or past"),
        pytest.param(ROW, replace(SEEN, deleting=True), "being deleted", id="terminating"),
        pytest.param(replace(ROW, drifted=True), SEEN, "drifted", id="drifted before"),
    ],
)
def test_settled_or_closer(row: records.InventoryRow | None, meta: live.LiveMeta | None, because: str) -> None:
    found = survey.survey([WANTED], {row.key: row} if row else {}, {WANTED.key: meta})
    if because:
        (look,) = found.closer
        assert because in look.because and look.row == row and found.settled == ()
    else:
        (change,) = found.settled
        assert change.action is plans.Action.UNCHANGED and found.closer == ()


def test_a_change_in_the_surroundings_asks_for_a_closer_look() -> None:
    found = survey.survey([WANTED], {ROW.key: ROW}, {WANTED.key: SEEN}, again={WANTED.key})
    assert [look.because for look in found.closer] == ["its autoscaler goes"]


@pytest.mark.parametrize(("ttl", "again"), [(100, False), (None, True)])
def test_a_job_that_its_ttl_removed_is_not_run_twice(ttl: int | None, again: bool) -> None:
    spec = {"template": {}} | ({"ttlSecondsAfterFinished": ttl} if ttl else {})
    job = planned.manifest("Job", "m", api_version="batch/v1", spec=spec)
    row = records.InventoryRow(job.key, "uid-1", job.digest, "entry-1", "100", "r1")
    found = survey.survey([job], {job.key: row}, {job.key: None})
    assert bool(found.closer) is again
    changed = replace(row, manifest_digest="another revision's")
    assert survey.survey([job], {job.key: changed}, {job.key: None}).closer
