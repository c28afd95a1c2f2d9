"""Event → what the counters on the metrics page grow by. Names follow the Prometheus conventions."""

from dataclasses import dataclass

from reconciler.model import records

EVENTS = "reconciler_events_total"
ROLLOUTS = "reconciler_rollouts_total"
HOLDS = "reconciler_holds_total"

_RESULTS = {
    records.EventKind.ROLLED_OUT: "rolled-out",
    records.EventKind.ROLLOUT_FAILED: "failed",
    records.EventKind.REVERTED: "reverted",
    records.EventKind.REVERT_FAILED: "revert-failed",
    records.EventKind.PREEMPTED: "pre-empted",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One counter and what to add to it. `labels` are pairs, in the order of the counter's label names."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float = 1.0


def of(event: records.Event) -> tuple[Sample, ...]:
    """What this event adds. An event of no target has empty target labels; no label holds free text."""
    target = (
        ("environment", event.target.environment if event.target else ""),
        ("application", event.target.application if event.target else ""),
    )
    found = [Sample(EVENTS, (*target, ("kind", event.kind.value)))]
    if result := _RESULTS.get(event.kind):
        found.append(Sample(ROLLOUTS, (*target, ("result", result))))
    if event.kind is records.EventKind.HELD:
        found.append(Sample(HOLDS, (*target, ("reason", dict(event.data).get("reason", "")))))
    return tuple(found)
