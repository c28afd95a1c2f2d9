"""The lock files: what is installed, to the byte, and who asked for it."""

import pathlib
import re
import tomllib
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).parents[2]
FILES = ("requirements.lock", "requirements-runtime.lock", "requirements-installer.lock")
PACKAGE = re.compile(
    r"^(?P<name>[a-z0-9][a-z0-9._-]*)(?:\[[a-z,-]+\])?==(?P<version>\S+)(?P<hashes>(?: \\\n    --hash=\S+)*)$"
    r"(?P<via>(?:\n    #.*)*)",
    re.MULTILINE,
)
OURS = "reconciler (pyproject.toml)"


@dataclass(frozen=True, slots=True)
class Locked:
    """One package. `via` names those that need it; ours is `reconciler (pyproject.toml)`."""

    name: str
    version: str
    hashes: tuple[str, ...]
    via: tuple[str, ...]


def read(text: str) -> dict[str, Locked]:
    """Every package of a lock file, by its name."""
    found = {}
    for match in PACKAGE.finditer(text):
        hashes = tuple(re.findall(r"--hash=(\S+)", match["hashes"]))
        via = tuple(
            word for line in match["via"].splitlines() if (word := line.strip(" #").removeprefix("via").strip())
        )
        found[match["name"]] = Locked(match["name"], match["version"], hashes, via)
    return found


def runtime(locked: dict[str, Locked]) -> frozenset[str]:
    """What a daemon needs: the project's own dependencies and theirs, without the tools of its developers."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    found = {normal(re.split(r"[<>=!~\[ ;]", word, maxsplit=1)[0]) for word in wanted}
    while more := {name for name, its in locked.items() if name not in found and found & set(its.via)}:
        found |= more
    return frozenset(found)


def normal(name: str) -> str:
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
