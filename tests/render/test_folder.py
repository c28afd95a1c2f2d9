"""Plain YAML folders: which files are manifests, and that one bad file refuses the whole."""

import pytest

from reconciler import errors
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


@pytest.mark.parametrize(
    "path", ["w/README.md", "w/application.yaml", "environment.yaml", "w/x.yaml.bak", "w/.gitignore"]
)
def test_other_files_and_our_settings_are_no_manifests(path: str) -> None:
    assert folder.read([examples.file(path, "kind: [")]) == ()


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
def test_a_kustomization_is_refused_by_name(name: str) -> None:
    with pytest.raises(
        errors.InvalidInput, match=rf"^w/{name}: a folder .*; write source: \{{kustomize: \{{path: /w\}}\}}"
    ):
        folder.read([examples.file(f"w/{name}", "resources: []"), examples.file("w/a.yaml", CM)])


def test_one_broken_file_among_many_refuses_all_and_every_problem_is_named() -> None:
    """YML-10: a partial result would prune what the broken file holds."""
    files = [examples.file(f"w/{number}.yaml", CM) for number in range(20)]
    files += [examples.file("w/x.yaml", "a: 1\na: 2\n"), examples.file("w/y.yaml", "a: [")]
    with pytest.raises(errors.InvalidInput) as refused:
        folder.read(files)
    assert [problem.partition(":")[0] for problem in refused.value.problems] == ["w/x.yaml", "w/y.yaml"]
