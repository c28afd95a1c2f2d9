"""Reverts that race against a person's pushes: `make races COUNT=1000` (I22).

Each race is one failed release whose revert commit is built and pushed by the product's own code, with its own git, on
a bare repository; only the cluster is left out. Meanwhile a person pushes: at a chosen instant, at several, or at a
random one. Then the repository's reflog, its history and the journal tell whether it went well.
"""

import asyncio
import collections
import contextlib
import itertools
import pathlib
import random
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field

from reconciler import errors
from reconciler.app import composing
from reconciler.edges import system
from reconciler.edges.journal import memory as memories
from reconciler.ending import judge
from reconciler.model import ids, records, rollouts, targets
from reconciler.pipeline import chain, failing, heads, reverting, world
from reconciler.settings import deployment, loading
from tests.races import instants, person
from tests.support import worlds

SETTINGS = """\
stateDir: {state}
repositories: {{main: {{url: {remote}, ref: refs/heads/main, allowLocal: true}}}}
clusters: {{model: {{sandbox: true}}}}
environments: {{production: {{repository: main, cluster: model, namespaces: [web]}}}}
"""
FOLDER = "desired-state/production"
HEADER = "apiVersion: reconciler.dev/v1\nkind: {}\n"
APPLICATION = HEADER.format("Application") + "namespace: web\nsource: {manifests: {}}\n"
MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}}}\ndata: {{version: '{}'}}\n"
WEB, API = (ids.TargetKey("production", name) for name in ("web", "api"))
CHANGES = ("of no target", "of a neighbour", "a merge", "a fix", "their own revert", "the same again")
MEND = frozenset({"a fix", "their own revert"})
"""What the daemon must not undo, nor do once more."""
KINDS = ("a process", "in the push", "several", "at random", "two reverts", "no answer")
TIDY = 200
"""Races after which the server's repository is packed."""
TRIES = 10
"""Passes in which a revert has to come to its end."""


@dataclass(frozen=True, slots=True)
class Race:
    """What the person does, and when: at each of `at` one change, or at a random instant where that is empty."""

    kind: str
    at: tuple[str, ...]
    changes: tuple[str, ...]
    failing: tuple[ids.TargetKey, ...] = (WEB,)
    cut: str = ""
    """Where the server's process ends without an answer."""

    def __str__(self) -> str:
        when = ", ".join(self.at) or "a random instant"
        return f"{self.kind}: {' + '.join(self.changes)} at {when}{f', {self.cut}' if self.cut else ''}"


@dataclass(slots=True)
class Tally:
    """What came of all races. `problems` is empty, or each is a sentence with all that is needed to look at it."""

    races: collections.Counter[str] = field(default_factory=collections.Counter)
    ends: collections.Counter[str] = field(default_factory=collections.Counter)
    theirs: int = 0
    """Commits of the person."""
    updates: int = 0
    """Of the ref, by its reflog."""
    forced: int = 0
    lost: int = 0
    """Commits of the person that are in the history no more."""
    doubled: int = 0
    """Revert commits beyond one for a failure."""
    rebuilt: int = 0
    """Revert commits that were given up because somebody came first."""
    unmet: int = 0
    """Instants that did not come: the revert was over, or overtaken, before."""
    problems: list[str] = field(default_factory=list)


