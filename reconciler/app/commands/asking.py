"""Requests of people, and the leader's answers."""

import asyncio
import contextlib
import getpass
import os
import pathlib
import socket
from collections.abc import Callable

from reconciler import errors
from reconciler.app import opening
from reconciler.app.commands import showing
from reconciler.edges import system
from reconciler.edges.journal import observing
from reconciler.model import document, ids, records


def who() -> str:
    """Who asks: `$RECONCILER_USER`, else the user of the operating system and the machine."""
    return os.environ.get("RECONCILER_USER", "").strip() or f"{getpass.getuser()}@{socket.gethostname()}"


async def ask(
    config: pathlib.Path, kind: records.RequestKind, target: ids.TargetKey, *, why: str, argument: str = ""
) -> records.Request:
    """Insert a request for the leader and return it.

    Raises `errors.InvalidInput` for a target that nobody knows and for a digest that is not in quarantine.
    """
    its = opening.settings(config)
    async with opening.open_journal(its, read_only=True) as journal:  # makes none where there is none
        await showing.known(journal, its, target)
        if kind is records.RequestKind.RELEASE_QUARANTINE:
            _in_quarantine(await journal.ledger(target), argument)
    async with opening.open_journal(its) as journal:
        at = system.SystemClock().now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        request = records.Request(
            system.SystemChance().operation_id(), kind, target, who(), " ".join(why.split()), at, argument
        )
        await journal.ask(request)
        return request


def _in_quarantine(ledger: records.Ledger, digest: str) -> None:
    """Raises `errors.InvalidInput` when there is nothing to release; '' as `digest` stands for everything."""
    found = [quarantine.input_digest for quarantine in ledger.quarantined]
    if not found:
        raise errors.InvalidInput((f"{ledger.target}: nothing is in quarantine",))
    if digest and not any(known.startswith(digest) for known in found):
        remedy = f"write one of: {', '.join(found)}; or --all"
        raise errors.InvalidInput((f"{ledger.target}: {digest} is not in quarantine; {remedy}",))


async def answer(
    config: pathlib.Path, request: records.Request, *, within: float, waiting: Callable[[str], None]
) -> str:
    """The leader's answer; '' when none came `within` so many seconds. `waiting` is told what is waited for."""
    its = opening.settings(config)
    path = pathlib.Path(its.journal_path)
    async with opening.open_journal(its, read_only=True) as journal:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                async for _ in journal.changes():
                    found = await journal.request(request.id)
                    if found and found.answer:
                        return found.answer
                    alone = observing.led(path) is False
                    whom = "a daemon to lead: none does now" if alone else "the daemon to come to it"
                    waiting(f"{request.kind.value} of {request.target}: waiting for {whom}")
    return ""


def request_data(request: records.Request, answered: str) -> document.Json:
    """For scripts. Names are stable; `answer` is null while there is none."""
    return {
        "id": request.id,
        "kind": request.kind.value,
        "target": str(request.target),
        "argument": request.argument or None,
        "who": request.who,
        "why": request.why,
        "at": request.at,
        "answer": answered or None,
    }
