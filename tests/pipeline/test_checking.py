"""An object that did not change is not asked again; what could not be told is."""

from dataclasses import replace
from typing import Any

from reconciler.edges import system
from reconciler.model import health, ids, live, targets
from reconciler.pipeline import checking
from tests.support import worlds
from tests.verify import examples

KIND = ids.KindKey("db.example.com", "Database")
TARGET = ids.TargetKey("production", "web")
CHECK = targets.HealthCheck(KIND, "status.ready")
MADE = examples.found("db.example.com/v1", "Database")
OTHER = examples.found("v1", "ConfigMap")


class Counted:
    """Answers as told, and counts."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer = health.Answer(current=True)

    async def evaluate(self, check: targets.HealthCheck, found: live.LiveObject) -> health.Answer:
        self.asked += 1
        return self.answer


class Clock(system.SystemClock):
    now_at = 100.0

    def monotonic(self) -> float:
        return self.now_at


async def test_each_state_of_an_object_is_asked_once() -> None:
    here, counted = await worlds.made(), Counted()
    here.expressions, here.clock = counted, (clock := Clock())
    made = checking.Checking(here)
    held = examples.held(MADE, OTHER)
    key = examples.key(MADE)

    async def ask(check: targets.HealthCheck = CHECK, **changed: Any) -> tuple[health.Answer | None, int]:
        found = held | {key: replace(held[key], meta=replace(held[key].meta, **changed))}
        answers = await made.answers(TARGET, [key, examples.key(OTHER)], found, checks=(check,))
        assert set(answers) == {key}
        return answers[key], counted.asked

    well = health.Answer(current=True)
    assert await ask() == (well, 1)
    assert await ask() == (well, 1)
    assert await ask(resource_version="2") == (well, 2)
    assert await ask(resource_version="2", uid="another") == (well, 3)
    assert await ask(replace(CHECK, current="true"), resource_version="2", uid="another") == (well, 4)
    counted.answer = health.Answer(problem="the box broke")
    assert (await ask(resource_version="3"))[1] == 5
    assert (await ask(resource_version="3"))[1] == 5
    clock.now_at += checking.AGAIN
    assert (await ask(resource_version="3"))[1] == 6
    made.forget(TARGET)
    assert (await ask(resource_version="3"))[1] == 7


async def test_what_is_not_there_is_not_asked() -> None:
    here = await worlds.made()
    here.expressions = Counted()
    assert await checking.Checking(here).answers(TARGET, [examples.key(MADE)], {}, checks=(CHECK,)) == {}
