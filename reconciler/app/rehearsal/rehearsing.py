"""`rehearse`: the whole daemon on a sandbox in virtual time, first at the base, then with a change. Nothing is written
outside of a folder that is thrown away."""

import dataclasses
import enum
import pathlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reconciler import errors
from reconciler.app import opening
from reconciler.app.commands import previewing
from reconciler.app.rehearsal import copying, dying, staging
from reconciler.model import ids, targets
from reconciler.pipeline import heads, world
from reconciler.pipeline import previewing as planning
from reconciler.rehearsal import faults, played, show, verdict
from reconciler.sandbox import clock as clocks
from reconciler.sandbox.controllers import table
from reconciler.settings import deployment

POLL = 10.0
"""Seconds between two looks at Git, at the most: here they cost nothing."""

ROUNDS = 4
"""Rollouts in a row that may each take a deadline and a window: a release, its return, and those upstream."""

FAULTS = tuple(faults.WORDS)
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
    from_cluster: bool = False
    """Begin with what the real clusters hold, read from them; else with the base, in an empty one."""
    probes_answer: bool = False
    """Take HTTP probes as answered: nobody can ask them here."""

    @property
    def probes_known(self) -> bool:
        return self.probes_answer or self.goes_wrong.has("probe-fails")


def wish(
    *,
    environment: str | None,
    wanted: Callable[[ids.TargetKey], bool],
    ref: str,
    given: Sequence[str] = (),
    from_cluster: bool = False,
    probes_answer: bool = False,
) -> Wish:
    """Raises `errors.InvalidInput` for faults that there are not."""
    return Wish(environment, wanted, ref, faults.parse(given), from_cluster, probes_answer)


def rehearse(config: pathlib.Path, its_wish: Wish) -> played.Rehearsal:
    """Raises `errors.ReconcilerError` when there is nothing that could be rehearsed."""
    its = previewing.narrowed(opening.settings(config), its_wish.environment)
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
    async with staging.stage(clock, its, copied, goes_wrong=its_wish.goes_wrong) as stage:
        if its_wish.from_cluster:
            notes, late = await stage.take_over(), ""
        else:
            notes, late = (), await stage.at_base(longest=_longest(await _proofs(stage.here)))
        found = await _play(stage, copied, its_wish)
        if its_wish.goes_wrong.pods and not stage.befallen.struck:
            named = " and ".join(its_wish.goes_wrong.given)
            notes = (*notes, f"no pod came of a changed template: {named} had nothing to befall")
        notes = (*notes, *_deaths(stage))
        return dataclasses.replace(
            found, notes=(*copied.notes, *notes), troubles=(*found.troubles, *([late] if late else []))
        )


def _deaths(stage: staging.Stage) -> tuple[str, ...]:
    """When the daemon died, and what it never came to."""
    if stage.deaths is None:
        return ()
    died = [
        f"{at}: {show.duration(stage.since(when))} after the change came, and started again {dying.RESTART:.0f} s later"
        for at, when in stage.deaths.died
    ]
    return (*died, *(f"{at} had nothing to befall: the daemon never came to that" for at in stage.deaths.left))


async def _play(stage: staging.Stage, copied: copying.Copied, its_wish: Wish) -> played.Rehearsal:
    ahead = dataclasses.replace(stage.here, repositories={copied.ahead.name: copied.ahead})
    previews = await planning.Previewing(ahead, planning.Setting(elsewhere=True)).all(its_wish.wanted)
    if not previews.found and not previews.troubles:
        raise errors.InvalidInput(("no target fits: nothing is rehearsed",))
    proofs = await _proofs(ahead)
    before = {preview.target: await stage.journal.ledger(preview.target) for preview in previews.found}
    stage.begin(copied.change)
    await copied.merge()
    stage.start()
    late = await stage.rest(also=_longest(proofs))
    found = []
    for preview in previews.found:
        key = preview.target
        moments = tuple(moment for moment in stage.moments if moment.event.target == key)
        after = await stage.journal.ledger(key)
        found.append(played.Played(preview, before[key], after, moments, _blind(preview, proofs.get(key), its_wish)))
    troubles = (*previews.troubles, *([late] if late else []))
    return played.Rehearsal(copied.base, copied.change, its_wish.ref, tuple(found), troubles=troubles)


def _longest(proofs: Mapping[ids.TargetKey, targets.Verification]) -> float:
    """Seconds that deadlines and windows may take."""
    return ROUNDS * max((one.progress_deadline + one.observe for one in proofs.values()), default=0.0)


async def _proofs(ahead: world.World) -> dict[ids.TargetKey, targets.Verification]:
    """How each target is proven with the change."""
    its_heads = heads.Heads(ahead)
    for name in ahead.repositories:
        await its_heads.poll(name)
    found = {key: its_heads.of(key) for key in its_heads.known()}
    return {key: one.target.verification for key, one in found.items() if isinstance(one, heads.Prepared)}


def _blind(preview: planning.Preview, proof: targets.Verification | None, its_wish: Wish) -> tuple[str, ...]:
    """What the verdict hangs on and nobody here can tell. Where nothing is written, nothing hangs on it."""
    if preview.plan is None or not preview.changes:
        return ()
    told = [
        table.cannot_tell(change.manifest.document(), change.key)
        for change in preview.plan.writes
        if change.manifest is not None
    ]
    probes = proof.probes if proof and not its_wish.probes_known else ()
    told += [f"{probe.url.partition('?')[0]}: who answers a probe is not what runs here" for probe in probes]
    return tuple(dict.fromkeys(sentence for sentence in told if sentence))
