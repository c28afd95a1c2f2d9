"""Many new objects in one commit, beside what the API server takes of the same calls without a reconciler."""

import asyncio

from benchmarks import bench, ceiling, figures


def once(count: int, run: int) -> tuple[float, float, float, float]:
    """Ours and the ceiling in objects a second; our processor seconds an object; our memory after."""
    with bench.cluster() as ready, bench.bench(ready) as made:
        first = made.commit("nothing yet")
        made.start()
        made.wait(lambda: made.rows("select count(*) from events where kind = 'revision-seen'")[0][0], what=first)
        names = made.fill(count)
        mark, used = ready.audit_mark(), made.cpu()
        revision = made.commit("all of them")
        pushed = made.moved_at()
        made.all_good(revision, names)
        used = made.cpu() - used
        last = max(bench.seconds(line["stageTimestamp"]) for line in made.writes(after=mark))
        memory = made.memory()
        made.stop()
        wall, _ = asyncio.run(ceiling.applied(ready, ceiling.both(f"ceiling-{run}", count)))
        return count / (last - pushed), count / wall, used / count, memory


def measure(quick: bool) -> list[figures.Figure]:
    """New ConfigMaps in 10 applications: from the moved branch to the last apply."""
    found = []
    plan = [(1_000, 1)] if quick else [(1_000, 7), (10_000, 3)]
    peers: dict[int, tuple[tuple[str, float], ...]] = {
        1_000: (("Flux", 196), ("kubectl", 36), ("Argo CD", 17)),
        10_000: (("Flux", 119),),
    }
    for count, runs in plan:
        seen = [once(count, run) for run in range(runs)]
        name = f"bulk, {count:,} new objects"
        found += [
            figures.Figure(name, "ours", tuple(s[0] for s in seen), "objects/s", peers=peers[count]),
            figures.Figure(name, "ceiling, the same calls", tuple(s[1] for s in seen), "objects/s"),
            figures.Figure(name, "ours of the ceiling", tuple(s[0] / s[1] * 100 for s in seen), "%", least=85),
            figures.Figure(name, "our processor an object", tuple(s[2] * 1e3 for s in seen), "ms"),
            figures.Figure(name, "our memory after", tuple(s[3] for s in seen), "MiB"),
        ]
    return found


if __name__ == "__main__":
    bench.main(measure)
