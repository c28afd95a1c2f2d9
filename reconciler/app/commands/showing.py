"""What `status` and `history` show: the journal, read beside the daemon or without one."""

import pathlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from reconciler import errors
from reconciler.app import opening
from reconciler.edges.journal import journal as sql_journal
from reconciler.edges.journal import observing
from reconciler.model import document, ids, outcomes, records
from reconciler.settings import deployment, values


@dataclass(frozen=True, slots=True)
class Status:
    """What the journal says now. `led`: whether a daemon leads, None when that could not be found out."""

    led: bool | None
    epoch: int
    ledgers: tuple[records.Ledger, ...]

    @property
    def at_rest(self) -> bool:
        """There are targets, and none is held or has failed."""
        stands = (outcomes.Outcome.HELD, outcomes.Outcome.FAILED)
        return bool(self.ledgers) and not any(ledger.hold or ledger.outcome in stands for ledger in self.ledgers)


async def status(config: pathlib.Path, *, wanted: ids.Choice) -> Status:
    """The wanted targets, sorted. Raises `errors.InvalidInput` for an environment that nobody knows,
    `errors.JournalUnusable` where there is no journal yet."""
    its = opening.settings(config)
    async with opening.open_journal(its, read_only=True) as journal:
        return await _look(journal, its, wanted)


async def targets(config: pathlib.Path) -> tuple[ids.TargetKey, ...]:
    """Every target of the journal, sorted."""
    its = opening.settings(config)
    async with opening.open_journal(its, read_only=True) as journal:
        return tuple(sorted(await journal.targets()))


async def watch(config: pathlib.Path, *, wanted: ids.Choice) -> AsyncIterator[Status]:
    """The status now, then again after each change and at least every second."""
    its = opening.settings(config)
    async with opening.open_journal(its, read_only=True) as journal:
        yield await _look(journal, its, wanted)
        async for _ in journal.changes():
            yield await _look(journal, its, wanted)


async def _look(journal: sql_journal.SqlJournal, its: deployment.Deployment, wanted: ids.Choice) -> Status:
    ledgers = [await journal.ledger(key) for key in await chosen(journal, its, wanted)]
    return Status(observing.led(pathlib.Path(its.journal_path)), await journal.epoch(), tuple(ledgers))


async def history(config: pathlib.Path, target: ids.TargetKey, *, limit: int) -> tuple[records.ChainedEvent, ...]:
    """The target's newest events, newest first. Raises `errors.InvalidInput` for a target that nobody knows."""
    its = opening.settings(config)
    async with opening.open_journal(its, read_only=True) as journal:
        await known(journal, its, target)
        return await journal.history(target, limit=limit)


async def chosen(
    journal: sql_journal.SqlJournal, its: deployment.Deployment, wanted: ids.Choice
) -> tuple[ids.TargetKey, ...]:
    """The wanted targets of the journal, sorted. Raises `errors.InvalidInput` for an environment that neither the
    journal nor the settings know."""
    keys = tuple(sorted(await journal.targets()))
    if wanted.environment is not None and not any(key.environment == wanted.environment for key in keys):
        configured(its, wanted.environment)
    return tuple(key for key in keys if wanted(key))


async def known(journal: sql_journal.SqlJournal, its: deployment.Deployment, target: ids.TargetKey) -> None:
    """Raises `errors.InvalidInput`, with what was probably meant, unless the journal has the target."""
    configured(its, target.environment)
    keys = await journal.targets()
    if target in keys:
        return
    beside = [key.application for key in keys if key.environment == target.environment]
    unseen = f"no application {target.application} has been seen in {target.environment}"
    known_there = f"known there: {', '.join(beside[:10]) or 'none'}; a new one appears with the next poll of its commit"
    remedy = values.suggestion(target.application, beside) or known_there
    raise errors.InvalidInput((f"{target}: {unseen}; {remedy}",))


def configured(its: deployment.Deployment, environment: str) -> None:
    """Raises `errors.InvalidInput`, with what was probably meant, when the settings have no such environment."""
    if environment not in its.environments:
        near = values.suggestion(environment, its.environments)
        remedy = near or f"write one of: {', '.join(sorted(its.environments))}"
        raise errors.InvalidInput((f"there is no environment {environment}; {remedy}",))


def status_data(found: Status) -> document.Json:
    """For scripts. Names are stable."""
    return {
        "daemon": {"leads": found.led, "epoch": found.epoch},
        "targets": [ledger_data(ledger) for ledger in found.ledgers],
    }


def ledger_data(ledger: records.Ledger) -> document.Json:
    """One target for scripts. Names are stable; revisions are full SHAs, times RFC 3339, `null` is "there is none"."""
    present, good, rollout, revert = ledger.present, ledger.last_good, ledger.rollout, ledger.git_revert
    return {
        "target": str(ledger.target),
        "environment": ledger.target.environment,
        "application": ledger.target.application,
        "outcome": ledger.outcome.value if ledger.outcome else None,
        "because": ledger.because,
        "since": ledger.since or None,
        "revision": present.revision if present else None,
        "complete": present.complete and rollout is None if present else None,  # a healing puts back what is missing
        "lastGood": {"revision": good.revision, "inputDigest": good.input_digest, "at": good.at} if good else None,
        "rollout": {"purpose": rollout.purpose.value, "phase": rollout.phase.value, "revision": rollout.revision}
        if rollout
        else None,
        "hold": hold_data(ledger.hold, ledger.target) if ledger.hold else None,
        "pause": {"who": ledger.pause.who, "why": ledger.pause.why, "at": ledger.pause.at} if ledger.pause else None,
        "stopped": ledger.stopped or None,
        "quarantined": [
            {"inputDigest": found.input_digest, "revision": found.revision, "because": found.because, "at": found.at}
            for found in ledger.quarantined
        ],
        "gitRevert": {"step": revert.step.value, "commit": revert.commit or None, "because": revert.because}
        if revert
        else None,
    }


def hold_data(hold: outcomes.Hold, target: ids.TargetKey) -> document.Json:
    """A hold and its exit."""
    return {
        "reason": hold.reason.value,
        "because": hold.because,
        "revision": hold.revision or None,
        "inputDigest": hold.digest or None,
        "ends": outcomes.EXITS[hold.reason].ends,
        "command": hold.command(target.environment, target.application) or None,
    }


def event_data(found: records.ChainedEvent) -> document.Json:
    """One event for scripts."""
    event = found.event
    return {
        "sequence": found.sequence,
        "at": event.at,
        "kind": event.kind.value,
        "target": str(event.target) if event.target else None,
        "because": event.because,
        "data": dict(event.data),
        "hash": found.hash,
    }
