"""What `audit verify` does: read the chain in pages, verify it, and hold it against the anchors outside of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.edges.journal import journal as sql
from reconciler.record import chain

PAGE = 1000
"""Events read at a time: about a megabyte, and the daemon's writes go on in between."""


@dataclass(frozen=True, slots=True)
class Audit:
    """`events`: how many were read and are sound; `head`: hash of the last of them; `broken`: None when all are."""

    events: int
    head: str
    broken: chain.Broken | None


async def verify(journal: sql.SqlJournal, *, anchors: Sequence[chain.Anchor] = ()) -> Audit:
    """The first break of the chain, else the first anchor that does not fit it. Raises as `SqlJournal.events`."""
    sequence, head = chain.FIRST
    seen = {}
    wanted = {anchor.sequence for anchor in anchors}
    while page := await journal.events(after=sequence, limit=PAGE):
        if broken := chain.verify(page, start=(sequence, head)):
            return Audit(broken.sequence - 1, head, broken)
        seen.update({found.sequence: found for found in page if found.sequence in wanted})
        sequence, head = page[-1].sequence, page[-1].hash
    epoch = await journal.epoch()
    for anchor in sorted(anchors, key=lambda anchor: anchor.sequence):
        if broken := chain.compare(anchor, found=seen.get(anchor.sequence), epoch=epoch):
            return Audit(sequence, head, broken)
    return Audit(sequence, head, None)
