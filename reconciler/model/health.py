"""How a live object does, and whose fault it is when it does badly."""

import enum
from dataclasses import dataclass

from reconciler.model import ids


class State(enum.Enum):
    """Ordered from best to worst in `WORST_FIRST`."""

    HEALTHY = "healthy"
    SUSPENDED = "suspended"  # terminal neutral: neither passes nor fails, and is said
    PROGRESSING = "progressing"
    MISSING = "missing"
    UNKNOWN = "unknown"
    DEGRADED = "degraded"

    @property
    def well(self) -> bool:
        """Whether a rollout may go on: healthy, or suspended on purpose."""
        return self in (State.HEALTHY, State.SUSPENDED)


WORST_FIRST = (
    State.DEGRADED,
    State.UNKNOWN,
    State.MISSING,
    State.PROGRESSING,
    State.SUSPENDED,
    State.HEALTHY,
)


class Blame(enum.Enum):
    """Whose failure it is (E0): the release's is reverted, the world's is held and tried again."""

    RELEASE = "release"
    WORLD = "world"


@dataclass(frozen=True, slots=True)
class Health:
    """One object's health, with its reason. `blame` is set exactly when the state is DEGRADED."""

    key: ids.ObjectKey
    state: State
    because: str
    blame: Blame | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The health of everything a rollout waits for; `state` is the worst of its parts."""

    state: State
    because: str
    parts: tuple[Health, ...] = ()
    blame: Blame | None = None


EXPRESSION_VARIABLES = ("apiVersion", "kind", "metadata", "spec", "status", "data")
"""What an expression can name: the fields of the live object; an absent one is an empty mapping."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the expressions of a check say of one object. `problem`: why they say nothing (then nothing else counts)."""

    in_progress: bool = False
    failed: bool = False
    current: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ProbeSample:
    """One answer to one HTTP probe. `at` is monotonic seconds; `ok` None: could not be asked (unknown, not passed)."""

    url: str
    at: float
    ok: bool | None
    because: str
