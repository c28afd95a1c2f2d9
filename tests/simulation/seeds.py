"""One seed as a process of its own runs it: what lies in `__main__` of a package is not found there."""

import contextlib

from tests.simulation import bugs, play


def one(seed: int, *, bug: str) -> play.Result:
    """One seed, with a bug put in where one is named."""
    with contextlib.ExitStack() as stack:
        for known in bugs.BUGS:
            if bug and bug in known.name:
                stack.enter_context(bugs.put_in(known))
        return play.simulate(seed)
