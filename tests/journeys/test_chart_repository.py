"""A team with somebody else's chart: the wrong ways and what a person then reads, an outage, and what costs nothing."""

import pathlib
from typing import Any

from reconciler.model import outcomes
from tests.support import chartserver, site

TEMPLATE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {version: {{ .Chart.Version | quote }}, colour: {{ .Values.colour }}}
"""


def config(a_site: site.Site) -> dict[str, Any]:
    found = a_site.live("configmaps", "web", group="v1")
    assert found
    return dict(found["data"])


def from_repository(a_site: site.Site, server: chartserver.ChartServer, version: str, **more: str) -> None:
    source = {"repository": f"{server.url}/charts", "name": "web", "version": version, "values": {"colour": "green"}}
    content = {"apiVersion": "reconciler.dev/v1", "kind": "Application", "namespace": a_site.namespace}
    settings = content | {"source": {"chart": source | more}}
    a_site.write(f"desired-state/{site.ENVIRONMENT}/web/application.yaml", settings)


def test_a_chart_of_a_repository(a_site: site.Site, tmp_path: pathlib.Path) -> None:
    with chartserver.serving(tmp_path) as (server,):
        for version in ("1.2.3", "1.3.0"):
            packed = chartserver.packed({"templates/a.yaml": TEMPLATE}, version=version)
            server.charts[("web", version)] = packed
        digest = chartserver.digest(server.charts[("web", "1.2.3")])
        from_repository(a_site, server, "1.2.3")
        a_site.application("plain", site.config_map("plain", a="1"))
        a_site.commit("web")
        a_site.start()

        # Nobody listed the repository; nobody wrote the digest. Each time the words say what to write, and where.
        where = f"desired-state/{site.ENVIRONMENT}/web/application.yaml: source.chart"
        hold = a_site.wait_hold(outcomes.HoldReason.RENDER_FAILED)
        assert hold.because == (
            f"{where}.repository: {server.url}/charts is none of chartRepositories in the daemon's"
            " deployment-config.yaml; list it there, or vendor the chart"
        )
        assert server.asked == []
        a_site.settings["chartRepositories"] = [{"url": server.url, "caFile": str(server.ca_file)}]
        a_site.configure()
        hold = a_site.wait_ledger(lambda found: found.hold and "digest" in found.hold.because, what="asking").hold
        assert hold
        assert hold.because == (
            f"{where}.digest: is required; write digest: {digest}, which web 1.2.3 of {server.url}/charts has now"
        )

        from_repository(a_site, server, "1.2.3", digest=digest)
        a_site.wait_good(a_site.commit("the digest"))
        assert config(a_site) == {"version": "1.2.3", "colour": "green"}

    # The host is away: what was fetched before is rendered, by a new process too, and other targets do not notice.
    mark = a_site.cluster.audit_mark()
    assert a_site.stop() == 0
    a_site.start()
    a_site.write(f"desired-state/{site.ENVIRONMENT}/web/README.md", "Another commit.\n")
    a_site.wait_good(a_site.commit("a readme"))
    assert a_site.counted_calls(after=mark) == []
    from_repository(a_site, server, "1.3.0", digest=chartserver.digest(server.charts[("web", "1.3.0")]))
    a_site.application("plain", site.config_map("plain", a="2"))
    revision = a_site.commit("a new version, and another application")
    a_site.wait_good(revision, "plain")
    hold = a_site.wait_hold(outcomes.HoldReason.CHART_UNAVAILABLE)
    assert f"{server.url}/charts/index.yaml cannot be reached" in hold.because
    assert config(a_site)["version"] == "1.2.3"
