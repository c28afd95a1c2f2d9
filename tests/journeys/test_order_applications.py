"""Applications that wait for others of their environment (`dependsOn`)."""

from reconciler.model import outcomes, records
from tests.journeys import test_order
from tests.support import site

HOLD = outcomes.HoldReason.DEPENDENCY


def both(where: site.Site, version: str, *, image: str = "") -> str:
    """Commit a database and a web that depends on it, each with a Deployment and a version of its own."""
    database = test_order.slow("database")
    if image:
        database = site.deployment("database", image=image, replicas=1)
    where.application("database", [database, site.config_map("database", version=version)])
    where.application("web", [site.config_map("web", version=version)], dependsOn=["database"])
    return where.commit(version)


def version(where: site.Site) -> str:
    found = where.live("configmaps", "web", group="v1")
    return str(found["data"]["version"]) if found else ""


def test_an_application_waits_for_what_it_depends_on(a_site: site.Site) -> None:
    first = both(a_site, "1")
    a_site.start()
    hold = a_site.wait_hold(HOLD)
    assert hold.because == f"production/database is not good with what it reads at {first[:12]} yet"
    assert version(a_site) == ""
    # The database became good, which woke the web: well before it would have looked again by itself.
    a_site.wait_good(first, "database")
    a_site.wait_good(first)
    begun = a_site.rows(
        "SELECT application FROM events WHERE kind IN ('rolled-out', 'rollout-started') ORDER BY sequence"
    )
    assert [name for (name,) in begun] == ["database", "database", "web", "web"]

    # What fails in the database does not reach the web, and the database's way back waits for nobody.
    both(a_site, "2", image="registry.example/web:v2-crash-loop")
    failed = a_site.wait_ledger(
        lambda found: found.git_revert and found.git_revert.step is records.GitStep.PUSHED and not found.rollout,
        what="the revert commit",
        application="database",
    )
    assert failed.quarantined
    # The revert commit is the database's alone: the web's own change comes when the database is good at the new head.
    a_site.wait_ledger(
        lambda found: found.last_good and found.last_good.revision != first and not found.rollout, what="version 2"
    )
    assert version(a_site) == "2"
    started = a_site.rows("SELECT at FROM events WHERE kind = 'rollout-started' AND application = 'web'")
    reverted = a_site.rows("SELECT at FROM events WHERE kind = 'reverted' AND application = 'database'")
    assert started[-1][0] >= reverted[-1][0]

    # A circle: both hold, and say so; so does the check of the files.
    a_site.pull()
    a_site.application("database", [site.config_map("database", version="3")], dependsOn=["web"])
    a_site.commit("a circle")
    for name, circle in (("web", "web → database → web"), ("database", "database → web → database")):
        hold = a_site.wait_hold(outcomes.HoldReason.SETTINGS_INVALID, name)
        assert f"desired-state/production/{name}/application.yaml:" in hold.because
        assert f"these applications wait for each other: {circle}" in hold.because
    checked = a_site.command("config", "check", "--desired-state", str(a_site.work / "desired-state"))
    assert "web → database → web" in checked.stdout + checked.stderr, checked.stdout + checked.stderr
    assert "web → database → web" in a_site.plan()

    # An unknown name.
    a_site.application("database", [site.config_map("database", version="3")])
    a_site.application("web", [site.config_map("web", version="3")], dependsOn=["databse"])
    a_site.commit("a slip")
    said = "'databse' is no application of this environment; did you mean 'database'?"
    a_site.wait_ledger(lambda found: found.hold and found.hold.because.endswith(said), what="the hold to name the slip")


def test_an_application_waits_until_what_it_depends_on_is_healthy_again(a_site: site.Site) -> None:
    """Good once is not enough: its pods have broken since, with nothing changed in Git."""
    first = both(a_site, "1")
    a_site.start()
    a_site.wait_good(first)
    path = f"/api/v1/namespaces/{a_site.namespace}/pods"
    pods = a_site.cluster.get(path)
    assert pods
    name = next(pod["metadata"]["name"] for pod in pods["items"] if pod["metadata"]["name"].startswith("database"))
    not_ready = [{"type": kind, "status": "False"} for kind in ("Ready", "ContainersReady")]
    a_site.cluster.patch(
        f"{path}/{name}/status",
        {"status": {"conditions": not_ready}},
    )
    a_site.wait(
        lambda: not a_site.cluster.deployment_available(a_site.namespace, "database", replicas=1) or None,
        what="the database being unavailable",
    )
    a_site.application("web", [site.config_map("web", version="2")], dependsOn=["database"])
    a_site.commit("2")
    hold = a_site.wait_hold(HOLD)
    assert hold.because.startswith("production/database is not healthy: Deployment database: ")
    assert version(a_site) == "1"
