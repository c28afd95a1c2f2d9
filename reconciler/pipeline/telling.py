"""What an event says to the listeners: a line of log, samples of metrics. They cannot change anything (style 13)."""

from reconciler.model import records
from reconciler.record import samples as samples_of
from reconciler.record import sentences

Sample = samples_of.Sample

COUNTERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (samples_of.EVENTS, "Events recorded in the journal.", ("environment", "application", "kind")),
    (samples_of.ROLLOUTS, "Rollouts that ended, by their result.", ("environment", "application", "result")),
    (samples_of.HOLDS, "Holds that began, by their reason.", ("environment", "application", "reason")),
)
"""Name, help and label names of every counter."""


def line(event: records.Event) -> str:
    """The event as one line for a person."""
    return sentences.line(event)


def samples(event: records.Event) -> tuple[Sample, ...]:
    """What the event adds to the counters."""
    return samples_of.of(event)
