"""The rollout: the state machine that carries a plan out. A value, persisted at every step."""

import enum
from dataclasses import dataclass, replace

from reconciler.model import ids, plans


class Purpose(enum.Enum):
    """Why a rollout runs. All three go through the same code."""

    RELEASE = "release"
    REVERT = "revert"
    HEAL = "heal"

    @property
    def of(self) -> str:
        """What stands before a revision in a sentence: `release of 1a2b3c…`."""
        return {"release": "release of", "revert": "return to", "heal": "healing of"}[self.value]


class Phase(enum.Enum):
    """Where a rollout stands. Each names a state in which the daemon may die and from which the next start goes on."""

    QUIETING = "quieting"  # a revert stops what still moves before it turns it round (I23)
    BEFORE = "hooks-before"  # one after the other, before anything else is written
    APPLYING = "applying"
    DURING = "hooks-with-the-waves"
    SETTLING = "settling"  # until the waves applied so far are healthy, for the next one to be applied
    WATCHING = "watching"  # until every object is healthy
    AFTER = "hooks-after"
    PRUNING = "pruning"
    OBSERVING = "observing"  # the window in which a relapse still fails the release
    FAILING = "hooks-of-failure"  # a release has failed; what it has for that case runs before the way back
    SCALING_DOWN = "scaling-down"  # a failed first deployment loses its pods, where the policy says so
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed: kept by the revert that answers it, and written into the revert commit's trailers."""

    revision: str
    input_digest: str
    because: str
    asked_by: str = ""
    """Who wanted it taken back, for the reason in `because`; '' when it failed by itself."""


@dataclass(frozen=True, slots=True)
class HookRun:
    """A hook that has run to its end in a rollout. `uid` '' where its object is gone, or never came."""

    phase: Phase
    key: ids.ObjectKey
    uid: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """One rollout of one target.

    `spent` counts seconds in the present phase while the daemon lived; `clock` is the monotonic time at which it was
    last counted. After a restart the count goes on where it was saved: time without us proves nothing (I24).
    """

    id: str
    target: ids.TargetKey
    purpose: Purpose
    revision: str
    input_digest: str
    manifest_digest: str
    because: str
    started_at: str
    phase: Phase = Phase.APPLYING
    spent: float = 0.0
    clock: float = 0.0
    failure: Failure | None = None
    wave: plans.Place | None = None
    """The wave that is being written or settles, noted before its first write; None while no other one follows it."""
    settled: plans.Place | None = None
    """The last wave that this release has seen healthy, where it took over from one that made way midway: what that one
    wrote is waited for like its own. None where it took over from none."""
    ran: tuple[HookRun, ...] = ()
    """The hooks that are through: none of them is run again in this rollout, whatever becomes of its object."""
    below: int | None = None
    """In phase DURING: only hooks of waves below this one run now."""
    failing: str = ""
    """Why the release has failed (phase FAILING); '' while it has not."""
    undoes: str = ""
    """The id of the failed rollout that a revert answers: what that one created is pruned without the cap."""
    unproven: bool = False
    """What this release replaces was never good: that it fails as well says nothing about the world."""
    unwell: float = 0.0
    """Seconds without health, unbroken, in the observation window."""
    unwell_since: float = 0.0
    """Monotonic time at which health was lost; 0 while it is there."""
    blind: float = 0.0
    """Seconds, unbroken, in which health could not be read. They are not `spent`: what the world hides is not the
    release's fault, and proves nothing for it either."""
    blind_since: float = 0.0
    """Monotonic time at which it became unreadable; 0 while it can be read."""
    quieted: tuple[ids.ObjectKey, ...] = ()
    """Deployments that this revert has paused (phase QUIETING)."""
    unblocked: tuple[str, ...] = ()
    """UIDs of pods of the failed release that this revert deleted because nothing else replaces them."""
    anew: int = 0
    """How often what was observed was not this release any more, so that it is observed anew."""
    edited: str = ""
    """Why it was so the last time, as a sentence; '' while it never was."""

    def tick(self, now: float) -> "Rollout":
        """The same rollout with the time until `now` (monotonic seconds) counted in."""
        return replace(self, spent=self.spent + max(0.0, now - self.clock), clock=now)

    def resumed(self, now: float) -> "Rollout":
        """As read from the journal after a restart: the clock of the process that wrote it means nothing here."""
        return replace(self, clock=now, unwell=0.0, unwell_since=0.0, blind=0.0, blind_since=0.0)

    def blinded(self, *, before: "Rollout", now: float) -> "Rollout":
        """The rollout, ticked to `now`, whose health cannot be read; `before`: as it was last saved. Time stands still
        from the first such look to the last."""
        since = self.blind_since or now
        spent = before.spent if before.blind_since else self.spent
        return replace(self, spent=spent, blind=now - since, blind_since=since, unwell=0.0, unwell_since=0.0)

    def disproven(self, because: str) -> "Rollout":
        """The rollout whose objects somebody has changed while they were observed."""
        return replace(self, anew=self.anew + 1, edited=because)

    def enter(self, phase: Phase, *, now: float) -> "Rollout":
        """The rollout at the start of `phase`. A wave that has settled is behind it."""
        wave, settled = self.wave, self.settled
        if self.phase is Phase.SETTLING:
            wave, settled = None, self.wave if settled is not None else None
        fresh = replace(self, phase=phase, spent=0.0, clock=now, wave=wave, settled=settled)
        return replace(fresh, unwell=0.0, unwell_since=0.0, blind=0.0, blind_since=0.0)
