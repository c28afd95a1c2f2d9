"""What was heard, as the steps that a person wants to read."""

from dataclasses import dataclass

from reconciler.model import outcomes, records
from reconciler.rehearsal import played

K = records.EventKind

UNTOLD = frozenset({K.PAGE, K.QUARANTINED, K.HOLD_ENDED})
"""No steps of their own: another event of the same moment says as much."""

REPEATED = frozenset({K.ROLLOUT_STARTED, K.HELD, K.REVERT_FAILED})
"""They quote the reason of a failure that has been told."""


@dataclass(frozen=True, slots=True)
class Step:
    """`at`: virtual seconds after the daemon saw the change."""

    at: float
    text: str


def steps(target: played.Played) -> tuple[Step, ...]:
    """In the order in which they happened."""
    told: list[Step] = []
    failed = ""
    for moment in target.moments:
        event = moment.event
        if event.kind in UNTOLD or _quarantined(event):
            continue
        because = event.because
        if event.kind in REPEATED and failed:
            because = because.replace(f": {failed}", "")
        if event.kind is K.ROLLOUT_FAILED:
            failed = event.because
        told.append(Step(moment.at, _sentence(event, because)))
    return tuple(told)


def _quarantined(event: records.Event) -> bool:
    """Held until the daemon has seen its own revert commit: nothing happens in between."""
    return event.kind is K.HELD and ("reason", outcomes.HoldReason.QUARANTINED.value) in event.data


def _sentence(event: records.Event, because: str) -> str:
    match event.kind:
        case K.ROLLOUT_STARTED:
            return because
        case K.PHASE_ENTERED:
            return f"  {because}"
        case _:
            return f"{event.kind.value.replace('-', ' ')}{f': {because}' if because else ''}"
