"""Hooks: Jobs that run before and after a release, once each, whatever interrupts them."""

import signal
from typing import Any

import pytest

from reconciler.model import outcomes, records
from tests.journeys import test_order
from tests.support import dying, endings, site

HOOK = "reconciler.dev/hook"


def job(name: str, hook: str = "", *, image: str = "registry.example/job:v1", **annotations: str) -> dict[str, Any]:
    """A Job that runs once; a hook where `hook` says when. Its pod behaves by its image (tests/control-plane)."""
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "job", "image": image}]}}
    marks = ({HOOK: hook} if hook else {}) | {
        name.replace("__", "/").replace("_", "-"): v for name, v in annotations.items()
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "annotations": marks},
        "spec": {"backoffLimit": 0, "template": template},
    }


def uid(where: site.Site, name: str) -> str:
    found = where.live("jobs", name, group="batch/v1")
    return str(found["metadata"]["uid"]) if found else ""


def ran(where: site.Site) -> list[str]:
    """The hooks that have run, in order."""
    return [said.split()[1] for said in where.events(records.EventKind.HOOK_RAN)]


def test_hooks_run_around_each_release_and_at_no_other_time(a_site: site.Site) -> None:
    def objects(version: str) -> list[dict[str, Any]]:
        return [
            job("check", "post-sync", **{"reconciler.dev__hook-delete": "hook-succeeded"}),
            job("migrate", "pre-sync"),
            test_order.waved(-1, site.config_map("settings") | {"data": {"v": version}})
            | {"metadata": {"name": "settings", "annotations": {HOOK: "pre-sync", "reconciler.dev/wave": "-1"}}},
            job("middle", "Sync")
            | {"metadata": {"name": "middle", "annotations": {"argocd.argoproj.io/hook": "Sync"}}},
            test_order.waved(1, site.deployment(image=endings.image(version))),
            test_order.waved(-1, site.config_map("web", v=version)),
        ]

    a_site.settings["environments"][site.ENVIRONMENT]["prune"] = {"percent": "100%"}
    a_site.configure()
    a_site.application("web", objects("v1"))
    good = a_site.commit("v1")
    plan = a_site.plan()
    assert "hooks, before anything is applied\n  + ConfigMap" in plan and "Job.batch" in plan, plan
    assert "hooks, once everything is healthy\n" in plan and "hooks, with the waves\n" in plan
    a_site.start()
    a_site.wait_good(good)
    assert ran(a_site) == ["settings", "migrate", "middle", "check"]
    assert test_order.written(a_site) == ["settings", "migrate", "web", "middle", "web", "check"]
    assert uid(a_site, "check") == "", "its delete policy is hook-succeeded"
    a_site.wait_in_sync()

    # At rest: gone, edited or done, a hook is no drift; nor does a start run it again.
    begin, first = a_site.cluster.audit_mark(), uid(a_site, "middle")
    a_site.cluster.delete(f"/apis/batch/v1/namespaces/{a_site.namespace}/jobs/migrate")
    a_site.stop()
    a_site.start()
    a_site.wait_in_sync()
    assert a_site.ask(records.RequestKind.SYNC)
    a_site.wait_in_sync()
    assert a_site.counted_calls(after=begin) == []

    # The next release runs each anew, also one that has not changed.
    a_site.application("web", objects("v2"))
    a_site.wait_good(a_site.commit("v2"))
    assert ran(a_site)[4:] == ["settings", "migrate", "middle", "check"]
    assert uid(a_site, "middle") not in ("", first)
    found = a_site.live("configmaps", "settings", group="v1")
    assert found and found["data"] == {"v": "v2"}

    # What leaves Git leaves the cluster, hooks included.
    a_site.application("web", objects("v2")[4:])
    a_site.wait_good(a_site.commit("no hooks"))
    assert uid(a_site, "migrate") == uid(a_site, "middle") == ""


@pytest.mark.parametrize("when", ["pre-sync", "post-sync"])
def test_a_hook_that_fails_takes_the_release_back(a_site: site.Site, when: str) -> None:
    a_site.application("web", [site.config_map("web", v="1"), job("step", when), job("back", "post-revert")])
    good = a_site.commit("v1")
    a_site.start()
    a_site.wait_good(good)
    assert ran(a_site) == ["step"]
    failing = job("step", when, image="registry.example/job:v2-job-fails")
    alarm = job("alarm", "sync-fail")
    a_site.application("web", [site.config_map("web", v="2"), failing, alarm])
    a_site.commit("v2")
    reverted = a_site.wait_ledger(
        lambda found: found.git_revert and found.git_revert.step is records.GitStep.PUSHED and not found.rollout,
        what="the revert commit",
    )
    assert reverted.quarantined[0].because.startswith("hook Job step, ")
    assert "has failed" in reverted.quarantined[0].because
    # Its own hooks for a failure, and those that last good has for a way back; the others do not run again.
    assert ran(a_site) == ["step", "alarm", "back"]
    a_site.wait_in_sync()
    written = test_order.written(a_site)[2:]
    config = ["web"] if when == "pre-sync" else ["web", "web"]
    assert [name for name in written if name == "web"] == config[1:] * 2, "a failing pre-sync hook writes nothing else"
    found = a_site.live("configmaps", "web", group="v1")
    assert found and found["data"] == {"v": "1"}
    assert uid(a_site, "alarm") == "", "made by the failed release, and not in last good"


