"""`explain`: a word, and what the journal says of a target that fits it."""

import pathlib
from dataclasses import dataclass

from reconciler import errors
from reconciler.app import opening
from reconciler.app.commands import showing
from reconciler.model import document, ids, outcomes, records, words

FAR = 10_000
"""Newest events of a target in which the word is looked for."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What fits a word at a target. `at` '' where the time is not known; `command` can be pasted."""

    sort: words.Sort
    because: str
    at: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """`facts` None: no target was given; empty: nothing of the target fits."""

    meanings: tuple[words.Word, ...]
    target: ids.TargetKey | None
    facts: tuple[Fact, ...] | None


def meanings(word: str) -> tuple[words.Word, ...]:
    """Raises `errors.InvalidInput`, with what was probably meant, for a word that is none of ours."""
    found = words.find(word)
    if not found:
        near = words.near(word)
        remedy = f"did you mean {' or '.join(near)}?" if near else "`reconciler explain` lists all words"
        raise errors.InvalidInput((f"{word!r} is no hold, outcome or event; {remedy}",))
    return found


async def explain(config: pathlib.Path, word: str, target: ids.TargetKey | None) -> Explained:
    """The word's meanings and, with a target, what fits it there. Settings and journal are read only for a target."""
    found = meanings(word)
    if target is None:
        return Explained(found, None, None)
    ledger, events = await _journal(config, target)
    return Explained(found, target, facts(found, ledger, events))


async def present(config: pathlib.Path, target: ids.TargetKey) -> Explained:
    """The word for how the target stands now: its hold, else the outcome of its newest pass."""
    ledger, events = await _journal(config, target)
    if ledger.hold is None and ledger.outcome is None:
        raise errors.InvalidInput((f"{target} has been seen, and no pass over it has ended yet",))
    word = ledger.hold.reason.value if ledger.hold else ledger.outcome.value if ledger.outcome else ""
    sort = words.Sort.HOLD if ledger.hold else words.Sort.OUTCOME
    found = tuple(meaning for meaning in words.find(word) if meaning.sort is sort)
    return Explained(found, target, facts(found, ledger, events))


async def _journal(
    config: pathlib.Path, target: ids.TargetKey
) -> tuple[records.Ledger, tuple[records.ChainedEvent, ...]]:
    its = opening.settings(config)
    async with opening.open_journal(its, read_only=True) as journal:
        await showing.known(journal, its, target)
        return await journal.ledger(target), await journal.history(target, limit=FAR)


def facts(
    found: tuple[words.Word, ...], ledger: records.Ledger, events: tuple[records.ChainedEvent, ...]
) -> tuple[Fact, ...]:
    """What fits: the present hold, the present outcome, each quarantine, the newest event of the kind."""
    fitting: list[Fact] = []
    hold, key = ledger.hold, ledger.target
    for one in found:
        if one.sort is words.Sort.HOLD and hold and hold.reason.value == one.word:
            command = hold.command(key.environment, key.application)
            fitting.append(Fact(one.sort, hold.because, _began(events, one.word), command))
        elif one.sort is words.Sort.OUTCOME and ledger.outcome and ledger.outcome.value == one.word:
            command = hold.command(key.environment, key.application) if hold else ""
            fitting.append(Fact(one.sort, ledger.because, ledger.since, command))
        elif one.sort is words.Sort.EVENT:
            newest = next((event.event for event in events if event.event.kind.value == one.word), None)
            if newest:
                fitting.append(Fact(one.sort, newest.because, newest.at))
        if one.sort is words.Sort.HOLD and one.word == outcomes.HoldReason.QUARANTINED.value:
            fitting += [
                Fact(one.sort, f"inputs of {bad.revision[:12]}, digest {bad.input_digest}: {bad.because}", bad.at)
                for bad in ledger.quarantined
                if hold is None or bad.input_digest != hold.digest
            ]
    return tuple(fitting)


def _began(events: tuple[records.ChainedEvent, ...], reason: str) -> str:
    """When the present hold began, by the chain."""
    begun = (found.event for found in events if found.event.kind is records.EventKind.HELD)
    return next((event.at for event in begun if dict(event.data).get("reason") == reason), "")


def data(found: Explained) -> document.Json:
    """For scripts. Names are stable; `facts` is null where no target was named."""
    return {
        "target": str(found.target) if found.target else None,
        "meanings": [
            {
                "word": one.word,
                "sort": one.sort.value,
                "meaning": one.meaning,
                "ends": one.ends or None,
                "command": one.command or None,
            }
            for one in found.meanings
        ],
        "facts": None
        if found.facts is None
        else [
            {"sort": one.sort.value, "because": one.because, "at": one.at or None, "command": one.command or None}
            for one in found.facts
        ],
    }
