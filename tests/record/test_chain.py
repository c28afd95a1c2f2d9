"""The chain shows every change of what was recorded."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model import ids, records
from reconciler.record import chain

TARGET = ids.TargetKey("production", "web")
EVENT = records.Event(records.EventKind.HELD, "2026-01-01T10:00:00Z", "because", TARGET, (("reason", "refused"),))


def chained(count: int) -> list[records.ChainedEvent]:
    found: list[records.ChainedEvent] = []
    for sequence in range(1, count + 1):
        previous = found[-1].hash if found else ""
        found.append(chain.link(previous, sequence, replace(EVENT, because=f"reason {sequence}")))
    return found


def test_an_untouched_chain_is_sound() -> None:
    assert chain.verify(chained(5), start=chain.FIRST) is None
    assert chain.verify([], start=chain.FIRST) is None


def test_a_page_is_verified_from_the_event_before_it() -> None:
    events = chained(6)
    assert chain.verify(events[3:], start=(3, events[2].hash)) is None
    assert chain.verify(events[3:], start=chain.FIRST) is not None


Tamper = Callable[[list[records.ChainedEvent]], list[records.ChainedEvent]]


def edited(**changes: Any) -> Tamper:
    def tamper(events: list[records.ChainedEvent]) -> list[records.ChainedEvent]:
        third = events[2]
        return [*events[:2], replace(third, event=replace(third.event, **changes)), *events[3:]]

    return tamper


def relinked(events: list[records.ChainedEvent]) -> list[records.ChainedEvent]:
    """Somebody who knows the rule rewrites one event with a fitting hash: the next one gives it away."""
    forged = chain.link(events[1].hash, 3, replace(EVENT, because="forged"))
    return [*events[:2], forged, *events[3:]]


TAMPERINGS: list[tuple[Tamper, int, str]] = [
    (edited(because="nothing happened"), 3, "changed"),
    (edited(at="2026-01-01T10:00:01Z"), 3, "changed"),
    (edited(kind=records.EventKind.ROLLED_OUT), 3, "changed"),
    (edited(target=None), 3, "changed"),
    (edited(target=ids.TargetKey("production", "other")), 3, "changed"),
    (edited(data=()), 3, "changed"),
    (edited(data=(("reason", "refused"), ("x", ""))), 3, "changed"),
    (lambda events: [*events[:2], *events[3:]], 3, "missing"),
    (lambda events: [*events[:2], replace(events[3], sequence=3), *events[4:]], 3, "replaced"),
    (lambda events: [events[1], events[0], *events[2:]], 1, "missing"),
    (relinked, 4, "replaced"),
]


@pytest.mark.parametrize(("tamper", "sequence", "word"), TAMPERINGS)
def test_the_first_break_is_named(tamper: Tamper, sequence: int, word: str) -> None:
    broken = chain.verify(tamper(chained(5)), start=chain.FIRST)
    assert broken is not None
    assert broken.sequence == sequence
    assert word in broken.because


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_two_texts_never_read_as_one(left: tuple[str, str], right: tuple[str, str]) -> None:
    """No content of one field can pass for the border to the next."""
    one = replace(EVENT, at=left[0], because=left[1])
    other = replace(EVENT, at=right[0], because=right[1])
    assert (chain.canonical(one) == chain.canonical(other)) == (left == right)


def test_the_hash_of_a_recorded_event_never_changes() -> None:
    """Journals in the field were written with this hash: another one would call all of them forged."""
    assert chain.link("ab", 7, EVENT).hash == "2c546a09d9723f58f157dc4f5085d69b0064ff2e445be392b0cc8c18dc4880bc"


ANCHOR = chain.Anchor("the target record of production/web", epoch=2, sequence=3, hash=chained(3)[2].hash)

ANCHORS: list[tuple[chain.Anchor, records.ChainedEvent | None, str]] = [
    (ANCHOR, chained(3)[2], ""),
    (replace(ANCHOR, epoch=1), chained(3)[2], ""),
    (replace(ANCHOR, sequence=0, hash=""), None, ""),
    (replace(ANCHOR, epoch=3), chained(3)[2], "epoch 3"),
    (ANCHOR, None, "not here"),
    (ANCHOR, chained(2)[1], "another event 3"),
]


@pytest.mark.parametrize(("anchor", "found", "says"), ANCHORS)
def test_an_anchor_gives_away_a_cut_or_remade_chain(
    anchor: chain.Anchor, found: records.ChainedEvent | None, says: str
) -> None:
    broken = chain.compare(anchor, found=found, epoch=2)
    if not says:
        assert broken is None
    else:
        assert broken is not None
        assert says in broken.because
        assert anchor.where in broken.because
