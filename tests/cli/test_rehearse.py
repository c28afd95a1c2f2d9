"""`rehearse`: a change is played, told, and leaves nothing behind."""

import json
import pathlib
from typing import Any

import pytest
import yaml

from reconciler.app.rehearsal import rehearsing
from tests.cli import desk
from tests.support import site


def web(image: str) -> dict[str, Any]:
    return site.deployment(image=f"registry.example/web:{image}")


@pytest.fixture
def changes(a_desk: desk.Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> desk.Desk:
    """Branches `good` and `bad` on main."""
    a_desk.commit(a_desk.application(web("v1")))
    a_desk.commit(a_desk.application(web("v2")), branch="good")
    a_desk.git("checkout", "--quiet", "main")
    a_desk.commit(a_desk.application(web("v2-crash-loop")), branch="bad")
    monkeypatch.chdir(tmp_path)
    return a_desk


def everything(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def rehearse(a_desk: desk.Desk, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(a_desk.run("rehearse", "-o", "json", *arguments).stdout)
    return found


def test_good_and_bad_and_nothing_is_written(changes: desk.Desk, tmp_path: pathlib.Path) -> None:
    before = everything(tmp_path)
    good = changes.run("rehearse", "--ref", "good")
    assert good.exit_code == 0, good.output
    assert "production/web: would succeed after " in good.stdout
    assert "~ Deployment.apps web/web" in good.stdout
    assert "v1" not in good.stdout
    bad = changes.run("rehearse", "--ref", "bad", "--diff", columns=200)
    assert bad.exit_code == 2, bad.output
    assert "container app has restarted" in bad.stdout
    assert "restores desired-state/production/web to " in bad.stdout
    assert '"registry.example/web:v1" → "registry.example/web:v2-crash-loop"' in bad.stdout
    assert everything(tmp_path) == before


def test_the_same_rehearsal_twice(changes: desk.Desk) -> None:
    arguments = ("--ref", "good", "--fault", "crash-loop")
    first = rehearse(changes, *arguments)
    assert first["verdict"] == "reverted"
    assert first["targets"][0]["git"]["paths"] == ["desired-state/production/web"]
    assert rehearse(changes, *arguments)["targets"][0]["seconds"] == first["targets"][0]["seconds"]


@pytest.mark.parametrize("boundary", ["record", "intent", "apply", "push"])
def test_a_daemon_that_dies_on_the_way_ends_where_it_would_have(changes: desk.Desk, boundary: str) -> None:
    found = rehearse(changes, "--ref", "bad", "--fault", f"killed@{boundary}")
    (target,) = found["targets"]
    assert (found["verdict"], found["troubles"], target["git"]["step"]) == ("reverted", [], "pushed")
    assert [step["what"] for step in target["steps"]].count("rollout-failed") == 1
    assert f"killed@{boundary}: " in found["notes"][-1] and "started again" in found["notes"][-1]


def test_a_death_that_never_comes_is_said(changes: desk.Desk) -> None:
    found = rehearse(changes, "--ref", "good", "--fault", "killed@push", "--fault", "killed@apply")
    assert found["verdict"] == "succeeds"
    assert found["notes"][-1] == "killed@push had nothing to befall: the daemon never came to that"


@pytest.fixture
def probed(a_desk: desk.Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> desk.Desk:
    """An application with a probe, an hour for a rollout, and two in which it is observed."""
    probe = {"url": "https://web.example.com/health", "interval": "5s"}
    its = a_desk.settings["environments"]["production"]
    its["verify"] = {"progressDeadline": "1h", "observe": "2h"}
    a_desk.configure()
    for image, branch in (("v1", "main"), ("v2", "good")):
        objects = site.deployment(image=f"registry.example/web:{image}", progressDeadlineSeconds=7200)
        files = a_desk.application(objects)
        path = "desired-state/production/web/application.yaml"
        files[path] = yaml.safe_dump(yaml.safe_load(files[path]) | {"verify": {"probes": [probe]}})
        a_desk.commit(files, branch=branch)
    monkeypatch.chdir(tmp_path)
    return a_desk


@pytest.mark.parametrize(
    ("arguments", "verdict", "says"),
    [
        ([], "unknown", "who answers a probe"),
        (["--probes-answer"], "succeeds", "healthy"),
        (["--fault", "probe-fails"], "reverted", "answered 503"),
        (["--probes-answer", "--fault", "fails-later=10s"], "reverted", "Deployment web"),
        (["--probes-answer", "--fault", "slow-start=20m"], "succeeds", "healthy"),
        (["--fault", "slow-start=2h"], "reverted", "not healthy within"),
        (["--fault", "never-ready", "--fault", "push-refused"], "reverted", "not healthy within"),
        (["--probes-answer", "--fault", "api-outage=5m"], "succeeds", "healthy"),
    ],
)
def test_what_goes_wrong(probed: desk.Desk, arguments: list[str], verdict: str, says: str) -> None:
    found = rehearse(probed, "--ref", "good", *arguments)
    (target,) = found["targets"]
    assert (found["verdict"], found["troubles"]) == (verdict, [])
    assert says in target["because"]
    if "slow-start=20m" in arguments:
        assert target["seconds"] > 2400
    if "push-refused" in arguments:
        assert (target["git"]["step"], "protected branch" in target["git"]["because"]) == ("pinned", True)


def test_what_is_checked_out_is_rehearsed_without_a_ref(changes: desk.Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(changes.work)
    head = changes.git("rev-parse", "bad")
    changes.git("checkout", "--quiet", "bad")
    found = rehearse(changes)
    assert (found["change"], found["verdict"]) == (head, "reverted")
    assert "in the checkout" in found["notes"][0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--ref", "nowhere"], "has no branch, tag or commit nowhere"),
        ([], "there is no checkout of repository desired here"),
        (["--ref", "good", "--fault", "meteor"], "there is no fault meteor"),
        (["--ref", "good", "-e", "prodution"], "did you mean 'production'?"),
        (["--ref", "good", "-a", "wbe"], "no target fits"),
    ],
)
def test_refused(changes: desk.Desk, arguments: list[str], says: str) -> None:
    result = changes.run("rehearse", *arguments)
    assert result.exit_code == 1
    assert says in " ".join(result.stderr.split())


def test_every_fault_is_explained(a_desk: desk.Desk) -> None:
    page = (pathlib.Path(__file__).parents[2] / "docs/how-to/rehearse.md").read_text()
    shown = a_desk.run("rehearse", "--help", columns=140).stdout
    assert [fault for fault in rehearsing.FAULTS if fault not in shown or f"| `{fault}" not in page] == []
