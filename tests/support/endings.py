"""What journeys about endings share: releases that fail, people who ask, and what the journal says of it."""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

from reconciler.edges.journal import journal as sql_journal
from reconciler.model import ids, outcomes, records
from tests.support import site

WHO = "alice"
IMAGE = "registry.example/web"
WELL = f"{IMAGE}:v1"


def image(version: str) -> str:
    """`v2-crash-loop`: the pods of that version crash (tests/control-plane/kwok.yaml)."""
    return f"{IMAGE}:{version}"


def release(where: site.Site, version: str, *, application: str = "web", **spec: Any) -> str:
    """Commit an application that is one Deployment of this version, called like it. Returns the revision."""
    where.application(application, [site.deployment(application, image=image(version), **spec)])
    return where.commit(f"{application} {version}")


def begin(where: site.Site, *, application: str = "web", **spec: Any) -> str:
    """A daemon whose application is well with version v1. Returns the revision."""
    good = release(where, "v1", application=application, **spec)
    where.start()
    where.wait_good(good, application)
    return good


def set_revert(where: site.Site, **policy: Any) -> None:
    """The environment's `revert:`; to be called before the daemon starts."""
    where.settings["environments"][site.ENVIRONMENT]["revert"] = policy
    where.configure()


def ask(
    where: site.Site, kind: records.RequestKind, argument: str = "", *, application: str = "web", why: str = "a reason"
) -> str:
    """Insert a request, as the commands do. Returns its id."""
    target = ids.TargetKey(site.ENVIRONMENT, application)
    request = records.Request(str(uuid.uuid4()), kind, target, WHO, why, "2026-01-01T00:00:00Z", argument)
    asyncio.run(_ask(where, request))
    return request.id


async def _ask(where: site.Site, request: records.Request) -> None:
    journal = await sql_journal.open_journal(where.state / "journal.db")
    try:
        await journal.ask(request)
    finally:
        await journal.close()


def answer(where: site.Site, request: str) -> str:
    """The leader's answer, waited for."""

    def looked() -> str:
        found = where.rows("SELECT answer FROM requests WHERE id = ?", request)
        return str(found[0][0]) if found else ""

    return where.wait(looked, what="the answer")


def events(where: site.Site, *kinds: records.EventKind, application: str = "web") -> list[str]:
    """The sentences of the application's events of these kinds, oldest first."""
    wanted = {kind.value for kind in kinds}
    rows = where.rows("SELECT kind, because FROM events WHERE application = ? ORDER BY sequence", application)
    return [str(because) for kind, because in rows if kind in wanted]


def pages(where: site.Site, application: str = "web") -> list[str]:
    return events(where, records.EventKind.PAGE, application=application)


def wait_hold(
    where: site.Site, reason: outcomes.HoldReason, *, application: str = "web", timeout: float = site.PATIENCE
) -> records.Ledger:
    return where.wait_ledger(
        lambda ledger: ledger.hold and ledger.hold.reason is reason,
        what=f"held: {reason.value}",
        application=application,
        timeout=timeout,
    )


def wait_back(
    where: site.Site,
    step: records.GitStep,
    *,
    failed: str = "",
    application: str = "web",
    also: Callable[[records.Ledger], object] = lambda ledger: True,
    timeout: float = site.PATIENCE,
) -> records.Ledger:
    """Wait until the cluster is back at last good and Git's part has ended in `step`; `failed`: after which release."""

    def back(ledger: records.Ledger) -> object:
        revert, present = ledger.git_revert, ledger.present
        return (
            revert
            and revert.step is step
            and (not failed or revert.failed.revision == failed)
            and ledger.rollout is None
            and present
            and present.complete
            and also(ledger)
        )

    return where.wait_ledger(back, what=f"being back, Git {step.value}", application=application, timeout=timeout)


def at_rest(ledger: records.Ledger) -> bool:
    """Nothing to do and nothing in the way."""
    return ledger.outcome is outcomes.Outcome.UNCHANGED and ledger.hold is None


def our_commits(where: site.Site) -> list[str]:
    """Revert commits in the remote's history, oldest first."""
    found = where.git("log", "--reverse", "--format=%H", "--grep=^Reconciler-Target:", "main", at=where.remote)
    return found.split()
