"""What must hold over the whole history of a run, whatever befell it: every intermediate ledger, call and event."""

import collections
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.model import document, ids, outcomes, records, rollouts
from reconciler.record import chain
from reconciler.sandbox import objects
from tests.simulation import git, scenery, story

if TYPE_CHECKING:
    from tests.simulation import play as plays

TOO_OFTEN, WITHIN = 12, 60.0
"""An object that is written more often than that within so many seconds is a hot loop (I20): a release, its return, a
healing and a restart or two each write it once or twice."""

MOST_REFUSED, OUTAGE_LOOK = 80, 10.0
"""Calls that may meet an outage within so many seconds: three targets and the question whether the cluster is back
begin with one a second, and what is under way when it begins fails at once."""

CALLS_A_SECOND = 60.0
"""Calls of ports over a whole run, on average: three targets that retry without back-off make hundreds."""

PASSING = frozenset(
    {
        outcomes.HoldReason.SOURCE_UNAVAILABLE,
        outcomes.HoldReason.REF_MISSING,
        outcomes.HoldReason.CLUSTER_UNAVAILABLE,
        outcomes.HoldReason.JOURNAL_BEHIND,
        outcomes.HoldReason.FOREIGN_INSTALLATION,
        outcomes.HoldReason.UNPROVEN,
        outcomes.HoldReason.WORLD,
    }
)
"""Holds that no target may rest in when the world is well again."""


def at_rest(play: "plays.Play") -> None:
    """When nothing changes any more: each target stands where it should, for a reason that exists."""
    told, ledgers = play.told, play.ledgers()
    for key, ledger in ledgers.items():
        if ledger.hold and ledger.hold.reason in PASSING:
            told.complain("I3", f"{key} rests held {ledger.hold.reason.value}: {ledger.hold.because}")
        if ledger.hold is None and ledger.rollout is not None:
            told.complain("I3", f"{key} rests in the middle of a rollout: {ledger.rollout}")
        if (because := _unfounded(play, key, ledger)) is not None:
            told.complain("truth", f"{key} rests {play.state(ledger)}, but {because}")
    for (operation,) in _rows(play, "SELECT operation FROM intents WHERE result IS NULL"):
        told.complain("I3", f"intent {operation} is open though everything rests")


def _unfounded(play: "plays.Play", key: ids.TargetKey, ledger: records.Ledger) -> str | None:
    """Why the state of a target at rest is not what Git, the people and the cluster say; None when it is."""
    head = play.people.version(key)
    if head is None:
        return "the head holds what nobody committed for it"
    if ledger.outcome is outcomes.Outcome.UNCHANGED:
        if head.broken:
            return f"the head is broken: {head.broken}"
        if head.behaviour != scenery.GOOD:
            return f"the head is {head.behaviour}"
        return _differs(play, key, head)
    reason = ledger.hold.reason if ledger.hold else None
    good = play.people.version(key, ledger.last_good.revision) if ledger.last_good else None
    match reason:
        case outcomes.HoldReason.QUARANTINED:
            if ledger.quarantine_of(ledger.present.input_digest if ledger.present else ""):
                return "what it was brought to is in quarantine itself"
            return _differs(play, key, good) if good else "it has no last good"
        case outcomes.HoldReason.PAUSED:
            return None if ledger.pause else "nobody paused it"
        case outcomes.HoldReason.RENDER_FAILED | outcomes.HoldReason.SETTINGS_INVALID | outcomes.HoldReason.EMPTY:
            return None if head.broken in ("yaml", "settings", "empty") else "the head is not broken like that"
        case outcomes.HoldReason.OUTSIDE_LIMITS:
            return None if head.broken == "outside" else "nothing lies outside"
        case outcomes.HoldReason.REFUSED:
            return None if head.broken == "refused" else "the head is fine"
    return None


def _differs(play: "plays.Play", key: ids.TargetKey, version: scenery.Version) -> str | None:
    """What of the cluster is not as `version` has it."""
    if version.broken:
        return f"last good is broken: {version.broken}"
    wanted = {scenery.key_of(body): body for body in scenery.objects(key, version)}
    for at, body in wanted.items():
        found = play.kept.get(at)
        if found is None:
            return f"{at} is not there"
        for path, value in _leaves(body):
            if document.at(found.body, *path) != value:
                return f"{at} has {document.at(found.body, *path)} at {'.'.join(path)}, not {value}"
    for kind in (ids.KindKey("", "ConfigMap"), ids.KindKey("apps", "Deployment")):
        for found in play.kept.of_kind(kind, key.environment):
            mark = ids.Mark.parse(document.text(found.body, "metadata", "annotations", ids.MARK), on=found.key)
            if mark and mark.target == key and found.key not in wanted:
                return f"{found.key} is left over"
    return None


