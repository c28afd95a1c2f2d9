"""Many applications at once, each a ServiceAccount, a Service, a Deployment without replicas and an Ingress."""

from typing import Any

from benchmarks import bench, figures


def objects(name: str) -> list[dict[str, Any]]:
    """As flux-benchmark has them: four objects, no pods."""
    labels = {"app": name}
    container = {"name": "app", "image": "registry.example/web:v1"}
    backend = {"service": {"name": name, "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"selector": labels, "ports": [{"port": 80}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"serviceAccountName": name, "containers": [container]},
                },
            },
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": name},
            "spec": {"rules": [{"host": f"{name}.example.com", "http": {"paths": [path]}}]},
        },
    ]


def once(count: int) -> tuple[float, float, float]:
    """Seconds from the moved branch to the last application being good, our processor seconds, our memory."""
    with bench.cluster(controllers=True) as ready, bench.bench(ready) as made:
        made.commit("nothing yet")
        made.start()
        made.wait(lambda: made.rows("select 1 from events where kind = 'revision-seen'"), what="the first poll")
        names = [f"app-{number:04}" for number in range(count)]
        for name in names:
            made.application(name, objects(name))
        used = made.cpu()
        revision = made.commit("all of them")
        pushed = made.moved_at()
        made.all_good(revision, names)
        ends = made.rows("select max(at) from events where kind = 'rolled-out'")
        return bench.seconds(ends[0][0]) - pushed, made.cpu() - used, made.memory()


def measure(quick: bool) -> list[figures.Figure]:
    """Until all applications are healthy."""
    found = []
    plan = [(20, 1, 3.0, ())] if quick else [(100, 7, 3.0, (("Flux", 13.0),)), (500, 3, 12.0, (("Flux", 156.0),))]
    for count, runs, most, peers in plan:
        seen = [once(count) for _ in range(runs)]
        name = f"{count} applications of 4 objects"
        found += [
            figures.Figure(name, "until all are healthy", tuple(s[0] for s in seen), "s", most=most, peers=peers),
            figures.Figure(name, "our processor", tuple(s[1] for s in seen), "s"),
            figures.Figure(name, "our memory after", tuple(s[2] for s in seen), "MiB", others="Flux 171 MiB at 500"),
        ]
    return found


if __name__ == "__main__":
    bench.main(measure)
