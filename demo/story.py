"""The story, scene by scene. Each ends with what was checked, against the cluster and Git, not with what was hoped.

Read it from the top: `tell` is the table of contents.
"""

import contextlib
import pathlib
import shlex
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from demo import following, grounds, surroundings, telling
from reconciler.model import outcomes, records

T = TypeVar("T")
FIRST, SECOND, BAD = "v1.0.0", "v1.1.0", "v1.2.0-crash-loop"
"""Pods behave by the end of their image's tag, on both grounds: see docs/how-to/sandbox.md."""
HOTFIX = "v1.1.0-hotfix"
SHORT = 12
"""Digits of a revision."""


def tell(around: surroundings.Surroundings, teller: telling.Teller, *, patience: float) -> None:
    """The whole story. Raises NotTrueError at the first thing that does not come true."""
    began = time.monotonic()
    scenes = Scenes(around, teller, patience)
    scenes.a_release_rolls_out()
    good = scenes.the_next_one_takes_its_place()
    bad = scenes.a_bad_one_fails()
    scenes.the_cluster_and_git_are_back_at_last_good(good, bad)
    scenes.drift_is_healed()
    ending(teller, seconds=time.monotonic() - began)


class Scenes:
    """One method a scene, in order."""

    def __init__(self, around: surroundings.Surroundings, teller: telling.Teller, patience: float) -> None:
        self._around = around
        self._teller = teller
        self._patience = patience

    def a_release_rolls_out(self) -> None:
        self._teller.scene(1, "A release rolls out")
        folder = surroundings.VALUES.rpartition("/")[0]
        self._around.team.write(f"{folder}/application.yaml", surroundings.application())
        self._released(FIRST, about="chart, values and application, for the first time")
        self._runs(FIRST)

    def the_next_one_takes_its_place(self) -> str:
        self._teller.scene(2, "An upgrade takes its place, pod by pod")
        revision = self._released(SECOND)
        self._runs(SECOND)
        return revision

    def a_bad_one_fails(self) -> str:
        """Ends when the failure is seen; the way back is the next scene's."""
        self._teller.scene(3, "A bad release fails")
        bad = self._pushed(BAD, about=f"image.tag: {BAD}, which crashes when it starts")
        failed = self._until(
            lambda view: next((e for e in view.news if e.kind is records.EventKind.ROLLOUT_FAILED), None),
            what=f"the daemon noticing that {BAD} does not work",
        )
        self._check(failed.because != "", "The failure has no reason")
        serving = following.ready(self._around.pods(), "web", version=SECOND)
        wanted = surroundings.PODS["web"]
        self._check(serving == wanted, f"Only {serving} of {wanted} web pods of {SECOND} serve")
        self._teller.true(f"It never took traffic: {serving} of {wanted} web pods of {SECOND} serve.")
        return bad

    def the_cluster_and_git_are_back_at_last_good(self, good: str, bad: str) -> None:
        self._teller.scene(4, "The cluster is back at last good, and Git tells the truth again")
        ledger = self._until(self._turned_round, what="the way back to last good")
        self._runs_now(SECOND)
        head = self._around.team.pull()
        self._check(ledger.git_revert is not None and ledger.git_revert.commit == head, "The head is no revert commit")
        self._check(self._around.team.git("diff", good, head) == "", f"Git differs from {good[:SHORT]}")
        self._check(
            self._around.team.git("rev-parse", f"{head}~1") == bad, "The revert is not on top of the bad commit"
        )
        self._teller.command("git log --oneline")
        self._teller.quote(self._around.team.git("log", "--oneline", "--no-decorate", "-4").splitlines())
        self._teller.command(f"git show --no-patch {head[:SHORT]}")
        self._teller.quote(self._around.team.git("show", "--no-patch", "--format=%an <%ae>%n%n%B", head).splitlines())
        self._teller.true(f"The cluster runs {SECOND}, and so says Git. The failed inputs are quarantined.")

    def drift_is_healed(self) -> None:
        self._teller.scene(5, "Somebody edits the cluster by hand; Git wins")
        deployment, good = surroundings.DEPLOYMENTS["web"], self._around.image("web")
        hotfix = f"{good.rpartition(':')[0]}:{HOTFIX}"
        self._teller.command(f"kubectl set image deployment/{deployment} web={hotfix}", self._around.ground.by_hand)
        self._around.ground.set_image(surroundings.NAMESPACE, deployment, container="web", image=hotfix)
        edited = time.monotonic()
        back: list[float] = []

        def healed(view: following.View) -> bool:
            if not back and self._around.image("web") == good:
                back.append(time.monotonic() - edited)
            return any(event.kind is records.EventKind.DRIFT_HEALED for event in view.news)

        self._until(healed, what="the hand-made edit being taken back, and the pods following")
        self._check(bool(back), f"The Deployment is still at {HOTFIX}")
        self._runs_now(SECOND)
        self._teller.true(f"The edit was taken back {back[0]:.1f} s after it was made, and {SECOND} runs.")

    def _released(self, version: str, *, about: str = "") -> str:
        """Push a release and follow it until it is last good."""
        revision = self._pushed(version, about=about or f"image.tag: {version}")
        self._until(
            lambda view: (
                view.ledger.last_good and view.ledger.last_good.revision == revision and view.ledger.rollout is None
            ),
            what=f"{version} becoming good",
        )
        return revision

    def _pushed(self, version: str, *, about: str) -> str:
        revision = self._around.release(version)
        self._teller.command("git push", about)
        self._teller.happened("pushed", f"{revision[:SHORT]} Paperless Maverick {version}")
        return revision

    def _turned_round(self, view: following.View) -> records.Ledger | None:
        """At last good in the cluster and in Git, and at rest."""
        ledger = view.ledger
        pushed = ledger.git_revert is not None and ledger.git_revert.step is records.GitStep.PUSHED
        rests = ledger.rollout is None and ledger.outcome is outcomes.Outcome.UNCHANGED
        return ledger if pushed and rests else None

    def _runs(self, version: str) -> None:
        """Every pod is of `version` and serves; says so."""
        self._runs_now(version)
        counts = " and ".join(f"{wanted} of {wanted} {name} pods" for name, wanted in surroundings.PODS.items())
        self._teller.true(
            f"{self._around.ground.witness} says: {counts} run {version} and are ready. This commit is last good."
        )

    def _runs_now(self, version: str) -> None:
        found = self._around.pods()
        seen = ", ".join(f"{pod.name} {pod.version} {pod.state.value}" for pod in found)
        all_right = following.only(found, version, wanted=surroundings.PODS)
        self._check(all_right, f"{version} should run and nothing else; there are: {seen}")

    def _until(self, condition: Callable[[following.View], T | None], *, what: str) -> T:
        return self._around.wait(condition, what=what, patience=self._patience)

    def _check(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise grounds.NotTrueError(f"{otherwise}.\n{self._around.log_tail()}")


def ending(teller: telling.Teller, *, seconds: float) -> None:
    """What to try next."""
    teller.heading(f"All of it came true, in {seconds:.0f} s.")
    teller.remark("What to try next:")
    teller.advice("make demo KEEP=1", "the same, left running for you to play with")
    teller.advice(f"{program()} --help", "every command; `plan` shows what a commit would change")
    teller.advice(f"{program()} run --sandbox --repository PATH", "your own repository, without a cluster")
    teller.advice("README.md", "your own repository and cluster")


def keep(around: surroundings.Surroundings, teller: telling.Teller) -> None:
    """Hand everything over, and go on telling what happens until Ctrl-C."""
    team = around.team
    teller.heading("Everything is left running. In another terminal:")
    for line in (
        *around.ground.commands(),
        f"export RECONCILER_CONFIG={shlex.quote(str(team.config))}",
        f"cd {shlex.quote(str(team.work))}",
    ):
        teller.advice(line)
    teller.remark("Then, for example:")
    values, command = surroundings.VALUES, shlex.quote(str(beside()))
    teller.advice(f"{command} status", "every target")
    teller.advice(f"{command} history {surroundings.TARGET}", "what happened to it, and why")
    teller.advice(f"{command} sync {surroundings.TARGET}", "poll Git now; `wait` waits until it is good")
    teller.advice(f"sed -i 's/tag: .*/tag: v1.3.0/' {values}", "a release; v1.3.0-crash-loop would be a bad one")
    teller.advice("git commit -am 'My release' && git push origin HEAD:main", "… which the daemon sees within a second")
    teller.advice("git pull --rebase origin main && git log", "its revert commits")
    command, about = around.ground.looking()
    if command:
        teller.advice(command, about)
    else:
        teller.remark(about)
    teller.remark(f"Folder: {team.folder}. Ctrl-C ends all of it and removes the folder. What happens meanwhile:")
    with contextlib.suppress(KeyboardInterrupt):
        around.wait(lambda view: None, what="waiting for your commits (Ctrl-C ends)", patience=float("inf"))


def beside() -> pathlib.Path:
    """The `reconciler` command of this Python's environment."""
    return pathlib.Path(sys.executable).with_name("reconciler")


def program() -> str:
    """The same as it is pasted most easily from here."""
    found, here = beside(), pathlib.Path.cwd()
    return shlex.quote(str(found.relative_to(here) if found.is_relative_to(here) else found))
