"""What the journal durably knows of a target. A pass reads it once, and writes whole new values of it."""

import enum
from dataclasses import dataclass, replace

from reconciler.model import ids, outcomes, rollouts

EARLIER = 20
"""Good inputs that a ledger remembers before last good: weeks of releases, and one read of the ledger stays small."""


@dataclass(frozen=True, slots=True)
class Good:
    """Inputs that passed their rollout and their observation window. `at` is RFC 3339."""

    revision: str
    input_digest: str
    manifest_digest: str
    at: str
    rollout: str = ""
    """The id of the rollout that proved them; '' when another one had made the same objects before."""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """An input digest that failed here: never tried again until a person releases it, whatever commit brings it."""

    input_digest: str
    revision: str
    because: str
    at: str
    rollout: str = ""
    """The id of the rollout that failed: what it created is pruned without the cap."""
    by: str = ""
    """Who had it taken back; '' when it failed by itself, which is what the flapping brake counts."""


class GitStep(enum.Enum):
    """How far Git has been made to tell the truth after a failure."""

    WANTED = "wanted"  # not yet tried, or to be tried again
    INTENDED = "intended"  # the commit exists and its id is journaled; a retry pushes the same object
    PUSHED = "pushed"
    PINNED = "pinned"  # cluster only; `because` says why
    OVERTAKEN = "overtaken"  # the head no longer holds the failed inputs: nothing to revert


@dataclass(frozen=True, slots=True)
class GitRevert:
    """The revert commit that answers one failure: at most one each (I22)."""

    failed: rollouts.Failure
    good: Good
    paths: tuple[str, ...]
    step: GitStep
    because: str
    commit: str = ""
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A person's yes to the prunes of one revision, and no other."""

    revision: str
    who: str
    at: str


@dataclass(frozen=True, slots=True)
class Present:
    """What was applied last, completely or not: decides whether a pass has anything to do."""

    revision: str
    input_digest: str
    manifest_digest: str
    complete: bool
    """Also while a healing puts back what has drifted since."""


@dataclass(frozen=True, slots=True)
class Pause:
    who: str
    why: str
    at: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """All durable facts of one target but its inventory."""

    target: ids.TargetKey
    present: Present | None = None
    last_good: Good | None = None
    earlier: tuple[Good, ...] = ()
    """What was good before last good, newest first, each input digest once: where a person can return to."""
    quarantined: tuple[Quarantine, ...] = ()
    rollout: rollouts.Rollout | None = None
    git_revert: GitRevert | None = None
    hold: outcomes.Hold | None = None
    pause: Pause | None = None
    stopped: str = ""
    """Why automation stopped after a failing revert; '' while it runs."""
    confirmations: tuple[Confirmation, ...] = ()
    accepted_history: str = ""
    """A revision whose rewritten history a person accepted."""
    deployed: str = ""
    """The revision deployed last: the next one must descend from it (I5)."""
    failed_at: str = ""
    """When a rollout failed last, RFC 3339: counted by the brake of E0."""
    brake_off: str = ""
    """The id of a rollout for which a person released that brake."""
    doubted: tuple[ids.ObjectKey, ...] = ()
    """Objects to which a write may still be under way, since its outcome is unknown: whoever works next has to know."""
    gone: str = ""
    """`absent`, `orphaned` or `moved` (all of it changed hands) when the application was taken away: its folder may be
    gone, too. '' while it is there."""
    outcome: outcomes.Outcome | None = None
    """How the newest pass ended, with its reason and since when (RFC 3339): what `status` shows."""
    because: str = ""
    since: str = ""

    def quarantine_of(self, input_digest: str) -> Quarantine | None:
        return next((found for found in self.quarantined if found.input_digest == input_digest), None)

    def ended(self, outcome: outcomes.Outcome, because: str, *, at: str) -> "Ledger":
        """With a pass that ended so."""
        return replace(self, outcome=outcome, because=because, since=self.since if self.outcome is outcome else at)

    def good_by(self, rollout: rollouts.Rollout, *, at: str) -> Good:
        """What the rollout has proven. A return to last good proves it once more; what made its objects is still the
        release of then."""
        before = self.last_good
        first = before.rollout if before and before.input_digest == rollout.input_digest else rollout.id
        return Good(rollout.revision, rollout.input_digest, rollout.manifest_digest, at, first)

    def proven(self, good: Good) -> "Ledger":
        """With `good` as last good, and the one it follows among the earlier ones."""
        before = (self.last_good, *self.earlier) if self.last_good else self.earlier
        kept = tuple(found for found in before if found.input_digest != good.input_digest)
        return replace(self, last_good=good, earlier=kept[:EARLIER])


