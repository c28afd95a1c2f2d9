"""One pass over one target, from top to bottom."""

from collections.abc import Callable
from dataclasses import replace

from reconciler import errors, ports
from reconciler.model import ids, outcomes, plans, records, rollouts
from reconciler.pipeline import (
    advancing,
    anchoring,
    asking,
    chain,
    deciding,
    dependencies,
    drift,
    failing,
    handing,
    heads,
    lasting,
    patience,
    rendering,
    returning,
    reverting,
    starting,
    watching,
    world,
)
from reconciler.rollout import hooks
from reconciler.source import desired

STEPS = 20
"""Rollouts that may follow one another in one pass (a failure starts its revert at once); more would be a loop."""

AROUND = frozenset(
    {
        *starting.OUTAGES.values(),
        outcomes.HoldReason.PAUSED,
        outcomes.HoldReason.STOPPED,
        outcomes.HoldReason.FOREIGN_INSTALLATION,
        outcomes.HoldReason.JOURNAL_BEHIND,
    }
)
"""Holds in which nobody looks at what is observed: its window goes on when they end, and they are in the ledger until
that pass is over."""


class Cycle:
    """The pipeline's shell. One key, one worker: no two passes over the same target run at once."""

    def __init__(self, here: world.World, wake: Callable[[ids.TargetKey], None]) -> None:
        self.heads = heads.Heads(here)
        self.drift = drift.Drift(here, wake)
        self._here = here
        self._wake = wake
        its_rendering = rendering.Rendering(here.renderer, here.journal.installation, opener=here.opener)
        self._deciding = deciding.Deciding(here, its_rendering, self.heads, doubted=self.drift.doubted)
        self._watching = watching.Watching(here, wake)
        self._reverting = reverting.Reverting(here, self.heads)
        self._chain = chain.Chain(here, self.heads)
        self._failing = failing.Failing(here, self.heads, self._chain, wake)
        self._asking = asking.Asking(here, self.heads, self.drift, returning.Returning(here, self.heads, self._failing))
        self._dependencies = dependencies.Dependencies(here, self.heads, self._deciding)
        self._starting = starting.Starting(here, self._chain, self._dependencies, self._deciding, self.drift)
        self._anchoring = anchoring.Anchoring(here)
        self._advancing = advancing.Advancing(
            here, self._deciding, self._watching, self._failing, self.drift, self.heads, self._anchoring
        )
        self._patience = patience.Patience(here.chance)
        self._lasting = lasting.Lasting(here.clock)
        self._listening: dict[str, ports.Cluster] = {}
        """Environment → its cluster, whose watches are heard."""
        self._opened: set[ids.TargetKey] = set()
        """Each target that had its first pass on its present cluster."""
        self._broken: set[ids.TargetKey] = set()
        """Each target whose newest pass broke off, or is under way."""

    def listen(self) -> None:
        """Hear the watches of every cluster that is not heard yet."""
        before = set(self._listening.values())
        self._listening = {name: self._here.cluster_in(name) for name in self._here.settings.environments}
        for cluster in set(self._listening.values()) - before:
            cluster.listen(self.drift.heard, lost=self.drift.lost)

    async def listen_anew(self) -> None:
        """After a reload, with no pass under way. A target whose cluster is another one now, or is connected anew, or
        is seen as somebody else, begins as after a start. What it watched goes on for others over that connection, with
        rights that are not its own any more (I18): no watch of it stays, and whoever else needs one asks again."""
        before = self._listening
        moved = {name for name, cluster in before.items() if cluster is not self._cluster_now(name)}
        left = {before[name] for name in moved}
        for key in list(self._opened):
            its = before.get(key.environment)
            if its is None or key.environment in moved:
                if its is not None:
                    await its.unfollow(key)
                self._opened.discard(key)
                self._anchoring.forget(key)
                self._watching.forget(key)
            elif its in left:
                self.drift.suspect(key, "the settings were reloaded")
        for cluster in left:
            await cluster.unwatch()
        self._listening = {name: cluster for name, cluster in before.items() if cluster not in left}
        self.listen()

    def _cluster_now(self, environment: str) -> ports.Cluster | None:
        return self._here.cluster_in(environment) if environment in self._here.settings.environments else None

    async def reconcile(self, key: ids.TargetKey) -> outcomes.PassResult:
        """One pass: goes as far as it can and ends at the first wait.

        Raises only `errors.LeadershipLost` and `errors.JournalUnusable`: without a journal nothing may be done.
        """
        try:
            result = await self._pass(key)
            self._broken.discard(key)
            self._patience.over(key)
        except (errors.LeadershipLost, errors.JournalUnusable):
            raise
        except errors.Transient as error:
            due_in = self._patience.met(key, at_least=error.retry_after)
            result = starting.held(starting.outage(error), due_in=due_in)
        except errors.Terminal as error:
            result = starting.held(_standstill(error), due_in=starting.RETRY_REFUSED)
        await self._report(key, result)
        if (doubted := self.drift.doubted_for(key)) is not None:
            result = replace(result, due_in=doubted if result.due_in is None else min(doubted, result.due_in))
        if result.outcome is outcomes.Outcome.ROLLED_OUT:
            for waiting in self._chain.downstream(key):
                self._wake(waiting)
        if result.hold is None and result.outcome is not outcomes.Outcome.WAITING:
            for waiting in self._dependencies.waiting_for(key):
                self._wake(waiting)
        return result

    async def _pass(self, key: ids.TargetKey) -> outcomes.PassResult:
        ledger = await self._open(key)
        if hold := await self._anchoring.check(ledger):
            return starting.held(hold, due_in=starting.RETRY_REFUSED)
        ledger = await self._asking.act(ledger)
        await self._anchoring.keep(ledger)
        if ledger.pause:
            because = f"paused by {ledger.pause.who}: {ledger.pause.why}"
            return starting.held(outcomes.Hold(outcomes.HoldReason.PAUSED, because))
        result = self._with_trouble(key, await self._carry_on(ledger, self.heads.of(key)))
        git_hold = await self._make_git_true(key)
        return reverting.also_waiting(result, git_hold) if git_hold else result

    async def _carry_on(
        self, ledger: records.Ledger, head: heads.Prepared | outcomes.Hold | None
    ) -> outcomes.PassResult:
        """Start what is wanted, step what runs, until something waits. What runs is seen through also while the head
        cannot be read: a release that fails meanwhile must not stay."""
        if ledger.stopped:
            return starting.held(outcomes.Hold(outcomes.HoldReason.STOPPED, ledger.stopped))
        for _ in range(STEPS):
            choice = _choice(ledger, head) or await self._applied(ledger, head)
            if choice is None:
                if isinstance(head, outcomes.Hold) and head.reason is outcomes.HoldReason.PATH_MISSING:
                    ledger = await handing.forget_moved(self._here, ledger)
                return self._without_head(ledger, head if isinstance(head, outcomes.Hold) else None)
            if choice.hold and not choice.revision and ledger.rollout is None:
                return starting.held(_first_failed(choice.hold))
            ledger = await self._preempt(ledger, choice)
            prepared = await self._prepared(ledger, head, choice)
            plan: plans.Plan | None = None
            if ledger.rollout is None:
                started = await self._starting.start(ledger, prepared, choice)
                if started.result is not None:
                    return started.result
                ledger, plan = started.ledger, started.plan
            stepped = await self._advancing.advance(ledger, prepared, plan=plan)
            if stepped.result is not None:
                return stepped.result
            ledger = stepped.ledger
        raise errors.Transient(f"{STEPS} rollouts followed one another in one pass")

    async def _open(self, key: ids.TargetKey) -> records.Ledger:
        """The target's ledger. Whatever a process before, or a pass that broke off, left open is closed: the next plan
        starts from what is live, so a write that arrived is seen and one that did not is made (I3). The time until now
        does not count against a rollout: nobody looked, or the world kept us from it."""
        ledger = await self._here.journal.ledger(key)
        known, orderly = key in self._opened, key not in self._broken
        self._broken.add(key)  # until this pass has ended in order
        if known and orderly:
            return ledger
        ledger = await self._close_intents(ledger)
        if ledger.rollout:
            resumed = ledger.rollout.resumed(self._here.clock.monotonic())
            ledger = await self._here.write(replace(ledger, rollout=resumed))
        if known:
            return ledger
        await self.drift.learn(key)
        self.drift.suspect(key, "the daemon started")
        self.drift.doubt(key, ledger.doubted)
        self._opened.add(key)
        return ledger

    async def _close_intents(self, ledger: records.Ledger) -> records.Ledger:
        """Only the push that the ledger knows of goes on: one that was intended just before a crash is built anew. What
        may still be on its way is noted before it is closed, for whoever comes after a further crash."""
        push = ledger.git_revert.commit if ledger.git_revert else ""
        opened = await self._here.journal.open_intents(ledger.target)
        left = [
            records.Settled(intent.operation, records.Result.ABANDONED, "found open: planned again from live")
            for intent in opened
            if intent.verb is not records.Verb.PUSH or intent.subject != push
        ]
        subjects = [intent.subject for intent in opened if intent.verb is records.Verb.APPLY]
        if written := [ids.ObjectKey.from_path(subject) for subject in subjects]:
            self.drift.doubt(ledger.target, written)
            ledger = await self._here.write(replace(ledger, doubted=tuple(sorted({*ledger.doubted, *written}))))
        if left:
            await self._here.journal.settle(left, epoch=self._here.epoch)
        return ledger

    async def _make_git_true(self, key: ids.TargetKey) -> outcomes.Hold | None:
        """Push the wanted revert commit. The cluster comes first: Git being away, slow or busy keeps nothing there
        waiting. Returns what the commit waits for."""
        ledger = await self._here.journal.ledger(key)
        turning = ledger.rollout and ledger.rollout.phase in (rollouts.Phase.QUIETING, rollouts.Phase.APPLYING)
        if turning or not reverting.pending(ledger):
            return None
        try:
            await self._reverting.push(ledger)
        except (errors.LeadershipLost, errors.JournalUnusable):
            raise
        except errors.ReconcilerError as error:
            return reverting.waiting(error)
        return None

    async def _applied(
        self, ledger: records.Ledger, head: heads.Prepared | outcomes.Hold | None
    ) -> desired.Desired | None:
        """What was applied last, where the repository cannot be read since the start: a restart in an outage heals what
        drifts, as the process before did."""
        present, trouble = ledger.present, self.heads.trouble(self._here.repository_name(ledger.target))
        if head or not trouble or not present or not present.complete or ledger.gone:
            return None
        if ledger.quarantine_of(present.input_digest) or not await self.heads.applied(ledger.target, present):
            return None
        return desired.Desired(present.revision, present.input_digest, "it was applied last", trouble)

    async def _preempt(self, ledger: records.Ledger, choice: desired.Desired) -> records.Ledger:
        """A newer commit ends a waiting rollout, and an observation only while last good is young (`max_lag`) or where
        nothing comes of it."""
        rollout = ledger.rollout
        if rollout is None or not choice.revision or rollout.input_digest == choice.input_digest:
            return ledger
        if rollout.phase in hooks.STAGES and ledger.hold is None:
            return ledger  # what a hook was doing when it was stopped nobody knows: it comes to its end first
        if rollout.phase is rollouts.Phase.OBSERVING and not await self._may_interrupt(ledger):
            return ledger
        if not choice.hold and await self._starting.history(ledger, choice):
            return ledger  # what may not come ends nothing
        because = f"{rollout.purpose.of} {rollout.revision[:12]} makes way for {choice.revision[:12]}"
        event = self._here.event(records.EventKind.PREEMPTED, because, target=ledger.target)
        await self._watching.release(ledger.target)
        self._failing.forget(ledger.target)
        return await self._here.write(replace(ledger, rollout=None), event)

    async def _may_interrupt(self, ledger: records.Ledger) -> bool:
        good, rollout = ledger.last_good, ledger.rollout
        if ledger.hold is not None and ledger.hold.reason not in AROUND:
            return True  # nothing is proven while it is held, and a commit may be what ends that
        if rollout is not None and rollout.anew:
            return True  # nor while somebody changes it past Git, held or not
        if good is None or rollout is None:
            return False
        target = (await self.heads.prepare(ledger.target, rollout.revision)).target
        return failing.age(self._here, good.at) < target.max_lag

    async def _prepared(
        self, ledger: records.Ledger, head: heads.Prepared | outcomes.Hold | None, choice: desired.Desired
    ) -> heads.Prepared:
        """The inputs that are to be carried out: a running rollout's, else the chosen ones."""
        wanted = ledger.rollout.input_digest if ledger.rollout else choice.input_digest
        if isinstance(head, heads.Prepared) and wanted == head.inputs.digest:
            return head
        revision = ledger.rollout.revision if ledger.rollout else choice.revision
        return await self.heads.prepare(ledger.target, revision)

    def _without_head(self, ledger: records.Ledger, head: outcomes.Hold | None) -> outcomes.PassResult:
        repository = self._here.repository_name(ledger.target)
        trouble = self.heads.trouble(repository)
        if ledger.gone and not trouble and self.heads.revision(repository):
            return outcomes.PassResult(outcomes.Outcome.UNCHANGED, f"{ledger.gone}, and its folder with it")
        if head or trouble:
            return starting.held(head or trouble)
        return outcomes.PassResult(outcomes.Outcome.WAITING, "the repository has not been polled yet")

    def _with_trouble(self, key: ids.TargetKey, result: outcomes.PassResult) -> outcomes.PassResult:
        """In sync with a repository that cannot be read is not in sync: it is not known (I6)."""
        trouble = self.heads.trouble(self._here.repository_name(key))
        if trouble and result.outcome is outcomes.Outcome.UNCHANGED:
            return starting.held(trouble)
        return result

    async def _report(self, key: ids.TargetKey, result: outcomes.PassResult) -> None:
        """Make the pass's end durable where it differs from the one before; the one place that reports. A hold that
        somebody must hear of is paged when it begins, or when it lasts."""
        if self._lasting.late(key, result.hold):
            lasts = f"for {lasting.LATE:.0f} s: {result.because}"
            await self._here.append(self._here.event(records.EventKind.PAGE, lasts, target=key))
        ledger = await self._here.journal.ledger(key)
        doubted = self.drift.doubted(key)
        before = (ledger.outcome, ledger.because, ledger.hold, ledger.doubted)
        if before == (result.outcome, result.because, result.hold, doubted):
            return
        events: list[records.Event] = []
        if result.hold and (ledger.hold is None or ledger.hold.reason is not result.hold.reason):
            events.append(
                self._here.event(records.EventKind.HELD, result.because, target=key, reason=result.hold.reason.value)
            )
            if result.hold.reason in outcomes.PAGED:
                events.append(self._here.event(records.EventKind.PAGE, result.because, target=key))
        if ledger.hold and result.hold is None:
            over = f"no longer {ledger.hold.reason.value}"
            events.append(self._here.event(records.EventKind.HOLD_ENDED, over, target=key))
        new = ledger.ended(result.outcome, result.because, at=self._here.at())
        await self._here.write(replace(new, hold=result.hold, doubted=doubted), *events)


def _standstill(error: errors.Terminal) -> outcomes.Hold:
    """What a person must act on: the revision's own fault where it says so, else the cluster's."""
    reasons = {
        errors.RefMissing: outcomes.HoldReason.REF_MISSING,
        errors.PathMissing: outcomes.HoldReason.PATH_MISSING,
        errors.InvalidInput: outcomes.HoldReason.SETTINGS_INVALID,
        errors.Sealed: outcomes.HoldReason.RENDER_FAILED,
    }
    return outcomes.Hold(reasons.get(type(error), outcomes.HoldReason.CLUSTER_UNAVAILABLE), str(error))


def _choice(ledger: records.Ledger, head: heads.Prepared | outcomes.Hold | None) -> desired.Desired | None:
    """What should run; what runs while the head cannot be read; None when that is nothing."""
    if isinstance(head, heads.Prepared):
        return desired.choose(head.inputs, ledger)
    rollout = ledger.rollout
    return desired.Desired(rollout.revision, rollout.input_digest, rollout.because) if rollout else None


def _first_failed(hold: outcomes.Hold) -> outcomes.Hold:
    return replace(hold, reason=outcomes.HoldReason.FIRST_FAILED)
