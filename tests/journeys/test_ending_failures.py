"""A release fails, each in its way: the cluster and Git return to last good. The world's failures revert nothing."""

import pytest

from reconciler.model import outcomes, records
from tests.support import endings, site

PUSHED = records.GitStep.PUSHED
Kind = records.EventKind


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("v2-crash-loop", "has restarted 2 times, last with exit code 1"),
        ("v2-image-pull-error", "ImagePullBackOff"),
        ("v2-never-ready", "not healthy within 3 s"),
    ],
)
def test_a_release_that_fails_is_taken_back(a_site: site.Site, version: str, said: str) -> None:
    a_site.settings["environments"][site.ENVIRONMENT]["verify"]["progressDeadline"] = "3s"
    a_site.configure()
    good = endings.begin(a_site)
    bad = endings.release(a_site, version)
    ledger = endings.wait_back(a_site, PUSHED, failed=bad, also=endings.at_rest)

    assert a_site.image() == endings.WELL
    assert a_site.git("diff", good, a_site.head(), at=a_site.remote) == ""
    (failed,) = endings.events(a_site, Kind.ROLLOUT_FAILED)
    assert said in failed
    assert ledger.quarantined[0].because == failed
    assert len(endings.our_commits(a_site)) == 1


def job(version: str) -> dict[str, object]:
    container = {"name": "app", "image": endings.image(version)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"migrate-{version}"},
        "spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }


def test_a_job_that_fails_takes_the_release_back_and_goes_with_it(a_site: site.Site) -> None:
    a_site.application("web", [site.deployment(), job("v1")])
    good = a_site.commit("web v1")
    a_site.start()
    a_site.wait_good(good)

    a_site.application("web", [site.deployment(image=endings.image("v2")), job("v2-job-fails")])
    bad = a_site.commit("web v2")
    endings.wait_back(a_site, PUSHED, failed=bad, also=endings.at_rest)

    assert a_site.image() == endings.WELL
    assert a_site.live("jobs", "migrate-v2-job-fails", group="batch/v1") is None
    assert a_site.live("jobs", "migrate-v1", group="batch/v1") is not None


@pytest.mark.only_kubernetes("15 s of grace; on a sandbox the simulation plays it in virtual time")
def test_a_relapse_in_the_observation_window_takes_the_release_back(a_site: site.Site) -> None:
    """Ready, complete by Kubernetes' own word, then failing: only the window sees it. 15 s of grace are part of it."""
    a_site.settings["environments"][site.ENVIRONMENT]["verify"]["observe"] = "20s"
    a_site.configure()
    template = {"labels": {"app": "web"}, "annotations": {"sandbox.reconciler.dev/fails-after": "500ms"}}
    broken = site.deployment(image=endings.image("v2-fails-later"))
    broken["spec"]["template"]["metadata"] = template
    a_site.application("web", [site.deployment()], verify={"observe": "0s"})
    good = a_site.commit("web v1")
    a_site.start()
    a_site.wait_good(good)

    a_site.application("web", [broken], verify={"observe": "20s"})
    bad = a_site.commit("web v2")
    endings.wait_back(a_site, PUSHED, failed=bad, also=endings.at_rest, timeout=60)
    assert "relapse in the observation window" in endings.events(a_site, Kind.ROLLOUT_FAILED)[0]
    assert a_site.image() == endings.WELL


def test_no_room_for_the_pods_is_the_worlds_and_reverts_nothing(a_site: site.Site) -> None:
    good = endings.begin(a_site)
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small", "namespace": a_site.namespace}}
    a_site.cluster.create(quota | {"spec": {"hard": {"pods": "2"}}})
    revision = endings.release(a_site, "v2")
    ledger = endings.wait_hold(a_site, outcomes.HoldReason.WORLD)

    assert "exceeded quota" in ledger.because
    assert len(endings.pages(a_site)) == 1
    assert (ledger.quarantined, ledger.git_revert) == ((), None)
    assert a_site.head() == revision != good

    a_site.cluster.delete(f"/api/v1/namespaces/{a_site.namespace}/resourcequotas/small")
    a_site.wait_good(revision)
    assert len(endings.pages(a_site)) == 1


def test_pods_without_a_node_are_the_worlds_until_a_commit_helps(a_site: site.Site) -> None:
    """15 s pass before a pod without a node counts as more than early."""
    endings.begin(a_site)
    nowhere = site.deployment(image=endings.image("v2"))
    nowhere["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "no-such-node"}
    a_site.application("web", [nowhere])
    a_site.commit("web v2 on a node that is not there")
    ledger = endings.wait_hold(a_site, outcomes.HoldReason.WORLD, timeout=45)
    assert "has no node" in ledger.because
    assert ledger.quarantined == ()

    fixed = endings.release(a_site, "v3")
    a_site.wait_good(fixed)
    assert endings.our_commits(a_site) == []
