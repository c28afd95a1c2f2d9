"""`--sandbox`: nothing of the real installation is touched, and a repository alone is enough."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest
import yaml

from reconciler.cli import exits
from reconciler.model import outcomes
from tests.cli import desk

SEEN: list[tuple[str, object]] = []
"""What this process opened and connected to."""


def note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        SEEN.append((event, str(arguments[0])))
    elif event == "socket.connect":
        SEEN.append((event, arguments[1]))


@pytest.fixture(scope="module")
def seen() -> list[tuple[str, object]]:
    """A hook stays for as long as the process does."""
    sys.addaudithook(note)
    return SEEN


@pytest.fixture
def pushed(a_desk: desk.Desk) -> desk.Desk:
    """One application is on main."""
    a_desk.commit(a_desk.application(desk.config_map("web")))
    return a_desk


@pytest.fixture
def a_desk(tmp_path: pathlib.Path) -> desk.Desk:
    return desk.Desk(tmp_path)


def test_with_settings_no_cluster_journal_or_remote_is_touched(
    pushed: desk.Desk, seen: list[tuple[str, object]]
) -> None:
    pushed.settings["environments"]["production"]["revert"] = {"git": "push"}
    pushed.configure()
    kubeconfig = pushed.settings["clusters"]["main"]["kubeconfig"]
    head = pushed.git("rev-parse", "refs/heads/main", at=pushed.remote)
    seen.clear()
    result = pushed.run("once", "--sandbox")
    assert result.exit_code == 0, result.output
    assert [about for event, about in seen if event == "open" and kubeconfig in str(about)] == []
    assert [about for event, about in seen if event == "socket.connect" and isinstance(about, tuple)] == []
    assert not pushed.state.exists()
    assert "nothing is pushed" in result.stderr
    assert pushed.git("rev-parse", "refs/heads/main", at=pushed.remote) == head
    pathlib.Path(kubeconfig).read_text()
    assert ("open", kubeconfig) in seen  # the witness is awake


def test_the_settings_stay_but_for_what_reaches_outside(pushed: desk.Desk, tmp_path: pathlib.Path) -> None:
    state = tmp_path / "tried"
    made = pushed.run("once", "--sandbox", "--state-dir", str(state))
    assert made.exit_code == 0, made.output
    its = yaml.safe_load((state / "config" / "deployment-config.yaml").read_text())
    assert its["clusters"] == {"main": {"sandbox": True, "namespace": "web"}}
    assert its["environments"]["production"]["revert"] == {"git": "pin"}
    assert its["environments"]["production"]["prune"] == pushed.settings["environments"]["production"]["prune"]
    assert its["stateDir"] == str(state)


def test_a_held_target_is_told_with_its_word(pushed: desk.Desk) -> None:
    pushed.settings["environments"]["production"]["namespaces"] = ["elsewhere"]
    pushed.configure()
    result = pushed.run("once", "--sandbox")
    assert result.exit_code == 1
    assert "production/web: held, settings-invalid: " in result.stdout


def test_a_temporary_folder_goes_with_sigterm(pushed: desk.Desk, tmp_path: pathlib.Path) -> None:
    slow = {"labels": {"app": "web"}, "annotations": {"sandbox.reconciler.dev/ready-after": "10m"}}
    containers = {"containers": [{"name": "web", "image": "web:v1"}]}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": slow, "spec": containers}}
    workload = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    pushed.commit(pushed.application(workload))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    variables = {**os.environ, "RECONCILER_CONFIG": str(pushed.config), "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "reconciler", "once", "--sandbox"]
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert any("phase entered" in line for line in running.stderr)
        assert list(temporary.iterdir()) != []
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == exits.TERMINATED
    assert list(temporary.iterdir()) == []


def test_a_repository_alone_is_enough(pushed: desk.Desk) -> None:
    """From any folder of it; the branch is the one checked out."""
    folder = pushed.work / "desired-state" / "production"
    result = pushed.run("plan", "--sandbox", "--repository", str(folder), "-o", "json")
    assert result.exit_code == 2, result.output
    (found,) = json.loads(result.stdout)["targets"]
    assert (found["target"], found["notes"], found["holds"]) == ("production/web", [], [])
    assert "refs/heads/main" in result.stderr


def test_an_empty_sandbox_again_under_the_same_journal_is_filled_again(
    pushed: desk.Desk, tmp_path: pathlib.Path
) -> None:
    again = ["once", "--sandbox", "--repository", str(pushed.work), "--state-dir", str(tmp_path / "tried")]
    for _ in range(2):
        result = pushed.run(*again)
        assert result.exit_code == 0, result.output
    beside = pushed.run("plan", RECONCILER_CONFIG=str(tmp_path / "tried" / "config"))
    assert beside.exit_code == 1
    assert outcomes.HoldReason.CLUSTER_UNAVAILABLE.value in beside.stdout
    assert "inside the daemon's process" in beside.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "--repository", "."], 64, "--repository goes with --sandbox"),
        (["run", "--state-dir", "x"], 64, "--state-dir goes with --sandbox"),
        (["run", "--sandbox", "--ref", "main"], 64, "--ref goes with --repository"),
        (["run", "--sandbox", "--config", "nowhere"], 1, "name a repository: --repository PATH"),
        (["run", "--sandbox", "--repository", "ssh://git@example.com/a.git"], 1, "write a path or an https URL"),
        (["run", "--sandbox", "--repository", os.devnull], 1, "there is no Git repository"),
        (["run", "--sandbox", "--repository", "{work}", "--ref", "nowhere"], 1, "has no refs/heads/nowhere"),
        (["run", "--sandbox", "--repository", "{work}", "--ref", "bare"], 1, "has no desired-state/<environment>/"),
        (["run", "--sandbox", "--repository", "{work}", "--state-dir", "{work}"], 1, "no sandbox made it"),
    ],
)
def test_what_cannot_be_tried_is_said(pushed: desk.Desk, arguments: list[str], code: int, says: str) -> None:
    pushed.git("switch", "--quiet", "--orphan", "bare")
    pushed.git("commit", "--quiet", "--allow-empty", "-m", "Nothing")
    (pushed.work / "mine").touch()
    result = pushed.run(*(argument.format(work=pushed.work) for argument in arguments))
    assert result.exit_code == code, result.output
    assert says in re.sub(r"\W*\n\W*", " ", result.stderr)


def test_a_checkout_of_no_branch_needs_a_ref(pushed: desk.Desk) -> None:
    pushed.git("checkout", "--quiet", "--detach")
    result = pushed.run("plan", "--sandbox", "--repository", str(pushed.work))
    assert result.exit_code == 1
    assert "has no branch checked out: name one (--ref)" in result.stderr
    assert pushed.run("plan", "--sandbox", "--repository", str(pushed.work), "--ref", "main").exit_code == 2


@pytest.mark.parametrize(
    ("ref", "says"),
    [
        ([], "has no commit yet on its branch: commit something first, or name another branch (--ref"),
        (["--ref", "main"], "has no commit yet on refs/heads/main: commit something first"),
        (["--ref", "other"], "has no refs/heads/other: push it again"),
    ],
)
def test_a_repository_without_a_commit_needs_one(pushed: desk.Desk, ref: list[str], says: str) -> None:
    """It was told to name the branch, and then to push it again."""
    pushed.git("init", "--quiet", "--initial-branch=main", "new")
    result = pushed.run("plan", "--sandbox", "--repository", str(pushed.work / "new"), *ref)
    assert result.exit_code == 1
    assert says in re.sub(r"\W*\n\W*", " ", result.stderr)
