"""What differs between Git and a cluster, field by field. What is done about it, and what holds it, a plan says."""

from collections.abc import Iterator

from reconciler.model import differences, document, outcomes, plans
from reconciler.pipeline import previewing
from reconciler.plan import diff

UNCOMPARED = frozenset(
    {
        outcomes.HoldReason.REFUSED,
        outcomes.HoldReason.IMMUTABLE,
        outcomes.HoldReason.FOREIGN_MANAGER,
        outcomes.HoldReason.UNMANAGED,
        outcomes.HoldReason.OTHER_OWNER,
        outcomes.HoldReason.CLUSTER_UNAVAILABLE,
        outcomes.HoldReason.RIGHTS_MISSING,
    }
)
"""Holds that stand in place of an object's comparison; the others hold a plan whose differences are known."""


def compare(preview: previewing.Preview) -> differences.Comparison:
    """The differences that a preview holds: the API server's own merge, by dry-run, so defaults are none."""
    plan = preview.plan
    uncompared = [hold.because for hold in preview.holds if plan is None or hold.reason in UNCOMPARED]
    if plan is None:
        unseen = tuple(uncompared) or ("nothing is known of it yet",)
        return differences.Comparison(preview.target, preview.revision, (), unseen)
    unknown = [change for wave in plan.waves for change in wave if _unknown(change)]
    uncompared += [f"{change.key}: {change.unknown or change.because}" for change in unknown]
    differing = (found for change in plan.changes if change not in unknown for found in _difference(plan, change))
    return differences.Comparison(preview.target, preview.revision, tuple(differing), tuple(uncompared))


def _unknown(change: plans.Change) -> bool:
    """Not compared: it is being deleted, or its dry-run could not tell. What is only in Git needs none."""
    if change.action is plans.Action.CREATED:
        return False
    return bool(change.unknown) or change.action is plans.Action.SKIPPED


def _difference(plan: plans.Plan, change: plans.Change) -> Iterator[differences.Difference]:
    if change in plan.prunes:
        yield differences.Difference(change.key, differences.Side.CLUSTER, change.because)
    elif change.action is plans.Action.CREATED and change.manifest:
        whole = diff.comparable(change.manifest.document())
        yield differences.Difference(
            change.key, differences.Side.GIT, change.because, diff.fields(change.key, _hollow(whole), whole)
        )
    elif change.fields:
        yield differences.Difference(change.key, differences.Side.BOTH, change.because, change.fields)


def _hollow(body: document.Json) -> document.Json:
    """The same mappings with nothing in them: a whole new object is shown by its fields, not as one value."""
    return {name: _hollow(value) for name, value in body.items() if isinstance(value, dict)}