class Course:
    """One repository, on which one race follows the other."""

    def __init__(self, folder: pathlib.Path, here: world.World, memory: memories.Memory, *, seed: int) -> None:
        self.tally = Tally()
        self.processes, self.seconds = 0, 0.0
        """How many git processes an undisturbed revert needs, and how long it takes."""
        self._remote = folder / "remote.git"
        self._here = here
        self._memory = memory
        self._heads = heads.Heads(here)
        self._reverting = reverting.Reverting(here, self._heads)
        its_chain = chain.Chain(here, self._heads)
        self._failing = failing.Failing(here, self._heads, its_chain, lambda key: None)
        self._chance = random.Random(seed)  # noqa: S311 - which instant, not which secret
        mirror = folder / "state" / "mirrors" / "main"
        self.instants = instants.Instants(folder / "instants", mirror=mirror, met=self._met)
        self.instants.install(self._remote)
        self._person = person.Person(folder / "person", self._remote)
        self._number, self._good, self._bad = 0, "", ""
        self._waiting: list[str] = []
        """Changes that the person has not made yet in this race."""
        self._made: list[str] = []
        self._late: list[threading.Thread] = []

    async def open(self) -> None:
        """A repository with two applications, and one revert that nobody disturbs."""
        files = {f"{FOLDER}/environment.yaml": HEADER.format("Environment")}
        for key in (WEB, API):
            files |= {f"{FOLDER}/{key.application}/application.yaml": APPLICATION, _path(key): _manifest(key, "v0")}
        self._person.begin(files)
        await self._heads.poll("main")
        await self.run(Race("undisturbed", (), ()))
        self.processes = self.instants.processes()

    async def run(self, race: Race) -> None:
        self._number += 1
        self._waiting, self._made = list(race.changes), []
        if self._number % TIDY == 0:
            self._git("gc", "--quiet")
        before = len(self._reflog())
        self._good, self._bad = await asyncio.to_thread(self._release, race.failing)
        for key in race.failing:
            await self._fails(key)
        cut = [race.cut] if race.cut else []
        self.instants.arm([*race.at, *cut])
        if race.changes and not race.at:
            self._later(self._waiting.pop(), self._chance.uniform(0, self.seconds))
        began = time.monotonic()
        await asyncio.gather(*(self._revert(key) for key in race.failing))
        self.seconds = self.seconds or time.monotonic() - began
        self.tally.unmet += len(await asyncio.to_thread(self.instants.left))
        for thread in self._late:
            await asyncio.to_thread(thread.join)
        self._late.clear()
        self.tally.races[race.kind] += 1
        problems = await self._check(race, before)
        self.tally.problems += [f"race {self._number}, {race}: {problem}" for problem in problems]

    def close(self) -> None:
        """Every push that arrived is an intent of the journal, done; the others were given up (I1)."""
        found = self._memory.base.read(lambda tx: tx.all("SELECT operation, result FROM intents"))
        results = {row["operation"]: row["result"] for row in found}
        done = {operation for operation, result in results.items() if result == records.Result.DONE.value}
        self.tally.rebuilt = len(results) - len(done)
        arrived = set(self._git("log", "--format=%H", "--grep=^Reconciler-Target:", "main").split())
        if done != arrived:
            self.tally.problems.append(f"pushes of the journal and of the repository differ: {done ^ arrived}")

    # --- the person

    def _release(self, broken: Sequence[ids.TargetKey]) -> tuple[str, str]:
        """Two commits: what is good, and what fails."""
        good = {_path(key): _manifest(key, f"v{self._number}") for key in (WEB, API)}
        bad = {_path(key): _manifest(key, f"v{self._number}-bad") for key in broken}
        made = self._person.push(good, bad)
        return made[0], made[1]

    def _met(self, instant: str) -> None:
        """The daemon stands still. While the ref is locked a push of the person's is refused: they try again later."""
        if not self._waiting:
            return
        name = self._waiting.pop(0)
        if instant != "locked":
            self._change(name, attempts=person.ATTEMPTS)
        elif not self._change(name, attempts=1):
            self._later(name, 0)
        else:
            self.tally.problems.append(f"race {self._number}: a push went through a locked ref")

    def _later(self, name: str, seconds: float) -> None:
        def push() -> None:
            time.sleep(seconds)  # the instant, not a wait
            self._change(name, attempts=person.ATTEMPTS)

        self._late.append(threading.Thread(target=push))
        self._late[-1].start()

    def _change(self, name: str, *, attempts: int) -> bool:
        mark = f"{self._number}.{len(self._made)}"
        change = {
            "a fix": {_path(WEB): _manifest(WEB, f"v{mark}-fix")},
            "their own revert": {_path(WEB): _manifest(WEB, f"v{self._number}")},
            "the same again": {_path(WEB): _manifest(WEB, f"v{self._number}-bad")},
            "of a neighbour": {f"{FOLDER}/other/manifests/all.yaml": f"# {mark}\n"},
        }.get(name, {"notes.md": f"{mark}\n"})
        done = bool(self._person.push(change, merge=name == "a merge", attempts=attempts))
        if done:
            self._made.append(name)
        return done

    # --- the daemon

    async def _fails(self, key: ids.TargetKey) -> None:
        """The target is as after a failed rollout: in the journal the return is begun, and the revert wanted."""
        good, bad = await self._heads.prepare(key, self._good), await self._heads.prepare(key, self._bad)
        last = records.Good(self._good, good.inputs.digest, "digest", self._here.at())
        ledger = records.Ledger(key, last_good=last, deployed=self._bad)
        own, shared = await self._failing.differing(ledger, bad)
        ending = judge.revert(last, git=targets.GitPolicy.PUSH, own=own, shared=shared, because="it crashes")
        failure = rollouts.Failure(self._bad, bad.inputs.digest, ending.because)
        await self._failing.go_back(ledger, failure, ending, undoes="")

    async def _revert(self, key: ids.TargetKey) -> None:
        """Pass after pass, each from what the journal holds."""
        for _ in range(TRIES):
            ledger = await self._here.journal.ledger(key)
            if not reverting.pending(ledger):
                return
            with contextlib.suppress(errors.Transient):
                await self._reverting.push(ledger)

    # --- what must be so after every race

    async def _check(self, race: Race, before: int) -> list[str]:
        problems, updates = [], self._reflog()[before:]
        forced = [f"{old} → {new}" for old, new in updates if not self._descends(new, old)]
        history = self._git("log", "--format=%H", f"{self._good}..main").split()
        lost = [commit for commit in self._person.pushed if commit not in {self._good, *history}]
        self.tally.updates += len(updates)
        self.tally.forced += len(forced)
        self.tally.lost += len(lost)
        self.tally.theirs += len(self._person.pushed)
        self._person.pushed.clear()
        problems += [f"forced {each}" for each in forced] + [f"lost {commit}" for commit in lost]
        for key in race.failing:
            ours = self._git("log", "--format=%H", f"--grep=^Reconciler-Target: {key}$", f"{self._bad}..main").split()
            problems += await self._check_target(key, ours)
        return problems

    async def _check_target(self, key: ids.TargetKey, ours: list[str]) -> list[str]:
        revert, problems = (await self._here.journal.ledger(key)).git_revert, []
        if revert is None:
            return [f"{key}: no revert in the ledger"]
        self.tally.ends[revert.step.value] += 1
        self.tally.doubled += max(0, len(ours) - 1)
        wanted = [revert.commit] if revert.step is records.GitStep.PUSHED else []
        if ours != wanted:
            problems.append(f"{key}: {revert.step.value}, {revert.because}: {ours} in the history in place of {wanted}")
        mended = bool(MEND & set(self._made)) and key == WEB
        if revert.step is not records.GitStep.PUSHED and not (revert.step is records.GitStep.OVERTAKEN and mended):
            problems.append(f"{key}: {revert.step.value} without a cause: {revert.because}")
        if opened := await self._here.journal.open_intents(key):
            problems.append(f"{key}: intents without an outcome: {opened}")
        return problems + [problem for commit in ours for problem in self._check_commit(key, commit)]

    def _check_commit(self, key: ids.TargetKey, commit: str) -> list[str]:
        """It undoes the failed release of its target on top of a head that still had it, and nothing else."""
        folder, parent, problems = f"{FOLDER}/{key.application}", f"{commit}^", []
        if self._git("diff", "--name-only", self._bad, parent, "--", folder):
            problems.append(f"{key}: {commit} undoes what came after the failed release")
        if self._git("diff", "--name-only", self._good, commit, "--", folder):
            problems.append(f"{key}: {commit} does not restore last good")
        if (changed := self._git("diff", "--name-only", parent, commit)) != _path(key):
            problems.append(f"{key}: {commit} changes {changed}")
        return problems

    def _reflog(self) -> list[tuple[str, str]]:
        log = self._remote / "logs" / "refs" / "heads" / "main"
        rows = [line.split(" ", 2) for line in log.read_text().splitlines()] if log.exists() else []
        return [(old, new) for old, new, _ in rows]

    def _descends(self, new: str, old: str) -> bool:
        command = ["git", "-C", str(self._remote), "merge-base", "--is-ancestor", old, new]
        return set(old) == {"0"} or subprocess.run(command, check=False).returncode == 0

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self._remote), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _path(key: ids.TargetKey) -> str:
    return f"{FOLDER}/{key.application}/manifests/all.yaml"


