"""What the code says of itself, for the pages in docs/reference/."""

from dataclasses import dataclass

from reconciler.daemon import beats, metrics, queue
from reconciler.edges import system
from reconciler.model import ids, outcomes, records


@dataclass(frozen=True, slots=True)
class Metric:
    """One family of the metrics page. `kind` is Prometheus' word: counter, gauge, histogram."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


def daemon_metrics() -> tuple[Metric, ...]:
    """Every family, sorted: read from a page that has seen one of each."""
    clock, key = system.SystemClock(), ids.TargetKey("production", "web")
    seen = metrics.Metrics()
    seen.watch(queue.Queue(clock), beats.Beats(clock))
    seen.leads(1)
    for kind in records.EventKind:
        seen.heard(records.Event(kind, "2026-01-01T00:00:00Z", "", key))
    seen.passed(key, outcomes.PassResult(outcomes.Outcome.UNCHANGED, ""), 0.1)
    found = []
    for family in seen.registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        found.append(Metric(name, family.type, tuple(sorted(labels)), family.documentation))
    return tuple(sorted(found, key=lambda metric: metric.name))
