"""What a strategy may ask for. The pipeline carries a command out and comes back with what it saw then."""

from dataclasses import dataclass

from reconciler.model import health, ids, outcomes, plans, rollouts


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop these Deployments in their present state, before they are turned round."""

    keys: tuple[ids.ObjectKey, ...]


@dataclass(frozen=True, slots=True)
class Apply:
    changes: tuple[plans.Change, ...]


@dataclass(frozen=True, slots=True)
class Open:
    """Note which wave is written from here on: a start after a crash must not go on to the next one unasked."""

    place: plans.Place


@dataclass(frozen=True, slots=True)
class Prune:
    changes: tuple[plans.Change, ...]


@dataclass(frozen=True, slots=True)
class Unblock:
    """Delete these pods, which nothing else would replace."""

    pods: tuple[plans.Change, ...]


@dataclass(frozen=True, slots=True)
class Enter:
    """Go on to the next phase at once."""

    phase: rollouts.Phase
    because: str


@dataclass(frozen=True, slots=True)
class Run:
    """Go on to a stage of hooks. `below`: only those of lower waves."""

    phase: rollouts.Phase
    because: str
    below: int | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """A hook has come to its end and is not run again; the next one has its time from now on."""

    key: ids.ObjectKey
    uid: str
    because: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete objects of hooks, each by its UID."""

    changes: tuple[plans.Change, ...]


@dataclass(frozen=True, slots=True)
class Lose:
    """The release has failed; its hooks for that case come before the failure is answered."""

    because: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Come back after `seconds`, or when a watch sees a change."""

    because: str
    seconds: float
    hold: outcomes.HoldReason | None = None
    """Set when it stands still for a reason outside of the release."""
    counts: bool = False
    """Whether the time counts though it is held: it goes on, and only somebody has to hear of it."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The rollout has succeeded: its inputs are good."""

    because: str


@dataclass(frozen=True, slots=True)
class Fail:
    """The rollout has failed. Only the release's failures fail it (E0)."""

    because: str
    blame: health.Blame


@dataclass(frozen=True, slots=True)
class Abandon:
    """The rollout is over, and there is nothing to go to: hold."""

    because: str


Command = Pause | Open | Apply | Prune | Unblock | Enter | Run | Ran | Remove | Lose | Wait | Finish | Fail | Abandon
