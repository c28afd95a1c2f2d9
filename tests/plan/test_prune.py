"""Prune is earned: every filter that we know, one line each."""

from dataclasses import replace

import pytest

from reconciler.model import ids, live, plans, records
from reconciler.plan import prune
from tests.support import planned

KEY = planned.key("ConfigMap", "old")
ROW = records.InventoryRow(KEY, "uid-1", "digest", "entry", "100", "r1")


def mark(target: ids.TargetKey = planned.TARGET, installation: str = planned.INSTALLATION) -> str:
    return str(ids.Mark(installation, target, KEY))


SEEN = live.LiveMeta(KEY, "uid-1", "100", "entry", mark(), controlled=False, deleting=False)


def decided(row: records.InventoryRow, meta: live.LiveMeta | None) -> prune.Pruning:
    return prune.leftovers([row], {row.key: meta}, target=planned.TARGET, installation=planned.INSTALLATION)


@pytest.mark.parametrize(
    ("row", "meta", "uid"),
    [
        pytest.param(ROW, SEEN, "uid-1", id="ours"),
        pytest.param(replace(ROW, uid=""), SEEN, "uid-1", id="pending, and the mark says it arrived"),
        pytest.param(ROW, replace(SEEN, resource_version="999", entry="x"), "uid-1", id="edited, still ours"),
    ],
)
def test_pruned_by_its_live_uid(row: records.InventoryRow, meta: live.LiveMeta, uid: str) -> None:
    found = decided(row, meta)
    (change,) = found.prunes
    assert (change.action, change.uid, change.manifest) == (plans.Action.PRUNED, uid, None)
    assert found.forget == () and found.notes == ()


@pytest.mark.parametrize(
    ("row", "meta", "note"),
    [
        pytest.param(ROW, None, "", id="gone already"),
        pytest.param(replace(ROW, uid=""), None, "", id="pending, and never arrived"),
        pytest.param(ROW, replace(SEEN, uid="uid-2"), "another object", id="name used again"),
        pytest.param(ROW, replace(SEEN, mark=""), "mark is gone", id="released by hand"),
        pytest.param(replace(ROW, uid=""), replace(SEEN, mark=""), "mark is gone", id="pending, made by somebody else"),
        pytest.param(ROW, replace(SEEN, controlled=True), "controller", id="a controller's now"),
        pytest.param(ROW, replace(SEEN, mark=mark(ids.TargetKey("production", "b"))), "production/b", id="handed over"),
        pytest.param(ROW, replace(SEEN, mark=mark(installation="els")), "installation els", id="another installation"),
    ],
)
def test_left_alone_and_forgotten(row: records.InventoryRow, meta: live.LiveMeta | None, note: str) -> None:
    found = decided(row, meta)
    assert found.prunes == () and found.forget == (KEY,)
    assert (note in found.notes[0]) if note else found.notes == ()


def test_on_its_way_out_it_is_kept_in_mind_and_not_deleted_twice() -> None:
    found = decided(ROW, replace(SEEN, deleting=True))
    assert [change.action for change in found.prunes] == [plans.Action.SKIPPED]
    assert found.forget == ()


def test_unknown_is_not_absent() -> None:
    found = prune.leftovers(
        [ROW], {}, target=planned.TARGET, installation=planned.INSTALLATION, unknown={KEY: "cannot tell"}
    )
    assert [(change.action, change.because) for change in found.prunes] == [(plans.Action.SKIPPED, "cannot tell")]
    assert found.forget == ()


def test_the_order_is_the_reverse_of_applying() -> None:
    keys = [
        planned.key("Namespace", "n", namespace=""),
        planned.key("ConfigMap", "a"),
        planned.key("ConfigMap", "b"),
        planned.key("Deployment", "d", group="apps"),
        planned.key("Ingress", "i", group="networking.k8s.io"),
    ]
    rows = [replace(ROW, key=key) for key in keys]
    metas = {key: replace(SEEN, key=key, mark=str(ids.Mark(planned.INSTALLATION, planned.TARGET, key))) for key in keys}
    found = prune.leftovers(rows, metas, target=planned.TARGET, installation=planned.INSTALLATION)
    assert [change.key for change in found.prunes] == keys[::-1]


def test_prune_goes_from_the_last_wave_to_the_first_and_backwards_through_the_kinds() -> None:
    wanted = [("ConfigMap", "a", 0), ("Secret", "b", 0), ("ConfigMap", "late", 2), ("Secret", "early", -1)]
    keys = {name: planned.key(kind, name) for kind, name, _ in wanted}
    rows = [replace(ROW, key=key) for key in keys.values()]
    metas = {
        keys[name]: replace(
            SEEN, key=keys[name], wave=wave, mark=str(ids.Mark(planned.INSTALLATION, planned.TARGET, keys[name]))
        )
        for _, name, wave in wanted
    }
    found = prune.leftovers(rows, metas, target=planned.TARGET, installation=planned.INSTALLATION)
    assert [change.key.name for change in found.prunes] == ["late", "a", "b", "early"]


@pytest.mark.parametrize(
    ("row", "meta", "going_back", "orphan", "action", "because"),
    [
        pytest.param(
            ROW, replace(SEEN, keep=True), False, False, "orphaned", "reconciler.dev/prune", id="its own word"
        ),
        pytest.param(ROW, SEEN, False, True, "orphaned", "application is orphaned", id="the application's word"),
        pytest.param(replace(ROW, rollout=records.ADOPTED), SEEN, False, False, "pruned", "", id="adopted long ago"),
        pytest.param(
            replace(ROW, rollout=records.ADOPTED),
            SEEN,
            True,
            False,
            "orphaned",
            "was there before",
            id="adopted just now",
        ),
        pytest.param(
            replace(ROW, rollout=records.HANDED),
            SEEN,
            True,
            False,
            "skipped",
            "another target",
            id="came from a target",
        ),
        pytest.param(replace(ROW, rollout=records.HANDED), SEEN, False, False, "pruned", "", id="came long ago"),
    ],
)
def test_what_is_left_where_it_is(
    row: records.InventoryRow, meta: live.LiveMeta, going_back: bool, orphan: bool, action: str, because: str
) -> None:
    found = prune.leftovers(
        [row],
        {row.key: meta},
        target=planned.TARGET,
        installation=planned.INSTALLATION,
        spare_protected=going_back,
        orphan=orphan,
    )
    (change,) = found.prunes
    assert change.action.value == action and because in change.because


def test_a_delete_that_hangs_names_its_finalizer_and_since_when() -> None:
    meta = replace(SEEN, deleting=True, deleting_since="2026-01-01T00:00:00Z", finalizers=("example.com/never",))
    (change,) = decided(ROW, meta).prunes
    assert change.action is plans.Action.SKIPPED
    assert "since 2026-01-01T00:00:00Z" in change.because and "example.com/never" in change.because
