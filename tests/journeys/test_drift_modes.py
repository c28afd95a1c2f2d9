"""Drift that is not healed at once: reported only, healed with back-off, or held because another tool applies too."""

import datetime
import itertools
from typing import Any

from reconciler.model import ids, outcomes, records
from tests.clusterkit import access
from tests.support import audit, site

Json = dict[str, Any]


def path(a_site: site.Site, name: str) -> str:
    return access.path_of("v1", "ConfigMap", namespace=a_site.namespace, name=name)


def data(a_site: site.Site, name: str) -> Json:
    found = a_site.live("configmaps", name, group="v1")
    return dict(found["data"]) if found else {}


def drifted(a_site: site.Site, application: str) -> bool:
    """Whether the inventory says that an object of the application drifted."""
    found = a_site.rows("SELECT application, drifted FROM inventory")
    return any(bool(drifts) for of, drifts in found if of == application)


def test_drift_that_is_only_reported(a_site: site.Site) -> None:
    a_site.application("web", [site.config_map("web", a="1", b="2")], drift="warn")
    a_site.application("other", [site.config_map("other", a="1")])
    good = a_site.commit("drift: warn")
    a_site.start()
    a_site.wait_good(good)
    a_site.wait_good(good, "other")
    begin = a_site.cluster.audit_mark()

    a_site.cluster.patch(path(a_site, "web"), {"data": {"a": "mine"}})
    seen = a_site.wait_ledger(lambda found: "data.a" in found.because, what="the drift being reported")
    assert seen.outcome is outcomes.Outcome.UNCHANGED
    assert "mine" not in seen.because
    assert len(a_site.events(records.EventKind.DRIFT_SEEN)) == 1
    assert drifted(a_site, "web")

    # The lost field is invisible in our entry; what comes on top of it is seen all the same (facts §2, gap iii).
    a_site.cluster.patch(path(a_site, "web"), {"data": {"b": "mine, too"}})
    a_site.wait_ledger(lambda found: "data.b" in found.because, what="the further drift being reported")
    assert len(a_site.events(records.EventKind.DRIFT_SEEN)) == 2

    # Quiet: no further call for it, and no pass for another reason says that it is in sync.
    quiet = a_site.cluster.audit_mark()
    a_site.application("other", [site.config_map("other", a="2")])
    a_site.wait_good(a_site.commit("another application"), "other")
    a_site.ask(records.RequestKind.PAUSE)
    a_site.ask(records.RequestKind.RESUME)
    a_site.wait_ledger(lambda found: "data.a" in found.because, what="the drift being reported still")
    dry_runs = a_site.calls(audit.Call.DRY_RUN, after=quiet)
    assert len([call for call in dry_runs if call["objectRef"]["name"] == "web"]) <= 2, "one look, for the resume"
    assert len(a_site.events(records.EventKind.DRIFT_SEEN)) == 2
    assert data(a_site, "web") == {"a": "mine", "b": "mine, too"}
    assert [call["objectRef"]["name"] for call in a_site.counted_calls(after=begin)] == ["other"]

    # A restart forgets nothing and repeats nothing.
    assert a_site.stop() == 0
    a_site.start()
    a_site.ask(records.RequestKind.SYNC)
    a_site.wait_ledger(lambda found: "data.a" in found.because, what="the drift being reported after a restart")
    assert len(a_site.events(records.EventKind.DRIFT_SEEN)) == 2

    # Its author takes it back: in sync, though the fields are no longer ours. So the next edit is seen.
    a_site.cluster.patch(path(a_site, "web"), {"data": {"a": "1", "b": "2"}})
    a_site.wait_ledger(lambda found: found.because == "in sync", what="the end of the drift")
    a_site.cluster.patch(path(a_site, "web"), {"data": {"a": "mine again"}})
    a_site.wait_ledger(lambda found: "data.a" in found.because, what="the new drift being reported")
    assert len(a_site.events(records.EventKind.DRIFT_SEEN)) == 3

    # A commit is carried out as ever, and takes what drifted with it.
    a_site.application("web", [site.config_map("web", a="3", b="2")], drift="warn")
    a_site.wait_good(a_site.commit("a new value"))
    assert data(a_site, "web") == {"a": "3", "b": "2"}
    assert not drifted(a_site, "web")


def test_quick_edits_are_healed_with_a_back_off(a_site: site.Site) -> None:
    a_site.application("web", [site.config_map("web", a="1")])
    good = a_site.commit("one value")
    a_site.start()
    a_site.wait_good(good)
    a_site.wait_in_sync()
    begin = a_site.cluster.audit_mark()

    for heals in range(1, 4):
        for count in range(5):
            a_site.cluster.patch(path(a_site, "web"), {"data": {"a": f"{heals}.{count}"}})
        a_site.wait(
            lambda wanted=heals: (
                len(a_site.events(records.EventKind.DRIFT_HEALED)) >= wanted and data(a_site, "web") == {"a": "1"}
            ),
            what=f"healing number {heals}",
        )
        a_site.wait_in_sync()

    found = a_site.rows("SELECT at, kind FROM events ORDER BY sequence")
    times = [datetime.datetime.fromisoformat(at) for at, kind in found if kind == records.EventKind.DRIFT_SEEN.value]
    pauses = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(times)]
    # The bursts may be caught in the middle, so that there is one healing more; each waits three times as long.
    assert all(pause >= 2 * 3**number - 0.1 for number, pause in enumerate(pauses))
    assert len(times) <= 4
    # An edit that comes while its field is healed is healed with it: a call a healing at least, a call an edit at most.
    assert len(times) <= len(a_site.counted_calls(after=begin)) <= 15


def test_another_tool_that_applies_the_same_field_is_named_and_not_fought(a_site: site.Site) -> None:
    a_site.application("web", [site.config_map("web", a="1", b="2")])
    good = a_site.commit("two values")
    a_site.start()
    a_site.wait_good(good)
    a_site.wait_in_sync()
    begin = a_site.cluster.audit_mark()

    theirs = site.config_map("web", a="flux")
    theirs["metadata"]["namespace"] = a_site.namespace
    a_site.cluster.apply(theirs, manager="flux")
    hold = a_site.wait_hold(outcomes.HoldReason.FOREIGN_MANAGER)
    assert "flux" in hold.because and ".data.a" in hold.because
    assert data(a_site, "web") == {"a": "flux", "b": "2"}
    assert a_site.counted_calls(after=begin) == []

    # It lets go of the field: ours again, by one write.
    del theirs["data"]
    a_site.cluster.apply(theirs, manager="flux")
    a_site.ask(records.RequestKind.SYNC)
    a_site.wait_in_sync()
    a_site.wait(lambda: data(a_site, "web") == {"a": "1", "b": "2"}, what="our value being back")
    assert len(a_site.counted_calls(after=begin)) == 1
    assert ids.MARK in (a_site.live("configmaps", "web", group="v1") or {})["metadata"]["annotations"]
