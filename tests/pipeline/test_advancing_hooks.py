"""A stage of hooks carried on against a cluster: what may not be made holds a release, and never the way back."""

import types
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from reconciler import errors
from reconciler.model import hooks, ids, live, manifests, outcomes, records, rollouts, sources
from reconciler.pipeline import advancing, failing, heads, watching, world
from reconciler.rollout import hooks as machine
from reconciler.sandbox import cluster, objects
from tests.support import planned, worlds

Phase = rollouts.Phase


class Gate(cluster.SandboxCluster):
    """An API server that lets nothing in unless it is `open`: it refuses, or never answers."""

    def __init__(self, name: str, kept: objects.Objects) -> None:
        super().__init__(name, kept)
        self.kept = kept
        self.refuses, self.open = True, False

    async def apply(self, manifest: manifests.Manifest, *, operation: str, force: bool) -> live.Applied | live.Refused:
        if self.refuses:
            return live.Refused(manifest.key, live.Why.DENIED, "exceeded quota", status=403)
        if self.open:
            return await super().apply(manifest, operation=operation, force=force)
        raise errors.Transient("the webhook does not answer")


class Clock:
    """Time that stands where a test has put it."""

    def __init__(self, here: world.World) -> None:
        self.at, self.now, self.sleep = 1000.0, here.clock.now, here.clock.sleep

    def monotonic(self) -> float:
        return self.at


class Failing:
    """Where the way back would begin: notes why. `many`: too many fail at once, so that nothing follows."""

    def __init__(self) -> None:
        self.because: list[str] = []
        self.many = False

    async def stays(self, ledger: records.Ledger, prepared: heads.Prepared, because: str) -> failing.Answer | None:
        return failing.Answer(ledger, outcomes.PassResult(outcomes.Outcome.HELD, because, 15.0)) if self.many else None

    async def answer(self, ledger: records.Ledger, prepared: heads.Prepared, because: str) -> failing.Answer:
        self.because.append(because)
        return failing.Answer(ledger, outcomes.PassResult(outcomes.Outcome.FAILED, because))


class Bench:
    """One rollout in a stage of hooks, and all that carries it on."""

    def __init__(self, here: world.World, phase: rollouts.Phase, *more: manifests.Manifest) -> None:
        here.clock = self.clock = Clock(here)
        self.here, self.failing = here, Failing()
        moment = hooks.Moment.FAILED if phase is Phase.FAILING else hooks.Moment.PRE_INSTALL
        its = hooks.Hook(frozenset({moment}), frozenset())
        self.hook = replace(planned.config("alarm", text="it fails"), hook=its)
        wanted = planned.manifest_set(self.hook, *more)

        async def render(prepared: heads.Prepared) -> manifests.ManifestSet:
            return wanted

        async def nothing(*about: object, **more: object) -> None:
            return None

        drift = types.SimpleNamespace(doubt=lambda key, keys: None, learn=nothing, settle=nothing)
        self.advancing = advancing.Advancing(
            here,
            cast(Any, types.SimpleNamespace(render=render)),
            watching.Watching(here, lambda key: None),
            cast(Any, self.failing),
            cast(Any, drift),
            cast(Any, None),
            cast(Any, None),
        )
        self.prepared = heads.Prepared(planned.target(), sources.Inputs("a" * 40, ()))
        release = rollouts.Purpose.RELEASE
        rollout = rollouts.Rollout("r1", planned.TARGET, release, "a" * 40, "i", wanted.digest, "", "2026-01-01", phase)
        failed = "it crashes" if phase is Phase.FAILING else ""
        self.ledger = records.Ledger(planned.TARGET, rollout=replace(rollout, clock=self.clock.at, failing=failed))

    async def step(self) -> outcomes.PassResult:
        stepped = await self.advancing.advance(self.ledger, self.prepared)
        assert stepped.result is not None
        self.ledger = stepped.ledger
        return stepped.result

    def phase(self) -> rollouts.Phase:
        assert self.ledger.rollout is not None
        return self.ledger.rollout.phase

    @property
    def gate(self) -> Gate:
        found = self.here.clusters["one"]
        assert isinstance(found, Gate)
        return found


async def bench(phase: rollouts.Phase, *more: manifests.Manifest) -> Bench:
    return Bench(await worlds.made(lambda name, kept, journal: Gate(name, kept)), phase, *more)


async def test_a_refused_hook_does_not_keep_a_failed_release() -> None:
    tested = await bench(Phase.FAILING)
    result = await tested.step()
    assert (result.outcome, tested.failing.because) == (outcomes.Outcome.FAILED, ["it crashes"])
    told = [event.event.because for event in await tested.here.journal.events(after=worlds.EVENTS, limit=9)]
    assert len(told) == 1 and told[0].startswith("hook ConfigMap alarm, if the release fails: ")
    assert "exceeded quota" in told[0]


