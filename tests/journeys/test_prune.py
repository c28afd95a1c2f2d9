"""Prune is earned (I7): after health, within the limit, never a protected kind or what is not ours, else confirmed."""

from typing import Any

import pytest

from reconciler.model import outcomes, records
from tests.support import site

Json = dict[str, Any]
PRUNE_LIMIT, PROTECTED = outcomes.HoldReason.PRUNE_LIMIT, outcomes.HoldReason.PROTECTED


def names(a_site: site.Site) -> set[str]:
    """The ConfigMaps there are, without Kubernetes' own and our records."""
    found = a_site.cluster.items(f"/api/v1/namespaces/{a_site.namespace}/configmaps")
    there = {one["metadata"]["name"] for one in found} - {"kube-root-ca.crt"}
    return {name for name in there if not name.startswith("reconciler-")}


def config_maps(*wanted: str) -> list[Json]:
    return [site.config_map(name, a="1") for name in wanted]


def test_what_left_git_is_deleted_after_health_and_nothing_else(a_site: site.Site) -> None:
    a_site.application("web", [site.deployment(), *config_maps("kept", "old", "taken")])
    a_site.application("other", config_maps("of-other"))
    good = a_site.commit("three ConfigMaps")
    a_site.start()
    a_site.wait_good(good)
    a_site.wait_good(good, "other")

    # A release that fails prunes nothing: what it no longer renders is still there for last good.
    begin = a_site.cluster.audit_mark()
    a_site.application("web", [site.deployment(image="registry.example/web:v2-crash-loop"), *config_maps("kept")])
    a_site.commit("a bad release without them")
    a_site.wait_ledger(
        lambda found: found.git_revert and found.git_revert.step is records.GitStep.PUSHED and not found.rollout,
        what="the revert",
    )
    a_site.wait_in_sync()
    assert names(a_site) == {"kept", "old", "taken", "of-other"}
    assert [call for call in a_site.counted_calls(after=begin) if call["verb"] == "delete"] == []
    assert a_site.stop() == 0

    # While we are away somebody makes an object beside ours, and one in the place of ours.
    foreign = {**site.config_map("foreign", a="1"), "metadata": {"name": "foreign", "namespace": a_site.namespace}}
    a_site.cluster.create(foreign)
    a_site.cluster.delete(f"/api/v1/namespaces/{a_site.namespace}/configmaps/taken")
    a_site.cluster.create({**foreign, "metadata": {"name": "taken", "namespace": a_site.namespace}})
    begin = a_site.cluster.audit_mark()
    a_site.pull()
    a_site.application("web", [site.deployment(image="registry.example/web:v3"), *config_maps("kept")])
    fixed = a_site.commit("a good release without them")
    a_site.start()
    a_site.wait_good(fixed)
    assert names(a_site) == {"kept", "taken", "foreign", "of-other"}
    calls = a_site.counted_calls(after=begin)
    assert [(call["verb"], call["objectRef"]["name"]) for call in calls] == [("patch", "web"), ("delete", "old")]
    assert a_site.events(records.EventKind.PRUNED) == [f"ConfigMap {a_site.namespace}/old"]


def test_more_than_the_limit_waits_for_a_person(a_site: site.Site) -> None:
    a_site.application("web", config_maps("a", "b", "c", "d"))
    a_site.application("other", config_maps("of-other"))
    good = a_site.commit("four objects")
    a_site.start()
    a_site.wait_good(good)
    begin = a_site.cluster.audit_mark()

    a_site.application("web", [site.config_map("a", a="2")])
    most_gone = a_site.commit("three of four gone")
    hold = a_site.wait_hold(PRUNE_LIMIT)
    assert "3 of 4" in hold.because
    assert all(f"{a_site.namespace}/{name}" in hold.because for name in "bcd"), "it names them"
    assert hold.revision == most_gone
    assert a_site.counted_calls(after=begin) == [], "nothing of the plan is carried out"

    # A person's yes to another revision is none to this one.
    a_site.ask(records.RequestKind.CONFIRM, argument=good)
    assert a_site.ledger().hold == hold

    # A newer commit brings them back: the hold is over, nothing was lost.
    a_site.application("web", config_maps("a", "b", "c", "d"))
    a_site.commit("they are back")
    assert a_site.wait_in_sync().hold is None
    assert a_site.counted_calls(after=begin) == []

    # Once more, and confirmed: also while others commit elsewhere.
    a_site.application("web", [site.config_map("a", a="2")])
    gone = a_site.commit("three of four gone, on purpose")
    a_site.wait_hold(PRUNE_LIMIT)
    a_site.application("other", [site.config_map("of-other", a="2")])
    a_site.wait_good(a_site.commit("another application"), "other")
    done = a_site.command("confirm", "production/web", "--revision", gone, "--why", "they moved")
    assert done.returncode == 0, done.stderr
    a_site.wait(lambda: names(a_site) == {"a", "of-other"}, what="the prune")
    ledger = a_site.wait_in_sync()
    assert ledger.last_good
    assert ledger.hold is None
    (pruned,) = a_site.events(records.EventKind.PRUNED)
    assert all(f"{a_site.namespace}/{name}" in pruned for name in "bcd")

    # The yes was to that commit: the same content in a later one is a new question.
    a_site.application("web", config_maps("a", "b", "c", "d"))
    a_site.wait_good(a_site.commit("back once more"))
    a_site.application("web", [site.config_map("a", a="2")])
    again = a_site.commit("and gone once more")
    assert a_site.wait_hold(PRUNE_LIMIT).revision == again


@pytest.fixture
def volume(a_site: site.Site) -> str:
    """A volume for the claim `data` of the site; the claim is bound to it."""
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": "/data"},
        "claimRef": {"namespace": a_site.namespace, "name": "data"},
    }
    name = a_site.namespace
    a_site.cluster.create({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec})
    return name


def test_a_protected_kind_waits_for_a_person(a_site: site.Site, volume: str) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {
            "storageClassName": "",
            "volumeName": volume,
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    a_site.application("web", [claim, *config_maps("a", "b", "c")])
    good = a_site.commit("a claim")
    a_site.start()
    a_site.wait_good(good)
    begin = a_site.cluster.audit_mark()

    a_site.application("web", config_maps("a", "b", "c", "d"))
    gone = a_site.commit("no claim")
    hold = a_site.wait_hold(PROTECTED)
    assert f"PersistentVolumeClaim {a_site.namespace}/data" in hold.because
    assert a_site.counted_calls(after=begin) == []

    a_site.ask(records.RequestKind.CONFIRM, argument=gone)
    a_site.wait_good(gone)
    a_site.wait(lambda: a_site.live("persistentvolumeclaims", "data", group="v1") is None, what="the claim being gone")
    assert names(a_site) == {"a", "b", "c", "d"}
