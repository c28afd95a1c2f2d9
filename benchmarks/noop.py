"""Passes over applications of which nothing changed: calls from the audit log, processor of our own process."""

import asyncio
import time

from benchmarks import bench, figures
from reconciler import ports
from reconciler.app import composing, opening
from reconciler.model import ids, outcomes
from reconciler.pipeline import cycle
from tests.support import site

ROUNDS = 20
PEERS: dict[int, tuple[tuple[str, float], ...]] = {
    1_000: (("Argo CD", 600), ("Flux", 1_300)),
    10_000: (("Flux", 5_300),),
}
"""Microseconds of processor an object."""


async def passes(made: bench.Bench, names: list[str], rounds: int) -> tuple[list[float], list[float], int]:
    """Processor seconds of `rounds` rounds of passes over all applications: woken ones, and ones told to look at
    every object again; and the calls they all made. In this process, with the daemon's own edges."""
    its = opening.settings(made.config)
    keys = [ids.TargetKey(site.ENVIRONMENT, name) for name in names]
    async with opening.open_journal(its) as journal, composing.build(its, journal) as here:
        runner = cycle.Cycle(here, lambda key: None)
        runner.listen()
        here.epoch = await journal.lead("benchmark")
        await runner.heads.poll("desired")
        open_keys = set(keys)
        while open_keys:
            for key in sorted(open_keys):
                result = await runner.reconcile(key)
                if result.outcome is outcomes.Outcome.UNCHANGED:
                    open_keys.discard(key)
        following = asyncio.create_task(_follow(journal))
        await asyncio.sleep(1.0)  # what the watches still have to say of our own writes
        mark = made.cluster.audit_mark()
        found: list[list[float]] = []
        for again in (False, True):
            used = []
            for _ in range(rounds):
                if again:
                    for key in keys:
                        runner.drift.suspect(key, "looked at again")
                started = time.process_time()
                for key in keys:
                    result = await runner.reconcile(key)
                    assert result.outcome is outcomes.Outcome.UNCHANGED, result
                used.append(time.process_time() - started)
            found.append(used)
        following.cancel()
        return found[0], found[1], len(made.asked(after=mark))


async def _follow(journal: ports.Journal) -> None:
    """As a daemon does for people's requests."""
    async for _ in journal.changes():
        pass


def measure(quick: bool) -> list[figures.Figure]:
    """A pass with nothing changed."""
    found = []
    for count, peers in PEERS.items():
        if quick and count > 1_000:
            continue
        with bench.cluster() as ready, bench.bench(ready) as made:
            names = made.fill(count)
            made.commit("first")
            woken, looked, calls = asyncio.run(passes(made, names, ROUNDS))
        name = f"no-op, {count:,} objects"
        found += [
            figures.Figure(
                name, "calls in all rounds", (calls,), "calls", most=0, others="Flux 2 an object; Argo CD 0"
            ),
            figures.Figure(
                name,
                "processor an object: woken pass",
                tuple(s / count * 1e6 for s in woken),
                "µs",
                most=1,
                peers=peers,
            ),
            figures.Figure(
                name, "processor an object: every object compared", tuple(s / count * 1e6 for s in looked), "µs"
            ),
        ]
    return found


if __name__ == "__main__":
    bench.main(measure)
