"""Whether every object lies where its environment may write (I18). The API server enforces the same by impersonation;
this says it before anything is asked, and names the file."""

from collections.abc import Iterable

from reconciler import kinds
from reconciler.gates import context
from reconciler.model import ids, plans, targets, verdicts

RULE = "confinement"
NAMESPACE = ids.KindKey("", "Namespace")


def judge(plan: plans.Plan, facts: context.Context) -> verdicts.Verdict:
    """Block what is applied or pruned outside of the limits. A prune that is skipped touches nothing."""
    touched = [change.key for wave in plan.waves for change in wave]
    touched += [change.key for change in plan.prunes if change.action.writes]
    complaints = outside(touched, facts.target.confinement)
    if complaints:
        return verdicts.Verdict(RULE, verdicts.Decision.BLOCK, "; ".join(complaints), complaints)
    because = f"{len(touched)} objects lie within the limits of {facts.target.key.environment}"
    return verdicts.Verdict(RULE, verdicts.Decision.PASS, because)


def outside(keys: Iterable[ids.ObjectKey], limits: targets.Confinement) -> tuple[str, ...]:
    """One sentence for each object that lies outside of `limits`, sorted."""
    inside: set[tuple[str, ...]] = set()
    """Kinds in namespaces that were asked about: all objects there are alike, but for namespaces themselves."""
    complaints = set()
    for key in keys:
        if key[:3] in inside:
            continue
        if complaint := _complaint(key, limits):
            complaints.add(complaint)
        elif key.kind_key != NAMESPACE:
            inside.add(key[:3])
    return tuple(sorted(complaints))


def _complaint(key: ids.ObjectKey, limits: targets.Confinement) -> str:
    kind = kinds.of(key)
    if kind is not None and kind.namespaced is not bool(key.namespace):
        return f"{key}: a {key.kind_key} {'needs a' if kind.namespaced else 'has no'} namespace"
    if key.namespace:
        return "" if limits.allows(key.namespace) else f"{key}: namespace {key.namespace} is not allowed here"
    if key.kind_key not in limits.cluster_kinds:
        return f"{key}: the cluster-scoped kind {key.kind_key} is not allowed here"
    if key.kind_key == NAMESPACE and not limits.allows(key.name):
        return f"{key}: namespace {key.name} is not allowed here"
    return ""