async def test_an_object_of_somebody_else_does_not_keep_a_failed_release() -> None:
    tested = await bench(Phase.FAILING)
    metadata: Any = {"name": "alarm", "namespace": "web"}
    tested.gate.kept.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}, manager="somebody")
    assert (await tested.step()).outcome is outcomes.Outcome.FAILED


async def test_a_kind_that_is_not_served_does_not_keep_a_failed_release(monkeypatch: pytest.MonkeyPatch) -> None:
    tested = await bench(Phase.FAILING)

    async def read(key: ids.ObjectKey) -> live.LiveObject | None:
        raise errors.Terminal(f"the cluster one does not serve {key.kind_key}")

    monkeypatch.setattr(tested.gate, "read", read)
    assert (await tested.step()).outcome is outcomes.Outcome.FAILED


async def test_a_right_that_is_gone_does_not_keep_a_failed_release(monkeypatch: pytest.MonkeyPatch) -> None:
    tested = await bench(Phase.FAILING)

    async def read(key: ids.ObjectKey) -> live.LiveObject | None:
        raise errors.Forbidden("configmaps is forbidden")

    monkeypatch.setattr(tested.gate, "read", read)
    assert (await tested.step()).outcome is outcomes.Outcome.FAILED


async def test_a_hook_that_never_gets_an_answer_keeps_a_failed_release_for_a_minute() -> None:
    tested = await bench(Phase.FAILING)
    tested.gate.refuses = False
    result = await tested.step()
    assert (result.outcome, tested.failing.because) == (outcomes.Outcome.HELD, [])
    assert result.due_in is not None and result.due_in <= machine.FAILING_DEADLINE / 2
    tested.clock.at += machine.FAILING_DEADLINE
    assert (await tested.step()).outcome is outcomes.Outcome.FAILED


async def test_a_refused_hook_holds_a_release_that_has_not_failed() -> None:
    tested = await bench(Phase.BEFORE)
    result = await tested.step()
    assert result.hold is not None and result.hold.reason is outcomes.HoldReason.REFUSED
    assert tested.failing.because == []


async def test_a_hook_that_was_refused_for_long_has_its_whole_time_once_it_is_let_in() -> None:
    tested = await bench(Phase.BEFORE)
    for _ in range(20):
        assert (await tested.step()).outcome is outcomes.Outcome.HELD
        tested.clock.at += tested.prepared.target.verification.progress_deadline / 10
    rollout = tested.ledger.rollout
    assert rollout is not None and (rollout.spent, rollout.phase) == (0.0, Phase.BEFORE)
    tested.gate.refuses, tested.gate.open = False, True
    assert "the hooks have run" in (await tested.step()).because
    assert tested.failing.because == []


async def test_watches_that_cannot_be_read_fail_no_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage while a hook runs is no failure of the release: beyond the deadline it holds, and then goes on."""
    tested = await bench(Phase.BEFORE)
    tested.gate.refuses, tested.gate.open = False, True

    def unread(key: ids.TargetKey) -> Mapping[ids.ObjectKey, live.LiveObject]:
        raise errors.Transient("the watch is not in sync")

    with monkeypatch.context() as outage:
        outage.setattr(tested.gate, "followed", unread)
        assert (await tested.step()).outcome is outcomes.Outcome.WAITING
        tested.clock.at += tested.prepared.target.verification.progress_deadline
        result = await tested.step()
        assert result.hold is not None and result.hold.reason is outcomes.HoldReason.WORLD
    assert "the hooks have run" in (await tested.step()).because
    assert tested.failing.because == []


async def test_nothing_answers_a_failure_that_many_share() -> None:
    """The hooks of a failure run when it is one: a release that many neighbours share their fate with may recover."""
    its = hooks.Hook(frozenset({hooks.Moment.PRE_INSTALL}), frozenset())
    containers = [{"name": "migrate", "image": "migrate:1"}]
    spec = {"template": {"spec": {"containers": containers, "restartPolicy": "Never"}}}
    job = replace(planned.manifest("Job", "migrate", api_version="batch/v1", spec=spec), hook=its)
    siren = replace(planned.config("siren"), hook=hooks.Hook(frozenset({hooks.Moment.FAILED}), frozenset()))
    tested = await bench(Phase.BEFORE, job, siren)
    tested.gate.refuses, tested.gate.open, tested.failing.many = False, True, True
    assert (await tested.step()).outcome is outcomes.Outcome.WAITING
    tested.clock.at += tested.prepared.target.verification.progress_deadline
    assert (await tested.step()).outcome is outcomes.Outcome.HELD
    assert tested.phase() is Phase.BEFORE
    tested.failing.many = False
    await tested.step()
    assert tested.phase() is Phase.FAILING
