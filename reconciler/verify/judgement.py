"""What a rule says of one object, and what it may take into account beside the object itself."""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model import document, health

SETTLE = 15.0
"""Seconds in which a pod without a node or without its configuration may still be waiting for somebody who comes a
moment later: another controller's Secret, a node that is being added. kstatus waits as long for the scheduler."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A state with its reason. `blame` is set exactly when the state is DEGRADED."""

    state: health.State
    because: str
    blame: health.Blame | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """What may be waited for. Times in seconds."""

    restarts: int
    """Restarts of one container, with an exit of the application, that fail the release."""
    spent: float
    """In the present phase of the rollout."""
    deadline: float
    """Of the rollout, for becoming healthy."""
    observing: bool
    """In the observation window: everything has been healthy once."""
    unproven: bool = False
    """The previous version was never good: whether it serves is no evidence."""

    @property
    def settled(self) -> bool:
        return self.spent >= SETTLE

    @property
    def over(self) -> bool:
        """Whether what is not healthy by now has not become healthy in time."""
        return self.observing or self.spent >= self.deadline


def healthy(because: str) -> Judgement:
    return Judgement(health.State.HEALTHY, because)


def suspended(because: str) -> Judgement:
    """Neither passes nor fails, and is said: paused on purpose, or waiting for what may legally never come."""
    return Judgement(health.State.SUSPENDED, because)


def progressing(because: str) -> Judgement:
    return Judgement(health.State.PROGRESSING, because)


def failed(because: str) -> Judgement:
    """The release's failure: it is reverted."""
    return Judgement(health.State.DEGRADED, because, health.Blame.RELEASE)


def troubled(because: str) -> Judgement:
    """The world's failure: it is held, and tried again."""
    return Judgement(health.State.DEGRADED, because, health.Blame.WORLD)


def condition(found: Mapping[str, document.JsonValue], kind: str) -> document.Json | None:
    """The condition of that type in the status, or None."""
    for one in document.items(found, "status", "conditions"):
        if isinstance(one, dict) and one.get("type") == kind:
            return one
    return None


def holds(found: Mapping[str, document.JsonValue], kind: str) -> bool | None:
    """Whether the condition of that type is True; None when there is none (or it says Unknown)."""
    one = condition(found, kind)
    return {"True": True, "False": False}.get(document.text(one, "status")) if one else None


def words(one: Mapping[str, document.JsonValue] | None) -> str:
    """What a condition gives as its reason: `reason: message`, or as much of it as there is."""
    if one is None:
        return ""
    parts = (document.text(one, "reason"), document.text(one, "message"))
    return ": ".join(part for part in parts if part)


def because_of(one: Mapping[str, document.JsonValue] | None) -> str:
    """The same in brackets, to follow a sentence; nothing when the condition says nothing."""
    said = words(one)
    return f" ({said})" if said else ""


def count(number: int, noun: str) -> str:
    """`1 pod`, `2 pods`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
