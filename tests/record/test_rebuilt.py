"""What is restored of a lost journal, whose it may be, and what is left out on purpose (I6, I7, I22)."""

import dataclasses

import pytest

from reconciler.model import ids, live, records, rollouts
from reconciler.record import rebuilt

WEB, API = ids.TargetKey("production", "web"), ids.TargetKey("production", "api")
AT, LONG_AGO = "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"
GOOD = records.Good("a" * 40, "good", "manifests", LONG_AGO, "r1")
FOUND = records.Good("b" * 40, "newer", "other manifests", AT)
PAUSE = records.Pause("ann", "a freeze", LONG_AGO)
RECORD = records.TargetRecord(
    WEB, "ours", 4, "newer", ("bad", "worse"), "inventory", 12, "head", "b" * 40, "d" * 40, PAUSE, "it failed too"
)
BEFORE = records.Ledger(
    WEB,
    present=records.Present("a" * 40, "good", "manifests", complete=True),
    last_good=GOOD,
    quarantined=(
        records.Quarantine("bad", "c" * 40, "it crashed", LONG_AGO, "r0"),
        records.Quarantine("released", "e" * 40, "it crashed", LONG_AGO),
    ),
    git_revert=records.GitRevert(
        rollouts.Failure("c" * 40, "bad", "it crashed"), GOOD, ("x",), records.GitStep.WANTED, "because"
    ),
    confirmations=(records.Confirmation("a" * 40, "ann", LONG_AGO),),
    accepted_history="f" * 40,
)


def restored(record: records.TargetRecord = RECORD, *, before: records.Ledger = BEFORE) -> records.Ledger:
    return rebuilt.ledger(record, before=before, goods={"newer": FOUND}, revisions={"worse": "9" * 40}, at=AT)


def test_the_record_is_newer_than_the_backup() -> None:
    ledger = restored()
    assert ledger.last_good == FOUND
    assert ledger.earlier == (GOOD,)
    assert (ledger.pause, ledger.stopped, ledger.deployed) == (PAUSE, "it failed too", "d" * 40)
    assert ledger.present is None  # what was applied last is found out from live


def test_quarantine_is_the_records_with_the_reasons_of_the_backup() -> None:
    bad, worse = restored().quarantined
    assert bad == BEFORE.quarantined[0]
    assert (worse.input_digest, worse.revision, worse.because) == ("worse", "9" * 40, rebuilt.FORGOTTEN)
    (unknown,) = restored(dataclasses.replace(RECORD, quarantined=("elsewhere",))).quarantined
    assert unknown.revision == ""


def test_what_was_under_way_owed_or_confirmed_is_dropped() -> None:
    ledger = restored()
    assert (ledger.rollout, ledger.git_revert, ledger.confirmations, ledger.accepted_history) == (None, None, (), "")


def test_a_last_good_that_git_has_lost_is_none() -> None:
    gone = dataclasses.replace(RECORD, last_good="gone", deployed="")
    ledger = restored(gone, before=records.Ledger(WEB))
    assert (ledger.last_good, ledger.deployed) == (None, "")
    assert len(ledger.quarantined) == 2


def meta(name: str, uid: str) -> live.LiveMeta:
    key = ids.ObjectKey("", "ConfigMap", "web", name)
    return live.LiveMeta(key, uid, "7", "entry", "a mark", controlled=False, deleting=False)


def row(name: str, uid: str) -> records.InventoryRow:
    key = ids.ObjectKey("", "ConfigMap", "web", name)
    return records.InventoryRow(key, uid, "digest", "old entry", "3", "r1")


INVENTORIES = [
    ([], [meta("a", "1")], [("a", "1", "")]),
    ([row("a", "1")], [meta("a", "1")], [("a", "1", "digest")]),
    ([row("a", "1")], [meta("a", "2")], [("a", "2", "")]),
    ([row("a", "")], [meta("a", "1")], [("a", "1", "")]),
    ([row("b", "1")], [meta("a", "2")], [("a", "2", ""), ("b", "1", "digest")]),
    ([row("a", "1")], [], [("a", "1", "digest")]),
]


@pytest.mark.parametrize(("before", "marked", "expected"), INVENTORIES)
def test_the_inventory(
    before: list[records.InventoryRow], marked: list[live.LiveMeta], expected: list[tuple[str, str, str]]
) -> None:
    found = rebuilt.inventory(before, marked)
    assert [(row.key.name, row.uid, row.manifest_digest) for row in found] == expected


WHOSE = [
    # fresh, seen, asked → whose, or words of the refusal
    (False, {"ours": [WEB]}, "", "ours"),
    (True, {"ours": [WEB], "theirs": [API]}, "", "ours"),
    (False, {"ours": [WEB]}, "ours", "ours"),
    (True, {"theirs": [WEB, API]}, "theirs", "theirs"),
    (True, {"theirs": [WEB, API]}, "", "repeat the command with --installation theirs"),
    (True, {"theirs": [WEB], "others": [API]}, "", "repeat the command with --installation and its name"),
    (True, {"theirs": [WEB]}, "others", "no target record and no mark names installation others"),
    (True, {}, "theirs", "there are: none"),
    (True, {}, "", "nothing to rebuild"),
    (False, {"theirs": [WEB]}, "", "other installations only"),
    (False, {"theirs": [WEB]}, "theirs", "cannot become theirs"),
]


@pytest.mark.parametrize(("fresh", "seen", "asked", "expected"), WHOSE)
def test_nothing_foreign_is_taken_over_silently(
    fresh: bool, seen: dict[str, list[ids.TargetKey]], asked: str, expected: str
) -> None:
    installation, because = rebuilt.whose("ours", fresh=fresh, seen=seen, asked=asked)
    assert expected == installation if not because else (expected in because and installation == "")
