"""The first deployment fails: there is nothing to return to (E5)."""

import pytest

from reconciler.model import outcomes, records
from tests.support import endings, site

Reason = outcomes.HoldReason
AUTOSCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web"},
    "spec": {
        "minReplicas": 2,
        "maxReplicas": 4,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
    },
}


def replicas(where: site.Site, plural: str = "deployments") -> int:
    found = where.live(plural, "web")
    return int(found["spec"]["replicas"]) if found else -1


def test_it_is_left_for_a_person_to_look_at_and_a_fix_rolls_out(a_site: site.Site) -> None:
    bad = endings.release(a_site, "v1-crash-loop")
    a_site.start()
    ledger = endings.wait_hold(a_site, Reason.FIRST_FAILED)
    assert ledger.hold and (ledger.hold.revision, ledger.rollout) == (bad, None)
    assert len(endings.pages(a_site)) == 1
    assert replicas(a_site) == 2

    fixed = endings.release(a_site, "v2")
    a_site.wait_good(fixed)
    assert endings.our_commits(a_site) == []
    assert len(endings.pages(a_site)) == 1


def test_it_loses_its_pods_where_the_policy_says_so(a_site: site.Site) -> None:
    """Also those that an autoscaler watches over; every call has its intent, and a fix brings the pods back."""
    endings.set_revert(a_site, firstDeployment="scale-down")
    stateful = site.deployment("web", image=endings.image("v1")) | {"kind": "StatefulSet"}
    stateful["spec"]["serviceName"] = "web"
    stateful["spec"]["selector"] = {"matchLabels": {"app": "db"}}
    stateful["spec"]["template"]["metadata"]["labels"] = {"app": "db"}
    objects = [stateful, AUTOSCALER, site.config_map("web", mode="quiet")]
    a_site.application("web", [site.deployment(image=endings.image("v1-crash-loop")), *objects])
    a_site.commit("web v1")
    before = a_site.cluster.audit_mark()
    a_site.start()
    endings.wait_hold(a_site, Reason.FIRST_FAILED)
    assert (replicas(a_site), replicas(a_site, "statefulsets")) == (0, 0)
    assert a_site.live("configmaps", "web", group="v1") is not None
    assert a_site.live("horizontalpodautoscalers", "web", group="autoscaling/v2") is not None
    assert len(endings.pages(a_site)) == 1
    assert endings.events(a_site, records.EventKind.SCALED_DOWN) == ["the failed first deployment"]
    intended = {operation for (operation,) in a_site.rows("SELECT operation FROM intents WHERE result = 'done'")}
    calls = a_site.counted_calls(after=before)
    assert len(calls) == 4 + 2
    assert {call["auditID"] for call in calls} == intended

    a_site.application("web", [site.deployment(image=endings.image("v2")), *objects])
    fixed = a_site.commit("web v2")
    a_site.wait_good(fixed)
    assert (replicas(a_site), replicas(a_site, "statefulsets")) == (2, 2)


@pytest.mark.only_kubernetes("the daemon is killed")
def test_a_scale_down_goes_on_after_a_crash(a_site: site.Site) -> None:
    """Scaled to 0, a Deployment is healthy: the restart must not take that for a success."""
    endings.set_revert(a_site, firstDeployment="scale-down")
    endings.release(a_site, "v1-crash-loop")
    a_site.start()
    a_site.wait_ledger(lambda ledger: ledger.quarantined, what="the failure")
    a_site.kill()
    a_site.start()
    endings.wait_hold(a_site, Reason.FIRST_FAILED)
    ledger = a_site.ledger()
    assert (ledger.last_good, replicas(a_site)) == (None, 0)