def lives(play: "plays.Play", key: ids.TargetKey) -> str:
    """Every object of the target, with the fields that are compared."""
    found = []
    for kind in (ids.KindKey("", "ConfigMap"), ids.KindKey("apps", "Deployment")):
        for kept in play.kept.of_kind(kind, key.environment):
            mark = ids.Mark.parse(document.text(kept.body, "metadata", "annotations", ids.MARK), on=kept.key)
            if mark and mark.target == key:
                found.append(f"{kept.key}: {[value for _, value in _leaves(kept.body)]}")
    return "; ".join(found)


def _leaves(body: document.Json) -> Iterator[tuple[tuple[str, ...], document.JsonValue]]:
    """What of an object is compared: a few fields stand for all."""
    if "data" in body:
        yield ("data",), body["data"]
    if body["kind"] == "Deployment":
        yield ("spec", "replicas"), document.at(body, "spec", "replicas")
        yield ("spec", "paused"), None


@dataclass(slots=True)
class Floors:
    """While a release is taken back, no pod that serves goes before another one does (I23). Counted from what served
    when the return began; not where people changed the Deployment themselves, or where pods fail by themselves."""

    play: "plays.Play"
    floors: dict[str, int] = field(default_factory=dict)
    """By the id of the rollout."""

    def heard(self, happened: objects.Happened) -> None:
        if happened.stored.key.kind != "Pod":
            return
        play, space = self.play, happened.stored.key.namespace
        for key in scenery.TARGETS:
            rollout = play.told.newest[key].rollout if key in play.told.newest else None
            if key.environment != space or rollout is None or rollout.purpose is not rollouts.Purpose.REVERT:
                continue
            failed = play.people.version(key, rollout.failure.revision) if rollout.failure else None
            good = play.people.version(key, rollout.revision)
            touched = any(deed.endswith(f"Deployment.apps {key}") for deed in play.people.deeds)
            if failed is None or good is None or touched or failed.behaviour == "fails-later":
                continue
            ready = sum(_serves(pod, key) for pod in play.kept.of_kind(happened.stored.key.kind_key, space))
            floor = self.floors.setdefault(rollout.id, min(ready, good.replicas, failed.replicas))
            if ready < floor:
                play.told.complain("I23", f"{key}: {ready} pods serve while it goes back, {floor} did before")
                self.floors[rollout.id] = ready


def _serves(pod: objects.Stored, key: ids.TargetKey) -> bool:
    if document.text(pod.body, "metadata", "labels", "app") != key.application or pod.deleting:
        return False
    conditions = document.items(pod.body, "status", "conditions")
    return any(
        isinstance(its, dict) and (its.get("type"), its.get("status")) == ("Ready", "True") for its in conditions
    )


def afterwards(play: "plays.Play") -> None:
    """Over everything that happened."""
    _events(play)
    _calls(play)
    _deletions(play)
    _hot(play)
    _forward(play)
    _reverts(play)
    _observed(play)
    _quarantined(play)


def _events(play: "plays.Play") -> None:
    """The chain holds, and has every event that was told, in its order."""
    events: list[records.ChainedEvent] = []
    after = 0
    while found := play.now(play.journal.events(after=after, limit=1000)):
        events += found
        after = found[-1].sequence
    if broken := chain.verify(events, start=chain.FIRST):
        play.told.complain("chain", broken.because)


def _calls(play: "plays.Play") -> None:
    """Intent before effect, one deed each, with the bytes that were intended (I1, I3, I12, I19)."""
    told, seen = play.told, dict[str, story.Called]()
    for call in told.called:
        what = f"{call.verb.value} {call.key} under operation {call.operation}"
        if call.intent is None:
            told.complain("I1", f"{what}: no intent was recorded before it")
            continue
        verb, subject, digest, _, _, result = call.intent
        if (verb, subject) != (call.verb.value, call.key.path):
            told.complain("I1", f"{what}: the intent is {verb} {subject}")
        if call.verb is records.Verb.APPLY and digest != call.digest:
            told.complain("I12", f"{what}: digest {digest} was intended, {call.digest} was sent")
        if result == records.Result.DONE.value:
            told.complain("I1", f"{what}: its intent was settled before the call")
        if call.operation in seen and call.version_before != call.version_after:
            told.complain("I3", f"{what}: carried out twice")
        if call.foreign:
            told.complain("I19", f"{what}: forced over {call.foreign}, who applies the same fields")
        seen[call.operation] = call
    pushed = {row[0] for row in _rows(play, "SELECT subject FROM intents WHERE verb = 'push'")}
    for who, revision in play.server.pushes:
        if who == "reconciler" and revision not in pushed:
            told.complain("I1", f"push of {revision}: no intent was recorded")


