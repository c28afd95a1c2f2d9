"""A release is good only as what it applied: what is edited past Git in its window, in either mode of drift."""

import types
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from reconciler import errors, ports
from reconciler.model import (
    document,
    health,
    ids,
    live,
    manifests,
    outcomes,
    plans,
    records,
    rollouts,
    sources,
    targets,
)
from reconciler.pipeline import advancing, deciding, drift, heads, observing, watching, world
from reconciler.rollout import rolling
from reconciler.sandbox import cluster, objects
from tests.contracts.waiting import until
from tests.support import planned, worlds

SETTINGS = planned.config("settings", x="1")
WANTED = planned.manifest_set(SETTINGS)
FIELD = plans.FieldChange("data.x", '"2"', '"1"')
EDITED = plans.Change(plans.Action.CONFIGURED, SETTINGS.key, "takes back data.x", SETTINGS, fields=(FIELD,))
BACK = replace(EDITED, fields=(), because="takes back who owns data.x")
SAME = replace(EDITED, action=plans.Action.UNCHANGED, fields=())
LEAVING = replace(SAME, action=plans.Action.SKIPPED, because="is being deleted")
ROLLOUT = rollouts.Rollout(
    id="r1",
    target=planned.TARGET,
    purpose=rollouts.Purpose.RELEASE,
    revision="a" * 40,
    input_digest="inputs",
    manifest_digest=WANTED.digest,
    because="the head",
    started_at="2026-01-01T00:00:00Z",
    phase=rollouts.Phase.OBSERVING,
)

HEAL, WARN = targets.DriftMode.HEAL, targets.DriftMode.WARN
Found = deciding.Decided | errors.Transient


