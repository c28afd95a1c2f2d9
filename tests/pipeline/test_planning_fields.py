"""Planning against the fake: numbers of pods, and fields that are left to the cluster."""

from dataclasses import replace

import pytest

from reconciler.model import fields, ids, manifests, plans
from reconciler.render import left
from tests.pipeline.bench import Bench, actions, only, sent_replicas
from tests.support import planned

Action = plans.Action


@pytest.fixture
def bench() -> Bench:
    return Bench()


# -- replicas ------------------------------------------------------------------------------------------------------


async def test_an_autoscaler_of_ours_keeps_its_number(bench: Bench) -> None:
    wanted = (planned.deployment(replicas=3), planned.autoscaler())
    assert not (await bench.carried_out(*wanted)).plan.writes
    bench.scale(5)
    made = await bench.carried_out(*wanted)
    assert not made.plan.writes and bench.replicas() == 5
    bench.rows |= {row.key: row for row in made.learnt}
    assert not (await bench.plan(*wanted)).plan.writes
    assert bench.cluster.calls == []


async def test_git_cannot_reset_what_only_we_own_under_an_autoscaler(bench: Bench) -> None:
    """`replicas` leaves Git the day the autoscaler comes: dropping it at once would fall to 1."""
    bench.applied(planned.deployment(replicas=5))
    made = await bench.plan(planned.deployment(), planned.autoscaler())
    assert actions(made)["Deployment/web"] is Action.UNCHANGED
    made = await bench.plan(planned.deployment(image="b"), planned.autoscaler())
    change = next(change for change in made.plan.writes if change.key.kind == "Deployment")
    assert sent_replicas(change) == 5 and "replicas stay 5" in change.because
    await bench.carried_out(planned.deployment(image="b"), planned.autoscaler())
    assert bench.replicas() == 5
    bench.scale(6)
    await bench.carried_out(planned.deployment(image="c"), planned.autoscaler())
    assert bench.replicas() == 6


async def test_an_image_change_under_an_autoscaler_leaves_its_number(bench: Bench) -> None:
    await bench.carried_out(planned.deployment(replicas=3), planned.autoscaler())
    bench.scale(7)
    made = await bench.plan(planned.deployment(image="b", replicas=3), planned.autoscaler())
    (change,) = made.plan.writes
    assert sent_replicas(change) is None and not change.force
    assert [field.path for field in change.fields] == ["spec.template.spec.containers[web].image"]


async def test_a_foreign_autoscaler_is_recognised_by_its_work(bench: Bench) -> None:
    bench.applied(planned.deployment(replicas=3))
    bench.scale(5)
    made = await bench.plan(planned.deployment(replicas=3))
    change = only(made)
    assert change.action is Action.UNCHANGED and "autoscaler" in change.because


async def test_a_person_who_scales_without_an_autoscaler_drifts(bench: Bench) -> None:
    bench.applied(planned.deployment(replicas=3))
    bench.scale(5, manager="kubectl")
    change = only(await bench.plan(planned.deployment(replicas=3)))
    assert change.action is Action.CONFIGURED and change.force
    assert 'kubectl with subresource "scale"' in change.because


async def test_pruning_the_autoscaler_gives_the_number_back_to_git(bench: Bench) -> None:
    await bench.carried_out(planned.deployment(replicas=3), planned.autoscaler())
    bench.scale(7)
    learnt = await bench.plan(planned.deployment(replicas=3), planned.autoscaler())
    bench.rows |= {row.key: row for row in learnt.learnt}
    made = await bench.plan(planned.deployment(replicas=3))
    changed, pruned = made.plan.changes
    assert pruned.action is Action.PRUNED and pruned.key.kind == "HorizontalPodAutoscaler"
    assert changed.action is Action.CONFIGURED and changed.force and sent_replicas(changed) == 3


# -- fields that are left to the cluster ---------------------------------------------------------------------------


def generated(password: str, *, keep: bool) -> manifests.Manifest:
    """A Secret whose password is another one at every render."""
    rule = fields.Rule(ids.KindKey("", "Secret"), "*", "*", ("data", "password"), keep, "")
    made = planned.manifest("Secret", "a", data={"password": password, "user": "app"})
    return left.taken_out(planned.manifest_set(made), (rule,)).manifests[0]


@pytest.mark.parametrize("keep", [True, False])
async def test_a_generated_value_is_made_once_and_then_costs_nothing(bench: Bench, keep: bool) -> None:
    again = await bench.carried_out(generated("Mg==", keep=keep))
    key = only(again).key
    assert bench.cluster.objects[key].body["data"] == {"password": "Mg==", "user": "app"}
    assert not again.plan.writes and bench.cluster.calls == []
    later = await bench.plan(generated("Mw==", keep=keep))
    assert not later.plan.writes and bench.cluster.calls == [], "another render, the same digest"
    bench.rows[key] = replace(bench.rows[key], drifted=True)
    later = await bench.plan(generated("NA==", keep=keep))
    assert only(later).action is Action.UNCHANGED, "also at a closer look"
    assert bench.cluster.objects[key].body["data"]["password"] == "Mg=="


@pytest.mark.parametrize(("keep", "writes"), [(True, 1), (False, 0)])
async def test_a_value_that_somebody_else_sets_stays(bench: Bench, keep: bool, writes: int) -> None:
    """Kept: one write of the value that is there makes it ours again, so that it cannot get lost. Ignored: none."""
    await bench.carried_out(generated("Mg==", keep=keep))
    bench.edit("Secret", "a", data={"password": "dGhlaXJz"})
    made = await bench.plan(generated("Mw==", keep=keep))
    assert len(made.plan.writes) == writes
    assert only(made).fields == ()
    again = await bench.carried_out(generated("NA==", keep=keep))
    assert not again.plan.writes
    assert bench.cluster.objects[only(made).key].body["data"]["password"] == "dGhlaXJz"
