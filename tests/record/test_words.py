"""Events as metric samples and as lines for a person."""

import pytest

from reconciler.model import ids, records
from reconciler.record import samples, sentences

TARGET = ids.TargetKey("production", "web")
LABELS = (("environment", "production"), ("application", "web"))
AT = "2026-01-01T10:00:00Z"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            records.Event(records.EventKind.LEADING, AT, "started"),
            [(samples.EVENTS, (("environment", ""), ("application", ""), ("kind", "leading")))],
        ),
        (
            records.Event(records.EventKind.ROLLED_OUT, AT, "healthy", TARGET),
            [
                (samples.EVENTS, (*LABELS, ("kind", "rolled-out"))),
                (samples.ROLLOUTS, (*LABELS, ("result", "rolled-out"))),
            ],
        ),
        (
            records.Event(records.EventKind.HELD, AT, "no", TARGET, (("reason", "refused"), ("revision", "a1"))),
            [(samples.EVENTS, (*LABELS, ("kind", "held"))), (samples.HOLDS, (*LABELS, ("reason", "refused")))],
        ),
    ],
)
def test_samples(event: records.Event, expected: list[tuple[str, tuple[tuple[str, str], ...]]]) -> None:
    found = samples.of(event)
    assert [(sample.name, sample.labels) for sample in found] == expected
    assert {sample.value for sample in found} == {1.0}


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (records.Event(records.EventKind.LEADING, AT, "epoch 3"), "reconciler leading: epoch 3"),
        (
            records.Event(records.EventKind.ROLLOUT_FAILED, AT, "crash loop", TARGET, (("revision", "1a2b"),)),
            "production/web rollout failed: crash loop (revision 1a2b)",
        ),
        (records.Event(records.EventKind.PRUNED, AT, "", TARGET), "production/web pruned"),
        (
            records.Event(records.EventKind.PAGE, AT, "said:\n2026 production/web rolled out\x1b[2J", TARGET),
            "production/web page: said: 2026 production/web rolled out�[2J",
        ),
    ],
)
def test_an_event_is_one_printable_line(event: records.Event, line: str) -> None:
    assert sentences.line(event) == line
