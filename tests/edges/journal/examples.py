"""Nouns for the journal's tests."""

import dataclasses

from reconciler.model import ids, outcomes, plans, records, rollouts

TARGET = ids.TargetKey("production", "web")
OTHER = ids.TargetKey("staging", "web")
AT = "2026-01-01T10:00:00Z"
WEB = ids.ObjectKey("apps", "Deployment", "shop", "web")
NAMESPACE = ids.ObjectKey("", "Namespace", "", "shop")

GOOD = records.Good("a" * 40, "input-a", "manifest-a", AT)
FAILURE = rollouts.Failure("b" * 40, "input-b", "web crashed 3 times: exit 1")
ROLLOUT = rollouts.Rollout(
    id="r1",
    target=TARGET,
    purpose=rollouts.Purpose.REVERT,
    revision="a" * 40,
    input_digest="input-a",
    manifest_digest="manifest-a",
    because="the release b failed",
    started_at=AT,
    phase=rollouts.Phase.QUIETING,
    spent=1.25,
    clock=77.5,
    failure=FAILURE,
    undoes="r0",
    unwell=0.5,
    unwell_since=77.0,
    blind=2.5,
    blind_since=99.0,
    quieted=(WEB, NAMESPACE),
    unproven=True,
    unblocked=("uid-of-a-pod",),
    wave=plans.Place(-1, 2),
    settled=plans.Place(-1, 2),
    ran=(rollouts.HookRun(rollouts.Phase.BEFORE, WEB, "uid-of-a-job"),),
    below=3,
    failing="its hooks for that run",
    anew=2,
    edited="drift: ConfigMap web/settings differs from Git in data.x",
)
FULL_LEDGER = records.Ledger(
    target=TARGET,
    present=records.Present("b" * 40, "input-b", "manifest-b", complete=True),
    last_good=GOOD,
    earlier=(records.Good("0" * 40, "input-0", "manifest-0", AT, "r0"),),
    quarantined=(records.Quarantine("input-b", "b" * 40, "crashed", AT, "r1", "alice"),),
    rollout=ROLLOUT,
    git_revert=records.GitRevert(FAILURE, GOOD, ("x/y",), records.GitStep.INTENDED, "made", "c" * 40, "b" * 40),
    hold=outcomes.Hold(outcomes.HoldReason.REFUSED, "quota “small” ✗", "b" * 40, "input-b"),
    pause=records.Pause("ann", "a\nfreeze", AT),
    stopped="the revert failed too",
    confirmations=(records.Confirmation("b" * 40, "ann", AT),),
    accepted_history="d" * 40,
    deployed="b" * 40,
    failed_at=AT,
    brake_off="r0",
    doubted=(WEB,),
    gone="orphaned",
    outcome=outcomes.Outcome.HELD,
    because="held",
    since=AT,
)


def event(because: str, *, target: ids.TargetKey | None = TARGET) -> records.Event:
    return records.Event(records.EventKind.HELD, AT, because, target, (("reason", "refused"),))


def intent(operation: str, *, key: ids.ObjectKey = WEB, verb: records.Verb = records.Verb.APPLY) -> records.Intent:
    return records.Intent(operation, TARGET, verb, key.path, "manifest-b", AT, "r1")


def push(operation: str) -> records.Intent:
    return dataclasses.replace(intent(operation), verb=records.Verb.PUSH, subject="c" * 40)


def row(key: ids.ObjectKey = WEB, *, uid: str = "uid-1") -> records.InventoryRow:
    return records.InventoryRow(key, uid, "manifest-b", '{"f:spec":{}}', "42", "r1", drifted=True)


def request(id_: str, *, kind: records.RequestKind = records.RequestKind.SYNC) -> records.Request:
    return records.Request(id_, kind, TARGET, "ann", "because I can", AT, "argument")