@dataclass
class Bench:
    """What a plan would find is given; `planned` counts how often one was made."""

    here: world.World
    kept: objects.Objects
    found: Found
    mode: targets.DriftMode
    planned: int = 0
    told: list[records.Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.drift = drift.Drift(self.here, lambda key: None)
        self.watching = watching.Watching(self.here, lambda key: None)
        self.tested = observing.Observing(self.here, cast(Any, types.SimpleNamespace(plan=self._plan)), self.drift)

    async def _plan(self, *about: object, **more: object) -> deciding.Decided:
        self.planned += 1
        if isinstance(self.found, errors.Transient):
            raise self.found
        if self.found.plan is None:
            return self.found
        (wave,) = self.found.plan.waves
        now = self.here.cluster_of(planned.TARGET).meta(SETTINGS.key)
        return replace(self.found, plan=replace(self.found.plan, waves=((replace(wave[0], live=now),),)))

    async def begin(self) -> None:
        """The object is applied and watched."""
        its = self.here.cluster_of(planned.TARGET)
        await its.watch([(SETTINGS.key.kind_key, SETTINGS.key.namespace)])
        its.listen(self.drift.heard, lost=self.drift.lost)
        applied = await its.apply(SETTINGS, operation="o1", force=False)
        assert isinstance(applied, live.Applied)
        row = planned.row(applied.live, SETTINGS)
        await self.here.journal.adopt_rows(planned.TARGET, [row], epoch=self.here.epoch)
        await self.drift.learn(planned.TARGET)

    async def edit(self, value: str = "2") -> None:
        """By somebody, and seen by the watch."""
        self.kept.update(SETTINGS.key, lambda body: body.update(data={"x": value}), manager="kubectl-edit")
        its, now = self.here.cluster_of(planned.TARGET), self.kept.get(SETTINGS.key)
        assert now is not None
        version = document.text(now.body, "metadata", "resourceVersion")
        await until(lambda: (meta := its.meta(SETTINGS.key)) and meta.resource_version == version, what="the watch")

    async def look(self, rollout: rollouts.Rollout = ROLLOUT) -> rolling.Edited | None:
        ledger = records.Ledger(planned.TARGET, rollout=rollout)
        prepared = heads.Prepared(replace(planned.target(), drift=self.mode), sources.Inputs("a" * 40, ()))
        edited = await self.tested.edited(ledger, prepared, WANTED)
        self.told += self.tested.news(planned.TARGET, edited)
        return edited

    async def advance(self, phase: rollouts.Phase, *, then: Found | None = None, spent: float = 0.0) -> None:
        """Carry the release on from `phase`. `then`: what every plan after the first one comes to."""

        async def plan(*about: object, **more: object) -> deciding.Decided:
            try:
                return await self._plan()
            finally:
                self.found = then or self.found

        async def render(prepared: heads.Prepared) -> manifests.ManifestSet:
            return WANTED

        tested = advancing.Advancing(
            self.here,
            cast(Any, types.SimpleNamespace(plan=plan, render=render)),
            self.watching,
            cast(Any, types.SimpleNamespace(note=lambda key, healthy: None)),
            self.drift,
            cast(Any, None),
            cast(Any, None),
        )
        prepared = heads.Prepared(replace(planned.target(), drift=self.mode), sources.Inputs("a" * 40, ()))
        rollout = replace(ROLLOUT, phase=phase, spent=spent, clock=self.here.clock.monotonic())
        await self.watching.follow(planned.TARGET, WANTED.kept)
        await until(self._synced, what="the watches")
        await tested.advance(records.Ledger(planned.TARGET, rollout=rollout), prepared)

    def _synced(self) -> bool:
        try:
            self.watching.live(planned.TARGET)
        except errors.Transient:
            return False
        return True

    async def written(self) -> list[records.EventKind]:
        found = await self.here.journal.events(after=worlds.EVENTS, limit=9)
        return [stored.event.kind for stored in found]

    def seen(self) -> int:
        return len([event for event in self.told if event.kind is records.EventKind.DRIFT_SEEN])


def plan(change: plans.Change) -> deciding.Decided:
    return deciding.Decided(plans.Plan(planned.TARGET, WANTED.digest, ((change,),)))


Make = Callable[..., Awaitable[Bench]]


@pytest.fixture
async def make() -> Make:
    async def made(found: Found, mode: targets.DriftMode = HEAL) -> Bench:
        held: dict[str, objects.Objects] = {}

        def keep(name: str, kept: objects.Objects, journal: ports.Journal) -> ports.Cluster:
            held[name] = kept
            return cluster.SandboxCluster(name, kept)

        here = await worlds.made(keep)
        bench = Bench(here, held["one"], found, mode)
        await bench.begin()
        return bench

    return made


async def test_what_nobody_touches_is_not_planned(make: Make) -> None:
    bench = await make(plan(EDITED))
    assert await bench.look() is None
    assert bench.planned == 0


FOREIGN = outcomes.Hold(outcomes.HoldReason.FOREIGN_MANAGER, "applied by flux as well")
APPLYING, OBSERVING = rollouts.Phase.APPLYING, rollouts.Phase.OBSERVING


@pytest.mark.parametrize(
    ("found", "mode", "then", "hold", "words"),
    [
        (plan(EDITED), HEAL, APPLYING, outcomes.HoldReason.UNPROVEN, "data.x"),
        (plan(BACK), HEAL, APPLYING, outcomes.HoldReason.UNPROVEN, "takes back who owns data.x"),
        (plan(LEAVING), HEAL, None, outcomes.HoldReason.UNPROVEN, "is being deleted"),
        (plan(EDITED), WARN, None, outcomes.HoldReason.UNPROVEN, "`drift: warn`"),
        (plan(BACK), WARN, OBSERVING, outcomes.HoldReason.UNPROVEN, "as wanted again"),
        (deciding.Decided(None, FOREIGN), HEAL, None, outcomes.HoldReason.FOREIGN_MANAGER, "flux"),
        (errors.Transient("no answer"), HEAL, None, outcomes.HoldReason.CLUSTER_UNAVAILABLE, "no answer"),
    ],
    ids=["healed", "put back, healed", "on its way out", "only reported", "put back", "fought over", "unreachable"],
)
async def test_what_was_edited_is_not_what_is_proven(
    make: Make,
    found: Found,
    mode: targets.DriftMode,
    then: rollouts.Phase | None,
    hold: outcomes.HoldReason,
    words: str,
) -> None:
    bench = await make(found, mode)
    await bench.edit()
    edited = await bench.look()
    assert edited is not None
    assert (edited.then, edited.hold) == (then, hold)
    assert words in edited.because


async def test_what_a_plan_finds_as_wanted_is_no_edit(make: Make) -> None:
    """An autoscaler has taken the size, say: known once, it is not asked about again."""
    bench = await make(plan(SAME))
    await bench.edit()
    assert await bench.look() is None


@pytest.mark.parametrize(
    "rollout",
    [
        replace(ROLLOUT, phase=rollouts.Phase.WATCHING),
        replace(ROLLOUT, purpose=rollouts.Purpose.HEAL),
        replace(ROLLOUT, purpose=rollouts.Purpose.REVERT),
    ],
    ids=["not observed yet", "a healing", "a return"],
)
async def test_only_a_release_is_observed(make: Make, rollout: rollouts.Rollout) -> None:
    bench = await make(plan(EDITED))
    await bench.edit()
    assert await bench.look(rollout) is None


async def test_who_edits_again_and_again_is_undone_ever_later(make: Make) -> None:
    """I20. Meanwhile nothing is planned, and nothing is good."""
    bench = await make(plan(EDITED))
    await bench.edit()
    bench.drift.healed(planned.TARGET)
    for _ in range(2):
        edited = await bench.look()
        assert edited is not None
        assert (edited.then, "healed again after 2 s" in edited.because) == (None, True)
    assert bench.planned == 1
    bench.drift.at_once(planned.TARGET)
    edited = await bench.look()
    assert edited is not None
    assert edited.then is APPLYING


async def test_a_healing_that_waits_is_not_about_what_nobody_touches(make: Make) -> None:
    """It was put off before the release began, which applied what it waited for: an unedited release was held."""
    bench = await make(plan(EDITED))
    bench.drift.healed(planned.TARGET)
    bench.drift.put_off(planned.TARGET, "drift: ConfigMap web/settings differs from Git in data.x")
    assert await bench.look() is None
    assert bench.planned == 0


async def test_what_a_release_overtakes_waits_no_more(make: Make) -> None:
    """An edit of something else in its window was told with the sentence of the healing before it."""
    bench = await make(plan(EDITED))
    bench.drift.healed(planned.TARGET)
    bench.drift.put_off(planned.TARGET, "drift: ConfigMap web/another differs from Git in data.y")
    bench.drift.overtaken(planned.TARGET)
    await bench.edit()
    edited = await bench.look()
    assert edited is not None
    assert "data.x" in edited.because


async def test_what_is_only_reported_is_told_once_and_is_proven_anew_when_it_is_put_back(make: Make) -> None:
    bench = await make(plan(EDITED), WARN)
    await bench.edit()
    for _ in range(2):
        edited = await bench.look()
        assert edited is not None
        assert (edited.then, bench.seen()) == (None, 1)
    bench.found = plan(BACK)
    await bench.edit("1")
    edited = await bench.look()
    assert edited is not None
    assert edited.then is OBSERVING
    assert await bench.look() is None
    assert bench.seen() == 1


async def test_a_healing_is_counted_when_it_is_written(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage at its next step let the back-off grow, of what had neither been done nor told."""
    bench, away = await make(plan(EDITED)), errors.Transient("no answer")
    await bench.edit()

    async def write(*about: object, **more: object) -> None:
        raise away

    with monkeypatch.context() as outage:
        outage.setattr(bench.here.journal, "write", write)
        with pytest.raises(errors.Transient, match="no answer"):
            await bench.advance(OBSERVING)
    assert bench.drift.heals_in(planned.TARGET) == 0
    with pytest.raises(errors.Transient, match="no answer"):
        await bench.advance(OBSERVING, then=away)
    assert await bench.written() == [records.EventKind.DRIFT_SEEN, records.EventKind.PHASE_ENTERED]
    rollout = (await bench.here.journal.ledger(planned.TARGET)).rollout
    assert rollout is not None
    assert rollout.phase is APPLYING
    assert bench.drift.heals_in(planned.TARGET) > 0


async def test_what_is_only_reported_is_told_after_the_phase_in_which_it_was_seen(make: Make) -> None:
    """The edit comes after the prune has planned, and is told once."""
    bench = await make(plan(SAME), WARN)
    await bench.edit()
    await bench.advance(rollouts.Phase.PRUNING, then=plan(EDITED))
    await bench.advance(OBSERVING)
    assert bench.planned == 3
    assert await bench.written() == [records.EventKind.PHASE_ENTERED, records.EventKind.DRIFT_SEEN]


async def test_what_is_put_back_is_proven_anew_whatever_comes_next(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The inventory knew that it was put back, and an outage at the next step dropped what followed from that."""
    bench = await make(plan(EDITED), WARN)
    await bench.edit()
    await bench.look()
    bench.found = plan(BACK)
    await bench.edit("1")
    follow = bench.watching.follow

    async def away(key: ids.TargetKey, wanted: manifests.ManifestSet) -> None:
        if bench.planned == 2:
            raise errors.Transient("no answer")
        await follow(key, wanted)

    monkeypatch.setattr(bench.watching, "follow", away)
    with pytest.raises(errors.Transient, match="no answer"):
        await bench.advance(OBSERVING)
    assert await bench.written() == [records.EventKind.PHASE_ENTERED]


async def test_what_stays_as_it_was_found_is_not_planned_again(make: Make) -> None:
    """Under `drift: warn` every look at an edited release planned it anew, every few seconds while it stayed so."""
    bench = await make(plan(EDITED), WARN)
    await bench.edit()
    first = await bench.look()
    assert first is not None
    assert first.news
    assert [await bench.look(), await bench.look()] == [replace(first, news="")] * 2
    assert bench.planned == 1
    for many, change in enumerate(("3", "4"), start=2):
        await bench.edit(change)
        await bench.look()
        assert bench.planned == many
    await bench.look(replace(ROLLOUT, id="r2"))
    assert bench.planned == 4


async def test_what_was_put_back_is_not_planned_again_either(make: Make) -> None:
    bench = await make(plan(EDITED), WARN)
    await bench.edit()
    await bench.look()
    bench.found = plan(BACK)
    await bench.edit("1")
    assert [(edited and edited.then) for edited in (await bench.look(), await bench.look(), await bench.look())] == [
        OBSERVING,
        None,
        None,
    ]
    assert bench.planned == 3


async def test_without_the_watch_it_is_planned_each_time(make: Make) -> None:
    """What nobody would hear of does not stand."""
    bench = await make(plan(EDITED), WARN)
    await bench.edit()
    await bench.look()
    await bench.here.cluster_of(planned.TARGET).unwatch()
    await bench.look()
    await bench.look()
    assert bench.planned == 3


async def test_the_end_is_open_while_it_is_known_to_be_edited(make: Make) -> None:
    """Until then each object is read once more at the end, again and again while it is held."""
    bench = await make(plan(EDITED), WARN)
    ledger = records.Ledger(planned.TARGET, rollout=ROLLOUT)
    open_ends = [bench.tested.stays(ledger, WANTED)]
    await bench.edit()
    open_ends.append(bench.tested.stays(ledger, WANTED))
    await bench.look()
    open_ends.append(bench.tested.stays(ledger, WANTED))
    await bench.edit("3")
    open_ends.append(bench.tested.stays(ledger, WANTED))
    assert open_ends == [False, False, True, False]


async def test_a_look_begun_while_it_was_edited_ends_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read only at the end was left out, and then it turned out to be as it was applied."""
    bench = await make(plan(SAME))
    await bench.edit()
    bench.drift.healed(planned.TARGET)
    bench.drift.put_off(planned.TARGET, "drift: ConfigMap web/settings differs from Git in data.x")
    report = bench.watching.report

    async def slow(*about: Any, **more: Any) -> health.Report:
        found = await report(*about, **more)
        bench.drift.at_once(planned.TARGET)  # as when the pause is over
        return found

    monkeypatch.setattr(bench.watching, "report", slow)
    await bench.advance(OBSERVING, spent=6000.0)
    rollout = (await bench.here.journal.ledger(planned.TARGET)).rollout
    assert rollout is not None
    assert rollout.phase is OBSERVING
    assert await bench.look(rollout) is None
