"""A cluster that cannot be used: said at once, called out when it lasts, and told when it is back."""

import types
from typing import Any, cast

import pytest

from reconciler import errors
from reconciler.daemon import queue, reach
from reconciler.model import records
from reconciler.sandbox import clock
from tests.sandbox import test_objects as still

REFUSED = "the API server does not accept our credentials (401)"
DISTRUSTED = "the API server cannot be trusted: certificate verify failed"
Kind = records.EventKind


class Cluster:
    """Answers from `back` on, in seconds."""

    def __init__(self, its: clock.VirtualClock, trouble: str, *, back: float) -> None:
        self._clock, self._trouble, self._back = its, trouble, back

    async def facts(self, *, fresh: bool) -> None:
        assert fresh
        if self._clock.monotonic() < clock.START + self._back:
            raise errors.Transient(self._trouble)


async def told(its: clock.VirtualClock, trouble: str, *, back: float) -> list[records.Event]:
    """What the journal hears until the cluster answers."""
    events: list[records.Event] = []

    async def append(event: records.Event) -> None:
        events.append(event)

    async def kept(what: str, write: Any) -> None:
        await write()

    def event(kind: records.EventKind, because: str, **data: str) -> records.Event:
        return records.Event(kind, "", because, None, tuple(data.items()))

    here = types.SimpleNamespace(
        clusters={"one": Cluster(its, trouble, back=back)},
        clock=its,
        chance=still.Counting(),
        append=append,
        event=event,
    )
    asked = reach.Reach(cast(Any, here), queue.Queue(its), cast(Any, types.SimpleNamespace(kept=kept)))
    asked.greet()
    await its.sleep(back + 2 * reach.CAP)
    await asked.stop()
    return events


@pytest.mark.parametrize("trouble", [REFUSED, DISTRUSTED])
@pytest.mark.parametrize(
    ("back", "kinds"),
    [(0.0, []), (30.0, [Kind.HELD, Kind.HOLD_ENDED]), (600.0, [Kind.HELD, Kind.PAGE, Kind.HOLD_ENDED])],
)
def test_a_cluster_that_cannot_be_used_for_long_calls_somebody_once(
    trouble: str, back: float, kinds: list[records.EventKind]
) -> None:
    its = clock.VirtualClock()
    events = its.run(told(its, trouble, back=back))
    assert [event.kind for event in events] == kinds
    for event in events:
        assert "cluster one" in event.because
    assert all(trouble in event.because for event in events if event.kind is Kind.PAGE)