def _deletions(play: "plays.Play") -> None:
    """Only what is ours, by its UID, and no longer wanted; within the cap, unless confirmed (I6, I7)."""
    told, pruned = play.told, collections.Counter[str]()
    started = {row[0]: row[1:] for row in _rows(play, "SELECT id, purpose, revision FROM rollouts")}
    for call in told.called:
        if call.verb is not records.Verb.DELETE or call.intent is None or not call.uid_before:
            continue
        if call.key.kind == "Pod":
            continue
        what, rollout = f"delete {call.key}", call.intent[4]
        if call.uid != call.uid_before and call.version_before != call.version_after:
            told.complain("I7", f"{what}: another object of that name went")
        target = _target_of(play, call.operation)
        mark = ids.Mark.parse(call.mark_before, on=call.key)
        if mark is None or mark.target != target:
            told.complain("I7", f"{what}: it is not marked as {target}'s")
        purpose, revision = started[rollout]
        version = play.people.version(target, revision)
        if version is not None and not version.broken and call.key in scenery.keys(target, version):
            told.complain("I6", f"{what}: {revision[:12]} wants it")
        if purpose != rollouts.Purpose.REVERT.value:
            pruned[rollout] += 1
            if version is not None and version.broken:
                told.complain("I6", f"{what}: {revision[:12]} cannot be rendered")
    for rollout, count in pruned.items():
        _, revision = started[rollout]
        target = _target_of_rollout(play, rollout)
        confirmed = any(yes.revision == revision for written in told.written for yes in written.ledger.confirmations)
        left = play.people.version(target, revision)
        total = count + (len(scenery.keys(target, left)) if left else 0)
        if not confirmed and count > 1 and (count > scenery.PRUNE_COUNT or count * 100 > total * scenery.PRUNE_PERCENT):
            told.complain("I7", f"{target}: {count} of {total} objects were pruned for {revision[:12]}, unconfirmed")


def _hot(play: "plays.Play") -> None:
    """No hot loops (I20)."""
    told, times = play.told, collections.defaultdict[ids.ObjectKey, list[float]](list)
    for call in told.called:
        times[call.key].append(call.at)
    for key, when in times.items():
        for first, last in zip(when, when[TOO_OFTEN:], strict=False):
            if last - first < WITHIN:
                told.complain("I20", f"{key} was written {TOO_OFTEN + 1} times within {last - first:.0f} s")
                break
    refused = play.storm.refused
    for first, last in zip(refused, refused[MOST_REFUSED:], strict=False):
        if last - first < OUTAGE_LOOK:
            told.complain("I20", f"{MOST_REFUSED + 1} calls met an outage within {last - first:.1f} s")
            break
    for port, count in play.storm.calls.items():
        if count > CALLS_A_SECOND * told.now():
            told.complain("I20", f"{count} calls of {port} in {told.now():.0f} s")


def _forward(play: "plays.Play") -> None:
    """Only what descends from the revision deployed before, or was accepted by a person (I5)."""
    before: dict[ids.TargetKey, records.Ledger] = {}
    for written in play.told.written:
        new = written.ledger
        old = before.get(new.target)
        if old and old.deployed and new.deployed != old.deployed:
            ways = [old.deployed, *([old.accepted_history] if old.accepted_history else [])]
            if not (new.deployed and any(play.server.descends(new.deployed, way) for way in ways)):
                play.told.complain("I5", f"{new.target} went from {old.deployed[:12]} back to {new.deployed[:12]}")
        before[new.target] = new


