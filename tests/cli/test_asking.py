"""Commands that ask: what they put into the journal, who waits how long for an answer, and what is refused."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from reconciler.edges.journal import journal as sql_journal
from reconciler.model import records
from tests.cli import desk

Kind = records.RequestKind
WHY = ("--why", "because  of\nit")
QUARANTINED = replace(
    desk.WELL,
    quarantined=(
        records.Quarantine("d1" * 32, desk.B, "crashed", desk.AT),
        records.Quarantine("d2" * 32, desk.B, "crashed", desk.AT),
    ),
)


@pytest.mark.parametrize(
    ("command", "kind", "argument"),
    [
        (["sync", "production/web"], Kind.SYNC, ""),
        (["resume", "production/web"], Kind.RESUME, ""),
        (["pause", "production/web", *WHY], Kind.PAUSE, ""),
        (["revert", "production/web", *WHY], Kind.REVERT, ""),
        (["revert", "production/web", "--to", desk.A, *WHY], Kind.REVERT, desk.A),
        (["confirm", "production/web", "--revision", desk.B, *WHY], Kind.CONFIRM, desk.B),
        (["accept-history", "production/web", "--revision", desk.B, *WHY], Kind.ACCEPT_HISTORY, desk.B),
        (["release-quarantine", "production/web", "--digest", "d1d1", *WHY], Kind.RELEASE_QUARANTINE, "d1d1"),
        (["release-quarantine", "production/web", "--all", *WHY], Kind.RELEASE_QUARANTINE, ""),
    ],
)
def test_what_is_put_into_the_journal(a_desk: desk.Desk, command: Sequence[str], kind: Kind, argument: str) -> None:
    a_desk.remember(QUARANTINED)
    result = a_desk.run(*command, "--no-wait", RECONCILER_USER="ann")
    assert result.exit_code == 0, result.output
    (request,) = a_desk.requests()
    assert (request.kind, request.target, request.argument, request.who) == (kind, desk.WEB, argument, "ann")
    assert request.why == ("because of it" if WHY[1] in command else "")
    assert f"production/web: inserted as {request.id}" in result.output


def test_who_asks_is_the_user_of_the_system(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL)
    a_desk.run("sync", "production/web", "--no-wait", RECONCILER_USER="", LOGNAME="ann")
    assert a_desk.requests()[0].who.startswith("ann@")


def test_the_answer_is_waited_for(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL)

    async def leader(journal: sql_journal.SqlJournal, epoch: int) -> tuple[int, str]:
        command = asyncio.create_task(asyncio.to_thread(a_desk.run, "pause", "production/web", *WHY, "-o", "json"))
        async for _ in journal.changes():
            for request in await journal.open_requests():
                await journal.answer(request, answer="paused", epoch=epoch)
            if command.done():
                break
        result = await command
        return result.exit_code, result.stdout

    code, output = a_desk.journal(leader)
    assert code == 0
    answered = json.loads(output)
    assert (answered["kind"], answered["target"], answered["answer"]) == ("pause", "production/web", "paused")


@pytest.mark.parametrize("output", ["text", "json"])
def test_nobody_answers(a_desk: desk.Desk, output: str) -> None:
    a_desk.remember(desk.WELL)
    result = a_desk.run("sync", "production/web", "--timeout", "100ms", "-o", output)
    assert result.exit_code == 3
    if output == "json":
        assert json.loads(result.stdout)["answer"] is None
    else:
        assert "it is acted on when one leads" in result.stderr
    assert len(a_desk.requests()) == 1


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["sync", "production/webb"], "did you mean 'web'?"),
        (["sync", "prod/web"], "there is no environment prod"),
        (["release-quarantine", "production/web", "--digest", "ff", *WHY], "write one of: d1d1"),
    ],
)
def test_refused(a_desk: desk.Desk, command: Sequence[str], says: str) -> None:
    a_desk.remember(QUARANTINED)
    result = a_desk.run(*command)
    assert result.exit_code == 1
    assert says in result.stderr
    assert a_desk.requests() == ()


def test_nothing_in_quarantine(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL)
    result = a_desk.run("release-quarantine", "production/web", "--all", *WHY)
    assert (result.exit_code, result.stderr) == (1, "reconciler: production/web: nothing is in quarantine\n")


def test_no_journal_is_made(a_desk: desk.Desk) -> None:
    """The command of a person must not make a journal that belongs to the wrong user."""
    assert a_desk.run("pause", "production/web", *WHY).exit_code == 1
    assert not a_desk.state.exists()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["pause", "production/web"], "--why"),
        (["revert", "production/web"], "--why"),
        (["confirm", "production/web", "--revision", desk.B], "--why"),
        (["accept-history", "production/web", *WHY], "--revision"),
        (["confirm", "production/web", "--revision", "abc", *WHY], "all 40 hexadecimal digits"),
        (["release-quarantine", "production/web", *WHY], "either --digest DIGEST or --all"),
        (["release-quarantine", "production/web", "--all", "--digest", "d1", *WHY], "either --digest DIGEST or --all"),
        (["sync", "production/web", "--timeout", "soon"], "is no duration"),
        (["snyc", "production/web"], "Did you mean 'sync'?"),
    ],
)
def test_called_wrongly(a_desk: desk.Desk, command: Sequence[str], says: str) -> None:
    result = a_desk.run(*command, columns=140)
    assert result.exit_code == 64
    assert says in result.stderr
