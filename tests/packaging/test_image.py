"""The image, as far as it can be checked without an engine: the Dockerfile is read, and its wheel is built and run."""

import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass

import pytest

from tests.supply_chain import lock

ROOT = pathlib.Path(__file__).parents[2]
NOBODY = 65532


@dataclass(frozen=True, slots=True)
class Instruction:
    """`stage`: the number of its FROM, from 1; 0 before the first."""

    word: str
    text: str
    stage: int


@pytest.fixture(scope="module")
def instructions() -> tuple[Instruction, ...]:
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    found: list[Instruction] = []
    stage = 0
    for line in filter(None, joined.splitlines()):
        word, _, text = line.partition(" ")
        stage += word == "FROM"
        found.append(Instruction(word, " ".join(text.split()), stage))
    return tuple(found)


def texts(instructions: tuple[Instruction, ...], word: str, *, stage: int | None = None) -> list[str]:
    return [one.text for one in instructions if one.word == word and stage in (None, one.stage)]


def pins(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Package → version and hashes."""
    found = lock.read((ROOT / name).read_text())
    return {package: (locked.version, frozenset(locked.hashes)) for package, locked in found.items()}


def test_every_source_is_there_and_let_through(instructions: tuple[Instruction, ...]) -> None:
    copied = [text.split()[:-1] for text in texts(instructions, "COPY") if not text.startswith("--from=")]
    sources = {source for some in copied for source in some}
    assert sources, "the daemon gets into its image"
    ignored = (ROOT / ".dockerignore").read_text().split()
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored, f"{source} is kept out by .dockerignore"


def test_the_last_stage_gets_the_environment_and_nothing_to_build_with(instructions: tuple[Instruction, ...]) -> None:
    assert texts(instructions, "COPY", stage=2) == ["--from=build /opt/reconciler /opt/reconciler"]
    installed = " ".join(texts(instructions, "RUN", stage=2))
    (packages,) = re.findall(r"--no-install-recommends ([a-z -]+?) &&", installed)
    assert packages.split() == ["git", "openssh-client"]
    assert "pip install" not in installed and "uv " not in installed


def test_every_package_is_pinned_by_hash(instructions: tuple[Instruction, ...]) -> None:
    installs = [
        part for text in texts(instructions, "RUN") for part in text.split("&&") if re.search(r"pip install", part)
    ]
    assert installs
    for part in installs:
        ours = "--no-deps /wheels/" in part
        assert ours or "--require-hashes" in part, part
    for name in ("requirements-installer.lock", "requirements-runtime.lock"):
        assert all(hashes for _, hashes in pins(name).values()), name


def test_the_runtime_lock_is_the_lock_without_what_only_developers_need() -> None:
    everything, runtime, installer = map(
        pins, ("requirements.lock", "requirements-runtime.lock", "requirements-installer.lock")
    )
    assert {name: pin for name, pin in runtime.items() if everything.get(name) != pin} == {}, "run `make lock`"
    assert not {"pytest", "mypy", "ruff", "hypothesis", "setuptools"} & set(runtime)
    assert installer["setuptools"] == everything["setuptools"]


def test_it_runs_as_a_numbered_nobody(instructions: tuple[Instruction, ...]) -> None:
    assert texts(instructions, "USER") == [f"{NOBODY}:{NOBODY}"]
    assert f"--uid {NOBODY}" in " ".join(texts(instructions, "RUN", stage=2))
    base = next(text for text in texts(instructions, "ARG") if text.startswith("BASE="))
    assert re.fullmatch(r"BASE=python:3\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", base), "a version, never latest"
    assert json.loads(texts(instructions, "ENTRYPOINT")[0]) == ["reconciler"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Built as the Dockerfile does it: from what it copies, by the pinned setuptools, in no isolated environment."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(ROOT / "reconciler", folder / "reconciler", ignore=shutil.ignore_patterns("__pycache__"))
    build = "from setuptools import build_meta; print(build_meta.build_wheel('.'))"
    subprocess.run([sys.executable, "-c", build], cwd=folder, capture_output=True, check=True)
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_has_every_file_of_the_package(wheel: pathlib.Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        packed = {name for name in opened.namelist() if name.startswith("reconciler/")}
    tracked = subprocess.run(["git", "ls-files", "reconciler"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(tracked.stdout.split()) - packed == set()


def test_it_starts_as_nobody_from_a_read_only_tree(wheel: pathlib.Path, tmp_path: pathlib.Path) -> None:
    tree, state = tmp_path / "tree", tmp_path / "state"
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(tree)
    state.mkdir()
    for path in tree.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    ours = [path for path in tmp_path.parents if path.stat().st_uid == os.geteuid() and path.name.startswith("p")]
    for path in (tree, tmp_path, *ours):
        path.chmod(path.stat().st_mode | stat.S_IXOTH | stat.S_IXGRP)
    tree.chmod(0o555)
    config = tmp_path / "config"
    config.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(state),
        "PYTHONPATH": os.pathsep.join([str(tree), sysconfig.get_path("purelib")]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "RECONCILER_CONFIG": str(config),
        "TMPDIR": str(state),
    }
    who: dict[str, int] = {}
    if os.geteuid() == 0 and _others_may_read(pathlib.Path(sysconfig.get_path("purelib"))):
        os.chown(state, NOBODY, NOBODY)
        who = {"user": NOBODY, "group": NOBODY}
    script = "import reconciler, sys; print(reconciler.__file__); from reconciler.cli import main; main.main()"
    # `doctor` imports every edge, starts Helm's box, and says of each thing that is not there what to do.
    done = subprocess.run(
        [sys.executable, "-S", "-c", script, "doctor"],
        cwd=state, env=environment, capture_output=True, text=True, timeout=120, check=False, **who,
    )  # fmt: skip
    assert done.stdout.startswith(str(tree)), done.stdout + done.stderr
    assert done.returncode == 1, "there are no settings"
    assert "✗ settings: " in done.stdout
    assert "✓ versions: packages: reconciler " in done.stdout
    assert "Traceback" not in done.stderr
    assert not list(tree.rglob("__pycache__"))


def _others_may_read(folder: pathlib.Path) -> bool:
    """Whether another user gets through to our packages, and to the interpreter: not below a home of root."""
    paths = (folder, *folder.parents, *pathlib.Path(sys.executable).resolve().parents)
    return all(path.stat().st_mode & stat.S_IXOTH for path in paths)
