"""Whose failure, and what follows: one row for each rule of E0."""

import dataclasses

import pytest

from reconciler.ending import brake, judge, message
from reconciler.model import ids, records, rollouts, targets, verdicts

TARGET, OTHER = ids.TargetKey("production", "web"), ids.TargetKey("staging", "web")
GOOD = records.Good("a" * 40, "good-inputs", "good-manifests", "2026-01-01T00:00:00Z")
ROLLOUT = rollouts.Rollout(
    id="r2",
    target=TARGET,
    purpose=rollouts.Purpose.RELEASE,
    revision="b" * 40,
    input_digest="bad-inputs",
    manifest_digest="bad",
    because="the head",
    started_at="2026-01-01T01:00:00Z",
)
OWN = "desired-state/production/web"
FAILED = judge.Failed(
    rollout=ROLLOUT,
    ledger=records.Ledger(TARGET, last_good=GOOD, rollout=ROLLOUT),
    because="web crashes",
    git=targets.GitPolicy.PUSH,
    first=targets.FirstFailure.LEAVE,
    own=(OWN,),
    shared=(),
    recent=0,
)


def test_a_failed_release_returns_to_last_good_in_git_as_well() -> None:
    assert judge.judge(FAILED) == judge.Revert(GOOD, push=(OWN,), pinned="", because="web crashes")


def test_a_shared_path_that_nobody_else_reads_is_restored_too() -> None:
    ending = judge.judge(dataclasses.replace(FAILED, shared=(("charts/web", ()),)))
    assert isinstance(ending, judge.Revert)
    assert ending.push == (OWN, "charts/web")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"git": targets.GitPolicy.PIN}, "policy is pin"),
        ({"shared": (("charts/web", (OTHER,)),)}, "charts/web is read by staging/web too"),
        ({"own": ()}, "no path that last good read differs"),
    ],
)
def test_the_cluster_alone_goes_back_where_git_may_not(change: dict[str, object], said: str) -> None:
    ending = judge.judge(dataclasses.replace(FAILED, **change))  # type: ignore[arg-type]
    assert isinstance(ending, judge.Revert)
    assert ending.push == ()
    assert said in ending.pinned


def test_a_failing_revert_stops_and_is_never_reverted() -> None:
    revert = dataclasses.replace(ROLLOUT, purpose=rollouts.Purpose.REVERT)
    assert isinstance(judge.judge(dataclasses.replace(FAILED, rollout=revert)), judge.Stop)


@pytest.mark.parametrize("first", list(targets.FirstFailure))
def test_a_first_deployment_has_nothing_to_return_to(first: targets.FirstFailure) -> None:
    ending = judge.judge(dataclasses.replace(FAILED, ledger=records.Ledger(TARGET), first=first))
    assert ending == judge.HoldFirst(first is targets.FirstFailure.SCALE_DOWN, "web crashes")


def test_inputs_that_were_good_before_are_not_to_blame() -> None:
    again = dataclasses.replace(ROLLOUT, input_digest=GOOD.input_digest, purpose=rollouts.Purpose.HEAL)
    assert isinstance(judge.judge(dataclasses.replace(FAILED, rollout=again)), judge.Keep)


@pytest.mark.parametrize(("recent", "stops"), [(0, False), (1, False), (2, True)])
def test_the_third_failure_within_the_hour_is_flapping(recent: int, stops: bool) -> None:
    assert isinstance(judge.judge(dataclasses.replace(FAILED, recent=recent)), judge.Stop) is stops


PASS, WAIT, BLOCK = verdicts.Decision.PASS, verdicts.Decision.UNKNOWN, verdicts.Decision.BLOCK


@pytest.mark.parametrize(
    ("failed", "unwell", "total", "waited", "decision"),
    [
        (1, 0, 1, 0, PASS),
        (2, 0, 2, 0, PASS),  # two of two: few targets say nothing
        (3, 0, 3, 0, BLOCK),
        (1, 0, 100, 0, PASS),
        (20, 0, 100, 0, PASS),  # exactly a fifth is not more than a fifth
        (21, 0, 100, 0, BLOCK),
        (1, 2, 5, 0, WAIT),  # two more look unwell at the same moment
        (1, 2, 5, brake.SETTLE, PASS),  # … and did not fail
        (3, 0, 5, 0, BLOCK),
        (3, 0, 5, 2 * brake.SETTLE, BLOCK),  # waiting changes nothing about those that have failed
    ],
)
def test_the_brake(failed: int, unwell: int, total: int, waited: float, decision: verdicts.Decision) -> None:
    assert brake.judge(brake.Neighbours(failed, unwell, total, waited)).decision is decision


def test_the_revert_commit_names_what_failed_and_what_it_restores() -> None:
    failure = rollouts.Failure("b" * 40, "bad-inputs", "web crashes:\nReconciler-Target: other/app")
    revert = records.GitRevert(failure, GOOD, (OWN,), records.GitStep.WANTED, "")
    text = message.revert_commit(TARGET, revert, installation="i", entry=7, head_hash="h")
    subject, _, rest = text.partition("\n")
    assert subject == f"Revert production/web to {'a' * 12}"
    trailers = [line for line in rest.splitlines() if line.startswith("Reconciler-")]
    assert trailers[0] == "Reconciler-Target: production/web"
    assert f"Reconciler-Failed-Revision: {'b' * 40}" in trailers
    assert f"Reconciler-Restored-Revision: {'a' * 40}" in trailers
    assert "Reconciler-Journal: 7 h" in trailers
    assert len([line for line in trailers if "Target" in line]) == 1  # a reason cannot forge a trailer


def test_the_revert_commit_of_a_person_names_them_and_their_reason() -> None:
    failure = rollouts.Failure("b" * 40, "inputs", "checkout is slow", asked_by="alice\nReconciler-Target: other/app")
    revert = records.GitRevert(failure, GOOD, (OWN,), records.GitStep.WANTED, "")
    text = message.revert_commit(TARGET, revert, installation="i", entry=7, head_hash="h")
    assert f"alice Reconciler-Target: other/app took the release {'b' * 12} back: checkout is slow." in text
    assert len([line for line in text.splitlines() if line.startswith("Reconciler-Target")]) == 1


def test_a_person_goes_the_same_way_as_after_a_failure() -> None:
    asked = judge.revert(GOOD, git=targets.GitPolicy.PUSH, own=(OWN,), shared=(), because="alice: slow")
    assert asked == judge.Revert(GOOD, push=(OWN,), pinned="", because="alice: slow")
