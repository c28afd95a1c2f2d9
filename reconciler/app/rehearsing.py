"""`rehearse`: the whole daemon on a sandbox in virtual time, first at the base, then with a change. Nothing is written
outside of a folder that is thrown away."""

import dataclasses
import enum
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reconciler import errors
from reconciler.app import composing, copying, previewing, staging
from reconciler.model import ids
from reconciler.pipeline import previewing as planning
from reconciler.rehearsal import faults, played, show, verdict
from reconciler.sandbox import clock as clocks
from reconciler.sandbox.controllers import befalling, table
from reconciler.settings import deployment

POLL = 10.0
"""Seconds between two looks at Git, at the most: here they cost nothing."""

FAULTS = ", ".join(faults.WORDS)
Rehearsal = played.Rehearsal
text, markdown, data = show.text, show.markdown, show.data


class Sum(enum.Enum):
    """What a script wants to know."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


def summed(found: Rehearsal) -> Sum:
    end = verdict.overall(found)
    if end is verdict.End.UNKNOWN:
        return Sum.UNKNOWN
    return Sum.GOOD if end.good else Sum.BAD


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be rehearsed. `ref`: a branch, tag or commit; '' for what is checked out here."""

    environment: str | None
    wanted: Callable[[ids.TargetKey], bool]
    ref: str
    goes_wrong: faults.Faults


def wish(
    *, environment: str | None, wanted: Callable[[ids.TargetKey], bool], ref: str, given: Sequence[str] = ()
) -> Wish:
    """Raises `errors.InvalidInput` for faults that there are not."""
    return Wish(environment, wanted, ref, faults.parse(given))


def rehearse(config: pathlib.Path, its_wish: Wish) -> played.Rehearsal:
    """Raises `errors.ReconcilerError` when there is nothing that could be rehearsed."""
    its = previewing.narrowed(composing.settings(config), its_wish.environment)
    if len(its.repositories) > 1:
        raise errors.InvalidInput(("there are several repositories: say which one by --environment",))
    with staging.alarms() as alarms, tempfile.TemporaryDirectory(prefix="reconciler-rehearsal-") as folder:
        its = _here(its, pathlib.Path(folder))
        clock = clocks.VirtualClock()
        found = clock.run(_rehearse(clock, its, its_wish, folder=pathlib.Path(folder)))
        return dataclasses.replace(found, troubles=(*found.troubles, *alarms))


def _here(its: deployment.Deployment, folder: pathlib.Path) -> deployment.Deployment:
    """The settings with everything that is written in `folder`, and looking at Git often."""
    often = {name: one.model_copy(update={"poll": min(one.poll, POLL)}) for name, one in its.repositories.items()}
    return its.model_copy(update={"state_dir": str(folder), "repositories": often})


async def _rehearse(
    clock: clocks.VirtualClock, its: deployment.Deployment, its_wish: Wish, *, folder: pathlib.Path
) -> played.Rehearsal:
    copied = await copying.copy(its, its_wish.ref, folder=folder)
    befallen = befalling.NewPods(its_wish.goes_wrong.pods)
    async with staging.stage(clock, its, copied, befallen=befallen) as stage:
        stage.start()
        try:
            return await _play(stage, copied, its_wish, befallen=befallen)
        finally:
            await stage.stop()


async def _play(
    stage: staging.Stage, copied: copying.Copied, its_wish: Wish, *, befallen: befalling.NewPods
) -> played.Rehearsal:
    late = await stage.rest()
    ahead = dataclasses.replace(stage.here, repositories={copied.ahead.name: copied.ahead})
    previews = await planning.Previewing(ahead, planning.Setting(elsewhere=True)).all(its_wish.wanted)
    if not previews.found and not previews.troubles:
        raise errors.InvalidInput(("no target fits: nothing is rehearsed",))
    before = {preview.target: await stage.journal.ledger(preview.target) for preview in previews.found}
    for kept in stage.models.kept.values():
        befallen.begin(kept)
    stage.begin(copied.change)
    await copied.merge()
    late = late or await stage.rest()
    found = []
    for preview in previews.found:
        key = preview.target
        moments = tuple(moment for moment in stage.moments if moment.event.target == key)
        after = await stage.journal.ledger(key)
        found.append(played.Played(preview, before[key], after, moments, _blind(preview)))
    return played.Rehearsal(
        copied.base,
        copied.change,
        its_wish.ref,
        tuple(found),
        notes=copied.notes,
        troubles=(*previews.troubles, *([late] if late else [])),
    )


def _blind(preview: planning.Preview) -> tuple[str, ...]:
    if preview.plan is None:
        return ()
    told = [
        table.cannot_tell(change.manifest.document(), change.key)
        for change in preview.plan.writes
        if change.manifest is not None
    ]
    return tuple(dict.fromkeys(sentence for sentence in told if sentence))