def _reverts(play: "plays.Play") -> None:
    """At most one revert for each failure, of what the target read at last good and back to that, never a revert of a
    revert that nobody asked for (I22)."""
    told = play.told
    failures = collections.Counter(
        (event.target, dict(event.data).get("digest", ""))
        for written in told.written
        for event in written.events
        if event.kind is records.EventKind.QUARANTINED
    )
    answered = collections.defaultdict[tuple[ids.TargetKey, str], list[str]](list)
    ours = {revision: _target_by_commit(play, revision) for who, revision in play.server.pushes if who == "reconciler"}
    for revision in ours:
        commit = play.server.commits[revision]
        of = [written.ledger for written in told.written if _commit_of(written.ledger) == revision]
        if not of or (revert := of[0].git_revert) is None:
            told.complain("I22", f"push of {revision[:12]}: no ledger knows it")
            continue
        answered[of[0].target, revert.failed.input_digest].append(revision)
        parent, at = play.server.commits[commit.parents[0]], scenery.folder(of[0].target)
        if git.at(parent.tree, at) != git.at(play.server.commits[revert.failed.revision].tree, at):
            told.complain("I22", f"{revision[:12]} takes back what is no longer the failed release")
        failed = revert.failed
        if not failed.asked_by and failed.revision == commit.parents[0] and ours.get(failed.revision) == of[0].target:
            told.complain("I22", f"{revision[:12]} is a revert of the revert {commit.parents[0][:12]}")
        good = play.server.commits[revert.good.revision].tree
        version = play.people.version(of[0].target, revert.good.revision)
        reads = version is not None and of[0].target.application == "web" and not version.absent
        its = (scenery.folder(of[0].target), *((scenery.SHARED,) if reads else ()))
        for path in _changed(parent.tree, commit.tree):
            if not path.startswith(its):
                told.complain("I22", f"{revision[:12]} changes {path}, which {of[0].target} did not read at last good")
        for path in its:
            if git.at(commit.tree, path) != git.at(good, path):
                told.complain("I22", f"{revision[:12]} does not bring {path} of {of[0].target} back to last good")
    for (target, digest), reverts in answered.items():
        # One that somebody's force-push took out of the history is made once more where its outcome was unknown.
        count = max(sum(play.server.descends(newer, older) for older in reverts) for newer in reverts)
        if count > failures[target, digest]:
            told.complain(
                "I22", f"{target}: {count} reverts of {digest[:12]}, which failed {failures[target, digest]} times"
            )


def _observed(play: "plays.Play") -> None:
    """A release is good only after its whole window, whatever the wall clock did (I24)."""
    since: dict[str, float] = {}
    for written in play.told.written:
        rollout = written.ledger.rollout
        if rollout and rollout.phase is rollouts.Phase.OBSERVING and rollout.id not in since:
            since[rollout.id] = written.at
        good = written.ledger.last_good
        if good and good.rollout in since and rollout is None:
            if written.at - since[good.rollout] < scenery.OBSERVE - 0.5:
                play.told.complain(
                    "I24", f"{written.ledger.target}: good after {written.at - since[good.rollout]:.1f} s"
                )
            del since[good.rollout]


def _quarantined(play: "plays.Play") -> None:
    """What failed on a target is not tried there again, until it is released."""
    for written in play.told.written:
        rollout = written.ledger.rollout
        if rollout is None or (rollout.purpose, rollout.phase) != (rollouts.Purpose.RELEASE, rollouts.Phase.APPLYING):
            continue
        if written.ledger.quarantine_of(rollout.input_digest):
            play.told.complain("quarantine", f"{rollout.target}: {rollout.input_digest[:12]} is tried again")


def _target_by_commit(play: "plays.Play", commit: str) -> ids.TargetKey | None:
    return next((its.ledger.target for its in play.told.written if _commit_of(its.ledger) == commit), None)


def _commit_of(ledger: records.Ledger) -> str:
    return ledger.git_revert.commit if ledger.git_revert else ""


def _changed(old: git.Tree, new: git.Tree, at: str = "") -> Iterator[str]:
    """Paths of files that differ."""
    for name in sorted({*old.entries, *new.entries}):
        before, after = old.entries.get(name), new.entries.get(name)
        if before is after or (before and after and before.oid == after.oid):
            continue
        trees = [entry if isinstance(entry, git.Tree) else git.EMPTY for entry in (before, after)]
        if isinstance(before, git.Tree) or isinstance(after, git.Tree):
            yield from _changed(trees[0], trees[1], f"{at}{name}/")
        else:
            yield f"{at}{name}"


def _target_of(play: "plays.Play", operation: str) -> ids.TargetKey:
    ((environment, application),) = _rows(
        play, "SELECT environment, application FROM intents WHERE operation = ?", operation
    )
    return ids.TargetKey(environment, application)


def _target_of_rollout(play: "plays.Play", rollout: str) -> ids.TargetKey:
    ((environment, application),) = _rows(play, "SELECT environment, application FROM rollouts WHERE id = ?", rollout)
    return ids.TargetKey(environment, application)


def _rows(play: "plays.Play", query: str, *values: str) -> list[tuple[str, ...]]:
    return play.memory.base.driver.execute(query, values).fetchall()
