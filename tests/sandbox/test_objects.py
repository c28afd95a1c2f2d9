"""The store by itself: what the contracts cannot see of it."""

import datetime

from reconciler.model import document, ids, live
from reconciler.sandbox import objects


class StillClock:
    """A clock that stands."""

    def monotonic(self) -> float:
        return 0.0

    def now(self) -> datetime.datetime:
        return datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps here")


class Counting:
    """Chance that counts."""

    def __init__(self) -> None:
        self._number = 0

    def operation_id(self) -> str:
        self._number += 1
        return f"00000000-0000-4000-8000-{self._number:012}"

    def jitter(self, seconds: float) -> float:
        return seconds


KEY = ids.ObjectKey("", "ConfigMap", "default", "settings")


def store() -> objects.Objects:
    return objects.Objects(StillClock(), Counting())


def config_map(**data: str) -> document.Json:
    metadata: document.Json = {"name": "settings", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def test_objects_are_made_changed_listed_and_removed() -> None:
    found = store()
    made = found.create(config_map(a="1"), manager="somebody")
    assert isinstance(made, objects.Stored)
    assert (made.key, made.body["data"]) == (KEY, {"a": "1"})
    changed = found.update(KEY, lambda body: document.mapping(body, "data").update(a="2"), manager="somebody")
    assert isinstance(changed, objects.Stored)
    assert (made.body["data"], changed.body["data"]) == ({"a": "1"}, {"a": "2"})
    assert found.get(KEY) is changed
    assert found.of_kind(KEY.kind_key, "default") == found.of_kind(KEY.kind_key) == (changed,)
    assert found.delete(KEY) == live.Deleted(KEY, gone=True)
    assert found.get(KEY) is None
    assert found.delete(KEY) is None


def test_what_changes_nothing_is_no_write() -> None:
    found = store()
    made = found.create(config_map(a="1"), manager="somebody")
    heard: list[objects.Happened] = []
    found.subscribe(heard.append)
    assert found.update(KEY, lambda body: None, manager="another") is made
    assert heard == []


def test_every_listener_hears_every_write_in_order_also_what_listeners_write() -> None:
    found = store()
    first: list[tuple[str, bool]] = []
    second: list[tuple[str, bool]] = []

    def hear_and_write(happened: objects.Happened) -> None:
        first.append((happened.stored.key.name, happened.gone))
        if happened.stored.key.name == "settings" and not happened.gone:
            body = config_map()
            document.mapping(body, "metadata")["name"] = "child"
            found.create(body, manager="a controller")

    found.subscribe(hear_and_write)
    found.subscribe(lambda happened: second.append((happened.stored.key.name, happened.gone)))
    found.create(config_map(), manager="somebody")
    found.delete(KEY)
    assert first == second == [("settings", False), ("child", False), ("settings", True)]


def test_two_runs_are_the_same() -> None:
    bodies = []
    for _ in range(2):
        found = store()
        found.create(config_map(a="1"), manager="somebody")
        bodies.append([stored.body for stored in found.of_kind(KEY.kind_key)])
    assert bodies[0] == bodies[1]


def test_an_implied_namespace_is_there_without_an_object() -> None:
    found = objects.Objects(StillClock(), Counting(), implied=lambda namespace: namespace == "web")
    space = ids.ObjectKey("", "Namespace", "", "web")

    def made(namespace: str) -> object:
        body = config_map()
        document.mapping(body, "metadata")["namespace"] = namespace
        return found.create(body, manager="somebody")

    assert isinstance(made("web"), objects.Stored)
    assert isinstance(refused := made("other"), live.Refused)
    assert refused.why is live.Why.NO_NAMESPACE
    assert found.get(space) is None
    named: document.Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}}
    assert isinstance(found.apply(named, manager="somebody", force=False), live.Applied)
    assert isinstance(found.delete(space), live.Deleted)
    assert isinstance(
        made("web"), objects.Stored
    )  # the object went with its content; the word of whoever runs this stays
