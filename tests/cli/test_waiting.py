"""`wait`: the decision as a table, then the command on a journal that changes and a repository that grows."""

import asyncio
import json
from dataclasses import replace

import pytest

from reconciler.app import beside, opening
from reconciler.app.commands import waiting
from reconciler.edges.journal import journal as sql_journal
from reconciler.model import outcomes, records, rollouts
from reconciler.pipeline import heads
from tests.cli import desk

Goal, Reached, Reason = waiting.Goal, waiting.Reached, outcomes.HoldReason
YES, NO, NOT_YET = Reached.YES, Reached.NO, Reached.NOT_YET
H, R, V, D = Goal.HEALTHY, Goal.ROLLED_OUT, Goal.REVERTED, Goal.HELD

ROLLOUT = rollouts.Rollout("r1", desk.WEB, rollouts.Purpose.RELEASE, desk.B, "inputs-b", "m", "head", desk.AT)
REVERT = replace(ROLLOUT, purpose=rollouts.Purpose.REVERT, revision=desk.A, input_digest="inputs-a")
FAILURE = rollouts.Failure(desk.B, "inputs-b", "crashed")
PUSHED = records.GitRevert(FAILURE, desk.GOOD, ("x",), records.GitStep.PUSHED, "", "c" * 40, desk.B)
QUARANTINE = records.Quarantine("inputs-b", desk.B, "crashed", desk.AT)

NEW = records.Ledger(desk.WEB)
ROLLING = replace(
    desk.WELL,
    rollout=ROLLOUT,
    present=records.Present(desk.B, "inputs-b", "m", complete=False),
    outcome=outcomes.Outcome.WAITING,
    because="1 of 2 updated",
)
REVERTING = replace(ROLLING, rollout=REVERT, quarantined=(QUARANTINE,))
BACK = replace(desk.WELL, quarantined=(QUARANTINE,), git_revert=PUSHED)
NOT_PUSHED = replace(BACK, git_revert=replace(PUSHED, step=records.GitStep.INTENDED))
STOPPED = replace(
    desk.held(Reason.STOPPED, "the revert failed"), quarantined=(QUARANTINE,), stopped="the revert failed"
)
PAUSED = desk.held(Reason.PAUSED, "paused by ann", revision="")
AWAY = desk.held(Reason.CLUSTER_UNAVAILABLE, "no answer", revision="")
REFUSED = desk.held(Reason.REFUSED, "422", revision=desk.B)
B_GOOD = replace(
    desk.WELL,
    last_good=records.Good(desk.B, "inputs-b", "m", desk.AT),
    present=records.Present(desk.B, "inputs-b", "m", complete=True),
)

OF_B = waiting.Release(desk.B, "inputs-b", frozenset({desk.B}))
UNTOUCHED = waiting.Release(desk.B, "inputs-a", frozenset())
"""A commit that does not touch the target: its inputs are those that are good already."""
UNSEEN = waiting.Release("c" * 40, "inputs-c", frozenset())


@pytest.mark.parametrize(
    ("ledger", "release", "goal", "reached"),
    [
        (NEW, None, H, NOT_YET),
        (desk.WELL, None, H, YES),
        (desk.WELL, None, R, YES),
        (desk.WELL, OF_B, H, NOT_YET),
        (desk.WELL, UNTOUCHED, H, YES),
        (B_GOOD, OF_B, H, YES),
        (B_GOOD, replace(OF_B, digest="inputs-older"), H, YES),  # a later commit is good
        (ROLLING, None, H, NOT_YET),
        (ROLLING, None, R, NOT_YET),
        (ROLLING, OF_B, H, NOT_YET),
        (replace(ROLLING, rollout=replace(ROLLOUT, purpose=rollouts.Purpose.HEAL)), UNTOUCHED, H, NOT_YET),
        (REVERTING, None, H, NO),
        (REVERTING, OF_B, R, NO),
        (REVERTING, OF_B, V, NOT_YET),
        (BACK, OF_B, H, NO),
        (BACK, OF_B, V, YES),
        (BACK, None, H, YES),  # as it stands, it is healthy again
        (NOT_PUSHED, OF_B, V, NOT_YET),
        (B_GOOD, OF_B, V, NO),
        (desk.WELL, None, V, NOT_YET),
        (replace(desk.WELL, outcome=outcomes.Outcome.REVERTED), None, H, NO),
        (replace(desk.WELL, outcome=outcomes.Outcome.FAILED), None, R, NO),
        (STOPPED, OF_B, V, NO),
        (STOPPED, OF_B, H, NO),
        (STOPPED, UNSEEN, H, NO),
        (PAUSED, UNSEEN, H, NO),
        (PAUSED, None, H, NO),
        (AWAY, None, H, NOT_YET),
        (AWAY, OF_B, H, NOT_YET),
        (REFUSED, OF_B, H, NO),
        (REFUSED, UNSEEN, H, NOT_YET),  # held for an older commit; this one was not looked at yet
        (REFUSED, None, H, NO),
        (REFUSED, None, D, YES),
        (REFUSED, OF_B, D, YES),
        (REFUSED, UNSEEN, D, NOT_YET),
        (B_GOOD, OF_B, D, NO),
        (desk.WELL, None, D, NOT_YET),
    ],
)
def test_judge(ledger: records.Ledger, release: waiting.Release | None, goal: Goal, reached: Reached) -> None:
    verdict = waiting.judge(ledger, goal, release=release)
    assert verdict.reached is reached
    assert verdict.because


