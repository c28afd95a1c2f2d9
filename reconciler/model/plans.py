"""A plan: what would have to happen for the live state to become the desired one."""

import enum
from dataclasses import dataclass
from typing import NamedTuple

from reconciler.model import ids, manifests
from reconciler.model import live as of_cluster


class Action(enum.Enum):
    """The closed vocabulary of change, used in the plan, the journal, the metrics and every message."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    ADOPTED = "adopted"
    PRUNED = "pruned"
    REPLACED = "replaced"
    ORPHANED = "orphaned"
    SKIPPED = "skipped"

    @property
    def writes(self) -> bool:
        """Whether carrying it out needs a counted call."""
        return self not in (Action.UNCHANGED, Action.SKIPPED)


class Place(NamedTuple):
    """Where an object stands in the order of a plan: by the wave that Git gives it, then by the tier of its kind."""

    wave: int = 0
    tier: int = 1

    def __str__(self) -> str:
        return f"wave {self.wave}{(', namespaces and definitions', '', ', webhooks and APIs')[self.tier]}"


SOMEWHERE = Place()
BEFORE_ALL = Place(-1_000_000, 0)
"""Before every wave that Git can name."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field, masked where it is secret (I13). Values are compact JSON; None: the field is absent on that side."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Taker:
    """Why an object that leaves a target is awaited by another one. `known`: that one renders it; else it may."""

    because: str
    known: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one object, and why, in a sentence."""

    action: Action
    key: ids.ObjectKey
    because: str
    manifest: manifests.Manifest | None = None
    """What is applied; None for a prune."""
    uid: str = ""
    """Of the live object; '' when there is none yet."""
    fields: tuple[FieldChange, ...] = ()
    force: bool = False
    """Take the fields back from the managers named in `because`: planned from the conflict, never blind (I19)."""
    live: of_cluster.LiveMeta | None = None
    unknown: str = ""
    """Why the dry-run could not tell, or of what is `awaited` the rendering; '' when it could. Shown, not an error."""
    propagation: of_cluster.Propagation = of_cluster.Propagation.BACKGROUND
    """Of a delete: what becomes of the children."""
    place: Place = SOMEWHERE
    """Of the wave that it is in; the plan's assembly sets it."""
    handover: of_cluster.Handover | None = None
    """What is sent instead of the manifest, of an object that is taken over or given up."""
    awaited: bool = False
    """Of a skipped one: another target is about to take it, and the rollout waits for that."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in waves: a wave starts when the one before it is healthy; prune is last, after health."""

    target: ids.TargetKey
    manifest_digest: str
    waves: tuple[tuple[Change, ...], ...]
    prunes: tuple[Change, ...] = ()
    hooks: tuple[tuple[str, Change], ...] = ()
    """What a release would run, each with when it does: shown only, since a rollout looks at each in its turn."""

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(change for wave in self.waves for change in wave) + self.prunes

    @property
    def writes(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.action.writes)
