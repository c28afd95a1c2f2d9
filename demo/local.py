"""The story on a real control plane: an API server, etcd and controllers as processes, and the daemon as another.

Everything ends with the block. If this program is killed, the control plane ends by itself; the daemon and the folder
are removed by the next start (`tests/clusterkit/processes.py`).
"""

import contextlib
import os
import pathlib
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from demo import grounds, team
from tests.clusterkit import access, controlplane, processes

STOPPING = 15
"""Seconds the daemon gets to reach a safe point; it promises 10."""
STRATEGIC = "application/strategic-merge-patch+json"
"""The patch that `kubectl set` sends: it finds the container by its name."""


@contextlib.contextmanager
def ground() -> Iterator[grounds.Ground]:
    """Raises `grounds.NotTrueError` for a part that ends by itself."""
    controlplane.built_binary()  # before anything moves on the screen: a first build shows its own progress
    try:
        with contextlib.ExitStack() as stack:
            yield ControlPlane(stack, stack.enter_context(processes.owned_folder()))
    except processes.PartEndedError as ended:
        raise grounds.NotTrueError(str(ended)) from ended


class ControlPlane:
    """Fulfils `grounds.Ground`."""

    about = "A real API server with controllers, scheduler and etcd, on this machine; kwok plays the node and its pods."
    witness = "The API server"
    by_hand = ""

    def __init__(self, stack: contextlib.ExitStack, folder: pathlib.Path) -> None:
        self.folder = folder
        self._stack = stack
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> str:
        self._cluster = self._stack.enter_context(controlplane.running())
        version = access.expected("GET /version", self._cluster.request("GET", "/version"))["gitVersion"]
        return f"Kubernetes {version} at {self._cluster.server}"

    def reached(self) -> dict[str, Any]:
        return {"kubeconfig": str(self._cluster.kubeconfig)}

    def make_namespace(self, name: str) -> None:
        cluster = self._cluster
        cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        cluster.wait_for(lambda: cluster.pods_can_run_in(name), what=f"namespace {name}")

    def start(self, its: team.Team) -> None:
        """Its number is kept for the start after a crash of ours."""
        with its.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, on settings that we wrote
                [sys.executable, "-m", "reconciler", "run", "--config", str(its.config)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        with (its.folder / "pids").open("a") as pids:
            pids.write(f"{self._process.pid}\n")

    def ended(self) -> str:
        code = self._process.poll() if self._process else None
        return "" if code is None else f"with {code}"

    def stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        try:
            self._process.terminate()
            self._process.wait(STOPPING)
        finally:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def pods(self, namespace: str) -> list[dict[str, Any]]:
        return self._cluster.items(access.path_of("v1", "Pod", namespace=namespace))

    def image(self, namespace: str, deployment: str) -> str:
        found = self._cluster.get(access.path_of("apps/v1", "Deployment", namespace=namespace, name=deployment))
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"]) if found else ""

    def set_image(self, namespace: str, deployment: str, *, container: str, image: str) -> None:
        path = access.path_of("apps/v1", "Deployment", namespace=namespace, name=deployment)
        change = {"spec": {"template": {"spec": {"containers": [{"name": container, "image": image}]}}}}
        reply = self._cluster.request("PATCH", f"{path}?fieldManager=kubectl-set", change, content_type=STRATEGIC)
        access.expected(f"PATCH {path}", reply)

    def commands(self) -> tuple[str, ...]:
        return (f"export KUBECONFIG={shlex.quote(str(self._cluster.kubeconfig))}",)

    def looking(self) -> tuple[str, str]:
        return "kubectl get pods --all-namespaces --watch", "if you have kubectl"
