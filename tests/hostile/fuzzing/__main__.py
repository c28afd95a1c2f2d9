"""Throws fresh inputs at every parser for MINUTES, and keeps what broke one: `make fuzz MINUTES=10`.

Each turn of a target is a process of its own: a crash or a hang of one is found, and told, and ends no other.
"""

import argparse
import dataclasses
import itertools
import multiprocessing
import os
import pathlib
import secrets
import sys
import time
import traceback
from typing import Any

import hypothesis
from hypothesis import Phase

from tests.hostile.fuzzing import corpus, target

TURN = 400
"""Inputs a turn."""
LONGEST_TURN = 300.0
"""Seconds; a turn takes a few."""
MEMORY = 6 << 30
"""Bytes of address space a turn; the libraries alone reserve 1 GiB of it."""


@dataclasses.dataclass(slots=True)
class Told:
    """What became of a turn. `found` says what went wrong, '' when nothing did."""

    eaten: int = 0
    found: str = ""
    kept: str = ""


def turn(name: str, seed: int, notes: pathlib.Path, folder: pathlib.Path, said: Any) -> None:
    """In the child: one turn of a target."""
    its, told = corpus.TARGETS[name], Told()
    target.bounded_memory(MEMORY)
    last: list[Any] = [None]

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=TURN,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
    )
    @hypothesis.given(its.inputs)
    def eat(given: Any) -> None:
        told.eaten += 1
        last[0] = given
        _note(notes, given)
        its(given)

    try:
        eat()
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/reconciler/" in frame.filename]
        told.found = "".join((*traceback.format_list(frames[-3:]), f"{type(error).__name__}: {str(error)[:500]}\n"))
        told.kept = str(corpus.save(name, last[0], folder=folder))
    said.send(told)


def _note(notes: pathlib.Path, given: Any) -> None:
    """The input that is being eaten, for whoever finds the child dead."""
    notes.write_text(corpus.written(given))


def run(name: str, *, seed: int, notes: pathlib.Path, folder: pathlib.Path = corpus.FOLDER) -> Told:
    """One turn in a child. What breaks the target is kept below `folder`."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=turn, args=(name, seed, notes, folder, theirs))
    child.start()
    theirs.close()
    try:
        if ours.poll(LONGEST_TURN):
            return ours.recv()
        found = f"it hung for {LONGEST_TURN:g} s"
    except EOFError:
        child.join()
        found = f"it died with exit code {child.exitcode}"
    child.kill()
    child.join()
    return Told(0, found, str(corpus.save(name, corpus.load(notes), folder=folder)))


def options() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(prog="python -m tests.hostile.fuzzing", description=__doc__)
    arguments.add_argument("--minutes", type=float, default=1.0)
    arguments.add_argument("--target", default="", help="only those whose name holds this")
    arguments.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32), help="of the first turn")
    return arguments.parse_args()


def main() -> int:
    given = options()
    names = [name for name in corpus.TARGETS if given.target in name]
    ends, total = time.monotonic() + 60 * given.minutes, dict.fromkeys(names, 0)
    print(f"{len(names)} targets for {given.minutes:g} minutes, from seed {given.seed}", flush=True)
    found: dict[str, Told] = {}
    notes = pathlib.Path(f"/dev/shm/fuzzing-{os.getpid()}" if pathlib.Path("/dev/shm").is_dir() else "/tmp/fuzzing")
    for number in itertools.count():
        name = names[number % len(names)]
        if name not in found:
            told = run(name, seed=given.seed + number, notes=notes)
            total[name] += told.eaten
            if told.found:
                found[name] = told
                print(f"\n{name}, seed {given.seed + number}: {told.kept}\n{told.found}", flush=True)
        if time.monotonic() > ends or len(found) == len(names):
            break
    notes.unlink(missing_ok=True)
    for name in names:
        print(f"{name:24} {total[name]:9,} inputs{'   ' + found[name].kept if name in found else ''}")
    print(f"{sum(total.values()):,} inputs, {len(found)} targets broken")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
