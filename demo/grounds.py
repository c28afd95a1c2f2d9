"""What the story needs of the place that it happens in: a cluster, and the daemon that works on it."""

import pathlib
from typing import Any, Protocol

from demo import team


class NotTrueError(Exception):
    """A scene did not come true; the message ends with what the daemon said last."""


class Ground(Protocol):
    """Fulfilled by `sandbox.Sandbox`, all in this process, and by `local.ControlPlane`, with real parts."""

    @property
    def about(self) -> str:
        """One sentence about what this is, for below the title."""

    @property
    def witness(self) -> str:
        """Who says what runs: `the API server`."""

    @property
    def by_hand(self) -> str:
        """A remark about a command of kubectl that the story shows, where it does something else in its place."""

    @property
    def folder(self) -> pathlib.Path:
        """Everything of the story lies in it; it goes at the end."""

    def open(self) -> str:
        """Start the cluster. Returns what it is: `Kubernetes v1.36.2 at https://…`."""

    def reached(self) -> dict[str, Any]:
        """How the daemon's settings reach the cluster."""

    def make_namespace(self, name: str) -> None: ...

    def start(self, its: team.Team) -> None:
        """Start the daemon."""

    def ended(self) -> str:
        """How the daemon ended; '' while it runs."""

    def stop(self) -> None:
        """At a safe point, or by force."""

    def pods(self, namespace: str) -> list[dict[str, Any]]: ...

    def image(self, namespace: str, deployment: str) -> str:
        """Of the first container in the live Deployment's template; '' where there is none."""

    def set_image(self, namespace: str, deployment: str, *, container: str, image: str) -> None:
        """As `kubectl set image` does it: past Git."""

    def commands(self) -> tuple[str, ...]:
        """What a person types in another terminal before anything else: exports."""

    def looking(self) -> tuple[str, str]:
        """How a person looks at the pods: a command, and a remark about it; '' as command where there is none."""
