"""Order: waves one after the other, each when the one before is healthy."""

import signal
from typing import Any

import pytest

from reconciler.model import records
from tests.support import dying, site

WAVE = "reconciler.dev/wave"


def waved(wave: int, manifest: dict[str, Any], *, annotation: str = WAVE) -> dict[str, Any]:
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), annotation: str(wave)}
    return manifest | {"metadata": metadata | {"annotations": annotations}}


def written(where: site.Site, verb: str = "apply", application: str = "web") -> list[str]:
    """The names of the objects in the order in which their writes were intended."""
    statement = "SELECT subject FROM intents WHERE verb = ? AND application = ? ORDER BY rowid"
    return [subject.rpartition("/")[2] for (subject,) in where.rows(statement, verb, application)]


def phases(where: site.Site) -> list[str]:
    return [said.partition(":")[0] for said in where.events(records.EventKind.PHASE_ENTERED)]


def slow(name: str) -> dict[str, Any]:
    """A Deployment whose pods take a second to be ready: whatever does not wait for them overtakes them."""
    made = site.deployment(name, replicas=1)
    made["spec"]["template"]["metadata"]["annotations"] = {"sandbox.reconciler.dev/ready-after": "1s"}
    return made


def webhook(namespace: str) -> list[dict[str, Any]]:
    """A webhook that would refuse every pod and ConfigMap of its namespace as long as its own pods do not answer."""
    labels = {"hooked": namespace}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods", "configmaps"]}
    service = {"namespace": namespace, "name": "hooks", "path": "/"}
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"order-{namespace}"},
        "webhooks": [
            {
                "name": "pods.order.example.com",
                "rules": [rule],
                "clientConfig": {"service": service},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "objectSelector": {"matchExpressions": [{"key": "free", "operator": "DoesNotExist"}]},
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "timeoutSeconds": 1,
            }
        ],
    }
    svc = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "hooks", "labels": labels},
        "spec": {"selector": {"app": "hooks"}, "ports": [{"port": 443}]},
    }
    return [configuration, svc, slow("hooks")]


def test_each_wave_waits_until_the_one_before_is_healthy_and_a_broken_one_ends_the_release(a_site: site.Site) -> None:
    a_site.settings["environments"][site.ENVIRONMENT]["prune"] = {"percent": "100%"}
    a_site.configure()
    maps = [
        waved(2, site.config_map("late", a="1")),
        waved(-1, site.config_map("early", a="1"), annotation="argocd.argoproj.io/sync-wave"),
    ]
    a_site.application("web", [*maps, waved(1, slow("api")), site.config_map("middle", a="1")])
    good = a_site.commit("four waves")
    plan = a_site.plan()
    assert "1 of 4: wave -1\n" in plan and "4 of 4: wave 2\n" in plan, plan
    assert "note: argocd.argoproj.io/sync-wave is read as reconciler.dev/wave" in plan
    a_site.start()
    a_site.wait_good(good)
    assert written(a_site) == ["early", "middle", "api", "late"]
    made = a_site.live("deployments", "api")
    late = a_site.live("configmaps", "late", group="v1")
    assert made and late
    available = next(one for one in made["status"]["conditions"] if one["type"] == "Available")
    assert available["lastTransitionTime"] <= late["metadata"]["creationTimestamp"]
    assert phases(a_site) == ["settling", "applying"] * 3 + ["watching", "pruning", "observing"]

    # A wave that does not become healthy fails the release; what comes after it was never written.
    broken = site.deployment("api", image="registry.example/web:v2-crash-loop", replicas=1)
    a_site.application("web", [waved(2, site.config_map("late", a="2")), maps[1], waved(1, broken)])
    a_site.commit("a broken wave")
    reverted = a_site.wait_ledger(lambda found: found.quarantined and found.rollout is None, what="the way back")
    assert "api" in reverted.quarantined[0].because
    a_site.wait_in_sync()
    late = a_site.live("configmaps", "late", group="v1")
    assert late and late["data"] == {"a": "1"}
    assert written(a_site)[4:] == ["api", "api", "api"], "broken, paused and turned round; nothing of a later wave"

    # What leaves goes the other way round.
    a_site.pull()
    a_site.application("web", [waved(1, slow("api"))])
    a_site.wait_good(a_site.commit("less"))
    assert written(a_site, "delete") == ["late", "middle", "early"]


