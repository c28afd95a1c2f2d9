"""What the words mean that `status`, `history`, the journal and the metrics use. Of holds `outcomes.EXITS` says it."""

import difflib
import enum
from dataclasses import dataclass

from reconciler.model import outcomes, records

Ended = outcomes.Exit

OUTCOMES: dict[outcomes.Outcome, outcomes.Exit] = {
    outcomes.Outcome.UNCHANGED: Ended(
        "What runs is what Git asks for; nothing had to be done.", "A commit that changes its inputs, or drift."
    ),
    outcomes.Outcome.HELD: Ended(
        "The target stands still for the reason that its hold names; what runs goes on running.",
        "What the hold says: `reconciler explain` with its word.",
    ),
    outcomes.Outcome.WAITING: Ended(
        "The pass went as far as it could and comes back: a rollout settles, or is observed.",
        "By itself, when its time has come or something happens.",
    ),
    outcomes.Outcome.ROLLED_OUT: Ended(
        "A release or a healing was applied, became healthy and stayed so for the observation window.",
        "A commit that changes its inputs, or drift.",
    ),
    outcomes.Outcome.REVERTED: Ended(
        "A release failed and the target is back at last good; the failed inputs are in quarantine.",
        "A commit that changes its inputs; `reconciler release-quarantine` lets the same ones be tried again.",
    ),
    outcomes.Outcome.FAILED: Ended(
        "The return to last good failed as well: automation stopped for the target, and somebody was paged.",
        "Repair what is broken, then `reconciler resume`.",
    ),
}

_Kind = records.EventKind
EVENTS: dict[records.EventKind, str] = {
    _Kind.LEADING: "A daemon became the one leader, under a new epoch.",
    _Kind.SETTINGS_LOADED: "The files in config/ changed, and their new content is used.",
    _Kind.SETTINGS_REJECTED: "The files in config/ changed to something that cannot be used: the settings before stay.",
    _Kind.REVISION_SEEN: "A poll found another commit at the pinned ref of a repository.",
    _Kind.ROLLOUT_STARTED: "A release, a revert or a healing began.",
    _Kind.PHASE_ENTERED: "A rollout went on to its next phase.",
    _Kind.PREEMPTED: "A rollout that waited gave way to something newer.",
    _Kind.ROLLED_OUT: "A release got through its rollout and its observation window: it is last good now.",
    _Kind.ROLLOUT_FAILED: "A release failed by its own fault; what is done about it follows in the events after it.",
    _Kind.QUARANTINED: "The failed inputs are not tried again on this target, whatever commit brings them back.",
    _Kind.QUARANTINE_RELEASED: "A person let quarantined inputs be tried again.",
    _Kind.REVERTED: "The target is back at last good, and healthy.",
    _Kind.REVERT_PUSHED: "A revert commit was pushed: Git tells what runs.",
    _Kind.PINNED: "The cluster is back at last good and Git was left as it is: they differ until a commit ends that.",
    _Kind.OVERTAKEN: "A revert commit became needless: somebody's commit had changed the failed inputs first.",
    _Kind.REVERT_FAILED: "The return to last good did not succeed.",
    _Kind.UNBLOCKED: "A pod was deleted that kept a StatefulSet from moving on.",
    _Kind.HOOK_RAN: "A hook of the release, a Job for example, is through.",
    _Kind.SCALED_DOWN: "A first deployment failed, and was scaled down as `revert` of the settings asks for.",
    _Kind.HELD: "A target, a repository or a cluster began to stand still; the event names the reason.",
    _Kind.HOLD_ENDED: "What stood still goes on.",
    _Kind.DRIFT_SEEN: "A live object differs from Git, and somebody other than the reconciler made it differ.",
    _Kind.DRIFT_HEALED: "What drifted is as Git wants it again.",
    _Kind.PRUNED: "An object that is no longer in Git was deleted from the cluster.",
    _Kind.ADOPTED: "An object that somebody else had made is ours from now on.",
    _Kind.ORPHANED: "An object was given up: it stays in the cluster, and is nobody's of ours any more.",
    _Kind.REQUEST_HANDLED: "The leader acted on a person's request; the event names who, why and the answer.",
    _Kind.REBUILT: "A lost journal was put together again from target records, marks and Git.",
    _Kind.PAGE: "Somebody must look: a release is neither good nor undone, history is in doubt, or what only a person"
    " can end has lasted.",
}


class Sort(enum.Enum):
    HOLD = "hold"
    OUTCOME = "outcome"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Word:
    """One meaning of a word. `ends` '' for an event, which is over when it is written; `command` is a template."""

    word: str
    sort: Sort
    meaning: str
    ends: str = ""
    command: str = ""


ALL = (
    *(Word(hold.value, Sort.HOLD, its.meaning, its.ends, its.command) for hold, its in outcomes.EXITS.items()),
    *(Word(outcome.value, Sort.OUTCOME, its.meaning, its.ends) for outcome, its in OUTCOMES.items()),
    *(Word(event.value, Sort.EVENT, meaning) for event, meaning in EVENTS.items()),
)
"""Every word with each of its meanings: `held` is an outcome and an event."""


def find(word: str) -> tuple[Word, ...]:
    """Its meanings; empty for a word that is none of ours. `rollout failed`, as `history` shows it, is found, too."""
    wanted = "-".join(word.lower().replace("_", " ").replace("-", " ").split())
    return tuple(found for found in ALL if found.word == wanted)


def near(word: str) -> tuple[str, ...]:
    """The words that were probably meant, nearest first: similar ones, then those that hold it."""
    known = tuple(dict.fromkeys(found.word for found in ALL))
    similar = difflib.get_close_matches(word.lower(), known, n=3, cutoff=0.6)
    holding = [one for one in known if len(word) >= 3 and word.lower() in one]
    return tuple(dict.fromkeys([*similar, *holding]))[:5]
