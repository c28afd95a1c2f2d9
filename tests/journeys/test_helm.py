"""A team with a chart: generated passwords, what is refused, and what a person then reads."""

import base64
from typing import Any

from reconciler.model import outcomes
from tests.support import site

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

    shown = a_site.plan()
    assert "2 unchanged" in shown
    assert "chosen" not in shown + a_site.log()
