"""`wait`: until a target is as wanted, or the opposite has happened."""

import asyncio
import enum
import pathlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reconciler import errors
from reconciler.app import beside, opening
from reconciler.app.commands import showing
from reconciler.edges.journal import journal as sql_journal
from reconciler.model import document, ids, outcomes, records, rollouts
from reconciler.pipeline import heads, world

FETCH_EVERY = 5.0
"""Seconds between two tries to find a commit that the ref does not lead to yet."""


class Goal(enum.Enum):
    """What is waited for."""

    HEALTHY = "healthy"
    ROLLED_OUT = "rolled-out"
    REVERTED = "reverted"
    HELD = "held"


class Reached(enum.Enum):
    YES = "yes"
    NO = "no"  # the opposite has happened: waiting longer is of no use
    NOT_YET = "not-yet"


@dataclass(frozen=True, slots=True)
class Verdict:
    reached: Reached
    because: str


@dataclass(frozen=True, slots=True)
class Release:
    """The commit that is waited for, as one target sees it."""

    revision: str
    digest: str = ""
    """Of the target's inputs at that commit; '' while it is not known."""
    covers: frozenset[str] = frozenset()
    """Those of the revisions in the ledger that are that commit, or descend from it."""


OF_THE_TARGET = frozenset({outcomes.HoldReason.PAUSED, outcomes.HoldReason.STOPPED})
"""Holds that concern every commit."""
WELL = (outcomes.Outcome.UNCHANGED, outcomes.Outcome.ROLLED_OUT)


def judge(ledger: records.Ledger, goal: Goal, *, release: Release | None) -> Verdict:
    """Whether the target is as wanted: for this release, or, without one, as it stands."""
    good, failed = _good(ledger, release), _failed(ledger, release)
    held = _held(ledger, release)
    match goal:
        case Goal.HELD:
            if held:
                return Verdict(Reached.YES, held.because)
            return Verdict(Reached.NO, "it is good") if good and release else _not_yet(ledger)
        case Goal.REVERTED:
            if ledger.stopped:
                return Verdict(Reached.NO, ledger.stopped)
            if failed and _back(ledger):
                return Verdict(Reached.YES, failed)
            return Verdict(Reached.NO, "it is good") if good and release and not failed else _not_yet(ledger)
        case Goal.ROLLED_OUT if good and not failed:
            return Verdict(Reached.YES, "rolled out")
        case Goal.HEALTHY if good and not failed and ledger.outcome in WELL and not ledger.rollout:
            return Verdict(Reached.YES, ledger.because)
    if failed:
        return Verdict(Reached.NO, failed)
    if held and not outcomes.EXITS[held.reason].by_itself:
        return Verdict(Reached.NO, f"held, {held.reason.value}: {held.because}")
    return _not_yet(ledger)


def _good(ledger: records.Ledger, release: Release | None) -> bool:
    """Last good is what is wanted. A later commit that is good carries the wanted one in it."""
    if ledger.last_good is None:
        return False
    if release is None:
        present = ledger.present
        return bool(present and present.complete and present.input_digest == ledger.last_good.input_digest)
    return ledger.last_good.input_digest == release.digest or ledger.last_good.revision in release.covers


def _failed(ledger: records.Ledger, release: Release | None) -> str:
    """Why the release failed; '' when it has not. Without a release: why the newest thing that ran did."""
    if release is not None:
        found = ledger.quarantine_of(release.digest)
        return f"it failed: {found.because}" if found else ""
    running = ledger.rollout
    if running and running.purpose is rollouts.Purpose.REVERT:
        return f"it is being reverted: {running.because}"
    if ledger.outcome in (outcomes.Outcome.FAILED, outcomes.Outcome.REVERTED):
        return f"{ledger.outcome.value}: {ledger.because}"
    if ledger.hold and ledger.hold.reason is outcomes.HoldReason.QUARANTINED:
        return ledger.hold.because
    return ""


def _held(ledger: records.Ledger, release: Release | None) -> outcomes.Hold | None:
    """The hold, if it concerns the release: one from before the commit was seen does not."""
    hold = ledger.hold
    if hold is None or release is None or hold.reason in OF_THE_TARGET or hold.revision in release.covers:
        return hold
    return None


