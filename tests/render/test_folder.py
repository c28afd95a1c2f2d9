"""Plain YAML folders: which files are manifests, and that one bad file refuses the whole."""

import pytest

from reconciler import errors
from reconciler.model import targets
from reconciler.render import folder
from tests.render import examples

CM = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def test_reads_yaml_and_json_in_the_order_of_paths_with_their_lines() -> None:
    files = [examples.file("w/b.json", '{"kind": "B"}'), examples.file("w/a.yml", "\n---\nkind: A\n---\nkind: A2\n")]
    found = folder.read(files)
    assert [(str(each.origin), each.value) for each in found] == [
        ("w/a.yml:3", {"kind": "A"}),
        ("w/a.yml:5", {"kind": "A2"}),
        ("w/b.json:1", {"kind": "B"}),
    ]


@pytest.mark.parametrize("path", ["w/README.md", "w/x.yaml.bak", "w/.gitignore"])
def test_other_files_are_no_manifests(path: str) -> None:
    assert folder.read([examples.file(path, "kind: [")]) == ()


@pytest.mark.parametrize("name", ["application.yaml", "environment.yaml"])
def test_our_settings_are_no_manifests_and_what_has_their_name_is_one(name: str) -> None:
    """An Argo CD team keeps its Applications in files of that name: left out in silence, they would be pruned."""
    ours = examples.file(f"w/{name}", "apiVersion: reconciler.dev/v1\nkind: Application\n")
    theirs = examples.file(f"w/argo/{name}", "apiVersion: argoproj.io/v1alpha1\nkind: Application\n")
    assert [str(each.origin) for each in folder.read([ours, theirs])] == [f"w/argo/{name}:1"]


@pytest.mark.parametrize(
    ("pattern", "fits", "others"),
    [
        ("values.yaml", ["values.yaml", "a/b/values.yaml"], ["values.yml", "myvalues.yaml"]),
        ("*.json", ["a.json", "a/b.json"], ["a.yaml", "a.json.yaml"]),
        (".github", [".github/workflows/ci.yml", "a/.github/x.yml"], ["github/x.yml"]),
        ("ci/*.yaml", ["ci/a.yaml"], ["ci/deep/a.yaml", "a/ci/b.yaml"]),
        ("/ci", ["ci/a.yaml"], ["ci.yaml", "a/ci/b.yaml"]),
        ("ci/", ["ci/a.yaml"], ["ci.yaml"]),
        ("ci/**/t.yaml", ["ci/t.yaml", "ci/a/b/t.yaml"], ["t.yaml", "ci/a/s.yaml"]),
        ("**/test/*", ["test/a.yaml", "a/test/b.yaml"], ["test.yaml"]),
        ("a/**", ["a/b.yaml", "a/b/c.yaml"], ["b/a/c.yaml"]),
        ("[ab].yaml", ["a.yaml", "b.yaml"], ["c.yaml"]),
    ],
)
def test_patterns_fit_as_in_a_gitignore(pattern: str, fits: list[str], others: list[str]) -> None:
    assert [path for path in [*fits, *others] if folder.excludes(pattern, path)] == fits


def test_what_is_excluded_is_left_out_and_a_pattern_that_fits_nothing_is_said() -> None:
    files = [examples.file(path, CM) for path in ("w/a.yaml", "w/ci/b.yaml", "wide/c.yaml", "w/values.yaml")]
    found, notes = folder.chosen(files, targets.ManifestFolder("w", ("ci", "values.yaml", "tests")))
    assert [file.path for file in found] == ["w/a.yaml"]
    assert notes == ("exclude: 'tests' fits no file below w",)


@pytest.mark.row("REN-16")
def test_a_pattern_cannot_be_made_to_cost_much() -> None:
    """Step by step and without backtracking: a repository chooses both the patterns and the paths (I10)."""
    assert not folder.excludes("**/*a*a*a*a*a*a*a*a*b/" * 8 + "c", "/".join(["a" * 200] * 40))


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
def test_a_kustomization_is_refused_by_name(name: str) -> None:
    with pytest.raises(
        errors.InvalidInput, match=rf"^w/{name}: a folder .*; write source: \{{kustomize: \{{path: /w\}}\}}"
    ):
        folder.read([examples.file(f"w/{name}", "resources: []"), examples.file("w/a.yaml", CM)])


@pytest.mark.row("YML-10")
def test_one_broken_file_among_many_refuses_all_and_every_problem_is_named() -> None:
    """YML-10: a partial result would prune what the broken file holds."""
    files = [examples.file(f"w/{number}.yaml", CM) for number in range(20)]
    files += [examples.file("w/x.yaml", "a: 1\na: 2\n"), examples.file("w/y.yaml", "a: [")]
    with pytest.raises(errors.InvalidInput) as refused:
        folder.read(files)
    assert [problem.partition(":")[0] for problem in refused.value.problems] == ["w/x.yaml", "w/y.yaml"]
