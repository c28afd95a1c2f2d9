"""What cannot be recorded is not done: while the journal cannot be used every loop waits, and goes on by itself."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from reconciler import errors
from reconciler.daemon import beats
from reconciler.model import records
from reconciler.pipeline import world

log = logging.getLogger("reconciler.daemon")

T = TypeVar("T")

MEND, LONGEST_MEND = 2.0, 60.0
"""Seconds between two tries to record again: doubled each time recording is lost anew, so that a disk that takes one
line an hour makes no noise."""

QUIET = 300.0
"""Seconds of recording after which the next loss begins with the short wait again."""

BUG_PAUSE = 30.0
"""Seconds a loop rests after an error that nobody foresaw: it is reported, and the others go on."""

BUSY_PAUSE = 1.0
"""Seconds a loop rests after something passing, such as a backup tool that locks the journal."""


@dataclass(frozen=True, slots=True)
class Rest:
    """A step failed; it may be made again after `seconds`."""

    seconds: float


@dataclass(slots=True)
class Recording:
    """Whether the journal can be used, and the one place where a loop's failure is contained."""

    here: world.World
    beats: beats.Beats
    trouble: str = ""
    """Why nothing can be recorded; '' while it can."""
    _usable: asyncio.Event = field(default_factory=asyncio.Event)
    _lost: asyncio.Event = field(default_factory=asyncio.Event)
    _pause: float = MEND
    _mended_at: float = 0.0

    def __post_init__(self) -> None:
        self._usable.set()

    async def usable(self) -> None:
        """Wait until the journal can be used."""
        await self._usable.wait()

    async def contained(self, loop: str, step: Callable[[], Awaitable[T]]) -> "T | Rest":
        """One step of a loop, once the journal can be used; or how long to rest before it is made again.

        Raises `errors.LeadershipLost` only: somebody else leads, so this process has to end.
        """
        if not self._usable.is_set():
            self.beats.forget(loop)  # it waits on purpose
            await self._usable.wait()
        try:
            return await step()
        except errors.LeadershipLost:
            raise
        except errors.JournalUnusable as error:
            self._lose(error)
            return Rest(0.0)
        except errors.ReconcilerError as error:
            log.warning("%s: %s", loop, error)
            return Rest(self.here.chance.jitter(BUSY_PAUSE))
        except Exception:
            log.exception("%s: an unforeseen error; it rests for %.0f s", loop, BUG_PAUSE)
            return Rest(BUG_PAUSE)

    async def kept(self, loop: str, step: Callable[[], Awaitable[T]]) -> T:
        """As `contained`, made again after each rest until it succeeds."""
        while isinstance(answer := await self.contained(loop, step), Rest):
            await self.here.clock.sleep(answer.seconds)
        return answer

    def _lose(self, error: errors.JournalUnusable) -> None:
        """Nothing can be recorded: from now on nothing is done."""
        if not self._usable.is_set():
            return
        log.error("nothing can be recorded, so nothing is done: %s", error)
        again = self.here.clock.monotonic() - self._mended_at < QUIET
        self._pause = min(LONGEST_MEND, self._pause * 2) if again and self._mended_at else MEND
        self.trouble = str(error)
        self._usable.clear()
        self._lost.set()

    async def mend(self) -> None:
        """The loop that tries to record again, for ever."""
        while True:
            self.beats.beat("recording", within=float("inf"))
            await self._lost.wait()
            self.beats.beat("recording", within=self._pause + LONGEST_MEND)
            await self.here.clock.sleep(self.here.chance.jitter(self._pause))
            event = self.here.event(records.EventKind.HOLD_ENDED, f"the journal can be written again: {self.trouble}")
            try:
                await self.here.append(event)
            except errors.LeadershipLost:
                raise
            except errors.ReconcilerError as error:
                self.trouble = str(error)
                continue
            self.trouble = ""
            self._mended_at = self.here.clock.monotonic()
            self._lost.clear()
            self._usable.set()
