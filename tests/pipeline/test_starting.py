"""What is neither in sync nor to be written: a wanted object that is being deleted."""

import types
from dataclasses import replace
from typing import Any, cast

import pytest

from reconciler import errors
from reconciler.model import ids, manifests, outcomes, plans, records, sources
from reconciler.pipeline import deciding, heads, starting
from reconciler.rollout import rolling
from reconciler.source import desired
from tests.support import planned, worlds

WANTED = planned.manifest_set(planned.config("a", x="1"))
(KEY,) = (one.key for one in WANTED.manifests)
AWAY = plans.Change(plans.Action.SKIPPED, KEY, "is being deleted")
SAME = replace(AWAY, action=plans.Action.UNCHANGED, because="as wanted")
HELD = outcomes.Hold(outcomes.HoldReason.QUARANTINED, "it failed here", "b" * 40)
PREPARED = heads.Prepared(planned.target(), sources.Inputs("a" * 40, ()))
DIGEST = PREPARED.inputs.digest


class Bench:
    """A start whose plan is given; `cleaned` counts how often it found everything as wanted, `healed` holds what
    it heals. `away`: the journal takes no ledger."""

    def __init__(self, change: plans.Change) -> None:
        self.change, self.cleaned = change, 0
        self.healed: list[ids.TargetKey] = []
        self.away = False

    async def start(self, *, before: str, hold: outcomes.Hold | None = None) -> starting.Started:
        """`before`: the input digest that is in place."""

        async def render(prepared: heads.Prepared) -> manifests.ManifestSet:
            return WANTED

        async def plan(*about: object, **more: object) -> deciding.Decided:
            return deciding.Decided(plans.Plan(planned.TARGET, WANTED.digest, ((self.change,),)))

        async def nothing(*about: object) -> None:
            return None

        def clean(*about: object, count: int) -> None:
            self.cleaned += 1

        async def keep(revision: str) -> None:
            return None

        async def write(*about: object, **more: object) -> None:
            raise errors.Transient("locked")

        here = await worlds.made()
        if self.away:
            here.journal.write = write  # type: ignore[method-assign]
        here.repositories = {"main": cast(Any, types.SimpleNamespace(keep=keep, descends=nothing))}
        no = types.SimpleNamespace(waits=nothing)
        drift = types.SimpleNamespace(
            clear_up=nothing,
            learn=nothing,
            clean=clean,
            suspected=lambda key: True,
            waits=lambda key: "",
            count=lambda key: 1,
            heals_in=lambda key: 0.0,
            healed=self.healed.append,
        )
        its_deciding = types.SimpleNamespace(render=render, plan=plan)
        tested = starting.Starting(here, *(cast(Any, one) for one in (no, no, its_deciding, drift)))
        good = records.Good("a" * 40, before, WANTED.digest, "2026-01-01T00:00:00Z")
        present = records.Present("a" * 40, before, WANTED.digest, complete=True)
        ledger = records.Ledger(planned.TARGET, present=present, last_good=good)
        return await tested.start(ledger, PREPARED, desired.Desired("a" * 40, DIGEST, "it is the head", hold))


@pytest.mark.parametrize("before", [DIGEST, "earlier"], ids=["nothing new", "new inputs, the same objects"])
@pytest.mark.parametrize(
    ("change", "hold", "outcome", "due_in"),
    [
        (SAME, None, outcomes.Outcome.UNCHANGED, None),
        (AWAY, None, outcomes.Outcome.WAITING, rolling.HEARTBEAT),
        (SAME, HELD, outcomes.Outcome.HELD, None),
        (AWAY, HELD, outcomes.Outcome.HELD, rolling.HEARTBEAT),
    ],
)
async def test_what_is_being_deleted_is_neither_in_sync_nor_good(
    before: str,
    change: plans.Change,
    hold: outcomes.Hold | None,
    outcome: outcomes.Outcome,
    due_in: float | None,
) -> None:
    bench = Bench(change)
    started = await bench.start(before=before, hold=hold)
    assert started.result is not None
    assert (started.result.outcome, started.result.due_in) == (outcome, due_in)
    if change is AWAY:
        assert bench.cleaned == 0  # still suspected: the next pass plans again
        assert started.ledger.last_good is not None and started.ledger.last_good.input_digest == before
    else:
        assert bench.cleaned == 1
        assert started.ledger.last_good is not None and started.ledger.last_good.input_digest == DIGEST


async def test_a_healing_is_counted_when_it_has_begun() -> None:
    bench = Bench(replace(AWAY, action=plans.Action.CONFIGURED, because="takes back data.x"))
    bench.away = True
    with pytest.raises(errors.Transient, match="locked"):
        await bench.start(before=DIGEST)
    assert bench.healed == []
    bench.away = False
    started = await bench.start(before=DIGEST)
    assert started.ledger.rollout is not None
    assert bench.healed == [planned.TARGET]
