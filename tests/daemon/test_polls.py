"""When a repository is asked: at its time, at a hint, and never in a hot loop."""

import asyncio
import types
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from reconciler.daemon import beats, polls, queue, recording
from reconciler.model import ids, outcomes
from reconciler.pipeline import heads
from reconciler.sandbox import clock
from reconciler.settings import deployment

EVERY = 60.0


@dataclass(slots=True)
class _Heads:
    """Notes when it is asked; a question takes `takes` seconds."""

    clock: clock.VirtualClock
    takes: float = 0.0
    asked: list[float] = field(default_factory=list)

    def trouble(self, repository: str) -> outcomes.Hold | None:
        return None

    def revision(self, repository: str) -> str:
        return ""

    async def poll(self, name: str) -> frozenset[ids.TargetKey]:
        self.asked.append(self.clock.monotonic() - clock.START)
        await self.clock.sleep(self.takes)
        return frozenset()


@dataclass(slots=True)
class _Repository:
    hinted: tuple[float, ...]

    async def hints(self) -> AsyncIterator[None]:
        """At these seconds from the start."""
        for at in self.hinted:
            await asyncio.sleep(clock.START + at - asyncio.get_running_loop().time())
            yield


class _Chance:
    def jitter(self, seconds: float) -> float:
        return seconds


def _asked(hinted: tuple[float, ...], *, seconds: float, takes: float = 0.0) -> list[float]:
    """When the repository is asked within `seconds`."""
    time = clock.VirtualClock()
    asked = _Heads(time, takes)

    async def play() -> None:
        its = deployment.Repository(url="https://git.example.com/d.git", ref="refs/heads/main", poll=EVERY)
        here: Any = types.SimpleNamespace(
            clock=time,
            chance=_Chance(),
            repositories={"desired": _Repository(hinted)},
            settings=types.SimpleNamespace(repositories={"desired": its}),
        )
        its_beats = beats.Beats(time)
        of_records = recording.Recording(here, its_beats)
        its_polls = polls.Polls(here, cast(heads.Heads, asked), queue.Queue(time), its_beats, of_records)
        its_polls.start()
        await time.sleep(seconds)
        await its_polls.stop()

    time.run(play())
    return asked.asked


CASES = {
    "without hints at its time": ((), 0.0, [0.0, 60.0, 120.0]),
    "a hint is followed at once, and the time begins anew": ((10.0,), 0.0, [0.0, 10.0, 70.0, 130.0]),
    "a flood is five questions a second": (
        tuple(10 + n / 100 for n in range(41)),
        0.0,
        [0, 10, 10.2, 10.4, 70.4, 130.4],
    ),
    "hints while it is asked are one more question": ((10.0, 10.5, 11.0, 12.0), 5.0, [0.0, 10.0, 15.0, 80.0]),
}


@pytest.mark.parametrize(("hinted", "takes", "asked"), CASES.values(), ids=CASES)
def test_a_repository_is_asked(hinted: tuple[float, ...], takes: float, asked: list[float]) -> None:
    assert _asked(hinted, seconds=140.0, takes=takes) == pytest.approx(asked)
