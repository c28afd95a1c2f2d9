"""1,000 applications in one repository, and a commit that touches one of them."""

import functools
import time

from benchmarks import bench, figures


def measure(quick: bool) -> list[figures.Figure]:
    """A commit that touches one of many applications."""
    count, runs = (50, 3) if quick else (1_000, 20)
    latency, calls, started, cpu = [], [], [], []
    with bench.cluster() as ready, bench.bench(ready) as made:
        names = made.fill(count * 5, applications=count)
        revision = made.commit("first")
        made.start()
        made.all_good(revision, names)
        for number in range(runs):
            name = names[number * 7 % count]
            mark, used = ready.audit_mark(), made.cpu()
            (before,) = made.rows("select count(*) from rollouts")
            made.touch(name, 2, f"changed-{number}")
            revision = made.commit(f"change {number}")
            pushed = made.moved_at()
            (write,) = made.wait(functools.partial(made.writes, after=mark), what="the change being applied")
            latency.append((bench.seconds(write["stageTimestamp"]) - pushed) * 1e3)
            made.wait_good(revision, name)
            time.sleep(0.3)
            cpu.append((made.cpu() - used) * 1e3)
            (after,) = made.rows("select count(*) from rollouts")
            started.append(after[0] - before[0])
            calls.append(
                len([one for one in made.asked(after=mark) if one["objectRef"]["namespace"] == made.namespace])
            )
        made.stop()
    name = f"monorepo of {count:,} applications"
    return [
        figures.Figure(name, "rollouts of a commit to one", tuple(started), "", most=1, others="Flux reconciles all"),
        figures.Figure(name, "calls about objects (read, dry-run, apply)", tuple(calls), "calls", most=3),
        figures.Figure(name, "commit → applied", tuple(latency), "ms"),
        figures.Figure(name, "our processor, a commit", tuple(cpu), "ms"),
    ]


if __name__ == "__main__":
    bench.main(measure)
