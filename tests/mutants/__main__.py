"""Applies each mutant to a copy of the tree and runs the tests that should notice: `make mutants`."""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable

from tests.mutants import catalogue

FAILED = 1
"""pytest's exit code when tests failed; any other but 0 says that they did not run."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutants whose name or invariant has one of these words")
    words = parser.parse_args().words
    chosen = [
        found
        for found in catalogue.mutants()
        if not words or any(word.lower() in f"{found.name} {found.breaks}".lower() for word in words)
    ]
    with tempfile.TemporaryDirectory(prefix="reconciler-mutants-") as folder:
        copy = pathlib.Path(folder) / "tree"
        _copy(copy)
        if complaint := _unsound(copy, {test for mutant in chosen for test in mutant.tests}):
            print(f"without any mutant a test fails: {complaint}")
            return 1
        return _report([(mutant, *_tried(copy, mutant)) for mutant in chosen])


def _copy(to: pathlib.Path) -> None:
    """What is versioned, and what is about to be."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=catalogue.ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        source, target = catalogue.ROOT / name, to / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _pytest(copy: pathlib.Path, tests: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """The copy's code, not the installed one: PYTHONPATH comes before it."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *sorted(tests)],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def _unsound(copy: pathlib.Path, tests: Iterable[str]) -> str:
    """What a test says that fails as it is: it would "notice" every mutant."""
    done = _pytest(copy, tests)
    return "" if done.returncode == 0 else _named(done.stdout) or done.stdout[-2000:] + done.stderr[-2000:]


def _tried(copy: pathlib.Path, mutant: catalogue.Mutant) -> tuple[str, float]:
    """The test that noticed the mutant, '' for none; and the seconds that it took."""
    file = copy / mutant.file
    whole, began = file.read_text(), time.monotonic()
    file.write_text(mutant.applied(whole))
    try:
        done = _pytest(copy, mutant.tests)
    finally:
        file.write_text(whole)
    noticed = _named(done.stdout) if done.returncode == FAILED else ""
    return noticed, time.monotonic() - began


def _named(output: str) -> str:
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE)
    return found[1] if found else ""


def _report(tried: list[tuple[catalogue.Mutant, str, float]]) -> int:
    width = max((len(mutant.name) for mutant, _, _ in tried), default=0)
    for mutant, noticed, seconds in tried:
        print(f"{mutant.name:{width}}  {mutant.breaks:28}  {seconds:5.1f} s  {noticed or 'NOT NOTICED'}")
    missed = [mutant for mutant, noticed, _ in tried if not noticed]
    print(f"\n{len(tried) - len(missed)} of {len(tried)} mutants were noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
