"""`plan`: read-only, with and without a cluster, a journal, a branch."""

import json
import pathlib
from dataclasses import replace
from typing import Any

import pytest

from reconciler.model import records
from tests.cli import desk
from tests.clusterkit import access

SECRET = "c2VjcmV0LXdvcmQ="


def plan(a_desk: desk.Desk, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(a_desk.run("plan", "-o", "json", *arguments).stdout)
    return found


# --- without a cluster


def test_a_cluster_that_does_not_answer_holds(a_desk: desk.Desk) -> None:
    a_desk.commit(a_desk.application(desk.config_map("web")))
    result = a_desk.run("plan")
    assert result.exit_code == 1
    assert "production/web" in result.stdout
    assert "cluster-unavailable: " in result.stdout
    assert "reconciler doctor" in result.stdout
    assert result.stdout.endswith("\nno plan\n")
    assert "\nno plan\n" in a_desk.run("plan", "-o", "markdown").stdout


def test_a_repository_that_is_not_there_is_said(a_desk: desk.Desk) -> None:
    result = a_desk.run("plan")
    assert result.exit_code == 1
    assert "repository desired: " in result.stdout


def test_settings_in_git_that_are_wrong_hold_their_target_only(a_desk: desk.Desk) -> None:
    files = a_desk.application(desk.config_map("web")) | a_desk.application(name="other")
    a_desk.commit(files | {"desired-state/production/other/application.yaml": "kind: Nothing\n"})
    found = plan(a_desk)
    reasons = {target["target"]: [hold["reason"] for hold in target["holds"]] for target in found["targets"]}
    assert reasons == {"production/other": ["settings-invalid"], "production/web": ["cluster-unavailable"]}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-e", "prodution"], "did you mean 'production'?"),
        (["-a", "wbe"], "no target fits"),
    ],
)
def test_refused(a_desk: desk.Desk, arguments: list[str], says: str) -> None:
    a_desk.commit(a_desk.application(desk.config_map("web")))
    result = a_desk.run("plan", *arguments)
    assert result.exit_code == 1
    assert says in result.stderr


@pytest.mark.parametrize("ref", ["refs/heads/nowhere", "nowhere", "e" * 40, "--upload-pack=x", "refs/heads/a..b"])
def test_a_ref_that_is_not_there(a_desk: desk.Desk, ref: str) -> None:
    a_desk.commit(a_desk.application(desk.config_map("web")))
    result = a_desk.run("plan", f"--ref={ref}")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.exception


def test_another_user_gets_a_mirror_of_its_own(a_desk: desk.Desk, tmp_path: pathlib.Path) -> None:
    """Files of root in the daemon's mirror would be in its way for ever."""
    a_desk.commit(a_desk.application(desk.config_map("web")))
    a_desk.settings["stateDir"] = str(tmp_path / "not-made-yet")
    a_desk.configure()
    a_desk.run("plan", XDG_CACHE_HOME=str(tmp_path / "cache"))
    (its,) = (tmp_path / "cache" / "reconciler").iterdir()  # one folder for each installation
    assert (its / "mirrors" / "desired").is_dir()
    assert not (tmp_path / "not-made-yet").exists()


# --- with one


@pytest.fixture
def live_desk(tmp_path: pathlib.Path, control_plane: access.ClusterAccess, namespace: str) -> desk.Desk:
    return desk.Desk(tmp_path, kubeconfig=str(control_plane.kubeconfig), namespace=namespace)


def in_cluster(cluster: access.ClusterAccess, namespace: str, name: str) -> dict[str, Any] | None:
    return cluster.get(f"/api/v1/namespaces/{namespace}/configmaps/{name}")


def test_changes_are_shown_and_not_made(
    live_desk: desk.Desk, control_plane: access.ClusterAccess, namespace: str
) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "data": {"word": SECRET}}
    revision = live_desk.commit(live_desk.application(desk.config_map("web", color="blue"), secret))
    result = live_desk.run("plan")
    assert result.exit_code == 2, result.output
    assert f"+ ConfigMap {namespace}/web" in result.stdout
    assert "2 created" in result.stdout
    assert "there is no journal here" in result.stdout
    for output in ("text", "json", "markdown"):
        assert SECRET not in live_desk.run("plan", "-o", output).stdout
    found = plan(live_desk)
    assert (found["changes"], found["held"], found["troubles"]) == (True, False, [])
    assert [target["revision"] for target in found["targets"]] == [revision]
    assert live_desk.run("plan", "-o", "markdown").stdout.startswith("### Plan for `production/web`")
    assert in_cluster(control_plane, namespace, "web") is None
    assert not live_desk.state.exists()


