"""DaemonSets beyond what the contracts wait for."""

from reconciler.model import document
from reconciler.sandbox.controllers import daemon_sets, world
from tests.sandbox.controllers import laboratory


def images(made: laboratory.Laboratory) -> list[str]:
    """Of the pods that are not being deleted."""
    return sorted(
        document.text(container, "image")
        for pod in made.objects.of_kind(world.POD)
        for container in document.items(pod.body, "spec", "containers")
        if isinstance(container, dict) and not world.deleting(pod)
    )


def test_with_a_surge_the_old_pod_stays_until_the_new_one_serves() -> None:
    made = laboratory.Laboratory()
    strategy: document.Json = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    spec = {name: value for name, value in laboratory.workload("web:v1").items() if name != "replicas"}
    made.create(daemon_sets.KIND, spec={**spec, "updateStrategy": strategy})
    made.passes(5)
    made.edit(daemon_sets.KIND, laboratory.set_image("web:v2-never-ready"))
    made.passes(5)
    assert images(made) == ["web:v1", "web:v2-never-ready"]
    made.edit(daemon_sets.KIND, laboratory.set_image("web:v3"))
    made.passes(5)
    assert images(made) == ["web:v3"]


def test_a_node_that_is_not_selected_runs_nothing() -> None:
    made = laboratory.Laboratory()
    spec = {name: value for name, value in laboratory.workload("web:v1").items() if name != "replicas"}
    made.create(daemon_sets.KIND, spec=spec)
    made.passes(5)

    def elsewhere(spec: document.Json) -> None:
        document.mapping(spec, "template", "spec")["nodeSelector"] = {"nobody": "has-this"}

    made.edit(daemon_sets.KIND, elsewhere)
    made.passes(5)
    assert images(made) == []
    assert document.number(made.status(daemon_sets.KIND), "desiredNumberScheduled") == 0
