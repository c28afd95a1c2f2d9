"""Whose a live object is."""

from dataclasses import replace

import pytest

from reconciler.model import ids, live, outcomes, records
from reconciler.plan import ownership
from tests.support import planned

KEY = planned.key("ConfigMap", "a")
OURS = str(ids.Mark(planned.INSTALLATION, planned.TARGET, KEY))
OTHER_TARGET = str(ids.Mark(planned.INSTALLATION, ids.TargetKey("production", "other"), KEY))
OTHER_INSTALLATION = str(ids.Mark("elsewhere", planned.TARGET, KEY))
COPIED = str(ids.Mark(planned.INSTALLATION, planned.TARGET, planned.key("ConfigMap", "parent")))

SEEN = live.LiveMeta(KEY, "uid-1", "100", "entry", OURS, controlled=False, deleting=False)
ROW = records.InventoryRow(KEY, "uid-1", "digest", "entry", "100", "r1")
Reason = outcomes.HoldReason


@pytest.mark.parametrize(
    ("meta", "row", "reason"),
    [
        pytest.param(SEEN, ROW, None, id="ours by mark and inventory"),
        pytest.param(SEEN, None, None, id="ours by mark: the journal was lost"),
        pytest.param(SEEN, replace(ROW, uid=""), None, id="ours by mark: the answer was lost"),
        pytest.param(replace(SEEN, uid="uid-2"), ROW, None, id="recreated with our mark, from a backup"),
        pytest.param(replace(SEEN, mark=""), ROW, None, id="ours by UID: somebody removed the mark"),
        pytest.param(replace(SEEN, mark=""), None, Reason.UNMANAGED, id="made by hand"),
        pytest.param(replace(SEEN, mark=""), replace(ROW, uid=""), Reason.UNMANAGED, id="made by hand, we meant to"),
        pytest.param(replace(SEEN, mark="", uid="uid-2"), ROW, Reason.UNMANAGED, id="recreated by hand"),
        pytest.param(replace(SEEN, mark=COPIED), None, Reason.UNMANAGED, id="a mark copied by a controller is void"),
        pytest.param(replace(SEEN, mark="nonsense"), None, Reason.UNMANAGED, id="malformed"),
        pytest.param(replace(SEEN, controlled=True), ROW, Reason.UNMANAGED, id="controlled"),
        pytest.param(replace(SEEN, mark=OTHER_TARGET), None, Reason.OTHER_OWNER, id="another target's"),
        pytest.param(replace(SEEN, mark=OTHER_TARGET), ROW, Reason.OTHER_OWNER, id="the mark wins over our row"),
        pytest.param(replace(SEEN, mark=OTHER_INSTALLATION), None, Reason.OTHER_OWNER, id="another installation's"),
    ],
)
def test_objection(meta: live.LiveMeta, row: records.InventoryRow | None, reason: outcomes.HoldReason | None) -> None:
    found = ownership.objection(meta, row, target=planned.TARGET, installation=planned.INSTALLATION)
    assert (found.reason if found else None) is reason
    assert found is None or str(KEY) in found.because
