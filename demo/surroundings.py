"""What the story happens in: a control plane, a team's Git repository and the daemon, all in one temporary folder.

Everything ends with the block. If this program is killed, the control plane ends by itself; the daemon and the folder
are removed by the next start (`tests/clusterkit/processes.py`).
"""

import contextlib
import pathlib
import shutil
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import yaml

from demo import following, telling
from reconciler.model import ids
from tests.clusterkit import access, controlplane, processes
from tests.support import site

T = TypeVar("T")
APPLICATION = "paperless-maverick"
NAMESPACE = "paperless-production"
TARGET = ids.TargetKey(site.ENVIRONMENT, APPLICATION)
CHART = pathlib.Path(__file__).parents[1] / "charts" / APPLICATION
VALUES = f"desired-state/{site.ENVIRONMENT}/{APPLICATION}/values.yaml"
PODS = {"web": 3, "worker": 2}
DEPLOYMENTS = {"web": APPLICATION, "worker": f"{APPLICATION}-worker"}
LOOK_EVERY = 0.1
"""Seconds between two looks while the story waits."""
LOG_TAIL = 20
"""Lines of the daemon's log that a failure quotes."""


class NotTrueError(Exception):
    """A scene did not come true; the message ends with what the daemon said last."""


class Surroundings:
    """What the scenes act in and look at."""

    def __init__(self, team: site.Site, follower: following.Follower, *, teller: telling.Teller) -> None:
        self.team = team
        self._follower = follower
        self._teller = teller

    def release(self, version: str) -> str:
        """What a developer does: the image's tag in the values file, a commit, a push. Returns the revision."""
        self.team.write(VALUES, values(version))
        return self.team.commit(f"Paperless Maverick {version}")

    def pods(self) -> tuple[following.Pod, ...]:
        return following.pods(self.team.cluster.items(access.path_of("v1", "Pod", namespace=NAMESPACE)))

    def image(self, workload: str) -> str:
        """The image in the live Deployment's template."""
        return self.team.image(DEPLOYMENTS[workload])

    def wait(
        self,
        condition: Callable[[following.View], T | None],
        *,
        what: str,
        patience: float,
    ) -> T:
        """Tell what happens until `condition` is true of it. Raises NotTrueError after `patience` seconds."""
        deadline = time.monotonic() + patience
        with self._teller.waiting(what) as waiting:
            while True:
                view = self.look()
                waiting.show(view.pods)
                for event in view.news:
                    self._teller.event(event)
                if found := condition(view):
                    return found
                if self.team.process is not None and self.team.process.poll() is not None:
                    raise NotTrueError(f"The daemon ended with {self.team.process.returncode}.\n{self.log_tail()}")
                if time.monotonic() > deadline:
                    late = f"{what}: this did not come true within {patience:g} s."
                    raise NotTrueError(f"{late}\nThe target: {state(view)}\n{self.log_tail()}")
                time.sleep(LOOK_EVERY)

    def look(self) -> following.View:
        news = self._follower.news()
        return following.View(news=news, ledger=self._follower.ledger(TARGET), pods=self.pods())

    def log_tail(self) -> str:
        lines = self.team.log().splitlines()[-LOG_TAIL:]
        return "\n".join(["The daemon said last:", *(lines or ["(nothing)"])])


@contextlib.contextmanager
def ready(teller: telling.Teller, *, patience: float) -> Iterator[Surroundings]:
    """The surroundings, with the daemon running and nothing released yet."""
    teller.title(
        "A commit becomes the cluster's state, and a bad one is taken back",
        "A real API server with controllers, scheduler and etcd, on this machine; kwok plays the node and its pods.",
    )
    with contextlib.ExitStack() as stack:
        with teller.waiting("starting a control plane"):
            cluster = stack.enter_context(controlplane.running())
        version = access.expected("GET /version", cluster.request("GET", "/version"))["gitVersion"]
        teller.happened(f"Kubernetes {version} at {cluster.server}")
        folder = stack.enter_context(processes.owned_folder())
        team = prepared(folder, cluster)
        teller.happened(f"the team's Git repository {team.remote}, with the chart of Paperless Maverick")
        stack.callback(stopped, team)
        start(team)
        follower = following.Follower(team.state / "journal.db")
        stack.callback(follower.close)
        around = Surroundings(team, follower, teller=teller)
        around.wait(following.at_work, what="the daemon's first look at the repository", patience=patience)
        yield around


def prepared(folder: pathlib.Path, cluster: access.ClusterAccess) -> site.Site:
    """A namespace, a repository with the chart and the application but no release yet, and the daemon's settings."""
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    cluster.wait_for(lambda: controlplane.default_account(cluster, NAMESPACE), what=f"namespace {NAMESPACE}")
    team = site.Site(folder, cluster, NAMESPACE)
    team.settings["environments"][site.ENVIRONMENT]["verify"] = {
        "progressDeadline": "45s",
        "observe": "2s",
        "restarts": 3,
    }
    team.configure()
    shutil.copytree(CHART, team.work / "charts" / APPLICATION)
    team.commit("The chart, and an environment without applications")
    return team


def application() -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "reconciler.dev/v1",
            "kind": "Application",
            "namespace": NAMESPACE,
            "source": {"chart": {"path": f"charts/{APPLICATION}", "valuesFiles": ["values.yaml"]}},
        },
        sort_keys=False,
    )


def values(version: str) -> str:
    """Short times, so that a rollout takes seconds here."""
    return yaml.safe_dump(
        {
            "image": {"tag": version},
            "web": {"replicas": PODS["web"], "minReadySeconds": 1, "podDisruptionBudget": {"enabled": True}},
            "worker": {"replicas": PODS["worker"], "minReadySeconds": 1},
        },
        sort_keys=False,
    )


def start(team: site.Site) -> None:
    """The daemon; its number is kept for the start after a crash of ours."""
    team.start()
    if team.process is not None:
        with (team.folder / "pids").open("a") as pids:
            pids.write(f"{team.process.pid}\n")


def stopped(team: site.Site) -> None:
    """A safe point first, by force if it is not reached."""
    try:
        team.stop()
    finally:
        team.kill()


def state(view: following.View) -> str:
    """One line about the target."""
    ledger = view.ledger
    outcome = ledger.outcome.value if ledger.outcome else "not seen yet"
    return f"{outcome}: {ledger.because}" if ledger.because else outcome
