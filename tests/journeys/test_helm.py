"""A team with a chart: generated passwords, what is refused, and what a person then reads."""

import base64
import pathlib
from typing import Any

from reconciler.model import outcomes
from tests.support import chartserver, site

CHART = "charts/web"
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}}
stringData:
  password: {{ randAlphaNum 20 }}
  user: {{ .Values.user }}
"""
CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {id: {{ uuidv4 | quote }}, colour: {{ .Values.colour }}}
"""
LEFT = {
    "keepLive": [{"kind": "Secret", "fields": ["data.password"]}],
    "ignore": [{"kind": "ConfigMap", "name": "web", "fields": ["data.id"]}],
}


def application(a_site: site.Site, **settings: Any) -> None:
    content = {"apiVersion": "reconciler.dev/v1", "kind": "Application", "namespace": a_site.namespace}
    source = {"source": {"chart": {"path": CHART, "valuesFiles": ["values.yaml"]}}}
    a_site.write(f"desired-state/{site.ENVIRONMENT}/web/application.yaml", content | source | settings)


def chart(a_site: site.Site, *, colour: str) -> None:
    a_site.write(f"{CHART}/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")
    a_site.write(f"{CHART}/templates/secret.yaml", SECRET)
    a_site.write(f"{CHART}/templates/config.yaml", CONFIG)
    a_site.write(f"desired-state/{site.ENVIRONMENT}/web/values.yaml", f"user: app\ncolour: {colour}\n")


def secret(a_site: site.Site) -> dict[str, str]:
    found = a_site.live("secrets", "web", group="v1")
    assert found
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


def config(a_site: site.Site) -> dict[str, str]:
    found = a_site.live("configmaps", "web", group="v1")
    assert found
    return dict(found["data"])


def edit(a_site: site.Site, plural: str, **data: str) -> None:
    path = f"/api/v1/namespaces/{a_site.namespace}/{plural}/web"
    a_site.cluster.patch(path, {"data": data})


def test_generated_values_are_made_once(a_site: site.Site) -> None:
    chart(a_site, colour="green")
    application(a_site)
    a_site.commit("web")
    a_site.start()

    # Without a word about them they are refused, by object and field, with what to write.
    hold = a_site.wait_hold(outcomes.HoldReason.RENDER_FAILED)
    assert f"{CHART}/templates/secret.yaml: Secret {a_site.namespace}/web differs between two renders" in hold.because
    assert " at data.password; " in hold.because
    assert "keepLive or ignore in application.yaml" in hold.because

    application(a_site, **LEFT)
    a_site.wait_good(a_site.commit("made once"))
    password, number = secret(a_site)["password"], config(a_site)["id"]
    assert (len(password), len(number)) == (20, 36)

    # A new render, also by a new process, changes nothing; what else the chart changes is applied, and nothing more.
    mark = a_site.cluster.audit_mark()
    assert a_site.stop() == 0
    a_site.start()
    chart(a_site, colour="blue")
    a_site.wait_good(a_site.commit("blue"))
    calls = [f"{call['verb']} {call['objectRef']['resource']}" for call in a_site.counted_calls(after=mark)]
    assert calls == ["patch configmaps"]
    assert config(a_site) == {"colour": "blue", "id": number}
    assert secret(a_site) == {"password": password, "user": "app"}

    # What a person sets is kept; what a person takes away of what is kept is made again; the rest is healed as ever.
    edit(a_site, "secrets", password=base64.b64encode(b"chosen").decode(), user=base64.b64encode(b"other").decode())
    a_site.wait(lambda: secret(a_site)["user"] == "app" or None, what="the user being healed")
    a_site.wait_in_sync()
    assert secret(a_site) == {"password": "chosen", "user": "app"}
    edit(a_site, "configmaps", id="chosen")
    a_site.write(f"{CHART}/README.md", "Another commit.\n")
    a_site.wait_good(a_site.commit("a readme"))
    a_site.wait_in_sync()
    assert config(a_site)["id"] == "chosen"

    shown = a_site.command("plan", "-e", site.ENVIRONMENT, "-a", "web").stdout
    assert "2 unchanged" in shown
    assert "chosen" not in shown + a_site.log()


# --- a chart of a repository elsewhere


TEMPLATE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {version: {{ .Chart.Version | quote }}, colour: {{ .Values.colour }}}
"""


def from_repository(a_site: site.Site, server: chartserver.ChartServer, version: str, **more: str) -> None:
    source = {"repository": f"{server.url}/charts", "name": "web", "version": version, "values": {"colour": "green"}}
    application(a_site, source={"chart": source | more})


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