def _manifest(key: ids.TargetKey, version: str) -> str:
    return MANIFEST.format(key.application, version)


def races(count: int, *, processes: int, seed: int) -> list[Race]:
    """Every kind equally often; every instant with every change, as far as `count` goes."""
    chance = random.Random(seed)  # noqa: S311 - an order, not a secret
    before = [f"process-{number + 1}" for number in range(processes)]

    def mixed(of: Sequence[str], other: Sequence[str]) -> Iterator[tuple[str, str]]:
        pairs = list(itertools.product(of, other))
        chance.shuffle(pairs)
        return itertools.cycle(pairs)

    single, pushing = mixed(before, CHANGES), mixed(instants.IN_THE_PUSH, CHANGES)
    unanswered, meanwhile = mixed(instants.CUTS, CHANGES), mixed(("",), CHANGES)

    def made(kind: str) -> Race:
        match kind:
            case "a process":
                at, change = next(single)
                return Race(kind, (at,), (change,))
            case "in the push":
                at, change = next(pushing)
                return Race(kind, (at,), (change,))
            case "no answer":
                cut, change = next(unanswered)
                return Race(kind, (chance.choice([*before, *instants.IN_THE_PUSH]),), (change,), cut=cut)
            case "at random":
                return Race(kind, (), (next(meanwhile)[1],))
        at = tuple(chance.sample([*before, *before, *instants.IN_THE_PUSH], chance.randint(2, 3)))
        changes = tuple(chance.choice(CHANGES) for _ in at)
        return Race(kind, at, changes, failing=(WEB, API) if kind == "two reverts" else (WEB,))

    return [made(KINDS[number % len(KINDS)]) for number in range(count)]


