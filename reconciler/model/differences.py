"""What differs between Git and a cluster, for people."""

import enum
from dataclasses import dataclass

from reconciler.model import ids, plans


class Side(enum.Enum):
    """Where an object is."""

    BOTH = "both"
    GIT = "git"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Difference:
    """One object that differs. Values are masked; `before` is the cluster's, `after` is what Git makes of it."""

    key: ids.ObjectKey
    side: Side
    because: str
    fields: tuple[plans.FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """One target. `uncompared`: what could not be, one sentence each; never counted as equal."""

    target: ids.TargetKey
    revision: str
    differences: tuple[Difference, ...]
    uncompared: tuple[str, ...]
