"""Runs seeds, and tells the story of the first that fails: `make simulate SEED=7 COUNT=1000`."""

import argparse
import collections
import functools
import multiprocessing
import sys
import time
from collections.abc import Iterator

from tests.simulation import coverage, play, seeds


def options() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    arguments.add_argument("--seed", type=int, default=0, help="the first seed")
    arguments.add_argument("--count", type=int, default=1, help="how many seeds")
    arguments.add_argument("--workers", type=int, default=1, help="processes to run them in")
    arguments.add_argument("--story", action="store_true", help="tell the story also when nothing failed")
    arguments.add_argument(
        "--keep-going", action="store_true", help="name every seed that fails instead of telling one"
    )
    arguments.add_argument("--coverage", action="store_true", help="show which state met which fault")
    arguments.add_argument("--bug", default="", help="put in the bug of bugs.py whose name holds this text")
    return arguments.parse_args()


def results(given: argparse.Namespace) -> Iterator[play.Result]:
    """In the order of the seeds."""
    work, wanted = functools.partial(seeds.one, bug=given.bug), range(given.seed, given.seed + given.count)
    if given.workers == 1:
        yield from map(work, wanted)
        return
    with multiprocessing.get_context("spawn").Pool(given.workers) as pool:
        yield from pool.imap(work, wanted, chunksize=4)


def main() -> int:
    given = options()
    met: collections.Counter[tuple[str, str]] = collections.Counter()
    failed: list[int] = []
    began, virtual, faults, done = time.perf_counter(), 0.0, 0, 0
    for result in results(given):
        met += result.met
        virtual, faults, done = virtual + result.seconds, faults + result.faults, done + 1
        if given.story or (result.complaints and not given.keep_going):
            print("\n".join(result.lines))
        if given.story or result.complaints:
            print("\n".join((f"seed {result.seed}, history {result.digest}", *result.complaints)))
        if result.complaints:
            failed.append(result.seed)
            if not given.keep_going:
                break
    seconds = time.perf_counter() - began
    print(f"{done} seeds, {faults} faults, {virtual / 3600:.1f} virtual hours in {seconds:.1f} s")
    print(coverage.table(met) if given.coverage else f"{len(met)} pairs of a state and a fault met")
    for seed in failed:
        print(f"failed: make simulate SEED={seed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