def test_a_wave_that_is_no_number_is_refused_with_its_line(a_site: site.Site) -> None:
    wrong = waved(0, site.config_map("one", a="1"))
    wrong["metadata"]["annotations"][WAVE] = "first"
    a_site.application("web", [site.config_map("zero", a="1"), wrong])
    a_site.commit("first")
    said = a_site.plan()
    place = "desired-state/production/web/manifests/all.yaml:"
    assert place in said and f"metadata.annotations.{WAVE} is no whole number in quotes" in said


def test_a_webhook_is_applied_once_its_own_pods_run(a_site: site.Site) -> None:
    """Applied in the order of the kinds alone it would refuse the pods that are to answer it, for ever."""
    a_site.settings["environments"][site.ENVIRONMENT]["clusterKinds"] = [
        "ValidatingWebhookConfiguration.admissionregistration.k8s.io"
    ]
    a_site.configure()
    name = f"order-{a_site.namespace}"
    a_site.application("web", webhook(a_site.namespace))
    a_site.start()
    try:
        a_site.wait_good(a_site.commit("a webhook"))
        assert written(a_site) == ["hooks", "hooks", name]
        assert a_site.cluster.deployment_available(a_site.namespace, "hooks", replicas=1)
    finally:
        path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
        a_site.cluster.request("DELETE", f"{path}/{name}")


def test_a_commit_that_changes_nothing_carries_no_wave_over_the_one_before(a_site: site.Site) -> None:
    """It makes the release between its waves give way, and found the first one as wanted: the next was written at once,
    over pods that were not ready."""
    a_site.settings["environments"][site.ENVIRONMENT]["verify"]["progressDeadline"] = "30m"
    a_site.configure()
    late = site.config_map("late", a="1")
    a_site.application("web", [waved(-1, site.deployment("api", image="a:v1-never-ready", replicas=1)), late])
    a_site.commit("a wave that does not become healthy")
    a_site.start()
    a_site.wait(lambda: "settling" in phases(a_site), what="the wait between the waves")
    a_site.write(f"desired-state/{site.ENVIRONMENT}/web/manifests/note.yaml", "# nothing\n")
    a_site.commit("a comment")
    a_site.wait(lambda: a_site.events(records.EventKind.PREEMPTED), what="the release that makes way")
    a_site.wait(lambda: phases(a_site).count("settling") == 2, what="the wait of the next one")
    assert written(a_site) == ["api"]
    a_site.application("web", [waved(-1, site.deployment("api", image="a:v2", replicas=1)), late])
    a_site.wait_good(a_site.commit("its repair"))
    assert written(a_site) == ["api", "api", "late"]


@pytest.mark.only_kubernetes("the daemon is killed")
def test_a_daemon_that_dies_in_a_wave_still_waits_for_it(a_site: site.Site) -> None:
    """Killed when the first wave is written and not ready: the next start must not take it for done."""
    a_site.application("web", [waved(-1, slow("api")), site.config_map("late", a="1")])
    good = a_site.commit("two waves")
    death = dying.Death("apply Deployment", after=True)
    dead = dying.Child(a_site.config, a_site.log_file, death=death, trace=a_site.folder / "trace")
    assert dead.wait(site.PATIENCE) == -signal.SIGKILL
    a_site.start()
    a_site.wait_good(good)
    assert phases(a_site)[:2] == ["settling", "applying"]
    assert written(a_site) == ["api", "late"]
