"""The daemon's own metrics, by the Prometheus conventions; the table is docs/reference/metrics.md."""

import prometheus_client

from reconciler.daemon import beats, queue
from reconciler.model import ids, outcomes, records
from reconciler.pipeline import telling

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """One registry for each daemon, so that two in one process do not share counters."""

    def __init__(self) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self._counters = {
            name: prometheus_client.Counter(name.removesuffix("_total"), text, labels, registry=self.registry)
            for name, text, labels in telling.COUNTERS
        }
        self._passes = prometheus_client.Histogram(
            "reconciler_pass_duration_seconds",
            "How long passes took, by how they ended.",
            ("environment", "application", "outcome"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._state = prometheus_client.Gauge(
            "reconciler_target_outcome",
            "1 for the outcome of the target's newest pass, 0 for the others.",
            ("environment", "application", "outcome"),
            registry=self.registry,
        )
        self._newest: dict[ids.TargetKey, outcomes.Outcome] = {}
        self._leading = prometheus_client.Gauge(
            "reconciler_leading_epoch", "The epoch under which this process leads.", registry=self.registry
        )

    def leads(self, epoch: int) -> None:
        self._leading.set(epoch)

    def heard(self, event: records.Event) -> None:
        """Count one event."""
        for sample in telling.samples(event):
            counter = self._counters[sample.name]
            labelled = counter.labels(*(value for _, value in sample.labels)) if sample.labels else counter
            labelled.inc(sample.value)

    def passed(self, key: ids.TargetKey, result: outcomes.PassResult, seconds: float) -> None:
        """Note one pass over one target that took `seconds`."""
        self._passes.labels(key.environment, key.application, result.outcome.value).observe(seconds)
        before = self._newest.get(key)
        if before is result.outcome:
            return
        self._newest[key] = result.outcome
        for outcome in (before, result.outcome) if before else outcomes.Outcome:
            value = 1 if outcome is result.outcome else 0
            self._state.labels(key.environment, key.application, outcome.value).set(value)

    def watch(self, its_queue: queue.Queue, its_beats: beats.Beats) -> None:
        """Read these at each scrape."""
        waiting = prometheus_client.Gauge(
            "reconciler_queue_length", "Targets that are due now or later.", registry=self.registry
        )
        waiting.set_function(lambda: len(its_queue))
        busy = prometheus_client.Gauge(
            "reconciler_workers_busy", "Workers with a target in hand.", registry=self.registry
        )
        busy.set_function(lambda: its_queue.busy)
        late = prometheus_client.Gauge(
            "reconciler_loops_late", "Loops that missed their deadline.", registry=self.registry
        )
        late.set_function(lambda: len(its_beats.late()))

    def page(self) -> bytes:
        """The text that Prometheus scrapes."""
        return prometheus_client.generate_latest(self.registry)
