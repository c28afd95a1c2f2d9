"""How often one pass writes what differs again, or deletes what is back, before it takes that for a fight (I20)."""

from dataclasses import dataclass

from reconciler.model import outcomes
from reconciler.rollout import commands

MOST = 5
"""Rounds in one pass: an object that differs after that many applies, or is left after that many deletes, is changed by
somebody each time (an admission webhook, another controller), and fighting it would be a hot loop."""


@dataclass(slots=True)
class Rounds:
    """Counts the rounds of one pass. A new wave may take as many applies as the one before; deletes come after all
    waves, and only a hook that has run starts their count anew."""

    applies: int = 0
    deletes: int = 0

    def count(self, command: commands.Command) -> outcomes.Hold | None:
        """Count `command`, which is about to be carried out. Returns the hold that takes its place when it is one round
        too many."""
        match command:
            case commands.Ran():
                self.applies = self.deletes = 0
            case commands.Open():
                self.applies = 0
            case commands.Apply():
                self.applies += 1
                if self.applies > MOST:
                    return _fought(f"{command.changes[0].key} differs again after {MOST} applies")
            case commands.Prune() | commands.Remove():
                self.deletes += 1
                if self.deletes > MOST:
                    return _fought(f"{command.changes[0].key} is still to go after {MOST} rounds of deletes")
        return None


def _fought(because: str) -> outcomes.Hold:
    return outcomes.Hold(outcomes.HoldReason.REFUSED, f"{because}: something changes it each time")
