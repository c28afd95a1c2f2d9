"""The rights that the chart gives are enough for everything the daemon does, and none of them is unused."""

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.model import outcomes, records
from tests import conftest
from tests.clusterkit import controlplane
from tests.support import own_chart, site

pytestmark = pytest.mark.cluster

RELEASE = "reconciler"
SHOP = (pathlib.Path(__file__).parent / "shop.yaml").read_text()
CLAIM = """\
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: shop}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
OWN_KINDS = ("Role", "RoleBinding")
"""Of the shop: nobody may grant what he does not have, so these need rights that no default should give."""
POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
"""
UNUSED: dict[tuple[str, str], str] = {
    ("persistentvolumeclaims", "delete"): "protected: pruned only when a person confirms it",
}
"""(resource, verb) that the journey has no occasion for, and why it is given."""


@pytest.fixture
def plane(
    start_control_plane: conftest.StartControlPlane, tmp_path: pathlib.Path
) -> Iterator[controlplane.ControlPlane]:
    """One that writes reads and watches into its audit log as well, and that lists before it watches."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    yield start_control_plane(api_server_flags=[f"--audit-policy-file={policy}", "--feature-gates=WatchList=false"])


def manifests(**images: str) -> str:
    """The shop without what it grants itself."""
    kept = [part for part in (SHOP + CLAIM).split("---\n") if not any(f"kind: {kind}\n" in part for kind in OWN_KINDS)]
    text = "---\n".join(kept)
    for name, version in images.items():
        text = text.replace(f"{name}:v1", f"{name}:{version}")
    return text


def used(lines: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """(resource, verb) as RBAC was asked. Server-side apply of what is not there yet is asked for `create` as well."""
    found = set()
    for line in lines:
        about = line["objectRef"]
        resource = about["resource"] + (f"/{about['subresource']}" if about.get("subresource") else "")
        found.add((resource, line["verb"]))
        if line["verb"] == "patch" and line["responseStatus"]["code"] == 201:
            found.add((resource, "create"))
    return found


def test_the_chart_gives_enough_and_nothing_that_is_unused(
    plane: controlplane.ControlPlane, tmp_path: pathlib.Path
) -> None:
    home, namespace = conftest.new_namespace(plane, "home"), conftest.new_namespace(plane, "shop")
    objects = own_chart.render({"settings": own_chart.SETTINGS, "rights": {"namespaces": [namespace]}}, namespace=home)
    for (kind, _, _), rendered in objects.items():
        if kind in ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"):
            plane.apply(rendered)
    a_site = site.Site(tmp_path / "site", plane, namespace)
    kubeconfig = plane.kubeconfig_of(RELEASE, namespace=home)
    a_site.settings["clusters"]["test"] |= {"kubeconfig": str(kubeconfig), "namespace": home}
    a_site.settings["environments"][site.ENVIRONMENT]["prune"] = {"count": 100, "percent": "100%"}
    a_site.configure()
    begin = plane.audit_mark()
    try:
        _live_through_everything(a_site)
    finally:
        a_site.close()
    user = f"system:serviceaccount:{home}:{RELEASE}"
    ours = [line for line in plane.audit_lines(after=begin) if line["user"]["username"] == user]
    refused = [line["requestURI"] for line in ours if line["responseStatus"]["code"] == 403]
    assert refused == [], "it suffices"

    asked = used([line for line in ours if "objectRef" in line])
    given = {
        (resource, verb)
        for rule in own_chart.rules(objects, "Role") + own_chart.rules(objects, "ClusterRole")
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert {pair for pair in given - asked if pair not in UNUSED} == set(), "nothing is given in vain"
    assert not set(UNUSED) & asked, "no reason is given in vain"


def _live_through_everything(a_site: site.Site) -> None:
    """Install, look, upgrade, heal, fail and return, prune."""
    a_site.application("shop", manifests())
    a_site.commit("the shop")
    assert a_site.command("doctor").returncode == 0
    a_site.start()
    a_site.wait_good(a_site.head(), "shop")
    a_site.application("shop", manifests(shop="v2"))
    upgraded = a_site.commit("v2")
    a_site.wait_good(upgraded, "shop")
    path = f"/apis/apps/v1/namespaces/{a_site.namespace}/deployments/shop"
    a_site.cluster.patch(path, {"spec": {"template": {"spec": {"containers": [{"name": "shop", "image": "x"}]}}}})
    a_site.wait(lambda: a_site.image("shop") == "registry.example/shop:v2", what="the drift being healed")
    a_site.wait_in_sync("shop")

    a_site.application("shop", manifests(shop="v3-crash-loop"))
    a_site.commit("v3")
    a_site.wait_ledger(
        lambda found: found.git_revert and found.git_revert.step is records.GitStep.PUSHED and not found.rollout,
        what="the revert",
        application="shop",
    )
    a_site.pull()
    a_site.application("bad", [site.deployment("bad", image="registry.example/bad:v1-crash-loop")])
    a_site.commit("what fails at first stays to be looked at")
    a_site.wait_hold(outcomes.HoldReason.FIRST_FAILED, "bad")
    looked = a_site.command("tree")
    assert "may not" not in looked.stdout and "forbidden" not in looked.stdout, looked.stdout
    a_site.application("shop", CLAIM + "---\n" + "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: left}\n")
    pruned = a_site.commit("nearly everything goes")
    a_site.wait_good(pruned, "shop")
