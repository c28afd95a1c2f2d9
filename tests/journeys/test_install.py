"""Install, upgrade, and what did not change: an application of many kinds on the real API server."""

import pathlib

import pytest

from reconciler.model import outcomes, records
from tests.support import audit, site

SHOP = (pathlib.Path(__file__).parent / "shop.yaml").read_text()


@pytest.fixture
def shop(a_site: site.Site) -> site.Site:
    """The shop is installed, and its daemon runs."""
    a_site.application("shop", SHOP)
    good = a_site.commit("the shop")
    a_site.start()
    a_site.wait_good(good, "shop")
    a_site.wait_in_sync("shop")
    return a_site


def test_every_kind_is_installed_upgraded_and_left_alone(shop: site.Site) -> None:
    begin = shop.cluster.audit_mark()
    assert shop.cluster.deployment_available(shop.namespace, "shop", replicas=2)
    job = shop.live("jobs", "seed", group="batch/v1")
    assert job and job["status"]["succeeded"] == 1
    secret = shop.live("secrets", "shop", group="v1")
    assert secret and sorted(secret["data"]) == ["password", "user"]

    # A new image and a new value: two objects change, two calls are made.
    shop.application("shop", SHOP.replace("shop:v1", "shop:v2").replace("colour: green", "colour: blue"))
    upgrade = shop.commit("blue, and v2")
    shop.wait_good(upgrade, "shop")
    calls = shop.counted_calls(after=begin)
    assert sorted(call["objectRef"]["resource"] for call in calls) == ["configmaps", "deployments"]
    assert shop.image("shop") == "registry.example/shop:v2"
    config = shop.live("configmaps", "shop", group="v1")
    assert config and config["data"]["colour"] == "blue"

    # A key, a port and a rule go: what we no longer send leaves the objects.
    begin = shop.cluster.audit_mark()
    shop.application(
        "shop", SHOP.replace("shop:v1", "shop:v2").replace(", size: small", "").replace(", user: shop", "")
    )
    less = shop.commit("less of everything")
    shop.wait_good(less, "shop")
    config, secret = shop.live("configmaps", "shop", group="v1"), shop.live("secrets", "shop", group="v1")
    assert config and config["data"] == {"colour": "green"}
    assert secret and list(secret["data"]) == ["password"]
    assert len(shop.counted_calls(after=begin)) == 2


def test_what_did_not_change_costs_nothing(shop: site.Site) -> None:
    """0 counted calls and 0 dry-runs over another application's commits, many polls and a restart (M2)."""
    shop.application("other", [site.config_map("other", a="1")])
    shop.wait_good(shop.commit("another application"), "other")
    begin = shop.cluster.audit_mark()

    for count in range(3):
        shop.application("other", [site.config_map("other", a=f"again {count}")])
        shop.wait_good(shop.commit("another application only"), "other")
    shop.write("README.md", "nobody reads this")
    shop.commit("a file that no application reads")
    for _ in range(10):
        shop.ask(records.RequestKind.SYNC, "shop")
    assert shop.stop() == 0
    restart(shop)
    for _ in range(10):
        shop.ask(records.RequestKind.SYNC, "shop")

    writes = shop.calls(audit.Call.COUNTED, audit.Call.DRY_RUN, after=begin)
    assert {call["objectRef"]["name"] for call in writes} == {"other"}
    assert len(shop.calls(audit.Call.COUNTED, after=begin)) == 3
    assert shop.ledger("shop").outcome is outcomes.Outcome.UNCHANGED


def restart(shop: site.Site) -> None:
    """Start the daemon again; returns once it has looked at the shop."""
    led = len(shop.rows("SELECT epoch FROM leadership"))
    shop.start()
    shop.wait(lambda: len(shop.rows("SELECT epoch FROM leadership")) > led, what="leading again")
    shop.wait(lambda: "the repository has not been polled yet" not in shop.ledger("shop").because, what="the poll")
