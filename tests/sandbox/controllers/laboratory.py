"""A sandbox cluster without a port: its objects and controllers, in time that passes only when it is told to."""

import datetime
from collections.abc import Callable

from reconciler.model import document, ids
from reconciler.sandbox import objects
from reconciler.sandbox.controllers import table

NAMESPACE = "default"
LABELS: document.Json = {"app": "web"}


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def monotonic(self) -> float:
        return self.time

    def now(self) -> datetime.datetime:
        return datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=self.time)

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class Counting:
    """Chance that counts."""

    def __init__(self) -> None:
        self._number = 0

    def operation_id(self) -> str:
        self._number += 1
        return f"{self._number:05x}000-0000-4000-8000-000000000000"

    def jitter(self, seconds: float) -> float:
        return seconds


class Laboratory:
    """`heard` is every write so far, with its time."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.objects = objects.Objects(self.clock, Counting())
        self.controllers = table.controllers(self.objects, self.clock)
        self.heard: list[tuple[float, objects.Happened]] = []
        self.objects.subscribe(lambda happened: self.heard.append((self.clock.time, happened)))

    def create(self, kind: ids.KindKey, name: str = "web", **body: document.JsonValue) -> objects.Stored:
        version = f"{kind.group}/v1" if kind.group else "v1"
        metadata: document.Json = {"name": name, "namespace": NAMESPACE, "generation": 1}
        made = self.objects.create(
            {"apiVersion": version, "kind": kind.kind, "metadata": metadata, **body}, manager="somebody"
        )
        assert isinstance(made, objects.Stored), made
        return made

    def edit(self, kind: ids.KindKey, change: Callable[[document.Json], None], name: str = "web") -> None:
        """Somebody changes the specification."""

        def changed(body: document.Json) -> None:
            change(document.mapping(body, "spec"))

        assert isinstance(self.objects.update(self.key(kind, name), changed, manager="somebody"), objects.Stored)

    def passes(self, seconds: float) -> int:
        """Let time pass; returns how many steps the controllers took."""
        end, steps = self.clock.time + seconds, 0
        while True:
            if self.controllers.step():
                steps += 1
                continue
            due = self.controllers.due()
            if due is None or due > end:
                self.clock.time = end
                return steps
            self.clock.time = due

    def key(self, kind: ids.KindKey, name: str = "web") -> ids.ObjectKey:
        return ids.ObjectKey(kind.group, kind.kind, NAMESPACE, name)

    def body(self, kind: ids.KindKey, name: str = "web") -> document.Json:
        found = self.objects.get(self.key(kind, name))
        assert found is not None
        return found.body

    def status(self, kind: ids.KindKey, name: str = "web") -> document.Json:
        return document.mapping(self.body(kind, name), "status")

    def history(self) -> bytes:
        """Everything that was written, in order, as bytes."""
        return document.encode([[time, one.gone, one.stored.body] for time, one in self.heard])


def template(image: str) -> document.Json:
    return {"metadata": {"labels": dict(LABELS)}, "spec": {"containers": [{"name": "app", "image": image}]}}


def workload(image: str, *, replicas: int = 2) -> document.Json:
    return {"replicas": replicas, "selector": {"matchLabels": dict(LABELS)}, "template": template(image)}


def set_image(image: str) -> Callable[[document.Json], None]:
    def change(spec: document.Json) -> None:
        spec["template"] = template(image)

    return change
