"""Kinds whose removal Git cannot undo are pruned only after a person has confirmed the very revision (I7)."""

from reconciler import kinds
from reconciler.gates import context
from reconciler.model import ids, plans, verdicts

RULE = "protected"


def judge(plan: plans.Plan, facts: context.Context) -> verdicts.Verdict:
    """Block a plan that prunes an object of a protected kind."""
    endangered = tuple(
        str(change.key) for change in plan.prunes if change.action is plans.Action.PRUNED and _protected(change.key)
    )
    if not endangered:
        return verdicts.Verdict(RULE, verdicts.Decision.PASS, "no object of a protected kind is pruned")
    if confirmation := facts.confirmed():
        because = f"{confirmation.who} confirmed the prune of {', '.join(endangered)}"
        return verdicts.Verdict(RULE, verdicts.Decision.PASS, because, endangered)
    because = f"{', '.join(endangered)} would be pruned: protected, since Git cannot bring back what goes with it"
    return verdicts.Verdict(RULE, verdicts.Decision.BLOCK, because, endangered)


def _protected(key: ids.ObjectKey) -> bool:
    kind = kinds.of(key)
    return kind is not None and kind.protected
