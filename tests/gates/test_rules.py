"""Each rule's table, and that whatever goes wrong with one is not a pass (I14)."""

import math

import pytest

from reconciler.gates import confinement, gates, protected, prune_limit
from reconciler.model import ids, manifests, outcomes, plans, records, rollouts, targets, verdicts
from tests.support import planned

NAMESPACE = ids.KindKey("", "Namespace")
Decision = verdicts.Decision
PRUNED, SKIPPED = plans.Action.PRUNED, plans.Action.SKIPPED


def plan(*applied: manifests.Manifest, prunes: tuple[plans.Change, ...] = ()) -> plans.Plan:
    wave = tuple(plans.Change(plans.Action.CREATED, one.key, "", manifest=one) for one in applied)
    return plans.Plan(planned.TARGET, "d", (wave,) if wave else (), prunes)


def prune(key: ids.ObjectKey, action: plans.Action = PRUNED) -> plans.Change:
    return plans.Change(action, key, "it is no longer in Git", uid="u")


def several(count: int, action: plans.Action = PRUNED) -> tuple[plans.Change, ...]:
    return tuple(prune(planned.key("ConfigMap", f"c{number}"), action) for number in range(count))


def facts(
    *,
    target: targets.Target | None = None,
    inventory: int = 10,
    confirmed: str = "",
    purpose: rollouts.Purpose = rollouts.Purpose.RELEASE,
    created: frozenset[ids.ObjectKey] = frozenset(),
    revision: str = "abc",
) -> gates.Context:
    confirmations = (records.Confirmation(confirmed, "ana", "2026-01-01T00:00:00Z"),) if confirmed else ()
    return gates.Context(target or planned.target(), revision, purpose, inventory, confirmations, created)


# -- prune-limit ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pruned", "inventory", "limit", "decision"),
    [
        pytest.param(0, 10, (5, 30.0), Decision.PASS, id="nothing"),
        pytest.param(5, 100, (5, 30.0), Decision.PASS, id="exactly the count"),
        pytest.param(6, 100, (5, 30.0), Decision.BLOCK, id="one more than the count"),
        pytest.param(3, 10, (5, 30.0), Decision.PASS, id="exactly the share"),
        pytest.param(4, 10, (5, 30.0), Decision.BLOCK, id="more than the share"),
        pytest.param(1, 2, (5, 30.0), Decision.PASS, id="one of two: no share stops a single object"),
        pytest.param(1, 1, (0, 100.0), Decision.BLOCK, id="a count of none stops a single object"),
        pytest.param(2, 2, (5, 100.0), Decision.PASS, id="everything, where that is allowed"),
        pytest.param(2, 2, (5, 99.0), Decision.BLOCK, id="everything"),
        pytest.param(2, 0, (5, 30.0), Decision.BLOCK, id="a share of nothing is not known to be small"),
        pytest.param(2, 10, (5, math.nan), Decision.BLOCK, id="a limit that is no number"),
    ],
)
def test_prune_limit(pruned: int, inventory: int, limit: tuple[int, float], decision: Decision) -> None:
    target = planned.target(prune=targets.PruneLimit(*limit))
    verdict = prune_limit.judge(plan(prunes=several(pruned)), facts(target=target, inventory=inventory))
    assert verdict.decision is decision


def test_a_confirmation_counts_for_its_own_revision_only() -> None:
    wide = plan(prunes=several(9))
    assert prune_limit.judge(wide, facts(confirmed="abc")).decision is Decision.PASS
    assert "ana confirmed" in prune_limit.judge(wide, facts(confirmed="abc")).because
    assert prune_limit.judge(wide, facts(confirmed="abd")).decision is Decision.BLOCK
    assert prune_limit.judge(wide, facts(confirmed="abc", revision="")).decision is Decision.BLOCK


def test_a_revert_prunes_what_the_failed_rollout_created_without_the_cap() -> None:
    wide = several(9)
    created = frozenset(change.key for change in wide)
    revert = rollouts.Purpose.REVERT
    assert prune_limit.judge(plan(prunes=wide), facts(purpose=revert, created=created)).decision is Decision.PASS
    assert prune_limit.judge(plan(prunes=wide), facts(purpose=revert)).decision is Decision.BLOCK
    assert prune_limit.judge(plan(prunes=wide), facts(created=created)).decision is Decision.BLOCK


def test_what_is_skipped_does_not_count() -> None:
    assert prune_limit.judge(plan(prunes=several(9, SKIPPED)), facts()).decision is Decision.PASS


def test_the_verdict_names_number_share_and_limit() -> None:
    verdict = prune_limit.judge(plan(prunes=several(4)), facts())
    limits = "4 of 10 objects would be pruned (40 %), allowed without a person are 5 objects and 30 %"
    assert verdict.because == f"{limits}: {', '.join(verdict.evidence)}"
    assert len(verdict.evidence) == 4


def test_a_long_list_is_cut_and_counted() -> None:
    verdict = prune_limit.judge(plan(prunes=several(prune_limit.NAMED + 2)), facts())
    assert verdict.because.endswith(f"{verdict.evidence[prune_limit.NAMED - 1]} and 2 more")


# -- protected -----------------------------------------------------------------------------------------------------

CLAIM = planned.key("PersistentVolumeClaim", "data")


