"""How an application or an object goes away: by a word in Git, and no other way (I6)."""

from typing import Any

from reconciler.model import outcomes, records
from tests.clusterkit import access
from tests.support import site

Json = dict[str, Any]
FINALIZER = "example.com/never"


def names(a_site: site.Site) -> set[str]:
    found = a_site.cluster.items(f"/api/v1/namespaces/{a_site.namespace}/configmaps")
    there = {one["metadata"]["name"] for one in found} - {"kube-root-ca.crt"}
    return {name for name in there if not name.startswith("reconciler-")}


def config_map(a_site: site.Site, name: str) -> Json:
    found = a_site.live("configmaps", name, group="v1")
    assert found
    return found


def left_alone(found: Json) -> bool:
    """Nothing of ours is on it any more."""
    metadata = found["metadata"]
    marked = "reconciler.dev/owner" in metadata.get("annotations", {})
    labelled = metadata.get("labels", {}).get("app.kubernetes.io/managed-by") == "reconciler"
    managers = [entry["manager"] for entry in metadata.get("managedFields", ())]
    return not marked and not labelled and "reconciler" not in managers


def test_an_application_goes_by_state_absent_and_comes_back(a_site: site.Site) -> None:
    maps = [site.config_map(name, a="1") for name in "ab"]
    a_site.application("web", [site.deployment(), *maps])
    first = a_site.commit("an application")
    a_site.start()
    a_site.wait_good(first)

    # The wrong way: the folder is deleted. Nothing happens but a hold that says how.
    begin = a_site.cluster.audit_mark()
    a_site.remove("desired-state/production/web")
    a_site.commit("the folder is gone")
    hold = a_site.wait_hold(outcomes.HoldReason.PATH_MISSING)
    assert "state: absent" in hold.because
    assert a_site.counted_calls(after=begin) == []

    # The right way needs no source any more; three of three objects are more than the limit.
    header = {"apiVersion": "reconciler.dev/v1", "kind": "Application", "state": "absent"}
    a_site.write("desired-state/production/web/application.yaml", header)
    gone = a_site.commit("absent")
    hold = a_site.wait_hold(outcomes.HoldReason.PRUNE_LIMIT)
    assert "3 of 3" in hold.because
    a_site.ask(records.RequestKind.CONFIRM, argument=gone)
    a_site.wait_good(gone)
    assert names(a_site) == set() and a_site.live("deployments", "web") is None
    ledger = a_site.wait_in_sync()
    assert (ledger.gone, ledger.because) == ("absent", "absent, as application.yaml says")
    assert a_site.rows("SELECT object FROM inventory WHERE application = 'web'") == []

    # Now its folder may go as well, and a restart does not miss it.
    a_site.remove("desired-state/production/web")
    a_site.commit("the folder goes after it")
    assert a_site.stop() == 0
    a_site.start()
    a_site.application("other", [site.config_map("of-other", a="1")])
    a_site.wait_good(a_site.commit("another one"), "other")
    assert a_site.ledger().hold is None

    # And it comes back as anything new does.
    a_site.application("web", [site.deployment(), *maps])
    back = a_site.commit("present again")
    ledger = a_site.wait_good(back)
    assert ledger.gone == "" and names(a_site) == {"a", "b", "of-other"}


