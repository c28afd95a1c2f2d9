"""A team with a base and an overlay: install, change, generated names, and what a wrong reference says."""

import os
import pathlib
import shutil
from typing import Any

import pytest

from reconciler.model import outcomes, records
from tests.support import kustomize, site

pytestmark = pytest.mark.only_kubernetes("the daemon has a PATH of its own")

OVERLAY = f"desired-state/{site.ENVIRONMENT}/web/overlays/production"
BASE = "apps/web/base"
BASE_KUSTOMIZATION = """
resources: [web.yaml]
configMapGenerator: [{name: settings, files: [settings.ini]}]
"""
OVERLAY_KUSTOMIZATION = """
resources: [../../../../../apps/web/base, extra.yaml]
labels: [{pairs: {team: shop}}]
images: [{name: web, newName: registry.example/web, newTag: v1}]
"""


def web() -> dict[str, Any]:
    made = site.deployment(image="web")
    made["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    return made


def application(a_site: site.Site, *reads: str) -> None:
    content = {"apiVersion": "reconciler.dev/v1", "kind": "Application", "namespace": a_site.namespace}
    source = {"source": {"kustomize": {"path": "overlays/production"}}, "reads": list(reads)}
    a_site.write(f"desired-state/{site.ENVIRONMENT}/web/application.yaml", content | source)


def start(a_site: site.Site) -> None:
    a_site.start(PATH=f"{kustomize.binary().parent}:{os.environ['PATH']}")


@pytest.fixture
def shop(a_site: site.Site) -> site.Site:
    """Everything is written, nothing committed."""
    application(a_site, BASE)
    a_site.write(f"{BASE}/kustomization.yaml", BASE_KUSTOMIZATION)
    a_site.write(f"{BASE}/settings.ini", "colour=green\n")
    a_site.write(f"{BASE}/web.yaml", web())
    a_site.write(f"{OVERLAY}/kustomization.yaml", OVERLAY_KUSTOMIZATION)
    a_site.write(f"{OVERLAY}/extra.yaml", site.config_map("extra", a="1"))
    return a_site


def generated(a_site: site.Site) -> dict[str, str]:
    """Name → content of the ConfigMaps that the generator made."""
    found = a_site.cluster.get(f"/api/v1/namespaces/{a_site.namespace}/configmaps")
    assert found
    return {
        each["metadata"]["name"]: each["data"]["settings.ini"]
        for each in found["items"]
        if each["metadata"]["name"].startswith("settings-")
    }


def settings_of(a_site: site.Site) -> str:
    """The ConfigMap that the Deployment's pods are to read."""
    deployment = a_site.live("deployments", "web")
    assert deployment
    name = deployment["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    assert isinstance(name, str)
    return name


def called(a_site: site.Site, mark: int) -> list[str]:
    return [f"{call['verb']} {call['objectRef']['resource']}" for call in a_site.counted_calls(after=mark)]


def test_a_base_and_an_overlay(shop: site.Site) -> None:
    first = shop.commit("web v1")
    start(shop)
    shop.wait_good(first)
    assert shop.image() == "registry.example/web:v1"
    deployment = shop.live("deployments", "web")
    assert deployment
    assert deployment["metadata"]["labels"]["team"] == "shop"
    assert generated(shop) == {settings_of(shop): "colour=green\n"}

    # Other bytes that build to the same objects cost no call.
    mark = shop.cluster.audit_mark()
    shop.write(f"{OVERLAY}/kustomization.yaml", f"# The shop.\n{OVERLAY_KUSTOMIZATION}")
    shop.wait_good(shop.commit("a comment"))
    assert called(shop, mark) == []

    # The overlay changes one object.
    shop.write(f"{OVERLAY}/kustomization.yaml", OVERLAY_KUSTOMIZATION.replace("v1", "v2"))
    shop.wait_good(shop.commit("web v2"))
    assert shop.image() == "registry.example/web:v2"
    assert called(shop, mark) == ["patch deployments"]

    # The base's settings change: a new ConfigMap, the Deployment rolled to it, and the old one gone, in this order.
    mark, old = shop.cluster.audit_mark(), settings_of(shop)
    shop.write(f"{BASE}/settings.ini", "colour=blue\n")
    shop.wait_good(shop.commit("blue"))
    assert generated(shop) == {settings_of(shop): "colour=blue\n"}
    assert settings_of(shop) != old
    assert called(shop, mark) == ["patch configmaps", "patch deployments", "delete configmaps"]

    # A resource that the overlay no longer names is pruned.
    mark = shop.cluster.audit_mark()
    shop.write(f"{OVERLAY}/kustomization.yaml", OVERLAY_KUSTOMIZATION.replace(", extra.yaml", ""))
    shop.wait_good(shop.commit("no extra, and v1 again"))
    assert shop.live("configmaps", "extra", group="v1") is None
    assert called(shop, mark) == ["patch deployments", "delete configmaps"]
    assert shop.stop() == 0


def test_a_bad_release_of_an_overlay_is_reverted(shop: site.Site) -> None:
    good = shop.commit("web v1")
    start(shop)
    shop.wait_good(good)
    shop.write(f"{OVERLAY}/kustomization.yaml", OVERLAY_KUSTOMIZATION.replace("newTag: v1", "newTag: v2-crash-loop"))
    shop.commit("web v2")
    shop.wait_ledger(
        lambda found: found.git_revert and found.git_revert.step is records.GitStep.PUSHED and found.rollout is None,
        what="the revert being pushed",
    )
    assert shop.image() == "registry.example/web:v1"
    assert shop.git("diff", good, shop.head(), at=shop.remote) == ""


@pytest.mark.row("REN-01")
def test_what_is_not_read_is_named_and_nothing_is_deleted(shop: site.Site) -> None:
    """The wrong ways: a base that `reads` does not name, then one from another host. The words are for a person."""
    first = shop.commit("web v1")
    start(shop)
    shop.wait_good(first)
    mark = shop.cluster.audit_mark()

    application(shop)
    shop.commit("the base is not read")
    hold = shop.wait_hold(outcomes.HoldReason.RENDER_FAILED)
    assert hold.because == (
        f"{OVERLAY}/kustomization.yaml:2: resources[0]: leads to {BASE}, which this application does not read;"
        f" add it to `reads` in desired-state/{site.ENVIRONMENT}/web/application.yaml"
    )

    application(shop, BASE)
    remote = OVERLAY_KUSTOMIZATION.replace("extra.yaml", "https://sink.example/extra.yaml")
    shop.write(f"{OVERLAY}/kustomization.yaml", remote)
    revision = shop.commit("from another host")
    hold = shop.wait_ledger(lambda found: found.hold and found.hold.revision == revision, what="holding").hold
    assert hold
    assert hold.because.startswith(f"{OVERLAY}/kustomization.yaml:2: resources[1]: is fetched from elsewhere")
    assert called(shop, mark) == []
    assert shop.image() == "registry.example/web:v1"


def test_without_the_binary_it_waits_for_it(shop: site.Site, tmp_path: pathlib.Path) -> None:
    """Installing it is all that is needed: no commit, no restart."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("env", "git", "sh"):
        (programs / name).symlink_to(shutil.which(name) or "")
    revision = shop.commit("web v1")
    shop.start(PATH=str(programs))
    hold = shop.wait_ledger(lambda found: found.hold, what="holding").hold
    assert hold
    assert hold.because == ("there is no kustomize on the PATH; put kustomize 5.0 or newer on the daemon's PATH")
    (programs / "kustomize").symlink_to(kustomize.binary())
    shop.wait_good(revision)
