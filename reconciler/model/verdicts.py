"""What a gate answers."""

import enum
from dataclasses import dataclass


class Decision(enum.Enum):
    """Unknown is not passed (I14): only PASS lets a plan through."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    BLOCK = "block"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule's answer, with the reason made where the decision was taken."""

    rule: str
    decision: Decision
    because: str
    evidence: tuple[str, ...] = ()
