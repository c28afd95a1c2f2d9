"""The brake: when many targets fail at once no release is to blame, and nothing is reverted (E0).

Skyscanner 2021, and every outage of a shared dependency: each single revert would have been right by its own lights.
"""

from dataclasses import dataclass

from reconciler.model import verdicts

SHARE = 0.20
"""More than this share of the targets failing …"""
WITHIN = 300.0
"""… within this many seconds stops all reverts (E0)."""
LEAST = 3
"""With few targets one or two failures are a large share and say nothing: at least this many must fail."""
SETTLE = 5.0
"""Seconds for which a failure waits to see whether targets that look unwell at the same moment fail too."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """How the targets do at the moment of one failure; the failing target itself is counted in `failed`."""

    failed: int
    """Failed within the last `WITHIN` seconds, or failing now."""
    unwell: int
    """Others whose rollout is under way and not healthy: they may be about to fail."""
    total: int
    waited: float
    """Seconds since this target's failure was first seen."""


def judge(neighbours: Neighbours) -> verdicts.Verdict:
    """PASS: revert. UNKNOWN: wait a moment longer. BLOCK: too many fail, revert nothing."""
    failed, total = neighbours.failed, neighbours.total
    evidence = (f"{failed} of {total} targets failing", f"{neighbours.unwell} more not healthy")
    if _many(failed, total):
        because = f"{failed} of {total} targets failed within {WITHIN / 60:.0f} minutes: no release's fault"
        return verdicts.Verdict("brake", verdicts.Decision.BLOCK, because, evidence)
    if _many(failed + neighbours.unwell, total) and neighbours.waited < SETTLE:
        because = f"{neighbours.unwell} other targets look unwell: waiting {SETTLE:.0f} s to see whether they fail too"
        return verdicts.Verdict("brake", verdicts.Decision.UNKNOWN, because, evidence)
    return verdicts.Verdict("brake", verdicts.Decision.PASS, f"only {failed} of {total} targets failing", evidence)


def _many(count: int, total: int) -> bool:
    return count >= LEAST and count > SHARE * total
