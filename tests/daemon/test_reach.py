"""A cluster that cannot be used: said at once, called out when it lasts, and told when it is back."""

import types
from typing import Any, cast

import pytest

from reconciler import errors
from reconciler.daemon import queue, reach
from reconciler.model import ids, outcomes, records
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


WEB, SHOP = ids.TargetKey("production", "web"), ids.TargetKey("production", "shop")
CUT = "the watch of Widget.example.com was cut: 500 conversion webhook failed"


class Passes:
    """Passes over targets of one cluster that answers, or does not; `pages`: what somebody is called for."""

    def __init__(self, its: clock.VirtualClock) -> None:
        self.clock, self.pages, self.trouble = its, list[str](), ""
        environments = {"production": types.SimpleNamespace(cluster="one")}
        here = types.SimpleNamespace(
            clusters={"one": self},
            clock=its,
            chance=still.Counting(),
            append=self.append,
            event=lambda kind, because, **data: records.Event(kind, "", because),
            settings=types.SimpleNamespace(environments=environments),
        )
        recording = types.SimpleNamespace(kept=self.kept)
        self.reach = reach.Reach(cast(Any, here), queue.Queue(its), cast(Any, recording))

    async def facts(self, *, fresh: bool) -> None:
        if self.trouble:
            raise errors.Transient(self.trouble)

    async def append(self, event: records.Event) -> None:
        if event.kind is Kind.PAGE:
            self.pages.append(event.because)

    async def kept(self, what: str, write: Any) -> None:
        await write()

    async def go(self, seconds: float, **because: str) -> None:
        """A pass over each application every 10 s: why it misses its cluster, '' where it does not."""
        for _ in range(int(seconds / 10)):
            for application, why in because.items():
                hold = outcomes.Hold(outcomes.HoldReason.CLUSTER_UNAVAILABLE, why) if why else None
                outcome = outcomes.Outcome.HELD if hold else outcomes.Outcome.UNCHANGED
                result = outcomes.PassResult(outcome, why, None, hold)
                self.reach.passed(ids.TargetKey("production", application), result)
            await self.clock.sleep(10)


def test_a_cluster_that_answers_and_is_missed_for_long_calls_somebody_once() -> None:
    """For all of its targets together, and again when that was over and comes back."""
    its = clock.VirtualClock()

    async def plot() -> list[str]:
        passes = Passes(its)
        await passes.go(50, web=CUT)
        assert passes.pages == []
        await passes.go(200, web=CUT, shop=CUT)
        assert passes.pages == [f"for 60 s: cluster one answers, but {WEB} and 1 more cannot use it: {CUT}"]
        await passes.go(10, web="", shop=CUT)
        await passes.go(10, web="", shop="")
        await passes.go(60, web="", shop=CUT)
        assert len(passes.pages) == 1
        await passes.go(10, web="", shop=CUT)
        await passes.reach.stop()
        return passes.pages[1:]

    assert its.run(plot()) == [f"for 60 s: cluster one answers, but {SHOP} cannot use it: {CUT}"]


def test_a_cluster_that_is_away_as_a_whole_calls_somebody_once() -> None:
    """A target whose pass still misses it when it is back is no reason to call again."""
    its = clock.VirtualClock()

    async def plot() -> list[str]:
        passes = Passes(its)
        passes.trouble = REFUSED
        await passes.go(300, web=REFUSED, shop=REFUSED)
        passes.trouble = ""
        await passes.go(50, web=REFUSED)
        await passes.go(50, web="", shop="")
        await passes.reach.stop()
        return passes.pages

    (page,) = its.run(plot())
    assert REFUSED in page and "answers" not in page
