"""All rules over one plan."""

from collections.abc import Callable, Sequence

from reconciler.gates import confinement, context, protected, prune_limit
from reconciler.model import outcomes, plans, verdicts

Context = context.Context
Rule = Callable[[plans.Plan, Context], verdicts.Verdict]

RULES: dict[str, Rule] = {
    confinement.RULE: confinement.judge,
    protected.RULE: protected.judge,
    prune_limit.RULE: prune_limit.judge,
}
"""In the order in which a person wants to hear of them."""

REASONS = {
    confinement.RULE: outcomes.HoldReason.OUTSIDE_LIMITS,
    protected.RULE: outcomes.HoldReason.PROTECTED,
    prune_limit.RULE: outcomes.HoldReason.PRUNE_LIMIT,
}


def judge(plan: plans.Plan, facts: Context) -> outcomes.Hold | None:
    """The hold of the first rule that does not pass; None when all do."""
    return hold(verdicts_on(plan, facts), facts)


def verdicts_on(plan: plans.Plan, facts: Context) -> tuple[verdicts.Verdict, ...]:
    """Every rule's verdict, in order."""
    return tuple(ask(name, rule, plan, facts=facts) for name, rule in RULES.items())


def ask(name: str, rule: Rule, plan: plans.Plan, *, facts: Context) -> verdicts.Verdict:
    """One rule's verdict. A rule that crashes has not passed (I14), and does not keep the others from speaking."""
    try:
        return rule(plan, facts)
    except Exception as error:  # noqa: BLE001 - whatever breaks a rule must hold the plan, not end the pass
        because = f"the rule failed: {type(error).__name__}: {error}"
        return verdicts.Verdict(name, verdicts.Decision.UNKNOWN, because)


def hold(found: Sequence[verdicts.Verdict], facts: Context) -> outcomes.Hold | None:
    """The hold of the first verdict that is no pass; None when all passed. Fewer verdicts than rules hold as well."""
    for name in RULES:
        verdict = next((verdict for verdict in found if verdict.rule == name), None)
        if verdict is None:
            return outcomes.Hold(REASONS[name], f"the rule {name} was not asked", revision=facts.revision)
        if verdict.decision is not verdicts.Decision.PASS:
            return outcomes.Hold(REASONS[name], verdict.because, revision=facts.revision)
    return None
