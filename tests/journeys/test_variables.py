"""A team that comes from Flux with `${…}` in its manifests: an undeclared name, a change, and what costs nothing."""

from reconciler.model import outcomes
from tests.support import site

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: ${REPLICAS}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: app
          image: registry.example/web:${TAG:-v1}
          env: [{name: HOST, value: "${HOST}"}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: script, labels: {kustomize.toolkit.fluxcd.io/substitute: disabled}}
data: {run: "echo ${1:-x} ${HOST}"}
"""


def declare(a_site: site.Site, **variables: str | int) -> None:
    header = {"apiVersion": "reconciler.dev/v1", "kind": "Environment"}
    a_site.write(f"desired-state/{site.ENVIRONMENT}/environment.yaml", header | {"variables": variables})


def test_variables(a_site: site.Site) -> None:
    a_site.application("web", WEB, source={"manifests": {"substitute": True}})
    declare(a_site, HOSTS="shop.example.com", REPLICAS=1)
    a_site.commit("web")
    a_site.start()
    hold = a_site.wait_hold(outcomes.HoldReason.RENDER_FAILED)
    assert hold.because == (
        f"desired-state/{site.ENVIRONMENT}/web/manifests/all.yaml:14: the variable HOST is not declared; did you mean"
        " HOSTS?, or write $${ where the text is to stay as it is"
    )

    declare(a_site, HOST="shop.example.com", REPLICAS=1)
    a_site.wait_good(a_site.commit("HOST"))
    deployment, script = a_site.live("deployments", "web"), a_site.live("configmaps", "script", group="v1")
    assert deployment and script
    assert deployment["spec"]["replicas"] == 1
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert (container["image"], container["env"][0]["value"]) == ("registry.example/web:v1", "shop.example.com")
    assert script["data"] == {"run": "echo ${1:-x} ${HOST}"}

    mark = a_site.cluster.audit_mark()
    declare(a_site, HOST="shop.example.com", REPLICAS=2, UNUSED="x")
    a_site.wait_good(a_site.commit("two"))
    assert [call["objectRef"]["resource"] for call in a_site.counted_calls(after=mark)] == ["deployments"]