@dataclass(frozen=True, slots=True)
class InventoryRow:
    """One object that we made, or are about to make (`uid` '': the intent was recorded, the answer not yet)."""

    key: ids.ObjectKey
    uid: str
    manifest_digest: str
    """Of the manifest applied last, overlay included."""
    entry: str
    """`LiveMeta.entry` of the last reply."""
    resource_version: str
    rollout: str
    """The id of the rollout that created it: a failing one prunes what it created."""
    drifted: bool = False
    """Seen drifted and not yet healed: while so, its own entry is blind to further edits of the lost field."""


def pending(key: ids.ObjectKey, *, rollout: str = "") -> InventoryRow:
    """The row of an object that is being made, or may be: a plan reads what became of it."""
    return InventoryRow(key, uid="", manifest_digest="", entry="", resource_version="", rollout=rollout)


ADOPTED = "adopted"
HANDED = "handed"
"""In the place of a rollout's id in an inventory row: the object was there before, made by another tool or by another
target. Going back never deletes such a one."""


class Verb(enum.Enum):
    APPLY = "apply"
    HAND_OVER = "hand-over"
    DELETE = "delete"
    PUSH = "push"


@dataclass(frozen=True, slots=True)
class Intent:
    """Recorded before a counted call or a push; `operation` goes out as its Audit-ID (I1)."""

    operation: str
    target: ids.TargetKey
    verb: Verb
    subject: str
    """`ObjectKey.path`, or the commit id of a push."""
    manifest_digest: str
    at: str
    rollout: str = ""
    maker: str = ""
    """`ADOPTED` or `HANDED` where the object is taken over: its inventory row says so from the intent on, whatever
    becomes of the answer. Not kept with the intent."""


class Result(enum.Enum):
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # no answer came; read back before anything else
    ABANDONED = "abandoned"  # found open after a restart, or never sent; the new plan starts from what is live


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an intent. `row` replaces the object's inventory row, None with `forget` removes it."""

    operation: str
    result: Result
    because: str
    row: InventoryRow | None = None
    forget: ids.ObjectKey | None = None


class EventKind(enum.Enum):
    """What the journal's event chain can hold."""

    LEADING = "leading"
    SETTINGS_LOADED = "settings-loaded"
    SETTINGS_REJECTED = "settings-rejected"
    REVISION_SEEN = "revision-seen"
    ROLLOUT_STARTED = "rollout-started"
    PHASE_ENTERED = "phase-entered"
    PREEMPTED = "preempted"
    ROLLED_OUT = "rolled-out"
    ROLLOUT_FAILED = "rollout-failed"
    QUARANTINED = "quarantined"
    QUARANTINE_RELEASED = "quarantine-released"
    REVERTED = "reverted"
    REVERT_PUSHED = "revert-pushed"
    PINNED = "pinned"
    OVERTAKEN = "overtaken"
    REVERT_FAILED = "revert-failed"
    UNBLOCKED = "unblocked"
    HOOK_RAN = "hook-ran"
    SCALED_DOWN = "scaled-down"
    HELD = "held"
    HOLD_ENDED = "hold-ended"
    DRIFT_SEEN = "drift-seen"
    DRIFT_HEALED = "drift-healed"
    PRUNED = "pruned"
    ADOPTED = "adopted"
    ORPHANED = "orphaned"
    REQUEST_HANDLED = "request-handled"
    REBUILT = "rebuilt"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the chain. `data` are pairs of short strings, masked already."""

    kind: EventKind
    at: str
    because: str
    target: ids.TargetKey | None = None
    data: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ChainedEvent:
    """An event as recorded: `hash` covers its text and the hash before it (see record/chain.py)."""

    sequence: int
    event: Event
    previous: str
    hash: str


class RequestKind(enum.Enum):
    SYNC = "sync"
    REVERT = "revert"
    RELEASE_QUARANTINE = "release-quarantine"
    ACCEPT_HISTORY = "accept-history"
    CONFIRM = "confirm"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked for. Only the leader acts on it; `answer` is '' until it has."""

    id: str
    kind: RequestKind
    target: ids.TargetKey
    who: str
    why: str
    at: str
    argument: str = ""
    """A revision for accept-history, confirm and revert; a digest for release-quarantine."""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class TargetRecord:
    """The anchor of the journal in the cluster: one ConfigMap per target (S1)."""

    target: ids.TargetKey
    installation: str
    epoch: int
    last_good: str
    """Input digest; '' when there is none."""
    quarantined: tuple[str, ...]
    inventory_digest: str
    sequence: int
    head_hash: str
    revision: str = ""
    """Of last good."""
    deployed: str = ""
    pause: Pause | None = None
    stopped: str = ""
    """As in the ledger: a journal that is rebuilt must not set to work what a person, or a failure, had stopped."""