def _bare(remote: pathlib.Path) -> pathlib.Path:
    """A repository that notes every update of its refs."""
    subprocess.run(["git", "init", "--quiet", "--bare", "--template=", "-b", "main", str(remote)], check=True)
    # Housekeeping of the server after a push of the daemon's would run our hooks, whenever it likes.
    for name, value in (("core.logAllRefUpdates", "always"), ("receive.autogc", "false")):
        subprocess.run(["git", "-C", str(remote), "config", name, value], check=True)
    return remote


@contextlib.asynccontextmanager
async def course(folder: pathlib.Path, *, seed: int) -> AsyncIterator[Course]:
    text = SETTINGS.format(state=folder / "state", remote=_bare(folder / "remote.git"))
    its = loading.load(deployment.Deployment, text, where="config/deployment-config.yaml")
    memory = memories.Memory(installation=worlds.INSTALLATION, now=system.SystemClock().now)
    journal = memory.open()
    async with composing.build(its, journal) as here:
        here.epoch = await journal.lead("the test")
        made = Course(folder, here, memory, seed=seed)
        with made.instants.watching():
            await made.open()
            yield made


async def run(folder: pathlib.Path, *, count: int, seed: int) -> Tally:
    """So many races; fewer when it is interrupted."""
    async with course(folder, seed=seed) as made:
        with contextlib.suppress(asyncio.CancelledError):
            for race in races(count, processes=made.processes, seed=seed):
                await made.run(race)
        made.close()
        return made.tally


def table(tally: Tally, *, seed: int, seconds: float) -> str:
    """The result for a person."""
    lines = [f"{'races, by when the person pushes':36} count"]
    lines += [f"{name:36} {count:5}" for name, count in sorted(tally.races.items())]
    lines += ["", *(f"{f'reverts that ended {name}':36} {count:5}" for name, count in sorted(tally.ends.items()))]
    figures = {
        "commits of the person": tally.theirs,
        "revert commits built again": tally.rebuilt,
        "instants that did not come": tally.unmet,
        "updates in the reflog": tally.updates,
        "of them forced": tally.forced,
        "commits of the person lost": tally.lost,
        "reverts doubled": tally.doubled,
        "problems": len(tally.problems),
    }
    lines += ["", *(f"{name:36} {count:5}" for name, count in figures.items())]
    return "\n".join([*lines, f"seed {seed}, {seconds:.0f} s", *tally.problems])
