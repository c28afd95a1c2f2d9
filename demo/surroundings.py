"""What the story happens in: a cluster, a team's Git repository and the daemon, all in one temporary folder."""

import contextlib
import pathlib
import shutil
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import yaml

from demo import following, grounds, telling
from demo import team as teams
from reconciler.model import ids

T = TypeVar("T")
APPLICATION = "paperless-maverick"
NAMESPACE = "paperless-production"
TARGET = ids.TargetKey(teams.ENVIRONMENT, APPLICATION)
CHART = pathlib.Path(__file__).parents[1] / "charts" / APPLICATION
VALUES = f"desired-state/{teams.ENVIRONMENT}/{APPLICATION}/values.yaml"
PODS = {"web": 3, "worker": 2}
DEPLOYMENTS = {"web": APPLICATION, "worker": f"{APPLICATION}-worker"}
LOOK_EVERY = 0.1
"""Seconds between two looks while the story waits."""
LOG_TAIL = 20
"""Lines of the daemon's log that a failure quotes."""


class Surroundings:
    """What the scenes act in and look at."""

    def __init__(
        self, ground: grounds.Ground, team: teams.Team, follower: following.Follower, *, teller: telling.Teller
    ) -> None:
        self.ground = ground
        self.team = team
        self._follower = follower
        self._teller = teller

    def release(self, version: str) -> str:
        """What a developer does: the image's tag in the values file, a commit, a push. Returns the revision."""
        self.team.write(VALUES, values(version))
        return self.team.commit(f"Paperless Maverick {version}")

    def pods(self) -> tuple[following.Pod, ...]:
        return following.pods(self.ground.pods(NAMESPACE))

    def image(self, workload: str) -> str:
        """The image in the live Deployment's template."""
        return self.ground.image(NAMESPACE, DEPLOYMENTS[workload])

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
                if how := self.ground.ended():
                    raise grounds.NotTrueError(f"The daemon ended {how}.\n{self.log_tail()}")
                if time.monotonic() > deadline:
                    late = f"{what}: this did not come true within {patience:g} s."
                    raise grounds.NotTrueError(f"{late}\nThe target: {state(view)}\n{self.log_tail()}")
                time.sleep(LOOK_EVERY)

    def look(self) -> following.View:
        news = self._follower.news()
        return following.View(news=news, ledger=self._follower.ledger(TARGET), pods=self.pods())

    def log_tail(self) -> str:
        lines = self.team.log().splitlines()[-LOG_TAIL:]
        return "\n".join(["The daemon said last:", *(lines or ["(nothing)"])])


@contextlib.contextmanager
def ready(ground: grounds.Ground, teller: telling.Teller, *, patience: float) -> Iterator[Surroundings]:
    """The surroundings, with the daemon running and nothing released yet."""
    teller.title("A commit becomes the cluster's state, and a bad one is taken back", ground.about)
    with contextlib.ExitStack() as stack:
        with teller.waiting("starting the cluster"):
            teller.happened(ground.open())
        team = prepared(ground)
        teller.happened(f"the team's Git repository {team.remote}, with the chart of Paperless Maverick")
        stack.callback(ground.stop)
        ground.start(team)
        follower = following.Follower(team.state / "journal.db")
        stack.callback(follower.close)
        around = Surroundings(ground, team, follower, teller=teller)
        around.wait(following.at_work, what="the daemon's first look at the repository", patience=patience)
        yield around


def prepared(ground: grounds.Ground) -> teams.Team:
    """A namespace, a repository with the chart and no release yet, and the daemon's settings."""
    ground.make_namespace(NAMESPACE)
    team = teams.Team(ground.folder, cluster=ground.reached(), namespace=NAMESPACE)
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


def state(view: following.View) -> str:
    """One line about the target."""
    ledger = view.ledger
    outcome = ledger.outcome.value if ledger.outcome else "not seen yet"
    return f"{outcome}: {ledger.because}" if ledger.because else outcome
