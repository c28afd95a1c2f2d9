"""What the rules know beside the plan."""

from dataclasses import dataclass

from reconciler.model import ids, records, rollouts, targets


@dataclass(frozen=True, slots=True)
class Context:
    """The facts of one pass over one target."""

    target: targets.Target
    revision: str
    purpose: rollouts.Purpose
    inventory: int
    """Objects in the inventory, those about to be pruned included: what a percentage is of."""
    confirmations: tuple[records.Confirmation, ...] = ()
    created_by_failed: frozenset[ids.ObjectKey] = frozenset()
    """What the rollout that failed had created: its revert prunes them without the cap (E2)."""

    def confirmed(self) -> records.Confirmation | None:
        """A person's yes to the prunes of exactly this revision."""
        return next((found for found in self.confirmations if self.revision and found.revision == self.revision), None)
