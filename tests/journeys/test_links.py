"""A team that shares manifests, a chart and values by symbolic links within its repository."""

from reconciler.model import outcomes
from tests.support import site

APPLICATIONS = f"desired-state/{site.ENVIRONMENT}"
CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {colour: {{ .Values.colour }}}
"""
Reason = outcomes.HoldReason


def link(a_site: site.Site, path: str, to: str) -> None:
    where = a_site.work / path
    where.parent.mkdir(parents=True, exist_ok=True)
    where.symlink_to(to)


def value(a_site: site.Site, name: str, key: str) -> str:
    found = a_site.live("configmaps", name, group="v1")
    assert found
    return str(found["data"][key])


def test_what_a_link_leads_to_is_deployed_with_every_commit_that_changes_it(a_site: site.Site) -> None:
    """Wherever it lies; the others are left alone. A link that leads nowhere holds its own application."""
    a_site.write("shared/config/plain.yaml", [site.config_map("plain", value="one")])
    a_site.write("shared/values.yaml", "colour: red\n")
    a_site.write("shared/templates/config.yaml", CONFIG)
    a_site.write("charts/chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 1.0.0\n")
    link(a_site, "charts/chart/templates", "../../shared/templates")
    a_site.application("plain", [])
    (a_site.work / APPLICATIONS / "plain/manifests/all.yaml").unlink()
    link(a_site, f"{APPLICATIONS}/plain/manifests/config", "../../../../shared/config")
    a_site.application("chart", [], source={"chart": {"path": "charts/chart", "valuesFiles": ["values.yaml"]}})
    link(a_site, f"{APPLICATIONS}/chart/values.yaml", "../../../shared/values.yaml")
    first = a_site.commit("linked")
    a_site.start()
    for name in ("plain", "chart"):
        a_site.wait_good(first, name)
    assert (value(a_site, "plain", "value"), value(a_site, "chart", "colour")) == ("one", "red")

    a_site.write("shared/config/plain.yaml", [site.config_map("plain", value="two")])
    second = a_site.commit("only what the link of one leads to")
    a_site.wait_good(second, "plain")
    assert value(a_site, "plain", "value") == "two"
    a_site.write("shared/values.yaml", "colour: blue\n")
    third = a_site.commit("only what the link of the other leads to")
    a_site.wait_good(third, "chart")
    assert value(a_site, "chart", "colour") == "blue"
    good = a_site.ledger("plain").last_good
    assert good
    assert good.revision == second

    a_site.git("mv", "shared/config/plain.yaml", "shared/plain.yaml")
    a_site.commit("moved, and the link of one leads nowhere")
    hold = a_site.wait_hold(Reason.RENDER_FAILED, "plain")
    assert (
        f"{APPLICATIONS}/plain/manifests/config is a symbolic link to '../../../../shared/config', and there is no"
        " shared/config: link by a relative path" in hold.because
    )
    assert a_site.ledger("chart").hold is None
    a_site.git("mv", "shared/plain.yaml", "shared/again.yaml")
    link(a_site, "shared/config/plain.yaml", "../again.yaml")
    last = a_site.commit("a link where the first one leads")
    a_site.wait_good(last, "plain")
    assert value(a_site, "plain", "value") == "two"
