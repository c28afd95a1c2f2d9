"""One parser of outside input, what is thrown at it, and what it may answer."""

import resource
import signal
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from reconciler import errors

SLOW = 1.0
"""Seconds of processor time for one input. Wall time would blame a machine that is busy with something else."""
VERY_SLOW = 10.0
"""Where a verdict must not depend on the machine."""


class TooSlow(BaseException):
    """An input that takes longer than any honest one. No Exception, so that no parser takes it for its own."""


@dataclass(frozen=True, slots=True)
class Target:
    """`eat` returns or raises one of `answers`; anything else is a finding."""

    name: str
    inputs: st.SearchStrategy[Any]
    eat: Callable[[Any], object]
    answers: tuple[type[Exception], ...] = (errors.ReconcilerError,)

    def __call__(self, given: Any, *, within: float = SLOW) -> None:
        with in_time(within):
            try:
                self.eat(given)
            except self.answers:
                return


@contextmanager
def in_time(seconds: float) -> Iterator[None]:
    """Raises TooSlow when the block uses more than so much of the processor."""

    def late(number: int, frame: types.FrameType | None) -> None:
        raise TooSlow(f"more than {seconds:g} s of processor time")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def bounded_memory(most: int) -> None:
    """Let this process have no more than `most` bytes: what wants more fails, and is found."""
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
