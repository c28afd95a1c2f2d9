"""The whole daemon on sandboxes: from settings on disk and commits to what runs, with no cluster anywhere."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from reconciler import errors
from reconciler.app import composing, sandboxes
from reconciler.model import document, ids, outcomes
from tests.cli import desk
from tests.contracts import waiting

WEB = ids.ObjectKey("apps", "Deployment", "web", "web")
PATIENCE = 60.0
"""Seconds: far beyond what anything here takes."""


@pytest.fixture
def a_desk(tmp_path: pathlib.Path) -> desk.Desk:
    """Its environment is on a sandbox."""
    made = desk.Desk(tmp_path)
    made.settings["clusters"]["main"] = {"sandbox": True}
    made.settings["metrics"] = {"address": "127.0.0.1:0"}
    made.settings["repositories"]["desired"]["poll"] = "1s"
    made.configure()
    return made


def deployment(image: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


@contextlib.asynccontextmanager
async def serving(config: pathlib.Path) -> AsyncIterator[sandboxes.Sandboxes]:
    """The daemon, until the block ends."""
    models, stop = sandboxes.Sandboxes(), asyncio.Event()
    running = asyncio.create_task(composing.serve(config, stop=stop, models=models))
    try:
        yield models
    finally:
        stop.set()
        await running


def image(models: sandboxes.Sandboxes) -> str:
    found = models.kept["main"].get(WEB) if "main" in models.kept else None
    containers = document.items(found.body, "spec", "template", "spec", "containers") if found else []
    return document.text(containers[0], "image") if containers and isinstance(containers[0], dict) else ""


def ready(models: sandboxes.Sandboxes) -> int:
    found = models.kept["main"].get(WEB)
    return document.number(found.body, "status", "readyReplicas") if found else 0


def test_once_rolls_out_on_an_empty_cluster(a_desk: desk.Desk) -> None:
    a_desk.commit(a_desk.application(deployment("registry.example/web:v1")))
    results = asyncio.run(composing.once(a_desk.config, patience=PATIENCE, wanted=lambda key: True))
    assert [str(key) for key in results] == ["production/web"]
    assert results[desk.WEB].outcome in (outcomes.Outcome.ROLLED_OUT, outcomes.Outcome.UNCHANGED)


def test_once_waits_for_what_waits_for_another(a_desk: desk.Desk) -> None:
    """The dependent is held when its dependency becomes good; ending there would leave its rollout half done."""
    settings = f"desired-state/production/{desk.WEB.application}/application.yaml"
    files = a_desk.application(desk.config_map("db", a="1"), name="db")
    files |= a_desk.application(deployment("registry.example/web:v1"))
    a_desk.commit(files | {settings: files[settings] + "dependsOn: [db]\n"})
    results = asyncio.run(composing.once(a_desk.config, patience=PATIENCE, wanted=lambda key: True))
    good = (outcomes.Outcome.ROLLED_OUT, outcomes.Outcome.UNCHANGED)
    assert {str(key): found.outcome in good for key, found in results.items()} == {
        "production/db": True,
        "production/web": True,
    }


def test_once_without_a_target_or_time_is_no_success(a_desk: desk.Desk) -> None:
    a_desk.commit(a_desk.application(desk.config_map("web", a="1")))
    with pytest.raises(errors.InvalidInput, match="no target fits"):
        asyncio.run(composing.once(a_desk.config, patience=PATIENCE, wanted=lambda key: False))
    results = asyncio.run(composing.once(a_desk.config, patience=0.0, wanted=lambda key: True))
    assert results[desk.WEB].outcome is outcomes.Outcome.WAITING


async def test_the_daemon_heals_there_what_somebody_edits(a_desk: desk.Desk) -> None:
    good, other = "registry.example/web:v1", "registry.example/web:v2"
    a_desk.commit(a_desk.application(deployment(good)))
    async with serving(a_desk.config) as models:
        await waiting.until(lambda: image(models) == good and ready(models) == 2, what="the release", seconds=PATIENCE)
        kept = models.kept["main"]

        def edit(body: document.Json) -> None:
            document.mapping(body, "spec", "template", "spec")["containers"] = [{"name": "web", "image": other}]

        kept.update(WEB, edit, manager="kubectl-edit")
        assert image(models) == other
        await waiting.until(lambda: image(models) == good, what="the edit being taken back", seconds=PATIENCE)
