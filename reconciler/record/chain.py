"""The hash chain of events: what was recorded cannot be changed later without being seen.

Each hash covers the event's canonical text, its sequence and the hash before it. The chain alone cannot show that its
newest end was cut off, or that all of it was made anew: anchors outside of the journal (target records in the
cluster, trailers of revert commits) can.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.model import records

FIRST = (0, "")
"""What comes before the first event: sequence and hash."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place at which the chain is not what was recorded. `because` is a sentence."""

    sequence: int
    because: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a place outside of the journal remembers of its head. `where` names the place."""

    where: str
    epoch: int
    sequence: int
    hash: str


def canonical(event: records.Event) -> bytes:
    """The event as bytes: a JSON array in a fixed order, UTF-8. What UTF-8 cannot carry is `?`, as in the journal."""
    target = str(event.target) if event.target else ""
    fields = [event.kind.value, event.at, target, event.because, event.data]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def link(previous_hash: str, sequence: int, event: records.Event) -> records.ChainedEvent:
    """The event as number `sequence` of the chain, behind the event with `previous_hash` ('' for the first)."""
    head = f"reconciler event 1\n{previous_hash}\n{sequence}\n".encode()
    digest = hashlib.sha256(head + canonical(event)).hexdigest()
    return records.ChainedEvent(sequence, event, previous_hash, digest)


def verify(events: Iterable[records.ChainedEvent], *, start: tuple[int, str]) -> Broken | None:
    """The first break in `events`, oldest first, or None. `start`: sequence and hash of the event before them."""
    sequence, previous = start
    for found in events:
        sequence += 1
        if found.sequence != sequence:
            return Broken(sequence, f"Event {sequence} is missing: after {sequence - 1} comes {found.sequence}.")
        if found.previous != previous:
            return Broken(sequence, f"Event {sequence} does not follow the one before it: one of the two was replaced.")
        if link(previous, sequence, found.event).hash != found.hash:
            return Broken(sequence, f"Event {sequence} was changed after it was recorded: its hash does not fit.")
        previous = found.hash
    return None


def compare(anchor: Anchor, *, found: records.ChainedEvent | None, epoch: int) -> Broken | None:
    """Whether the journal still is what the anchor saw. `found`: its event of that sequence; `epoch`: its newest."""
    if anchor.epoch > epoch:
        return Broken(anchor.sequence, f"{anchor.where} has seen epoch {anchor.epoch}, this journal only {epoch}.")
    if anchor.sequence == 0:
        return None
    if found is None:
        return Broken(anchor.sequence, f"{anchor.where} has seen event {anchor.sequence}, which is not here.")
    if found.hash != anchor.hash:
        return Broken(anchor.sequence, f"{anchor.where} has seen another event {anchor.sequence} than is here.")
    return None