def test_another_branch_and_a_commit(live_desk: desk.Desk) -> None:
    first = live_desk.commit(live_desk.application(desk.config_map("web", color="blue")))
    second = live_desk.commit(live_desk.application(desk.config_map("web"), desk.config_map("more")), branch="fix")
    (target,) = plan(live_desk)["targets"]
    assert (target["revision"], target["counts"]) == (first, {"created": 1})
    for ref in ("fix", "refs/heads/fix"):
        (target,) = plan(live_desk, "--ref", ref)["targets"]
        assert (target["revision"], target["counts"]) == (second, {"created": 2})
    live_desk.commit(live_desk.application(desk.config_map("a"), desk.config_map("b"), desk.config_map("c")))
    (target,) = plan(live_desk, "--ref", first)["targets"]
    assert (target["revision"], target["counts"]) == (first, {"created": 1})


def test_nothing_to_do_and_a_prune(live_desk: desk.Desk, control_plane: access.ClusterAccess, namespace: str) -> None:
    """After the daemon's work; and the plan writes nothing into the journal."""
    maps = [desk.config_map(f"web-{number}", color="blue") for number in range(4)]
    live_desk.commit(live_desk.application(*maps))
    assert live_desk.run("once").exit_code == 0
    before = live_desk.journal(lambda journal, epoch: journal.head())
    result = live_desk.run("plan")
    assert result.exit_code == 0, result.output
    assert "4 unchanged" in result.stdout

    live_desk.commit(live_desk.application(*maps[:3]))
    (target,) = plan(live_desk)["targets"]
    assert [change["name"] for change in target["prunes"]] == ["web-3"]
    assert live_desk.run("plan").exit_code == 2

    revision = live_desk.commit(live_desk.application(maps[0]))
    result = live_desk.run("plan")
    assert result.exit_code == 1
    assert "prune-limit: " in result.stdout
    assert f"reconciler confirm production/web --revision {revision}" in result.stdout
    assert live_desk.journal(lambda journal, epoch: journal.head()) == before
    assert in_cluster(control_plane, namespace, "web-3") is not None


def test_what_holds_the_daemon_holds_the_plan(live_desk: desk.Desk) -> None:
    live_desk.commit(live_desk.application(desk.config_map("web", color="blue")))
    assert live_desk.run("once").exit_code == 0
    ledger = live_desk.journal(lambda journal, epoch: journal.ledger(desk.WEB))
    assert ledger.present is not None
    bad = records.Quarantine(ledger.present.input_digest, desk.B, "crashed", desk.AT)
    live_desk.remember(replace(ledger, quarantined=(bad,), pause=records.Pause("ann", "lunch", desk.AT)))
    result = live_desk.run("plan")
    assert result.exit_code == 1
    assert "quarantined: " in result.stdout
    assert "note: paused by ann: lunch" in result.stdout


def test_a_rewritten_history_holds(live_desk: desk.Desk) -> None:
    first = live_desk.commit(live_desk.application(desk.config_map("web", color="blue")))
    live_desk.commit(live_desk.application(desk.config_map("web", color="red")))
    assert live_desk.run("once").exit_code == 0
    live_desk.git("reset", "--quiet", "--hard", first)
    live_desk.git("commit", "--quiet", "--allow-empty", "-m", "another history")
    live_desk.git("push", "--quiet", "--force", "origin", "HEAD:main")
    result = live_desk.run("plan")
    assert result.exit_code == 1
    assert "history-rewritten: " in result.stdout
    assert "reconciler accept-history production/web --revision" in result.stdout


def test_the_audit_compares_with_the_target_record(live_desk: desk.Desk) -> None:
    live_desk.commit(live_desk.application(desk.config_map("web", color="blue")))
    assert live_desk.run("once").exit_code == 0
    found = json.loads(live_desk.run("audit", "verify", "-o", "json").stdout)
    assert (found["sound"], found["notCompared"]) == (True, [])
    assert found["compared"] == ["the target record of production/web in cluster main"]


def test_the_doctor_finds_a_real_cluster_well(live_desk: desk.Desk) -> None:
    live_desk.commit(live_desk.application(desk.config_map("web", color="blue")))
    result = live_desk.run("doctor", columns=140)
    assert result.exit_code == 0, result.output
    assert "✓ cluster main: API server: " in result.output
    assert "✓ cluster main: clock: " in result.output
    assert f"✓ rights: production in {live_desk.namespace}: as admin: get, list, watch, create" in result.output
