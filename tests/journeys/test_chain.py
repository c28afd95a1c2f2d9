"""A shared path flows along the chain of environments: what breaks stops where it comes first (E4)."""

from collections.abc import Iterator

import pytest

from reconciler.model import outcomes
from tests.conftest import new_namespace
from tests.support import site

CHART = "charts/web"
TEMPLATE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: app, image: "registry.example/web:%s"}]
"""


@pytest.fixture
def chain(a_site: site.Site) -> Iterator[site.Site]:
    """Staging, from which production is promoted; both deploy one chart."""
    before = new_namespace(a_site.cluster, "chain-staging")
    environments = a_site.settings["environments"]
    environments["staging"] = environments[site.ENVIRONMENT] | {"namespaces": [before]}
    a_site.configure()
    header = {"apiVersion": "reconciler.dev/v1", "kind": "Environment"}
    a_site.write("desired-state/staging/environment.yaml", header)
    a_site.write("desired-state/production/environment.yaml", header | {"promotesFrom": "staging"})
    for environment, namespace in (("staging", before), ("production", a_site.namespace)):
        a_site.write(
            f"desired-state/{environment}/web/application.yaml",
            {
                "apiVersion": "reconciler.dev/v1",
                "kind": "Application",
                "namespace": namespace,
                "source": {"chart": {"path": CHART, "release": "web"}},
            },
        )
    a_site.write(f"{CHART}/Chart.yaml", {"apiVersion": "v2", "name": "web", "version": "1.0.0"})
    a_site.write(f"{CHART}/templates/web.yaml", TEMPLATE % "v1")
    yield a_site
    a_site.cluster.delete(f"/api/v1/namespaces/{before}")


def test_production_takes_a_chart_when_staging_is_good_with_it(chain: site.Site) -> None:
    good = chain.commit("chart v1")
    chain.start()
    chain.wait_good(good)
    seen = chain.rows(
        "select environment, kind from events where kind in ('rollout-started', 'rolled-out') order by sequence"
    )
    assert seen == [
        ("staging", "rollout-started"),
        ("staging", "rolled-out"),
        ("production", "rollout-started"),
        ("production", "rolled-out"),
    ]

    chain.write(f"{CHART}/templates/web.yaml", TEMPLATE % "v2-crash-loop")
    bad = chain.commit("chart v2")
    chain.wait(lambda: chain.head() != bad, what="the chart being taken back in Git")
    changed = chain.git("diff", "--name-only", good, chain.head(), at=chain.remote)
    assert changed == ""
    ledger = chain.wait_ledger(
        lambda found: found.outcome is outcomes.Outcome.UNCHANGED and found.hold is None, what="production at rest"
    )
    assert chain.image() == "registry.example/web:v1"
    assert ledger.quarantined == ()
    assert ledger.last_good is not None
    production = "select count(*) from events where environment = 'production' and kind = 'rollout-started'"
    assert chain.rows(production) == [(1,)]

    chain.pull()
    chain.write(f"{CHART}/templates/web.yaml", TEMPLATE % "v3")
    chain.wait_good(chain.commit("chart v3"))
    assert chain.image() == "registry.example/web:v3"


def test_an_environment_that_cannot_be_read_is_not_passed_over(chain: site.Site) -> None:
    """Neither one that never had anything, nor one that was good before: what it would say is not known (I6)."""
    settings = chain.work / "desired-state/staging/web/application.yaml"
    valid = settings.read_text()
    chain.write("desired-state/staging/web/application.yaml", "apiVersion: broken\n")
    chain.commit("chart v1, which staging cannot take")
    chain.start()
    hold = chain.wait_hold(outcomes.HoldReason.UPSTREAM)
    assert hold.because == "charts/web changed, and staging/web is not good with it yet"
    assert chain.image() == ""

    settings.write_text(valid)
    chain.wait_good(chain.commit("staging is repaired"))
    chain.write("desired-state/staging/web/application.yaml", "apiVersion: broken\n")
    chain.write(f"{CHART}/templates/web.yaml", TEMPLATE % "v2")
    chain.commit("chart v2, and staging cannot take it")
    hold = chain.wait_hold(outcomes.HoldReason.UPSTREAM)
    assert hold.because == "charts/web changed, and staging/web is not good with it yet"
    assert chain.image() == "registry.example/web:v1"
