"""A rollout has failed: what now? (E0)"""

from dataclasses import dataclass

from reconciler.model import ids, records, rollouts, targets

REVERTS_PER_HOUR = 2
"""A third failure within the hour is flapping: automation stops and a person is paged (I22)."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The facts of one failure."""

    rollout: rollouts.Rollout
    ledger: records.Ledger
    because: str
    git: targets.GitPolicy
    first: targets.FirstFailure
    own: tuple[str, ...]
    """Input paths inside the target's folder that differ between the failed inputs and last good."""
    shared: tuple[tuple[str, tuple[ids.TargetKey, ...]], ...]
    """Differing input paths outside of it that last good read too, with the other targets that read each."""
    recent: int
    """Failures of this target in the last hour, this one not counted."""


@dataclass(frozen=True, slots=True)
class Revert:
    """Quarantine the inputs; desired becomes last good. `push` are the paths that the revert commit restores."""

    good: records.Good
    push: tuple[str, ...]
    pinned: str
    """Why Git is left as it is; '' when it is pushed."""
    because: str


@dataclass(frozen=True, slots=True)
class HoldFirst:
    """The first deployment failed: quarantine, hold, page. Nothing to return to."""

    scale_down: bool
    because: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Automation ends for this target; traffic stays where it is; page."""

    because: str


@dataclass(frozen=True, slots=True)
class Keep:
    """These very inputs were good before: no release is to blame. Held and watched; page."""

    because: str


Ending = Revert | HoldFirst | Stop | Keep


def judge(failed: Failed) -> Ending:
    rollout, good = failed.rollout, failed.ledger.last_good
    if rollout.purpose is rollouts.Purpose.REVERT:
        return Stop(f"the return to last good failed too: {failed.because}")
    if good is None:
        return HoldFirst(failed.first is targets.FirstFailure.SCALE_DOWN, failed.because)
    if good.input_digest == rollout.input_digest:
        return Keep(f"the same inputs were good at {good.at}: {failed.because}")
    if failed.recent >= REVERTS_PER_HOUR:
        return Stop(f"{failed.recent + 1} releases failed within an hour: {failed.because}")
    return revert(good, git=failed.git, own=failed.own, shared=failed.shared, because=failed.because)


def revert(
    good: records.Good,
    *,
    git: targets.GitPolicy,
    own: tuple[str, ...],
    shared: tuple[tuple[str, tuple[ids.TargetKey, ...]], ...],
    because: str,
) -> Revert:
    """The way back to `good`, after a failure or because a person asks; the rest is as in `Failed`."""
    pinned = _pinned(git, own, shared=shared)
    push = () if pinned else own + tuple(path for path, _ in shared)
    return Revert(good, push=push, pinned=pinned, because=because)


def _pinned(
    git: targets.GitPolicy, own: tuple[str, ...], *, shared: tuple[tuple[str, tuple[ids.TargetKey, ...]], ...]
) -> str:
    if git is targets.GitPolicy.PIN:
        return "the environment's policy is pin"
    for path, readers in shared:
        if readers:
            return f"{path} is read by {', '.join(map(str, readers))} too"
    if not own and not shared:
        return "no path that last good read differs from it"
    return ""
