"""Who is looked at when, and in which order."""

import asyncio

from reconciler.model import document, ids
from reconciler.sandbox import chance, clock, objects
from reconciler.sandbox.controllers import deployments, running, table, world
from tests.sandbox.controllers import laboratory

CONFIG_MAP = ids.KindKey("", "ConfigMap")


class Looks:
    """A controller of ConfigMaps that only notes what it is asked to look at."""

    def __init__(self, after: float | None = None) -> None:
        self.seen: list[str] = []
        self.after = after

    def reconcile(self, key: ids.ObjectKey, cluster: world.World) -> float | None:
        self.seen.append(key.name)
        return self.after


def watched(looks: Looks) -> tuple[laboratory.Laboratory, running.Controllers]:
    made = laboratory.Laboratory()
    held = running.Controllers(
        world.World(made.objects, made.clock), (running.Controller(CONFIG_MAP, looks.reconcile),)
    )
    return made, held


def test_changes_are_looked_at_in_their_order_and_several_at_once() -> None:
    looks = Looks()
    made, held = watched(looks)
    for name in ("b", "a", "b"):
        if made.objects.get(made.key(CONFIG_MAP, name)) is None:
            made.create(CONFIG_MAP, name)
        else:
            made.objects.update(made.key(CONFIG_MAP, name), lambda body: body.update(data={"x": "y"}), manager="x")
    while held.step():
        pass
    assert looks.seen == ["b", "a"]
    assert held.due() is None


def test_a_time_comes_once_and_a_change_before_it_replaces_it() -> None:
    looks = Looks(after=10.0)
    made, held = watched(looks)
    made.create(CONFIG_MAP)
    assert held.step()
    assert (held.step(), held.due()) == (False, 10.0)
    made.clock.time = 4.0
    made.objects.update(made.key(CONFIG_MAP), lambda body: body.update(data={"x": "y"}), manager="x")
    assert held.step()
    assert held.due() == 14.0
    made.clock.time = 14.0
    assert (held.step(), held.step()) == (True, False)


def test_what_is_there_before_the_controllers_is_looked_at_too() -> None:
    made = laboratory.Laboratory()
    made.create(CONFIG_MAP)
    looks = Looks()
    held = running.Controllers(
        world.World(made.objects, made.clock), (running.Controller(CONFIG_MAP, looks.reconcile),)
    )
    assert held.step()
    assert looks.seen == ["web"]


def test_beside_others_in_virtual_time_nothing_waits() -> None:
    """An hour passes in which a rollout is stuck: only its deadline takes a step."""
    time = clock.VirtualClock()
    kept = objects.Objects(time, chance.SeededChance("1"))
    held = table.controllers(kept, time)

    async def main() -> document.Json:
        task = asyncio.create_task(held.run())
        metadata: document.Json = {"name": "web", "namespace": "default"}
        spec = laboratory.workload("web:v1-never-ready")
        whole: document.Json = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
        made = kept.create(whole, manager="somebody")
        assert isinstance(made, objects.Stored)
        await time.sleep(3600)
        task.cancel()
        found = kept.get(made.key)
        assert found is not None
        return found.body

    said = document.items(time.run(main()), "status", "conditions")
    reasons = {document.text(one, "reason") for one in said if isinstance(one, dict)}
    assert reasons == {"MinimumReplicasUnavailable", "ProgressDeadlineExceeded"}
    assert len(kept.of_kind(world.POD)) == 2
    assert deployments.KIND in table.MODELLED
