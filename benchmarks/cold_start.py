"""A daemon that starts while everything is in sync: how long until it knows, and what it weighs then."""

import time

from benchmarks import bench, figures


def measure(quick: bool) -> list[figures.Figure]:
    """Cold start to "all in sync"."""
    count, runs = (1_000, 2) if quick else (10_000, 7)
    wall, cpu, memory, calls = [], [], [], []
    with bench.cluster() as ready, bench.bench(ready) as made:
        names = made.fill(count)
        revision = made.commit("first")
        made.start()
        made.all_good(revision, names)
        for _ in range(runs):
            made.stop()
            made.log_file.unlink()
            mark = ready.audit_mark()
            started = time.perf_counter()
            made.start()
            made.wait(lambda: made.in_sync() == len(names), what="all applications being in sync")
            wall.append(time.perf_counter() - started)
            cpu.append(made.cpu())
            memory.append(made.memory())
            calls.append(len(made.asked(after=mark)))
        made.stop()
    name = f"cold start, {count:,} objects"
    return [
        figures.Figure(name, "process start to all in sync", tuple(wall), "s", most=3),
        figures.Figure(name, "processor", tuple(cpu), "s"),
        figures.Figure(
            name, "memory after", tuple(memory), "MiB", most=120, peers=(("Flux", 207), ("Argo CD, 1,000", 515))
        ),
        figures.Figure(name, "calls, watches not counted", tuple(calls), "calls"),
    ]


if __name__ == "__main__":
    bench.main(measure)