def _back(ledger: records.Ledger) -> bool:
    """The cluster is at last good again, and Git has been answered for."""
    revert = ledger.git_revert
    pending = revert is not None and revert.step in (records.GitStep.WANTED, records.GitStep.INTENDED)
    return ledger.rollout is None and _good(ledger, None) and not pending


def _not_yet(ledger: records.Ledger) -> Verdict:
    return Verdict(Reached.NOT_YET, ledger.because or "the daemon has not looked at it yet")


@dataclass(slots=True)
class _Waiting:
    """One `wait`: what it knows of the commit, for each target."""

    journal: sql_journal.SqlJournal
    goal: Goal
    revision: str
    here: world.World
    its_heads: heads.Heads
    digests: dict[ids.TargetKey, str] = field(default_factory=dict)
    next_fetch: float = 0.0

    async def look(self, targets: Sequence[ids.TargetKey]) -> dict[ids.TargetKey, Verdict]:
        return {key: await self._one(key) for key in targets}

    async def _one(self, key: ids.TargetKey) -> Verdict:
        ledger = await self.journal.ledger(key)
        if not self.revision:
            return judge(ledger, self.goal, release=None)
        try:
            release = await self._release(ledger)
        except errors.Transient as error:
            return Verdict(Reached.NOT_YET, str(error))
        return judge(ledger, self.goal, release=release)

    async def _release(self, ledger: records.Ledger) -> Release:
        key, now = ledger.target, self.here.clock.monotonic()
        if key not in self.digests:
            if now < self.next_fetch:
                raise errors.Transient(f"{self.revision[:12]} is not on the deployed ref yet")
            self.next_fetch = now + FETCH_EVERY
            await self.here.repository_of(key).fetch(self.revision)
            self.next_fetch = now
            self.digests[key] = await self._digest(key)
        named = {ledger.last_good.revision if ledger.last_good else "", ledger.hold.revision if ledger.hold else ""}
        repository = self.here.repository_of(key)
        covers = {found for found in named - {""} if await repository.descends(found, ancestor=self.revision)}
        return Release(self.revision, self.digests[key], frozenset(covers))

    async def _digest(self, key: ids.TargetKey) -> str:
        """A commit whose settings are not valid has no inputs: its hold will tell."""
        try:
            return (await self.its_heads.prepare(key, self.revision)).inputs.digest
        except errors.Terminal:
            return ""


async def wait(
    config: pathlib.Path,
    targets: Sequence[ids.TargetKey],
    *,
    goal: Goal,
    revision: str,
    within: float,
    waiting: Callable[[str], None],
) -> dict[ids.TargetKey, Verdict]:
    """Wait `within` so many seconds until every target has reached `goal`, or one has met the opposite.

    `revision` '' takes the targets as they stand. `waiting` is told what is still waited for. Raises
    `errors.InvalidInput` for an environment that nobody configured.
    """
    its = opening.settings(config)
    for target in targets:
        showing.configured(its, target.environment)
    verdicts: dict[ids.TargetKey, Verdict] = {key: Verdict(Reached.NOT_YET, "not looked at yet") for key in targets}
    async with (
        opening.open_journal(its, read_only=True) as journal,
        beside.build(its, journal, clusters=False) as found,
    ):
        looking = _Waiting(journal, goal, revision, found.here, heads.Heads(found.here))
        try:
            async with asyncio.timeout(within):
                verdicts = await looking.look(targets)
                changes = journal.changes()
                while not over(verdicts):
                    waiting("; ".join(f"{key}: {verdict.because}" for key, verdict in open_ones(verdicts).items()))
                    await anext(changes)
                    verdicts = await looking.look(targets)
        except TimeoutError:
            pass
    return verdicts


def open_ones(verdicts: dict[ids.TargetKey, Verdict]) -> dict[ids.TargetKey, Verdict]:
    """Those not reached yet."""
    return {key: verdict for key, verdict in verdicts.items() if verdict.reached is Reached.NOT_YET}


def over(verdicts: dict[ids.TargetKey, Verdict]) -> bool:
    """All are reached, or one will not be."""
    return not open_ones(verdicts) or any(verdict.reached is Reached.NO for verdict in verdicts.values())


def data(goal: Goal, verdicts: dict[ids.TargetKey, Verdict]) -> document.Json:
    """For scripts. Names are stable."""
    return {
        "for": goal.value,
        "targets": [
            {"target": str(key), "reached": verdict.reached.value, "because": verdict.because}
            for key, verdict in verdicts.items()
        ],
    }
