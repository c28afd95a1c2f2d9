"""The main job, thin: one repository, one Deployment, one bad release, one revert commit."""

from reconciler.model import outcomes, records
from tests.support import site


def test_a_bad_release_returns_to_last_good_in_the_cluster_and_in_git(a_site: site.Site) -> None:
    a_site.application("web", [site.deployment()])
    good = a_site.commit("web v1")
    a_site.start()
    a_site.wait_good(good)
    assert a_site.image() == "registry.example/web:v1"

    a_site.application("web", [site.deployment(image="registry.example/web:v2-crash-loop")])
    bad = a_site.commit("web v2")
    ledger = a_site.wait_ledger(
        lambda found: (
            found.git_revert
            and found.git_revert.step is records.GitStep.PUSHED
            and found.rollout is None
            and found.outcome is outcomes.Outcome.UNCHANGED
        ),
        what="the revert being pushed and live",
    )

    assert a_site.image() == "registry.example/web:v1"
    assert ledger.quarantined[0].revision == bad
    head = a_site.head()
    assert ledger.git_revert is not None
    assert ledger.git_revert.commit == head
    assert a_site.git("rev-parse", f"{head}~1", at=a_site.remote) == bad
    message = a_site.git("log", "-1", "--format=%B", head, at=a_site.remote)
    assert f"Reconciler-Failed-Revision: {bad}" in message
    assert f"Reconciler-Restored-Revision: {good}" in message
    assert a_site.git("diff", good, head, at=a_site.remote) == ""
    assert a_site.stop() == 0
