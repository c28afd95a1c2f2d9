"""`import`: files in, files out, and nothing half."""

import json
import pathlib

import pytest
import yaml

from tests.cli import desk
from tests.settings.peers import test_peers as peers

ELSEWHERE = {"path": "./apps/database", "targetNamespace": "shop", "prune": False}
DATABASE = peers.KUSTOMIZATION | {"metadata": {"name": "database"}, "spec": ELSEWHERE}


@pytest.fixture
def theirs(tmp_path: pathlib.Path) -> pathlib.Path:
    """One file of Flux as Git has it, and one of Argo CD as kubectl prints it."""
    (tmp_path / "flux.yaml").write_text(
        yaml.safe_dump_all([peers.KUSTOMIZATION, DATABASE, peers.REPOSITORY, peers.RELEASE])
    )
    renamed = peers.APPLICATION | {"metadata": {"name": "billing"}}
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "unrelated"}}
    (tmp_path / "argo.yaml").write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [renamed, other]}))
    return tmp_path


@pytest.mark.parametrize("columns", [80, 140])
def test_what_is_written_passes_the_check_and_is_never_overwritten(
    a_desk: desk.Desk, theirs: pathlib.Path, columns: int
) -> None:
    out = theirs / "desired-state"
    arguments = ("import", str(theirs / "flux.yaml"), str(theirs / "argo.yaml"), "-e", "production", f"--out={out}")
    dry = a_desk.run(*arguments, "--dry-run", columns=columns)
    assert dry.exit_code == 0, dry.output
    assert "would write" in dry.stdout
    assert all(len(line) <= columns for line in dry.stdout.splitlines())
    assert not out.exists()
    done = a_desk.run(*arguments, columns=columns)
    assert done.exit_code == 0, done.output
    assert "left alone: ConfigMap unrelated" in done.stdout
    assert "no counterpart" in done.stdout
    written = sorted(str(path.relative_to(out)) for path in out.rglob("*.yaml"))
    assert written == [
        "production/billing/application.yaml",
        "production/database/application.yaml",
        "production/environment.yaml",
        "production/podinfo/application.yaml",
        "production/shop/application.yaml",
    ]
    a_desk.settings["environments"]["production"]["namespaces"] = ["web", "shop"]
    a_desk.configure()
    for folder in ("apps/shop/production", "apps/database"):
        (theirs / folder).mkdir(parents=True, exist_ok=True)
    checked = a_desk.run("config", "check", "--desired-state", str(out))
    assert checked.exit_code == 0, checked.output
    again = a_desk.run(*arguments)
    assert again.exit_code == 1
    assert again.stderr.count("exists and is not overwritten") == 4


def test_one_that_cannot_be_carried_over_keeps_everything_from_being_written(
    a_desk: desk.Desk, theirs: pathlib.Path
) -> None:
    (theirs / "release.yaml").write_text(yaml.safe_dump(peers.RELEASE))
    out = theirs / "desired-state"
    files = (str(theirs / "argo.yaml"), str(theirs / "release.yaml"))
    result = a_desk.run("import", *files, "-e", "production", f"--out={out}")
    assert result.exit_code == 1
    assert "HelmRelease web/podinfo: the HelmRepository podinfo is not among the files" in result.stderr
    assert not out.exists()


def test_every_field_is_in_the_list_for_scripts(a_desk: desk.Desk, theirs: pathlib.Path) -> None:
    out = f"--out={theirs / 'desired-state'}"
    result = a_desk.run("import", str(theirs / "flux.yaml"), "-e", "production", out, "--dry-run", "-o", "json")
    found = json.loads(result.stdout)
    fields = {field["path"]: field for field in found["objects"][0]["fields"]}
    assert fields["spec.path"]["to"] == "source.kustomize.path"
    assert fields["spec.newInFlux3.a[1].b"]["to"] is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a: [", "flux.yaml"),
        ("kind: ConfigMap\n", "no Kustomization, HelmRelease or Application"),
        (None, "cannot be read"),
    ],
)
def test_files_that_cannot_be_used(a_desk: desk.Desk, tmp_path: pathlib.Path, content: str | None, says: str) -> None:
    if content is not None:
        (tmp_path / "flux.yaml").write_text(content)
    result = a_desk.run("import", str(tmp_path / "flux.yaml"), "-e", "production", f"--out={tmp_path / 'out'}")
    assert result.exit_code == 1
    assert says in result.stderr