def test_objects_are_left_behind_without_a_trace_of_us(a_site: site.Site) -> None:
    kept = site.config_map("kept", a="1")
    kept["metadata"]["annotations"] = {"reconciler.dev/prune": "false"}
    a_site.application("web", [kept, site.config_map("a", a="1")])
    a_site.application("orphan", [site.deployment(), site.config_map("left", a="1")])
    good = a_site.commit("two applications")
    a_site.start()
    a_site.wait_good(good)
    a_site.wait_good(good, "orphan")
    pods = a_site.cluster.items(f"/api/v1/namespaces/{a_site.namespace}/pods")
    before = {one["metadata"]["uid"] for one in pods}

    a_site.application("web", [site.config_map("a", a="1")])
    without = a_site.commit("without the one that stays")
    a_site.wait_good(without)
    assert left_alone(config_map(a_site, "kept")) and config_map(a_site, "kept")["data"] == {"a": "1"}
    assert a_site.events(records.EventKind.ORPHANED) == [f"ConfigMap {a_site.namespace}/kept"]
    assert a_site.events(records.EventKind.PRUNED) == []

    # A whole application needs no confirmation: nothing is deleted. Another tool has the Deployment already, as
    # docs/how-to/moving-to-flux-and-argocd.md says.
    a_site.ask(records.RequestKind.PAUSE, "orphan")
    theirs = site.deployment()
    theirs["metadata"] |= {"namespace": a_site.namespace, "labels": {"kustomize.toolkit.fluxcd.io/name": "orphan"}}
    taken = a_site.cluster.apply(theirs, manager="kustomize-controller")
    begin = a_site.cluster.audit_mark()
    a_site.application("orphan", [], state="orphaned")
    orphaned = a_site.commit("orphaned")
    a_site.ask(records.RequestKind.RESUME, "orphan")
    a_site.wait_good(orphaned, "orphan")
    ledger = a_site.wait_in_sync("orphan")
    assert ledger.gone == "orphaned"
    assert left_alone(config_map(a_site, "left"))
    deployment = a_site.live("deployments", "web")
    assert deployment and left_alone(deployment) and deployment["spec"] == taken["spec"]
    assert deployment["metadata"]["labels"] == theirs["metadata"]["labels"]
    assert "kustomize-controller" in [entry["manager"] for entry in deployment["metadata"]["managedFields"]]
    pods = a_site.cluster.items(f"/api/v1/namespaces/{a_site.namespace}/pods")
    assert {one["metadata"]["uid"] for one in pods} == before
    assert [call["verb"] for call in a_site.counted_calls(after=begin)] == ["patch", "patch"]
    assert a_site.rows("SELECT object FROM inventory WHERE application = 'orphan'") == []

    # What is ours no more is not taken back silently.
    a_site.application("orphan", [site.config_map("left", a="1")])
    a_site.commit("present again")
    hold = a_site.wait_hold(outcomes.HoldReason.UNMANAGED, "orphan")
    assert "adopt" in hold.because


def test_a_finalizer_that_never_ends_is_said_and_not_waited_for(a_site: site.Site) -> None:
    a_site.application("web", [site.config_map(name, a="1") for name in ("a", "b", "stuck")])
    good = a_site.commit("three")
    a_site.start()
    a_site.wait_good(good)
    path = access.path_of("v1", "ConfigMap", namespace=a_site.namespace, name="stuck")
    a_site.cluster.patch(path, {"metadata": {"finalizers": [FINALIZER]}})
    a_site.application("web", [site.config_map(name, a="1") for name in "ab"])
    without = a_site.commit("two")
    a_site.wait_good(without)
    said = [phase for phase in a_site.events(records.EventKind.PHASE_ENTERED) if FINALIZER in phase]
    since = config_map(a_site, "stuck")["metadata"]["deletionTimestamp"]
    assert said and f"since {since}" in said[0] and "ConfigMap" in said[0], said

    # Others go on, and it can be wanted again: applied once it is gone, and until then the wait names what it is for.
    a_site.application("web", [site.config_map(name, a="2") for name in ("a", "b", "stuck")])
    again = a_site.commit("three again")
    waiting = a_site.wait_ledger(lambda found: FINALIZER in found.because, what="the wait being told")
    assert waiting.outcome is outcomes.Outcome.WAITING
    assert config_map(a_site, "a")["data"] == {"a": "2"}, "what can be applied is applied"
    a_site.cluster.patch(path, {"metadata": {"finalizers": None}})
    a_site.wait_good(again)
    assert config_map(a_site, "stuck")["data"] == {"a": "2"}
