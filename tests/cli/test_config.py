"""`reconciler config check`: exit codes, and what it prints for people and for scripts."""

import json
import pathlib

import pytest
from typer import testing

from reconciler.cli import config

CONFIG = """\
repositories:
  main: {url: 'https://git.example.com/team/state.git', ref: refs/heads/main}
clusters:
  main: {inCluster: true}
environments:
  production: {repository: main, cluster: main, namespaces: [web]}
"""


@pytest.fixture
def checkout(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    for path, text in {
        "config/deployment-config.yaml": CONFIG,
        "desired-state/production/environment.yaml": "apiVersion: reconciler.dev/v1\nkind: Environment\n",
        "desired-state/production/web/application.yaml": (
            "apiVersion: reconciler.dev/v1\nkind: Application\nnamespace: web\nsource: {manifests: {}}\n"
        ),
        "desired-state/production/web/manifests/a.yaml": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> testing.Result:
    return testing.CliRunner().invoke(config.app, ["check", *arguments])


def test_no_error(checkout: pathlib.Path) -> None:
    result = run()
    assert (result.exit_code, result.output) == (0, "1 environment, 1 application: no error\n")


def test_errors(checkout: pathlib.Path) -> None:
    (checkout / "config" / "deployment-config.yaml").write_text(CONFIG.replace("refs/heads/main", "main"))
    (checkout / "desired-state" / "production" / "environment.yaml").write_text("kind: Environment\n")
    result = run()
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "config/deployment-config.yaml:2: repositories.main.ref: 'main' is no fully qualified branch; write"
        " refs/heads/main",
        "desired-state/production/environment.yaml:1: apiVersion: is required; add it, for example `apiVersion:"
        " reconciler.dev/v1`",
        "1 environment, 1 application: 2 errors",
    ]


def test_other_folders(checkout: pathlib.Path) -> None:
    (checkout / "config").rename(checkout / "etc")
    (checkout / "desired-state").rename(checkout / "wanted")
    assert run("--config", "etc", "--desired-state", "wanted").exit_code == 0
    result = run()
    assert result.exit_code == 1
    assert "config/deployment-config.yaml:1: the file: is missing" in result.output


def test_for_scripts(checkout: pathlib.Path) -> None:
    assert json.loads(run("-o", "json").output) == {"environments": 1, "applications": 1, "problems": []}
    (checkout / "desired-state" / "production" / "environment.yaml").unlink()
    result = run("-o", "json")
    assert result.exit_code == 1
    assert json.loads(result.output)["problems"] == [
        "desired-state/production/environment.yaml:1: the file: is missing; add it, or name the right folder"
    ]
