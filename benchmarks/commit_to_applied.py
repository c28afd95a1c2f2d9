"""One object changed in Git: how long until the API server has it. The hint is the moved file of a local branch."""

import functools
import time

from benchmarks import bench, figures

PEERS: dict[int, tuple[tuple[str, float], ...]] = {
    1_000: (("Argo CD", 1_700), ("Flux", 2_500)),
    10_000: (("Flux", 63_000),),
}
"""Milliseconds; both were told of the commit at once."""


def trials(made: bench.Bench, names: list[str], count: int) -> tuple[list[float], list[int]]:
    """Seconds from the moved branch to the answer of the apply, and the calls each took."""
    latency, calls = [], []
    for number in range(count):
        mark = made.cluster.audit_mark()
        made.touch(names[number % len(names)], number % 50, f"changed-{number}")
        revision = made.commit(f"change {number}")
        pushed = made.moved_at()
        (write,) = made.wait(functools.partial(made.writes, after=mark), what=f"change {number} being applied")
        latency.append(bench.seconds(write["stageTimestamp"]) - pushed)
        app = names[number % len(names)]
        made.wait_good(revision, app)
        calls.append(len([line for line in made.asked(after=mark) if line["objectRef"]["namespace"] == made.namespace]))
        time.sleep(0.2)  # the next commit is another one, not the tail of this one
    return latency, calls


def measure(quick: bool) -> list[figures.Figure]:
    """Commit → applied."""
    found, medians = [], {}
    for count, peers in PEERS.items():
        if quick and count > 1_000:
            continue
        with bench.cluster() as ready, bench.bench(ready) as made:
            names = made.fill(count)
            revision = made.commit("first")
            made.start()
            made.all_good(revision, names)
            latency, calls = trials(made, names, 10 if quick else 50)
            made.stop()
        name = f"commit → applied, {count:,} objects"
        milliseconds = tuple(s * 1e3 for s in latency)
        worst = figures.percentile(milliseconds, 0.99)
        medians[count] = figures.Figure(name, "p50", milliseconds, "ms", most=100, peers=peers)
        found += [
            medians[count],
            figures.Figure(name, "p99", (worst,), "ms", most=250),
            figures.Figure(name, "calls about objects", tuple(calls), "calls"),
        ]
    if len(medians) == 2:
        ratio = medians[10_000].median / medians[1_000].median
        found.append(
            figures.Figure("commit → applied", "10,000 ÷ 1,000", (ratio,), "×", most=1.3, peers=(("Flux", 25.0),))
        )
    return found


if __name__ == "__main__":
    bench.main(measure)