@pytest.mark.parametrize(
    ("reason", "reached"),
    [
        (Reason.WORLD, NOT_YET),
        (Reason.UPSTREAM, NOT_YET),
        (Reason.CLUSTER_UNAVAILABLE, NOT_YET),
        (Reason.REFUSED, NO),
        (Reason.PRUNE_LIMIT, NO),
    ],
)
def test_only_a_hold_that_ends_by_itself_is_waited_for(reason: outcomes.HoldReason, reached: waiting.Reached) -> None:
    held = desk.held(reason, "because", revision=desk.B)
    assert waiting.judge(held, H, release=None).reached is reached


@pytest.mark.parametrize(
    ("ledger", "arguments", "code", "says"),
    [
        (desk.WELL, [], 0, "✓ production/web: in sync"),
        (REFUSED, [], 2, "✗ production/web: held, refused: 422"),
        (REFUSED, ["--for", "held"], 0, "✓ production/web: 422"),
        (ROLLING, [], 3, "… production/web: 1 of 2 updated"),
    ],
)
def test_exit_codes(a_desk: desk.Desk, ledger: records.Ledger, arguments: list[str], code: int, says: str) -> None:
    a_desk.remember(ledger)
    result = a_desk.run("wait", "production/web", "--timeout", "500ms", *arguments)
    assert (result.exit_code, result.stdout.strip()) == (code, says)


def test_it_goes_on_until_the_journal_says_so(a_desk: desk.Desk) -> None:
    a_desk.remember(ROLLING)

    async def leader(journal: sql_journal.SqlJournal, epoch: int) -> tuple[int, str]:
        command = asyncio.create_task(asyncio.to_thread(a_desk.run, "wait", "production/web", "-o", "json"))
        await journal.write(B_GOOD, events=(), epoch=epoch)
        result = await command
        return result.exit_code, result.stdout

    code, output = a_desk.journal(leader)
    assert code == 0
    assert json.loads(output) == {
        "for": "healthy",
        "targets": [{"target": "production/web", "reached": "yes", "because": "in sync"}],
    }


def test_all_of_several(a_desk: desk.Desk) -> None:
    worker = replace(desk.WELL, target=desk.WEB._replace(application="worker"))
    a_desk.remember(desk.WELL, worker)
    assert a_desk.run("wait", "production/web", "production/worker").exit_code == 0
    a_desk.remember(replace(ROLLING, target=worker.target))
    assert a_desk.run("wait", "production/web", "production/worker", "--timeout", "300ms").exit_code == 3


def test_a_commit_by_the_inputs_it_has(a_desk: desk.Desk) -> None:
    """The journal knows digests; which commit has which, Git tells: also for a commit that leaves the target alone."""
    first = a_desk.commit(a_desk.application(desk.config_map("web", color="blue")))
    second = a_desk.commit({"README.md": "about"})
    third = a_desk.commit(a_desk.application(desk.config_map("web", color="red")))
    digest = _digest(a_desk, first)
    good = records.Good(first, digest, "m", desk.AT)
    ledger = replace(desk.WELL, last_good=good, present=records.Present(first, digest, "m", complete=True))
    a_desk.remember(ledger)
    assert a_desk.run("wait", "production/web", "-r", second).exit_code == 0
    assert a_desk.run("wait", "production/web", "-r", third, "--timeout", "500ms").exit_code == 3
    a_desk.remember(replace(ledger, last_good=replace(good, revision=third, input_digest="other")))
    assert a_desk.run("wait", "production/web", "-r", second).exit_code == 0


def _digest(a_desk: desk.Desk, revision: str) -> str:
    """The input digest as the pipeline computes it: what a held target would show."""

    async def computed() -> str:
        its = opening.settings(a_desk.config)
        async with beside.journal_or_none(its) as (journal, _), beside.build(its, journal, clusters=False) as found:
            return (await heads.Heads(found.here).prepare(desk.WEB, revision)).inputs.digest

    return asyncio.run(computed())


def test_a_commit_that_is_not_there_yet(a_desk: desk.Desk) -> None:
    a_desk.commit(a_desk.application(desk.config_map("web")))
    a_desk.remember(desk.WELL)
    result = a_desk.run("wait", "production/web", "-r", "e" * 40, "--timeout", "5s")
    assert result.exit_code == 3
    assert "e" * 12 in result.stdout


def test_refused(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL)
    assert a_desk.run("wait", "prod/web").exit_code == 1
    assert a_desk.run("wait", "production/web", "-r", "abc").exit_code == 64
    assert a_desk.run("wait", "production/web", "--for", "luck").exit_code == 64
    assert a_desk.run("wait").exit_code == 64