@pytest.mark.parametrize(
    ("key", "decision"),
    [
        (CLAIM, Decision.BLOCK),
        (planned.key("Namespace", "web", namespace=""), Decision.BLOCK),
        (planned.key("PersistentVolume", "v", namespace=""), Decision.BLOCK),
        (planned.key("CustomResourceDefinition", "c", group="apiextensions.k8s.io", namespace=""), Decision.BLOCK),
        (planned.key("Secret", "s"), Decision.PASS),
        (planned.key("StatefulSet", "s", group="apps"), Decision.PASS),
        (planned.key("Widget", "w", group="example.com"), Decision.PASS),
    ],
)
def test_protected_kinds(key: ids.ObjectKey, decision: Decision) -> None:
    assert protected.judge(plan(prunes=(prune(key),)), facts()).decision is decision


def test_protected_kinds_are_pruned_once_a_person_confirmed_the_revision() -> None:
    endangered = plan(prunes=(prune(CLAIM),))
    assert protected.judge(endangered, facts(confirmed="abc")).decision is Decision.PASS
    assert protected.judge(endangered, facts(confirmed="abd")).decision is Decision.BLOCK


def test_a_spared_object_of_a_protected_kind_passes() -> None:
    assert protected.judge(plan(prunes=(prune(CLAIM, SKIPPED),)), facts()).decision is Decision.PASS


# -- confinement ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        pytest.param(planned.key("ConfigMap", "a"), "", id="named"),
        pytest.param(planned.key("ConfigMap", "a", namespace="web-blue"), "", id="by pattern"),
        pytest.param(planned.key("ConfigMap", "a", namespace="webb"), "namespace webb", id="a longer name"),
        pytest.param(planned.key("ConfigMap", "a", namespace="kube-system"), "namespace kube-system", id="other"),
        pytest.param(planned.key("ConfigMap", "a", namespace=""), "needs a namespace", id="none at all"),
        pytest.param(planned.key("Namespace", "web-x", namespace="web"), "has no namespace", id="one too many"),
        pytest.param(planned.key("Namespace", "web-x", namespace=""), "", id="an allowed kind"),
        pytest.param(
            planned.key("Namespace", "kube-system", namespace=""),
            "namespace kube-system",
            id="an allowed kind, yet the labels of another's namespace",
        ),
        pytest.param(
            planned.key("ClusterRole", "r", group="rbac.authorization.k8s.io", namespace=""),
            "cluster-scoped kind ClusterRole",
            id="a cluster-scoped kind that is not listed",
        ),
        pytest.param(planned.key("Widget", "w", group="e.com", namespace=""), "kind Widget.e.com", id="unknown kind"),
    ],
)
def test_confinement(key: ids.ObjectKey, complaint: str) -> None:
    limits = targets.Confinement(("web", "web-*"), (NAMESPACE,))
    found = confinement.outside([key], limits)
    assert (complaint in found[0]) if complaint else found == ()


@pytest.mark.parametrize(
    ("namespaces", "allowed"), [(("*",), True), ((), False), (("we*",), True), (("*web",), False), (("",), False)]
)
def test_patterns_end_in_a_star_or_are_names(namespaces: tuple[str, ...], allowed: bool) -> None:
    found = confinement.outside([planned.key("ConfigMap", "a")], targets.Confinement(namespaces, ()))
    assert (found == ()) is allowed


def test_prunes_are_confined_too_and_what_is_skipped_touches_nothing() -> None:
    elsewhere = planned.key("ConfigMap", "a", namespace="kube-system")
    assert confinement.judge(plan(prunes=(prune(elsewhere),)), facts()).decision is Decision.BLOCK
    assert confinement.judge(plan(prunes=(prune(elsewhere, SKIPPED),)), facts()).decision is Decision.PASS


# -- all of them ---------------------------------------------------------------------------------------------------


def test_a_harmless_plan_passes_every_rule() -> None:
    harmless = plan(planned.config("a"), prunes=several(1))
    found = gates.verdicts_on(harmless, facts())
    assert [verdict.rule for verdict in found] == list(gates.RULES)
    assert all(verdict.decision is Decision.PASS and verdict.because for verdict in found)
    assert gates.judge(harmless, facts()) is None


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (plan(planned.manifest("ConfigMap", "a", namespace="x")), outcomes.HoldReason.OUTSIDE_LIMITS),
        (plan(prunes=(prune(CLAIM),)), outcomes.HoldReason.PROTECTED),
        (plan(prunes=several(9)), outcomes.HoldReason.PRUNE_LIMIT),
    ],
)
def test_each_rule_holds_for_its_own_reason_and_names_the_revision(
    bad: plans.Plan, reason: outcomes.HoldReason
) -> None:
    hold = gates.judge(bad, facts())
    assert hold is not None and hold.reason is reason and hold.revision == "abc"


def test_a_rule_that_crashes_is_unknown_and_unknown_holds() -> None:
    def broken(plan: plans.Plan, facts: gates.Context) -> verdicts.Verdict:
        raise ZeroDivisionError("no inventory")

    verdict = gates.ask(prune_limit.RULE, broken, plan(), facts=facts())
    assert verdict.decision is Decision.UNKNOWN and "ZeroDivisionError: no inventory" in verdict.because
    passed = [found for found in gates.verdicts_on(plan(), facts()) if found.rule != prune_limit.RULE]
    hold = gates.hold([*passed, verdict], facts())
    assert hold is not None and hold.reason is outcomes.HoldReason.PRUNE_LIMIT


def test_a_rule_that_was_not_asked_has_not_passed() -> None:
    hold = gates.hold([], facts())
    assert hold is not None and "was not asked" in hold.because


def test_every_rule_has_its_reason() -> None:
    assert gates.RULES.keys() == gates.REASONS.keys()
