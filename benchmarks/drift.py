"""Somebody changes one object among many: how long until it is as Git says again."""

import functools
import time

from benchmarks import bench, figures


def measure(quick: bool) -> list[figures.Figure]:
    """Drift → healed; one trial an application, because the second healing of one waits on purpose."""
    count, applications = (1_000, 5) if quick else (10_000, 20)
    latency, calls = [], []
    with bench.cluster() as ready, bench.bench(ready) as made:
        names = made.fill(count, applications=applications)
        revision = made.commit("first")
        made.start()
        made.all_good(revision, names)
        time.sleep(1.0)
        for name in names:
            mark = ready.audit_mark()
            path = f"/api/v1/namespaces/{made.namespace}/configmaps/{name}-00007"
            ready.patch(path, {"data": {"value": "drifted"}})
            (drifted,) = [line for line in ready.audit_lines(after=mark) if "kubectl-edit" in line["requestURI"]]
            (write,) = made.wait(functools.partial(made.writes, after=mark), what=f"{name} being healed")
            latency.append((bench.seconds(write["stageTimestamp"]) - bench.seconds(drifted["stageTimestamp"])) * 1e3)
            made.wait_good(revision, name)
            calls.append(len([line for line in made.asked(after=mark) if name in line["requestURI"]]))
        made.stop()
    name = f"drift of one among {count:,}"
    return [
        figures.Figure(name, "until healed", tuple(latency), "ms", most=150, others="Flux: at its next interval"),
        figures.Figure(name, "calls", tuple(calls), "calls"),
    ]


if __name__ == "__main__":
    bench.main(measure)
