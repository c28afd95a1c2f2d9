"""Fields that cannot be changed: held until Git allows it, deleted and made again, and back again (E2)."""

from typing import Any

import pytest

from reconciler.model import outcomes, records
from tests.clusterkit import access
from tests.support import site

Json = dict[str, Any]
IMMUTABLE = outcomes.HoldReason.IMMUTABLE
GOOD, BAD = "registry.example/web:v1", "registry.example/web:v2-crash-loop"


def labelled(label: str, *, image: str = GOOD, replace: str = "") -> Json:
    """The Deployment `web` whose pods are found by `label`, which cannot be changed."""
    found = site.deployment(image=image)
    found["spec"]["selector"] = {"matchLabels": {"app": label}}
    found["spec"]["template"]["metadata"] = {"labels": {"app": label}}
    return annotated(found, replace)


def stateful_set(size: str, *, replace: str = "") -> Json:
    """The StatefulSet `data`, whose serviceName cannot be changed."""
    labels = {"app": "data"}
    pods = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": GOOD}]}}
    spec = {"serviceName": size, "replicas": 1, "selector": {"matchLabels": labels}, "template": pods}
    return annotated(
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "data"}, "spec": spec}, replace
    )


def frozen(value: str, *, replace: str = "") -> Json:
    return annotated(site.config_map("frozen", a=value) | {"immutable": True}, replace)


def annotated(manifest: Json, replace: str) -> Json:
    metadata = manifest["metadata"] | ({"annotations": {"reconciler.dev/replace": replace}} if replace else {})
    return manifest | {"metadata": metadata}


def uid(found: Json | None) -> str:
    assert found
    return str(found["metadata"]["uid"])


def test_a_selector_is_replaced_when_git_allows_it_and_comes_back_the_same_way(a_site: site.Site) -> None:
    a_site.application("web", [labelled("old"), *(site.config_map(name, a="1") for name in "abc")])
    first = a_site.commit("v1")
    a_site.start()
    a_site.wait_good(first)
    was = uid(a_site.live("deployments", "web"))

    # The wrong way: just change it. Nothing is written, and the person reads what to do.
    begin = a_site.cluster.audit_mark()
    a_site.application("web", [labelled("new"), *(site.config_map(name, a="1") for name in "abc")])
    a_site.commit("another selector")
    hold = a_site.wait_hold(IMMUTABLE)
    assert "spec.selector cannot be changed" in hold.because and 'reconciler.dev/replace: "true"' in hold.because
    assert "desired-state/production/web/manifests/all.yaml:1" in hold.because
    assert a_site.counted_calls(after=begin) == [] and uid(a_site.live("deployments", "web")) == was

    # Allowed by a commit: shown as replaced first, then one delete and one apply, which is no prune.
    a_site.application("web", [labelled("new", replace="true"), *(site.config_map(name, a="1") for name in "abc")])
    assert a_site.stop() == 0
    allowed = a_site.commit("another selector, replaced")
    shown = a_site.plan()
    assert "± Deployment.apps" in shown and "1 replaced, 3 unchanged" in shown, shown
    a_site.start()
    a_site.wait_good(allowed)
    now = uid(a_site.live("deployments", "web"))
    assert now != was
    calls = [(call["verb"], call["objectRef"]["name"]) for call in a_site.counted_calls(after=begin)]
    assert calls == [("delete", "web"), ("patch", "web")]
    assert a_site.events(records.EventKind.PRUNED) == []
    a_site.wait_in_sync()
    assert [call["verb"] for call in a_site.counted_calls(after=begin)] == ["delete", "patch"], "and no eternal diff"

    # A bad release that replaces is taken back by replacing: its own opt-in counts, last good has none.
    a_site.application("web", [labelled("new"), site.config_map("a", a="2")])
    good = a_site.commit("the opt-in is gone again, good")
    a_site.ask(records.RequestKind.CONFIRM, argument=good)
    a_site.wait_good(good)
    a_site.application("web", [labelled("newer", image=BAD, replace="true"), site.config_map("a", a="2")])
    a_site.commit("a bad one")
    a_site.wait_ledger(
        lambda found: found.git_revert and found.git_revert.step is records.GitStep.PUSHED and not found.rollout,
        what="the revert",
    )
    a_site.wait_in_sync()
    back = a_site.live("deployments", "web")
    assert back and back["spec"]["selector"] == {"matchLabels": {"app": "new"}} and uid(back) != now
    assert a_site.image() == GOOD


@pytest.mark.only_kubernetes("the daemon is killed")
def test_state_is_not_lost_without_saying_so_and_a_death_in_between_is_taken_up(a_site: site.Site) -> None:
    a_site.application("data", [stateful_set("one")])
    a_site.application("web", [frozen("1")])
    good = a_site.commit("v1")
    a_site.start()
    a_site.wait_good(good, "data")
    a_site.wait_good(good)
    pod = uid(a_site.live("pods", "data-0", group="v1"))
    set_uid = uid(a_site.live("statefulsets", "data"))

    # "true" is not enough for what holds data or identity.
    a_site.application("data", [stateful_set("two", replace="true")])
    a_site.commit("another service")
    hold = a_site.wait_hold(IMMUTABLE, "data")
    assert "StatefulSet" in hold.because and 'reconciler.dev/replace: "stateful"' in hold.because
    assert uid(a_site.live("statefulsets", "data")) == set_uid

    # Said in so many words: the set is another one, its pod goes on until the new one rolls it.
    a_site.application("data", [stateful_set("two", replace="stateful")])
    said = a_site.commit("another service, knowingly")
    a_site.wait_good(said, "data")
    assert uid(a_site.live("statefulsets", "data")) != set_uid
    pods = a_site.cluster.items(f"/api/v1/namespaces/{a_site.namespace}/pods")
    (owner,) = [one["metadata"]["ownerReferences"][0]["uid"] for one in pods if one["metadata"]["name"] == "data-0"]
    assert owner == uid(a_site.live("statefulsets", "data")), "adopted, or made anew, by the new set"
    assert pod

    # Somebody's finalizer keeps the old object; we die while it hangs, and the next start goes on where it was.
    path = access.path_of("v1", "ConfigMap", namespace=a_site.namespace, name="frozen")
    a_site.cluster.patch(path, {"metadata": {"finalizers": ["example.com/slow"]}})
    was = uid(a_site.live("configmaps", "frozen", group="v1"))
    a_site.application("web", [frozen("2", replace="true")])
    replaced = a_site.commit("another value")

    def deleting() -> bool:
        found = a_site.live("configmaps", "frozen", group="v1")
        return bool(found and "deletionTimestamp" in found["metadata"])

    a_site.wait(deleting, what="the delete")
    a_site.kill()
    a_site.cluster.patch(path, {"metadata": {"finalizers": None}})
    a_site.start()
    a_site.wait_good(replaced)
    found = a_site.live("configmaps", "frozen", group="v1")
    assert found and found["data"] == {"a": "2"} and uid(found) != was


def test_a_mistake_is_no_immutable_field(a_site: site.Site) -> None:
    a_site.application("web", [annotated(site.deployment(), "true")])
    good = a_site.commit("v1")
    a_site.start()
    a_site.wait_good(good)
    was = uid(a_site.live("deployments", "web"))
    wrong = annotated(site.deployment(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": -1}}), "true")
    a_site.application("web", [wrong])
    a_site.commit("a negative surge")
    hold = a_site.wait_hold(outcomes.HoldReason.REFUSED)
    assert "maxSurge" in hold.because
    assert uid(a_site.live("deployments", "web")) == was, "an opt-in to replace deletes nothing for a typing mistake"
