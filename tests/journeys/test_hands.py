"""Objects change hands in one commit: an application is renamed, an object moves, and nothing is deleted (I7)."""

import shutil
from typing import Any

from reconciler.model import outcomes, records
from tests.support import site

Json = dict[str, Any]


def uids(a_site: site.Site) -> dict[str, str]:
    """Of everything that must outlive a change of hands."""
    found = {}
    for path in (
        "/api/v1/namespaces/{}/pods",
        "/api/v1/namespaces/{}/configmaps",
        "/apis/apps/v1/namespaces/{}/deployments",
    ):
        for one in a_site.cluster.items(path.format(a_site.namespace)):
            found[f"{path}/{one['metadata']['name']}"] = one["metadata"]["uid"]
    return found


def rows(a_site: site.Site, application: str) -> set[str]:
    found = a_site.rows("SELECT object FROM inventory WHERE application = ?", application)
    return {str(path).rpartition("/")[2] for (path,) in found}


def test_a_renamed_application_and_a_moved_object_keep_what_runs(a_site: site.Site) -> None:
    settings = site.config_map("settings", a="1")
    a_site.application("old", [site.deployment(), settings])
    a_site.application("stays", [site.config_map("its-own", a="1")])
    good = a_site.commit("before")
    a_site.start()
    a_site.wait_good(good, "old")
    a_site.wait_good(good, "stays")
    before = {name: uid for name, uid in uids(a_site).items() if "reconciler-" not in name}

    # The wrong way: two want one object. Who has it keeps it, and both are named.
    begin = a_site.cluster.audit_mark()
    a_site.application("stays", [site.config_map("its-own", a="1"), settings])
    a_site.commit("both want the settings")
    hold = a_site.wait_hold(outcomes.HoldReason.OTHER_OWNER, "stays")
    assert "production/old" in hold.because and "production/stays" in hold.because
    assert a_site.counted_calls(after=begin) == []

    # The other one lets go: it changes hands, also some commits later.
    a_site.application("old", [site.deployment()])
    moved = a_site.commit("and one of them lets go")
    a_site.wait_ledger(lambda found: found.deployed == moved, what="letting go", application="old")
    a_site.ask(records.RequestKind.SYNC, "stays")  # by itself it looks again within 30 s
    a_site.wait_good(moved, "old")
    a_site.wait_in_sync("stays")
    a_site.wait(lambda: rows(a_site, "old") == {"web"}, what="the giver forgetting it")
    assert rows(a_site, "stays") == {"its-own", "settings"}

    # The folder is moved: another name, the same objects, in one commit.
    folder = a_site.work / "desired-state" / "production"
    shutil.move(folder / "old", folder / "new")
    renamed = a_site.commit("renamed")
    a_site.wait_good(renamed, "new")
    a_site.wait_in_sync("new")
    a_site.wait(lambda: rows(a_site, "old") == set(), what="the old name forgetting it")
    assert rows(a_site, "new") == {"web"}
    assert a_site.events(records.EventKind.ADOPTED, "new") == [f"Deployment.apps {a_site.namespace}/web"]

    after = uids(a_site)
    assert {name: after.get(name) for name in before} == before, "nothing was made anew, no pod restarted"
    verbs = {call["verb"] for call in a_site.counted_calls(after=begin)}
    assert verbs == {"patch"}
