"""Kills a daemon over and over, at random instants and at every boundary; could anybody tell? (F01, F02)

Each lane has a site of its own (namespace, repository, journal) and goes round through four scenarios: a rollout that
adds an object, a prune, a healing, a failed release with its revert. A scenario begins and ends at rest, so nothing is
set up anew between two kills; what it must end like, and how long it takes, is learnt from an undisturbed round.
"""

import collections
import json
import pathlib
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field

from reconciler.model import outcomes, records
from tests import conftest
from tests.clusterkit import access
from tests.support import dying, endings, endstate, site

STUCK = 120.0
"""Seconds after which a daemon that was started again and is not at rest counts as stuck (I3)."""
AGAIN = 0.25
"""Share of the kills that are followed by one more while the next life recovers (F03)."""
NAMES = ("web", "one", "two", "created")
ROUND = ("rollout", "prune", "heal", "revert")


@dataclass(frozen=True, slots=True)
class End:
    """What a scenario leaves behind; comparable between runs of it."""

    objects: tuple[str, ...]
    inventory: tuple[str, ...]
    record: tuple[object, ...]
    commits: int
    effects: dict[str, int]

    def complaints(self, reference: "End") -> list[str]:
        """Fewer effects are allowed (a pause that is no longer needed), more are not."""
        names = ("objects", "inventory", "record", "commits")
        pairs = ((name, getattr(self, name), getattr(reference, name)) for name in names)
        found = [f"{name}: {mine} in place of {theirs}" for name, mine, theirs in pairs if mine != theirs]
        more = {name: count for name, count in self.effects.items() if count > reference.effects.get(name, 0)}
        return found + ([f"doubled effects: {more}, undisturbed {reference.effects}"] if more else [])


@dataclass(slots=True)
class Reference:
    """An undisturbed run: its end, its length in seconds, and the boundaries that it passed."""

    end: End
    seconds: float
    boundaries: tuple[dying.Death, ...]


@dataclass(slots=True)
class Tally:
    """What came of all kills. `problems` is empty, or each is a sentence with all that is needed to look at it."""

    kills: collections.Counter[str] = field(default_factory=collections.Counter)
    recoveries: list[float] = field(default_factory=list)
    acknowledged: int = 0
    calls: int = 0
    pushes: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.kills += other.kills
        self.recoveries += other.recoveries
        self.acknowledged += other.acknowledged
        self.calls += other.calls
        self.pushes += other.pushes
        self.problems += other.problems


