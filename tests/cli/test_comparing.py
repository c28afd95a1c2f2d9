"""`diff`: what is printed, and exit codes as users of `kubectl diff` expect them."""

import json
import pathlib

import pytest

from reconciler.app.commands import comparing as app
from reconciler.cli import comparing
from reconciler.model import differences, ids, plans
from tests.cli import desk
from tests.clusterkit import access

SECRET = "c2VjcmV0LXdvcmQ="
KEY = ids.ObjectKey("", "ConfigMap", "web", "settings")


def lines(*fields: plans.FieldChange) -> list[str]:
    one = differences.Difference(KEY, differences.Side.BOTH, "its fields differ", fields)
    its = differences.Comparison(desk.WEB, desk.A, (one,), ())
    return [line.plain for line in comparing.shown(app.Compared((its,), ()))][2:]


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (plans.FieldChange("data.a", '"1"', '"2"'), ['      - data.a: "1"', '      + data.a: "2"']),
        (plans.FieldChange("data.a", None, '"2"'), ['      + data.a: "2"']),
        (plans.FieldChange("spec.replicas", "3", None), ["      - spec.replicas: 3"]),
        (plans.FieldChange("data.a", "***", "*** (changed)"), ["      - data.a: ***", "      + data.a: *** (changed)"]),
        (
            plans.FieldChange("data.f", json.dumps("a\n  b\nc\n"), json.dumps("a\n  B\nc\n")),
            ["      data.f:", "        @@ -1,3 +1,3 @@", "         a", "        -  b", "        +  B", "         c"],
        ),
        (plans.FieldChange("data.a", '"\x1b[2J"', None), ['      - data.a: "\\x1b[2J"']),
    ],
)
def test_a_field(field: plans.FieldChange, shown: list[str]) -> None:
    found = lines(field)
    assert [line.rstrip() for line in found] == shown


def test_what_could_not_be_compared_is_trouble(a_desk: desk.Desk) -> None:
    a_desk.commit(a_desk.application(desk.config_map("web")))
    result = a_desk.run("diff", "production/web")
    assert result.exit_code == 2
    assert "? not compared: cluster main" in result.stdout or "? not compared: the API server" in result.stdout
    wrong = a_desk.run("diff", "prodution/web")
    assert wrong.exit_code == 2
    assert "did you mean 'production'?" in wrong.stderr


def test_against_a_real_cluster(tmp_path: pathlib.Path, control_plane: access.ClusterAccess, namespace: str) -> None:
    live = desk.Desk(tmp_path, kubeconfig=str(control_plane.kubeconfig), namespace=namespace)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "data": {"word": SECRET}}
    live.commit(live.application(desk.config_map("web", color="blue"), desk.config_map("old"), secret))
    result = live.run("diff", "production/web", columns=140)
    assert result.exit_code == 1, result.output
    assert f"  + ConfigMap {namespace}/web (it does not exist)" in result.stdout
    assert '      + data.color: "blue"' in result.stdout
    assert "      + data.word: ***" in result.stdout
    assert SECRET not in result.stdout
    assert live.run("once").exit_code == 0
    result = live.run("diff")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith(": no difference\n")

    changed = secret | {"data": {"word": "YW5vdGhlcg=="}}
    live.commit(live.application(desk.config_map("web", color="red"), changed), branch="fix")
    assert live.run("diff").exit_code == 0
    found = json.loads(live.run("diff", "--ref", "fix", "-o", "json").stdout)
    assert (found["differ"], found["whole"]) == (True, True)
    objects = {one["name"]: one for one in found["targets"][0]["objects"]}
    assert {name: one["in"] for name, one in objects.items()} == {"web": "both", "token": "both", "old": "cluster"}
    assert objects["web"]["fields"] == [{"path": "data.color", "before": '"blue"', "after": '"red"'}]
    assert objects["token"]["fields"] == [{"path": "data.word", "before": "***", "after": "*** (changed)"}]