def test_a_chart_with_hooks_of_helm(a_site: site.Site) -> None:
    """As charts have them: an account and its rights by weight before the Job that needs them, another Job at the first
    installation only, tests that nobody asked for."""

    def hook(name: str, words: str, **annotations: str) -> dict[str, Any]:
        return job(name, helm__sh="") | {
            "metadata": {"name": name, "annotations": {"helm.sh/hook": words} | annotations}
        }

    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "name": "migrate",
            "annotations": {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-weight": "-5"},
        },
    }
    policy = {"helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"}
    chart = "charts/web"
    a_site.write(f"{chart}/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")
    a_site.write(f"{chart}/templates/config.yaml", [site.config_map("web", v="{{ .Values.v }}")])
    hooks = [
        hook("migrate", "pre-install,pre-upgrade", **policy),
        account,
        hook("welcome", "post-install"),
        hook("tests", "test"),
    ]
    a_site.write(f"{chart}/templates/hooks.yaml", hooks)

    def commit(version: str) -> str:
        header = {"apiVersion": "reconciler.dev/v1", "kind": "Application", "namespace": a_site.namespace}
        source = {"source": {"chart": {"path": chart, "values": {"v": version}}}}
        a_site.write("desired-state/production/web/application.yaml", header | source)
        return a_site.commit(version)

    good = commit("one")
    assert "note: test hook Job tests of charts/web/templates/hooks.yaml left out" in a_site.plan()
    a_site.start()
    a_site.wait_good(good)
    assert ran(a_site) == ["migrate", "migrate", "welcome"]
    assert test_order.written(a_site) == ["migrate", "migrate", "web", "welcome"]
    assert uid(a_site, "migrate") == "" and a_site.live("serviceaccounts", "migrate", group="v1")
    a_site.wait_good(commit("two"))
    assert ran(a_site)[3:] == ["migrate", "migrate"], "an upgrade is no installation"

    # A word that nobody knows is refused by name: what it would have run may matter.
    hooks[0]["metadata"]["annotations"]["helm.sh/hook"] = "pre-instal"
    a_site.write(f"{chart}/templates/hooks.yaml", hooks)
    a_site.commit("a slip")
    hold = a_site.wait_hold(outcomes.HoldReason.RENDER_FAILED)
    assert hold.because.startswith(
        "charts/web/templates/hooks.yaml: metadata.annotations.helm.sh/hook: 'pre-instal' is no hook; write one of"
    )


@pytest.mark.parametrize(
    "death",
    [
        dying.Death("intend apply", after=True),
        dying.Death("apply Job", after=True),
        dying.Death("settle done", after=True),
        dying.Death("write hook-ran"),
        dying.Death("write hook-ran", after=True),
    ],
    ids=str,
)
@pytest.mark.only_kubernetes("the daemon is killed")
def test_a_hook_runs_once_whenever_the_daemon_dies(a_site: site.Site, death: dying.Death) -> None:
    """A Job that was made is waited for, one that has ended is not made again, one that was not made is made."""
    a_site.application("web", [job("migrate", "pre-sync"), site.config_map("web", v="1")])
    good = a_site.commit("v1")
    begin = a_site.cluster.audit_mark()
    trace = a_site.folder / "trace"
    dead = dying.Child(a_site.config, a_site.log_file, death=death, trace=trace)
    assert dead.wait(site.PATIENCE) == -signal.SIGKILL
    a_site.start()
    a_site.wait_good(good)
    jobs = [line for line in a_site.counted_calls(after=begin) if line["objectRef"]["resource"] == "jobs"]
    assert [line["responseStatus"]["code"] for line in jobs] == [201]
    assert ran(a_site) == ["migrate"]


def test_a_newer_commit_waits_for_a_hook_under_way_and_a_lost_one_fails(a_site: site.Site) -> None:
    """A Job stopped in its middle has done nobody knows what. One that somebody deletes is not run a second time."""
    stuck = job("migrate", "pre-sync", image="registry.example/job:v1-never-ready")
    a_site.application("web", [stuck, site.config_map("web", v="1")])
    a_site.commit("v1")
    a_site.start()
    first = a_site.wait(lambda: uid(a_site, "migrate") or None, what="the hook's Job")
    a_site.application("web", [job("migrate", "pre-sync"), site.config_map("web", v="2")])
    newer = a_site.commit("v2")
    seen = "SELECT 1 FROM events WHERE kind = 'revision-seen' AND because LIKE ?"
    a_site.wait(lambda: a_site.rows(seen, f"%{newer[:12]}%"), what="the newer commit being seen")
    assert uid(a_site, "migrate") == first
    a_site.cluster.delete(f"/apis/batch/v1/namespaces/{a_site.namespace}/jobs/migrate")
    a_site.wait_good(newer)
    (failed,) = a_site.events(records.EventKind.ROLLOUT_FAILED)
    assert failed == "hook Job migrate, before anything is applied: was deleted before it had ended"
    assert ran(a_site) == ["migrate"]