class Lane:
    """One site that is killed again and again."""

    def __init__(self, folder: pathlib.Path, cluster: access.ClusterAccess, *, seed: int) -> None:
        self.namespace = conftest.new_namespace(cluster, f"kill-{seed}")
        self.where = site.Site(folder / self.namespace, cluster, self.namespace)
        self.where.settings["environments"][site.ENVIRONMENT]["prune"] = {"count": 5, "percent": "90%"}
        self.where.configure()
        self.where.git("config", "core.logAllRefUpdates", "always", at=self.where.remote)
        self.outside = endstate.Outside(self.where, NAMES)
        self.tally = Tally()
        self.references: dict[str, Reference] = {}
        self._chance = random.Random(seed)  # noqa: S311 - which instant, not which secret
        self._version, self._good, self._reverted, self._quarantined = 0, "", False, 0
        self._maps = ("one",)

    def open(self) -> None:
        """Install, then one undisturbed round."""
        self._rollout()
        self._start(None)
        self._rest("install")
        self.where.kill()
        for name in ROUND:
            began = time.monotonic()
            end = self._run(name, self._undisturbed)
            self.references[name] = Reference(end, time.monotonic() - began, tuple(self._boundaries()))

    def close(self) -> None:
        self.where.close()
        self.where.cluster.delete(f"/api/v1/namespaces/{self.namespace}")

    def at_random(self, rounds: int) -> None:
        """So many rounds of four scenarios, with a kill or two at random instants of each."""
        for _ in range(rounds):
            for name in ROUND:
                self._compared(name, self._randomly(name), "a random instant")

    def everywhere(self, deaths: Iterator[tuple[str, dying.Death]]) -> None:
        """Round after round, each scenario with the next death of its own from `deaths`, until there are none."""
        waiting: dict[str, list[dying.Death]] = collections.defaultdict(list)
        for name, death in deaths:
            waiting[name].append(death)
        while any(waiting.values()):
            for name in ROUND:
                death = waiting[name].pop() if waiting[name] else None
                self._compared(name, self._at(name, death), str(death))

    def _compared(self, name: str, life: Callable[[], None], instant: str) -> None:
        end = self._run(name, life)
        told = f"{self.namespace}, {name}, killed {instant}: "
        self.tally.problems += [told + problem for problem in end.complaints(self.references[name].end)]

    # --- one scenario

    def _run(self, name: str, life: Callable[[], None]) -> End:
        where = self.where
        mark, head = where.cluster.audit_mark(), where.head()
        self.outside.mark()
        self._trace().unlink(missing_ok=True)
        getattr(self, f"_{name}")()
        changed = where.head()
        life()
        began = time.monotonic()
        if where.process is None or where.process.poll() is not None:
            self._start(None)
        ledger = self._rest(name)
        self.tally.recoveries.append(time.monotonic() - began)
        self.where.kill()  # at rest, too: there is no goodbye in this test
        self._check(name, ledger, mark=mark, since=changed)
        if self._quarantined:
            # The third failure within an hour would rightly stop automation: a person says that these do not count.
            endings.ask(where, records.RequestKind.RELEASE_QUARANTINE)
            self._quarantined = 0
        own = {f"v{self._version}": "VERSION", f"v{self._version - 1}": "BEFORE", head: "HEAD"}
        return End(
            objects=tuple(sorted(_plain(text, own) for text in self.outside.objects())),
            inventory=tuple(row[0].replace(self.namespace, "…") for row in where.rows(INVENTORY)),
            record=self.outside.record(ledger),
            commits=len(where.git("rev-list", f"{changed}..main", at=where.remote).splitlines()),
            effects=self.outside.effects(),
        )

    def _rollout(self) -> None:
        self._maps = ("one", "two")
        self._release()
        self._good = self.where.head()

    def _prune(self) -> None:
        self._maps = ("one",)
        self._commit(f"v{self._version}", ("one",))
        self._good = self.where.head()

    def _heal(self) -> None:
        """Somebody edits both objects while the daemon is away."""
        within, cluster = self.namespace, self.where.cluster
        cluster.patch(f"/api/v1/namespaces/{within}/configmaps/one", {"data": {"version": "edited"}})
        cluster.patch(f"/apis/apps/v1/namespaces/{within}/deployments/web", {"spec": {"replicas": 0}})

    def _revert(self) -> None:
        self._version += 1
        self._reverted, self._quarantined = True, 1
        self._commit(f"v{self._version}-crash-loop", (*self._maps, "created"))

    def _release(self) -> None:
        self._version += 1
        self._commit(f"v{self._version}", self._maps)

    def _commit(self, version: str, maps: tuple[str, ...]) -> None:
        where = self.where
        if self._good:
            where.pull()
        objects = [site.config_map(each, version=version) for each in maps]
        where.application("web", [site.deployment(image=endings.image(version), replicas=1), *objects])
        where.commit(version)

    # --- lives

    def _start(self, death: dying.Death | None) -> None:
        self.where.process = dying.Child(self.where.config, self.where.log_file, death=death, trace=self._trace())

    def _undisturbed(self) -> None:
        self._start(None)

    def _randomly(self, name: str) -> Callable[[], None]:
        def life() -> None:
            for _ in range(1 + (self._chance.random() < AGAIN)):
                self._start(None)
                time.sleep(self._chance.uniform(0, self.references[name].seconds))  # the instant, not a wait
                self.tally.kills[name] += 1
                self.where.kill()

        return life

    def _at(self, name: str, death: dying.Death | None) -> Callable[[], None]:
        def life() -> None:
            self._start(death)
            process = self.where.process
            if death is None or process is None:
                return
            began = time.monotonic()
            while process.poll() is None and not self._rests() and time.monotonic() - began < STUCK:
                time.sleep(access.POLL_EVERY)
            if process.poll() == -signal.SIGKILL:
                self.tally.kills[f"{name}, at a boundary"] += 1
            else:
                self.tally.kills[f"{name}, boundary not met"] += 1

        return life

    def _rest(self, name: str) -> records.Ledger:
        try:
            return self.where.wait_ledger(self._at_rest, what=f"{name}: being at rest", timeout=STUCK)
        except AssertionError as error:
            raise AssertionError(f"stuck in {self.namespace}: {self.where.ledger()}: {error}") from error

    def _rests(self) -> bool:
        return self._at_rest(self.where.ledger())

    def _at_rest(self, ledger: records.Ledger) -> bool:
        """The pass that says so began after the last edit: what the watches saw before is not suspected any more."""
        revert = ledger.git_revert
        return bool(
            ledger.last_good
            and ledger.last_good.revision == self._good
            and ledger.rollout is None
            and ledger.outcome is outcomes.Outcome.UNCHANGED
            and ledger.hold is None
            and len(ledger.quarantined) == self._quarantined
            and (not self._reverted or (revert and revert.step is records.GitStep.PUSHED))
            and self._as_wanted()
        )

    def _as_wanted(self) -> bool:
        found = self.where.live("configmaps", "one", group="v1")
        deployment = self.where.live("deployments", "web")
        return bool(
            found and deployment and found["data"]["version"] != "edited" and deployment["spec"]["replicas"] == 1
        )

    # --- what must be so after every scenario

    def _check(self, name: str, ledger: records.Ledger, *, mark: int, since: str) -> None:
        where, told = self.where, f"{self.namespace}, {name}: "
        problems = endstate.unlike_the_audit_log(where, after=mark)
        self.tally.calls += len(where.counted_calls(after=mark))
        if broken := endstate.broken_chain(where):
            problems.append(f"the chain is broken: {broken}")
        if left := where.rows("SELECT operation FROM intents WHERE result IS NULL"):
            problems.append(f"intents without an outcome: {left}")
        epochs = [row[0] for row in where.rows("SELECT epoch FROM intents ORDER BY rowid")]
        if name != "revert" and epochs != sorted(epochs):  # a push that is repeated is open again in the new epoch
            problems.append("an older epoch's intent follows a newer one's")
        problems += self._lost() + self._unlike_the_reflog(since)
        self.tally.problems += [told + problem for problem in problems]

    def _lost(self) -> list[str]:
        """What the journal has acknowledged in any life and does not have (O8)."""
        file = self._trace().with_name(dying.ACKNOWLEDGED)
        rows = [json.loads(line) for line in file.read_text().splitlines() if line.endswith("]")]
        file.unlink()
        self.tally.acknowledged += len(rows)
        intents = dict(self.where.rows("SELECT operation, result FROM intents"))
        events = set(self.where.rows("SELECT 'event ' || kind, at, because FROM events"))
        lost = []
        for sort, first, second in rows:
            final = second in ("done", "refused")
            match sort:
                case "intent" if first in intents:
                    continue
                case "outcome" if first in intents and (not final or intents[first] == second):
                    continue
                case _ if (sort, first, second) in events:
                    continue
            lost.append(f"acknowledged and lost: {sort} {first} {second}")
        return lost

    def _unlike_the_reflog(self, since: str) -> list[str]:
        """Each push to the server has one intent that says done; none is forced, none is there twice (I1, I22)."""
        lines = (self.where.remote / "logs/refs/heads/main").read_text().splitlines()
        moves = [tuple(line.split(" ", 2)[:2]) for line in lines]
        start = max(place for place, (_, new) in enumerate(moves) if new == since)
        ours = moves[start + 1 :]
        self.tally.pushes += len(ours)
        done = {
            row[0] for row in self.where.rows("SELECT subject FROM intents WHERE verb = 'push' AND result = 'done'")
        }
        found = [f"push {new} without an intent that says done" for _, new in ours if new not in done]
        found += [f"push {new} leaves {old} out" for old, new in ours if not self._follows(old, new)]
        return found + ([f"{len(ours)} pushes for one failure"] if len(ours) > 1 else [])

    def _follows(self, old: str, new: str) -> bool:
        return self.where.git("merge-base", old, new, at=self.where.remote) == old

    def _trace(self) -> pathlib.Path:
        return self.where.folder / "trace"

    def _boundaries(self) -> Iterator[dying.Death]:
        """Before and after each call that changed something in the life just ended, by its number of that name."""
        seen: collections.Counter[str] = collections.Counter()
        for boundary in self._trace().read_text().splitlines():
            seen[boundary] += 1
            yield dying.Death(boundary, after=False, nth=seen[boundary])
            yield dying.Death(boundary, after=True, nth=seen[boundary])


