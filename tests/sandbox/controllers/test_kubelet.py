"""The words by which pods behave are those of the real control plane's `kwok.yaml`."""

import pathlib
import re

import pytest

from reconciler.model import document
from reconciler.sandbox.controllers import kubelet, world
from tests.sandbox.controllers import laboratory

KWOK = pathlib.Path(__file__).parents[2] / "control-plane" / "kwok.yaml"


def pod(image: str, **annotations: document.JsonValue) -> document.Json:
    noted: document.Json = {f"{kubelet.ANNOTATION}{name.replace('_', '-')}": at for name, at in annotations.items()}
    return {"metadata": {"annotations": noted}, "spec": {"containers": [{"name": "app", "image": image}]}}


def test_both_know_the_same_words() -> None:
    text = KWOK.read_text()
    assert {tuple(found.split("|")) for found in re.findall(r"\(\?<word>([a-z|-]+)\)", text)} == {kubelet.WORDS}
    assert set(re.findall(r"sandbox\.reconciler\.dev/[a-z-]+", text)) == {
        f"{kubelet.ANNOTATION}{word}" for word in ("behaviour", "ready-after", "fails-after")
    }


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (pod("web:v1"), "well"),
        (pod("registry.example/web:v2-crash-loop"), "crash-loop"),
        (pod("web:never-ready-no-more"), "well"),
        (pod("web:v1", behaviour="job-fails"), "job-fails"),
        (pod("web:v1-crash-loop", behaviour="well"), "well"),
        ({}, "well"),
    ],
)
def test_the_annotation_counts_before_the_image(found: document.Json, word: str) -> None:
    assert kubelet.behaviour(found) == word


@pytest.mark.parametrize(
    ("noted", "seconds"), [("500ms", 0.5), ("2s", 2.0), ("1m30s", 90.0), ("1h", 3600.0), ("soon", kubelet.USUAL)]
)
def test_a_duration_is_read_as_go_writes_it(noted: str, seconds: float) -> None:
    made = laboratory.Laboratory()
    body = pod("web:v1", ready_after=noted)
    annotations = document.mapping(body, "metadata", "annotations")
    metadata: document.Json = {"name": "web", "namespace": laboratory.NAMESPACE, "annotations": annotations}
    made.objects.create(
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": body["spec"]}, manager="somebody"
    )
    made.passes(max(0.0, seconds - 0.01))
    assert document.text(made.body(world.POD), "status", "phase") == "Pending"
    made.passes(0.02)
    assert document.text(made.body(world.POD), "status", "phase") == "Running"


def test_a_pod_in_the_place_of_another_of_its_name_begins_anew() -> None:
    made = laboratory.Laboratory()
    for _ in range(2):
        made.create(world.POD, spec={"containers": [{"name": "app", "image": "web:v1-crash-loop"}]})
        made.passes(0.25)
        statuses = document.items(made.status(world.POD), "containerStatuses")
        assert [document.number(one, "restartCount") for one in statuses if isinstance(one, dict)] == [1]
        made.objects.delete(made.key(world.POD), at_once=True)


def test_a_pod_that_a_finalizer_holds_ends_and_is_left_alone() -> None:
    made = laboratory.Laboratory()
    made.create(world.POD, spec={"containers": [{"name": "app", "image": "web:v1"}]})
    made.passes(1)

    def held(body: document.Json) -> None:
        document.mapping(body, "metadata")["finalizers"] = ["example.com/hold"]

    made.objects.update(made.key(world.POD), held, manager="somebody")
    made.objects.delete(made.key(world.POD))
    made.passes(10)
    assert made.passes(3600) == 0
    made.objects.update(
        made.key(world.POD), lambda body: document.mapping(body, "metadata").update(finalizers=[]), manager="somebody"
    )
    assert made.objects.get(made.key(world.POD)) is None
