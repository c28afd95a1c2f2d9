"""Which state of a target met which fault: what the seeds have been through, and what not."""

import collections

from tests.simulation import faults


def table(met: collections.Counter[tuple[str, str]]) -> str:
    """A row for each state, a column for each fault in the order of `faults.KINDS`, and the names of the columns."""
    states = sorted({state for state, _ in met})
    lines = [f"{number:3} {kind}" for number, kind in enumerate(faults.KINDS)]
    lines.append(" " * 36 + "".join(f"{number:5}" for number in range(len(faults.KINDS))))
    for state in states:
        lines.append(f"{state:36}" + "".join(f"{met[state, kind] or '·':>5}" for kind in faults.KINDS))
    return "\n".join(lines)
