"""The health of everything a rollout waits for, folded into one state with one sentence."""

from collections.abc import Mapping, Sequence

from reconciler.model import health, ids, live, manifests, targets
from reconciler.verify import family, judgement, objects, probes, scope

NAMED = 3
"""Objects that a sentence names before it only counts."""

IN_VIEW = (
    health.State.DEGRADED,
    health.State.MISSING,
    health.State.PROGRESSING,
    health.State.UNKNOWN,
    health.State.SUSPENDED,
    health.State.HEALTHY,
)
"""Worst first, as far as a report is concerned: only probes and health checks are ever unknown here, and one that
cannot be asked must not hide that an object has lost its health."""


def report(
    manifests: Sequence[manifests.Manifest],
    followed: Mapping[ids.ObjectKey, live.LiveObject],
    *,
    verification: targets.Verification,
    spent: float,
    samples: Sequence[health.ProbeSample],
    observing: bool,
    unproven: bool = False,
    answers: Mapping[ids.ObjectKey, health.Answer] | None = None,
) -> health.Report:
    """The health of what `manifests` want, by what the watches hold.

    `spent` are the seconds in the present phase. `samples` are answers of probes, oldest first; they count while
    `observing`. `unproven`: see `rollouts.Rollout`. `answers` are those of the verification's health checks. Objects of
    kinds without health (`scope.has_health`) are not counted.
    """
    patience = judgement.Patience(verification.restarts, spent, verification.progress_deadline, observing, unproven)
    relatives = family.Family(followed)
    asked = objects.Asked(frozenset(check.kind for check in verification.checks), answers or {})
    parts = [
        objects.assess(manifest, relatives.find(manifest.key), relatives=relatives, patience=patience, asked=asked)
        for manifest in manifests
        if scope.has_health(manifest.key)
    ]
    if observing:
        parts += [probes.assess(probe, samples) for probe in verification.probes]
    return fold(tuple(parts))


def fold(parts: tuple[health.Health, ...]) -> health.Report:
    """The worst of the parts; the release's failures before the world's."""
    if not parts:
        return health.Report(health.State.HEALTHY, "nothing here has a health of its own")
    state = min((part.state for part in parts), key=IN_VIEW.index)
    if state is health.State.HEALTHY:
        return health.Report(state, _all_well(parts), parts)
    worst = [part for part in parts if part.state is state]
    if state is health.State.SUSPENDED:
        well = [part for part in parts if part.state is health.State.HEALTHY]
        return health.Report(state, "; ".join([*([_all_well(well)] if well else []), _sentence(worst)]), parts)
    blame = None
    if state is health.State.DEGRADED:
        own = [part for part in worst if part.blame is health.Blame.RELEASE]
        blame = health.Blame.RELEASE if own else health.Blame.WORLD
        worst = own or worst
    return health.Report(state, _sentence(worst), parts, blame)


def _sentence(worst: Sequence[health.Health]) -> str:
    said = "; ".join(f"{part.key.kind} {part.key.name}: {part.because}" for part in worst[:NAMED])
    more = len(worst) - NAMED
    return f"{said}; and {more} more" if more > 0 else said


def _all_well(parts: Sequence[health.Health]) -> str:
    """The evidence, counted."""
    asked = sum(1 for part in parts if part.key.kind == probes.KIND and not part.key.group)
    objects_well = judgement.count(len(parts) - asked, "object")
    verb = "is" if len(parts) - asked == 1 else "are"
    return f"{objects_well} {verb} healthy" + (f", {judgement.count(asked, 'probe')} answered" if asked else "")