INVENTORY = "SELECT object FROM inventory ORDER BY object"


def _plain(text: str, own: dict[str, str]) -> str:
    for word, plain in own.items():
        text = re.sub(rf"{re.escape(word)}(?!\d)", plain, text)
    return text


def run(
    folder: pathlib.Path, cluster: access.ClusterAccess, *, kills: int, boundaries: bool, seed: int, lanes: int
) -> Tally:
    """So many random kills, and each boundary where wanted. A lane that gives up is a problem of its own."""
    total = Tally()
    made = [Lane(folder, cluster, seed=seed * 1000 + number) for number in range(lanes)]
    rounds = -(-kills // (len(ROUND) * lanes))

    def live(number: int, lane: Lane) -> None:
        try:
            lane.open()
            if boundaries:
                every = [(name, death) for name in ROUND for death in lane.references[name].boundaries]
                lane.everywhere(iter(every[number::lanes]))
            lane.at_random(rounds)
        except Exception as error:  # noqa: BLE001 - reported with the others' results; a lane's end must not hide them
            lane.tally.problems.append(f"{lane.namespace} gave up: {type(error).__name__}: {error}")
        finally:
            lane.close()

    with futures.ThreadPoolExecutor(lanes) as pool:
        list(pool.map(live, range(lanes), made))
    for lane in made:
        total.add(lane.tally)
    return total


def table(tally: Tally, *, seed: int, seconds: float) -> str:
    """The result for a person."""
    lines = [f"{'kills':32} count"]
    lines += [f"{name:32} {count:5}" for name, count in sorted(tally.kills.items())]
    worst = max(tally.recoveries, default=0.0)
    median = sorted(tally.recoveries)[len(tally.recoveries) // 2] if tally.recoveries else 0.0
    lines += [
        "",
        f"{'rows that the journal confirmed':32} {tally.acknowledged:5}",
        f"{'calls in the audit log':32} {tally.calls:5}",
        f"{'pushes in the reflog':32} {tally.pushes:5}",
        f"{'to rest after the last start':32} {median:5.1f} s median, {worst:.1f} s at most",
        f"{'problems':32} {len(tally.problems):5}",
        f"seed {seed}, {seconds:.0f} s",
        *tally.problems,
    ]
    return "\n".join(lines)
