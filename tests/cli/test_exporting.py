"""`export`: a checkout in, YAML for a pipe out, and nothing half."""

import json
import pathlib
from typing import Any

import pytest
import yaml

from reconciler.app import writing
from tests.cli import desk

HEADER = {"apiVersion": "reconciler.dev/v1", "kind": "Application"}
CHART = {"repository": "https://charts.example.com", "name": "queue", "version": "1.2.3", "valuesFiles": ["v.yaml"]}
APPLICATIONS: dict[str, dict[str, Any]] = {
    "shop": HEADER
    | {
        "source": {"manifests": {"path": "/apps/shop", "substitute": True}},
        "dependsOn": ["database"],
        "verify": {"observe": "1m", "restarts": 2, "probes": [{"url": "http://shop/"}]},
        "variables": {"TAG": "1e3"},
    },
    "database": HEADER | {"source": {"kustomize": {}}},
    "queue": HEADER | {"source": {"chart": CHART | {"digest": f"sha256:{'a' * 64}", "values": {"a": {"b": 2}}}}},
    "gone": HEADER | {"state": "absent"},
    "left": HEADER | {"state": "orphaned"},
}


@pytest.fixture
def checkout(a_desk: desk.Desk, tmp_path: pathlib.Path) -> pathlib.Path:
    """The repository's root, with an environment of five applications."""
    settings = a_desk.settings["repositories"]["desired"]
    settings |= {"url": "https://git.example.com/team/state.git", "allowLocal": False}
    a_desk.configure()
    folder = tmp_path / "desired-state" / "production"
    for name, body in APPLICATIONS.items():
        write(folder / name / "application.yaml", body)
    write(folder / "environment.yaml", HEADER | {"kind": "Environment", "namespace": "web"})
    write(folder / "queue" / "v.yaml", {"a": {"b": 1, "c": 1}})
    write(tmp_path / "apps" / "shop" / "all.yaml", desk.config_map("a"))
    return tmp_path


def write(path: pathlib.Path, body: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(writing.as_yaml(body))


def export(a_desk: desk.Desk, checkout: pathlib.Path, *arguments: str) -> Any:
    return a_desk.run("export", *arguments, "--desired-state", str(checkout / "desired-state"))


def test_yaml_for_a_pipe_with_what_is_lost_at_its_head(a_desk: desk.Desk, checkout: pathlib.Path) -> None:
    done = export(a_desk, checkout, "production/shop", "production/database", "--to", "flux")
    assert done.exit_code == 0, done.output
    bodies = list(yaml.safe_load_all(done.stdout))
    assert [(body["kind"], body["metadata"]["name"]) for body in bodies] == [
        ("GitRepository", "desired"),
        ("Kustomization", "shop"),
        ("Kustomization", "database"),
    ]
    assert "TAG: '1e3'" in done.stdout
    head = done.stdout[: done.stdout.index("apiVersion")].splitlines()
    assert all(line.startswith("#") for line in head)
    where = f"# {checkout}/desired-state/production/shop/application.yaml"
    for line in (
        f"{where}:10: verify.observe: a release is good once it is healthy: nothing is observed afterwards",
        f"{where}:11: verify.restarts: restarts fail no release: health and spec.timeout decide",
    ):
        assert line in head
    assert any("environment.yaml:3: namespace → spec.targetNamespace: of every object" in line for line in head)


def test_the_fate_of_every_field_for_scripts(a_desk: desk.Desk, checkout: pathlib.Path) -> None:
    arguments = ("production/shop", "--to", "argocd")
    found = json.loads(export(a_desk, checkout, *arguments, "-o", "json").stdout)
    assert found["objects"] == list(yaml.safe_load_all(export(a_desk, checkout, *arguments).stdout))
    fields = {field["path"]: field for field in found["targets"][0]["fields"]}
    assert fields["source.manifests.path"]["to"] == "spec.source.path"
    assert fields["verify.restarts"]["to"] is None
    assert fields["repositories.desired.ref"]["file"].endswith("deployment-config.yaml")


def test_a_whole_environment_leaves_out_what_is_not_present(a_desk: desk.Desk, checkout: pathlib.Path) -> None:
    done = export(a_desk, checkout, "-e", "production", "--to", "flux")
    assert done.exit_code == 0, done.output
    assert "# Left out: production/gone: state: absent" in done.stdout
    assert "# Left out: production/left: state: orphaned" in done.stdout
    bodies = {body["metadata"]["name"]: body for body in yaml.safe_load_all(done.stdout)}
    assert list(bodies) == ["desired", "charts-example-com", "database", "queue", "shop"]
    assert bodies["queue"]["spec"]["values"] == {"a": {"b": 2, "c": 1}}


def test_environments_in_one_place_are_told_apart_by_name(a_desk: desk.Desk, checkout: pathlib.Path) -> None:
    its = a_desk.settings
    its["environments"]["staging"] = its["environments"]["production"]
    its["environments"]["far"] = its["environments"]["production"] | {"cluster": "other"}
    its["clusters"]["other"] = its["clusters"]["main"] | {"inCluster": True}
    del its["clusters"]["other"]["kubeconfig"]
    a_desk.configure()
    far = checkout / "desired-state" / "far"
    write(far / "environment.yaml", HEADER | {"kind": "Environment", "namespace": "web"})
    write(far / "shop" / "application.yaml", HEADER | {"source": {"manifests": {}}})
    names = {
        tool: [body["metadata"]["name"] for body in yaml.safe_load_all(done.stdout)]
        for tool in ("flux", "argocd")
        if (done := export(a_desk, checkout, "production/shop", "far/shop", "--to", tool))
    }
    assert names == {"flux": ["desired", "production-shop", "shop"], "argocd": ["production-shop", "far-shop"]}


@pytest.mark.parametrize("tool", ["flux", "argocd"])
def test_what_is_exported_can_be_imported_and_passes_the_check(
    a_desk: desk.Desk, checkout: pathlib.Path, tool: str
) -> None:
    theirs, out = checkout / "theirs.yaml", checkout / "again"
    applications = ("production/shop", "production/database")
    theirs.write_text(export(a_desk, checkout, *applications, "--to", tool).stdout)
    done = a_desk.run("import", str(theirs), "-e", "production", "--out", str(out))
    assert done.exit_code == 0, done.output
    checked = a_desk.run("config", "check", "--desired-state", str(out))
    assert checked.exit_code == 0, checked.output
    assert (out / "production" / "shop" / "application.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("production/shopp",), "production/shopp; did you mean 'shop'?"),
        (("prodction/shop",), "desired-state/prodction; did you mean 'production'?"),
        (("-e", "prod"), "desired-state/prod; known there: production"),
        (("production/gone",), "gone/application.yaml:3: state: is absent: everything of it is deleted"),
        (("production/left",), "left/application.yaml:3: state: is orphaned: what it left behind is nobody's"),
    ],
)
def test_targets_that_cannot_be_exported(
    a_desk: desk.Desk, checkout: pathlib.Path, arguments: tuple[str, ...], says: str
) -> None:
    done = export(a_desk, checkout, *arguments, "--to", "argocd")
    assert done.exit_code == 1
    assert says in done.stderr
    assert done.stdout == ""


