"""A release whose pods fail: from the failure that decides to the pushed revert commit and the old version applied."""

from benchmarks import bench, figures
from tests.support import site

NEIGHBOURS = 60
"""Healthy applications beside: were a fifth of all to fail within five minutes, it would be nobody's fault."""


def once(made: bench.Bench, number: int) -> tuple[float, float, float]:
    """Seconds from the last pod status before the verdict: to the verdict, to the old template, to the push."""
    name = f"web-{number}"
    made.application(name, [site.deployment(name)])
    good = made.commit(f"{name} v1")
    made.wait_good(good, name)
    mark = made.cluster.audit_mark()
    made.application(name, [site.deployment(name, image="registry.example/web:v2-image-pull-error")])
    made.commit(f"{name} v2")
    made.wait(
        lambda: made.rows(f"select 1 from events where application = '{name}' and kind = 'reverted'"),  # noqa: S608
        what="the revert",
    )
    made.wait(
        lambda: made.rows(f"select 1 from events where application = '{name}' and kind = 'revert-pushed'"),  # noqa: S608
        what="the push",
    )
    pushed = made.moved_at()
    (failed,) = made.rows(f"select at from events where application = '{name}' and kind = 'rollout-failed'")  # noqa: S608
    verdict = bench.seconds(failed[0])
    lines = [line for line in made.cluster.audit_lines(after=mark) if "objectRef" in line]
    statuses = [
        bench.seconds(line["stageTimestamp"])
        for line in lines
        if line["objectRef"].get("subresource") == "status"
        and line["objectRef"]["resource"] == "pods"
        and line["objectRef"]["name"].startswith(name)
    ]
    seen = max(at for at in statuses if at <= verdict)
    restored = max(
        bench.seconds(line["stageTimestamp"])
        for line in made.writes(after=mark)
        if line["objectRef"]["resource"] == "deployments"
    )
    made.pull()
    return verdict - seen, pushed - seen, restored - seen


def measure(quick: bool) -> list[figures.Figure]:
    """Failure seen → revert commit pushed, old version live."""
    runs = 2 if quick else 7
    with bench.cluster(controllers=True) as ready, bench.bench(ready) as made:
        neighbours = made.fill(NEIGHBOURS, applications=NEIGHBOURS)
        revision = made.commit("neighbours")
        made.start()
        made.all_good(revision, neighbours)
        seen = [once(made, number) for number in range(runs)]
        made.stop()
    name = "a failed release"
    start = "from the pod status that decides"
    return [
        figures.Figure(name, f"{start}: verdict", tuple(s[0] * 1e3 for s in seen), "ms"),
        figures.Figure(
            name, "revert commit pushed", tuple(s[1] * 1e3 for s in seen), "ms", most=500, others="nobody has it"
        ),
        figures.Figure(
            name, "old version live", tuple(s[2] * 1e3 for s in seen), "ms", most=1_000, others="nobody has it"
        ),
    ]


if __name__ == "__main__":
    bench.main(measure)
