"""How much one plan may prune without a person (I7). A template that renders a tenth of what it did yesterday is
complete and valid, and took down every service of one company for 4.5 hours."""

from collections.abc import Sequence

from reconciler.gates import context
from reconciler.model import plans, rollouts, verdicts

RULE = "prune-limit"

ALWAYS = 1
"""Prunes that no percentage stops: a single object is a large part of every small application."""

NAMED = 10
"""Objects that the reason names."""


def judge(plan: plans.Plan, facts: context.Context) -> verdicts.Verdict:
    """Block more prunes than the limit's count, or than its percentage of the inventory (from the second one on).

    What a failed rollout had created does not count in its revert.
    """
    counted = [change for change in plan.prunes if change.action is plans.Action.PRUNED]
    if facts.purpose is rollouts.Purpose.REVERT:
        counted = [change for change in counted if change.key not in facts.created_by_failed]
    if not counted:
        return verdicts.Verdict(RULE, verdicts.Decision.PASS, "nothing that counts is pruned")
    limit = facts.target.prune
    share = 100.0 * len(counted) / facts.inventory if facts.inventory else 100.0
    found = f"{len(counted)} of {facts.inventory} objects would be pruned ({share:.0f} %)"
    allowed = f"{limit.count} objects and {limit.percent:g} %"
    names = tuple(str(change.key) for change in counted)
    # Written as what passes: a limit that is no number (NaN) compares false, and blocks.
    if len(counted) <= limit.count and (len(counted) <= ALWAYS or share <= limit.percent):
        return verdicts.Verdict(RULE, verdicts.Decision.PASS, f"{found}, allowed are {allowed}", names)
    if confirmation := facts.confirmed():
        return verdicts.Verdict(RULE, verdicts.Decision.PASS, f"{found}; {confirmation.who} confirmed it", names)
    because = f"{found}, allowed without a person are {allowed}: {_listed(names)}"
    return verdicts.Verdict(RULE, verdicts.Decision.BLOCK, because, names)


def _listed(names: Sequence[str]) -> str:
    """A person says yes to objects, not to a number; the plan shows those that do not fit here."""
    rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{rest}"