def test_every_error_of_the_files_is_told_and_nothing_is_printed(a_desk: desk.Desk, checkout: pathlib.Path) -> None:
    a_desk.settings["repositories"]["desired"] |= {"url": "/srv/git", "allowLocal": True}
    a_desk.configure()
    folder = checkout / "desired-state" / "production"
    write(folder / "shop" / "application.yaml", HEADER | {"source": {"manifests": {}}, "dependsOn": ["databse"]})
    write(folder / "database" / "application.yaml", HEADER | {"source": {"manifest": {}}})
    write(folder / "queue" / "v.yaml", {"sops": {"mac": "a"}})
    done = export(a_desk, checkout, "-e", "production", "--to", "flux")
    assert done.exit_code == 1
    assert done.stdout == ""
    for says in (
        "shop/application.yaml:6: dependsOn[0]: 'databse' is no application of this environment; did you mean",
        "database/application.yaml:4: source.manifest: unknown key; did you mean 'manifests'?",
        "queue/v.yaml:1: sops: the file is encrypted",
        "repositories.desired.url: is a place on this machine, where Flux reads nothing; write the URL of its host",
    ):
        assert says in done.stderr
    (folder / "queue" / "v.yaml").unlink()
    a_desk.settings["repositories"]["desired"] |= {"url": "https://git.example.com/a.git", "allowLocal": False}
    a_desk.configure()
    assert "v.yaml:1: the file: is missing" in export(a_desk, checkout, "production/queue", "--to", "flux").stderr
    outside = checkout.parent / f"{checkout.name}-outside.yaml"
    outside.write_text("a: 1")
    (folder / "queue" / "v.yaml").symlink_to(outside)
    assert "leads out of the checkout" in export(a_desk, checkout, "production/queue", "--to", "flux").stderr


def test_nothing_to_export_in_an_environment(a_desk: desk.Desk, checkout: pathlib.Path) -> None:
    for name in ("shop", "database", "queue"):
        write(checkout / "desired-state" / "production" / name / "application.yaml", HEADER | {"state": "absent"})
    done = export(a_desk, checkout, "-e", "production", "--to", "flux")
    assert done.exit_code == 1
    assert "nothing of production is present: production/database: state: absent" in done.stderr


@pytest.mark.parametrize("arguments", [("--to", "flux"), ("production/shop",), ("production/shop", "--to", "helm")])
def test_calls_that_are_wrong(a_desk: desk.Desk, checkout: pathlib.Path, arguments: tuple[str, ...]) -> None:
    assert export(a_desk, checkout, *arguments).exit_code == 64
