"""Many targets fail at once: no release is to blame, nothing is reverted, somebody is paged (E0)."""

import pytest

from reconciler.model import outcomes, records
from tests.support import endings, site

Reason = outcomes.HoldReason
NAMES = ("api", "cart", "mail", "shop", "web")


def five(where: site.Site, version: str) -> str:
    """One commit that brings all five applications to `version`."""
    for name in NAMES:
        where.application(name, [site.deployment(name, image=endings.image(version), replicas=1)])
    return where.commit(f"all {version}")


def test_nothing_is_reverted_and_each_target_pages_once(a_site: site.Site) -> None:
    good = five(a_site, "v1")
    a_site.start()
    for name in NAMES:
        a_site.wait_good(good, name)
    bad = five(a_site, "v2-crash-loop")
    for name in NAMES:
        ledger = endings.wait_hold(a_site, Reason.MANY_FAILING, application=name)
        assert "targets failed within 5 minutes" in ledger.because
        assert (ledger.quarantined, ledger.git_revert) == ((), None)
        assert len(endings.pages(a_site, name)) == 1
    assert a_site.head() == bad

    endings.answer(a_site, endings.ask(a_site, records.RequestKind.RESUME, application="cart"))
    endings.wait_back(a_site, records.GitStep.PUSHED, failed=bad, application="cart")
    assert a_site.image("cart") == endings.WELL
    assert a_site.image("shop") == endings.image("v2-crash-loop")
    changed = a_site.git("diff", "--name-only", bad, a_site.head(), at=a_site.remote)
    assert changed == "desired-state/production/cart/manifests/all.yaml"


@pytest.mark.only_kubernetes(
    "a ReplicaSet of the sandbox may try again only when the others' recovery has ended the brake"
)
def test_the_brake_ends_when_the_others_have_recovered(a_site: site.Site) -> None:
    """A namespace limit refuses the pods of all five; it goes, and four get along without anybody's help."""
    good = five(a_site, "v1")
    a_site.start()
    for name in NAMES:
        a_site.wait_good(good, name)
    spec = {"limits": [{"type": "Pod", "max": {"cpu": "1"}}]}
    metadata = {"name": "small", "namespace": a_site.namespace}
    a_site.cluster.create({"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": spec})
    for name in NAMES:
        found = site.deployment(name, image=endings.image("v2-crash-loop" if name == "cart" else "v2"), replicas=1)
        if name != "cart":
            found["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "2"}}
        a_site.application(name, [found])
    revision = a_site.commit("all v2, and larger")
    for name in NAMES:
        endings.wait_hold(a_site, Reason.MANY_FAILING, application=name)
    assert endings.our_commits(a_site) == []

    a_site.cluster.delete(f"/api/v1/namespaces/{a_site.namespace}/limitranges/small")
    for name in set(NAMES) - {"cart"}:
        a_site.wait_good(revision, name)
    endings.wait_back(a_site, records.GitStep.PUSHED, failed=revision, application="cart")
    assert a_site.image("cart") == endings.WELL
    assert len(endings.our_commits(a_site)) == 1
    for name in set(NAMES) - {"cart"}:
        assert a_site.image(name) == endings.image("v2")
