"""What to do about fields that another manager owns: forcing is planned from the conflict, never blind (I19)."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model import live, outcomes
from reconciler.plan import replicas


@dataclass(frozen=True, slots=True)
class Force:
    """Take the fields back; `because` names fields and managers."""

    because: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """An autoscaler took `spec.replicas` while we planned: send the manifest without it."""


def decide(refused: live.Refused, *, released: bool = False) -> Force | HandOver | outcomes.Hold:
    """The answer to an ownership conflict on an object that is known to be ours.

    `released`: this plan prunes the object's autoscaler, so its number of replicas is taken back like any field.
    A manager that took a field by server-side apply will do so again: it is named and the target holds. One that
    updated once (kubectl edit, a script) changed what Git says: that is drift, and taken back.
    """
    foreign = [conflict for conflict in refused.conflicts if conflict.applied]
    if foreign:
        because = f"{refused.key}: {_named(foreign)} by server-side apply as well"
        return outcomes.Hold(outcomes.HoldReason.FOREIGN_MANAGER, because)
    if not refused.conflicts:
        because = f"{refused.key}: the server reports a conflict without naming it: {refused.message}"
        return outcomes.Hold(outcomes.HoldReason.REFUSED, because)
    if not released and any(_scaled(conflict) for conflict in refused.conflicts):
        return HandOver()
    return Force(f"takes back {_named(refused.conflicts)}")


def _scaled(conflict: live.FieldConflict) -> bool:
    return conflict.path == replicas.PATH and conflict.manager.startswith(replicas.AUTOSCALER)


def _named(conflicts: Sequence[live.FieldConflict]) -> str:
    """`.data.x, .data.y, which kubectl-edit sets`, manager by manager."""
    managers: dict[str, list[str]] = {}
    for conflict in conflicts:
        managers.setdefault(conflict.manager, []).append(conflict.path)
    return " and ".join(f"{', '.join(paths)}, which {manager} sets" for manager, paths in sorted(managers.items()))
