"""The story on a sandbox: the daemon is a thread of this process, and the cluster a model inside it."""

import asyncio
import contextlib
import logging
import pathlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from demo import grounds, team
from reconciler.app import composing, sandboxes
from reconciler.model import document, ids
from reconciler.sandbox import objects, served

T = TypeVar("T")
STOPPING = 20.0
"""Seconds the daemon gets to reach a safe point; it promises 10."""
ANSWER = 10.0
"""Seconds for one look into the sandbox: it waits for its turn on the daemon's event loop."""


@contextlib.contextmanager
def ground() -> Iterator[grounds.Ground]:
    with tempfile.TemporaryDirectory(prefix="reconciler-demo-") as folder:
        yield Sandbox(pathlib.Path(folder))


class Sandbox:
    """Fulfils `grounds.Ground`."""

    about = (
        "On a sandbox, a model of a cluster inside this process; `make demo CLUSTER=local` tells the same on a real API"
        " server."
    )
    witness = "The sandbox"
    by_hand = "written into the sandbox as kubectl would"

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self._models = sandboxes.Sandboxes()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread: threading.Thread | None = None
        self._ended = ""
        self._logged: logging.Handler = logging.NullHandler()

    def open(self) -> str:
        return f"a sandbox that answers as Kubernetes {served.published().version}"

    def reached(self) -> dict[str, Any]:
        return {"sandbox": True}

    def make_namespace(self, name: str) -> None:
        """What the settings allow is there."""

    def start(self, its: team.Team) -> None:
        self._logged = logging.FileHandler(its.log_file)
        self._logged.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logging.getLogger().addHandler(self._logged)
        logging.getLogger("reconciler").setLevel(logging.INFO)
        self._thread = threading.Thread(target=self._run, args=(its.config,), name="daemon", daemon=True)
        self._thread.start()

    def _run(self, config: pathlib.Path) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(composing.serve(config, stop=self._stop, models=self._models))
            except BaseException as error:
                self._ended = f"{type(error).__name__}: {error}"
                logging.getLogger("reconciler").exception("the daemon ended")
                return
        self._ended = "as it was asked to"

    def ended(self) -> str:
        return self._ended

    def stop(self) -> None:
        if self._thread is None:
            return
        with contextlib.suppress(RuntimeError):  # its loop is closed: it has ended
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOPPING)
        logging.getLogger().removeHandler(self._logged)
        self._logged.close()

    def pods(self, namespace: str) -> list[dict[str, Any]]:
        def look(kept: objects.Objects) -> list[dict[str, Any]]:
            return [found.body for found in kept.of_kind(ids.KindKey("", "Pod"), namespace)]

        return self._ask(look) or []

    def image(self, namespace: str, deployment: str) -> str:
        def look(kept: objects.Objects) -> str:
            found = kept.get(_deployment(namespace, deployment))
            containers = document.items(found.body, "spec", "template", "spec", "containers") if found else ()
            first = containers[0] if containers else {}
            return document.text(first, "image") if isinstance(first, dict) else ""

        return self._ask(look) or ""

    def set_image(self, namespace: str, deployment: str, *, container: str, image: str) -> None:
        def change(body: document.Json) -> None:
            for one in document.items(body, "spec", "template", "spec", "containers"):
                if isinstance(one, dict) and one["name"] == container:
                    one["image"] = image

        self._ask(lambda kept: kept.update(_deployment(namespace, deployment), change, manager="kubectl-set"))

    def commands(self) -> tuple[str, ...]:
        return ()

    def looking(self) -> tuple[str, str]:
        return "", "kubectl cannot look into a sandbox: `make demo CLUSTER=local KEEP=1` has an API server for it."

    def _ask(self, question: Callable[[objects.Objects], T]) -> T | None:
        """Ask on the daemon's event loop, where the sandbox lives; None while there is none yet."""

        async def asked() -> T | None:
            kept = self._models.kept.get(team.CLUSTER)
            return question(kept) if kept else None

        if self._thread is None or self._ended:
            return None
        return asyncio.run_coroutine_threadsafe(asked(), self._loop).result(ANSWER)


def _deployment(namespace: str, name: str) -> ids.ObjectKey:
    return ids.ObjectKey("apps", "Deployment", namespace, name)
