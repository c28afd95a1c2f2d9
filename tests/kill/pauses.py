"""Two daemons on one journal, and a leader that is paused with SIGSTOP at random instants (I2, F05).

With SQLite leadership is a file lock: a paused process keeps it, so nobody takes over before it goes on or dies. Only
where somebody removes the lock's file do two lead; then the epoch, checked in the transaction of each intent, is what
keeps the old one from writing. What it had intended before may still land, and is corrected.
"""

import collections
import os
import pathlib
import random
import signal
import time
from dataclasses import dataclass, field

from reconciler.model import outcomes, records
from tests import conftest
from tests.clusterkit import access
from tests.support import dying, endings, endstate, site

LONGEST = 3.0
"""Seconds of a pause: more than the two after which a stand-by tries again."""
SPREAD = 1.5
"""Seconds after a commit within which the leader is paused: a small rollout takes about that long."""
ORDERS = ("continued", "killed", "overtaken", "overtaken in the middle of a batch")
BATCH = dying.Death("intend apply", after=True, by=signal.SIGSTOP)


@dataclass(slots=True)
class Tally:
    pauses: collections.Counter[str] = field(default_factory=collections.Counter)
    late: int = 0
    """Calls that a batch intended before a pause still made after another daemon led."""
    problems: list[str] = field(default_factory=list)


class Pair:
    """One site with a leader and a stand-by."""

    def __init__(self, folder: pathlib.Path, cluster: access.ClusterAccess, *, seed: int) -> None:
        self.where = site.Site(folder, cluster, conftest.new_namespace(cluster, f"pause-{seed}"))
        self.outside = endstate.Outside(self.where, ("web", "one"))
        self.tally = Tally()
        self._chance = random.Random(seed)  # noqa: S311 - which instant, not which secret
        self._version, self._started = 0, 0
        self._death: dying.Death | None = None
        self._paused = 0
        self._commit()
        self.leader = self._start()
        self._wait_epoch(1)
        self.standby = self._start()
        self._rest()

    def close(self) -> None:
        for child in (self.leader, self.standby):
            child.kill()
        self.where.cluster.delete(f"/api/v1/namespaces/{self.where.namespace}")

    def run(self, orders: list[str]) -> Tally:
        for order in orders:
            mark, epoch = self.where.cluster.audit_mark(), self._epoch()
            self._pause(order)
            self.tally.pauses[order] += 1
            self._follow(order, epoch)
            self._rest()
            self._check(order, mark)
        return self.tally

    # --- one pause

    def _pause(self, order: str) -> None:
        if order == ORDERS[3]:
            # A leader that stops itself once its intents are on disk and nothing of them has been sent.
            self._death = BATCH
            self._replace_leader()
            self._commit()
            access.wait_for(lambda: _state(self.leader.pid) == "T", site.PATIENCE, what="the leader pausing itself")
            return
        self._commit()
        time.sleep(self._chance.uniform(0, SPREAD))  # the instant, not a wait
        os.kill(self.leader.pid, signal.SIGSTOP)

    def _follow(self, order: str, epoch: int) -> None:
        epoch = max(epoch, self._epoch())
        self._paused = self.leader.pid
        match order:
            case "continued":
                time.sleep(self._chance.uniform(0, LONGEST))  # how long the pause lasts
                if self._epoch() != epoch:
                    self.tally.problems.append(f"somebody led while the leader was paused, epoch {epoch} before")
                os.kill(self.leader.pid, signal.SIGCONT)
            case "killed":
                self.leader.kill()
                self._promote(epoch)
            case _:
                (self.where.state / "journal.db.leader").unlink()
                before, self.leader = self.leader, self.standby
                self._wait_epoch(epoch + 1)
                self._commit()
                self._rest()
                calls = len(self._calls())
                os.kill(before.pid, signal.SIGCONT)
                self._commit()  # something to write: a leader that has nothing to do notices nothing
                ended = before.wait(site.PATIENCE)
                if ended == 0:
                    self.tally.problems.append("a leader that was overtaken ended as if nothing were wrong")
                self._rest()
                self.tally.late += len([line for line in self._calls()[calls:] if self._of(line) <= epoch])
                self.standby = self._start()

    def _promote(self, epoch: int) -> None:
        self.leader = self.standby
        self._wait_epoch(epoch + 1)
        self.standby = self._start()

    def _replace_leader(self) -> None:
        """By one that has a death before it; the stand-by that waits must not come first."""
        self.standby.kill()
        self.leader.kill()
        epoch = self._epoch()
        self.leader = self._start()
        self._wait_epoch(epoch + 1)
        self._death = None
        self.standby = self._start()
        self._rest()

    def _check(self, order: str, mark: int) -> None:
        found = endstate.unlike_the_audit_log(self.where, after=mark)
        if broken := endstate.broken_chain(self.where):
            found.append(f"the chain is broken: {broken}")
        epochs = [row[0] for row in self.where.rows("SELECT epoch FROM intents ORDER BY rowid")]
        if epochs != sorted(epochs):
            found.append("a stale intent: an older epoch's follows a newer one's")
        if left := self.where.rows("SELECT operation FROM intents WHERE result IS NULL"):
            found.append(f"intents without an outcome: {left}")
        self.tally.problems += [f"{self.where.namespace}, {order}: {problem}" for problem in found]

    # --- the site

    def _commit(self) -> None:
        self._version += 1
        version = f"v{self._version}"
        deployment = site.deployment(image=endings.image(version), replicas=1)
        self.where.application("web", [deployment, site.config_map("one", version=version)])
        self._good = self.where.commit(version)

    def _start(self) -> dying.Child:
        self._started += 1
        trace = self.where.folder / f"trace-{self._started}"
        return dying.Child(self.where.config, self.where.log_file, death=self._death, trace=trace)

    def _epoch(self) -> int:
        return int(self.where.rows("SELECT max(epoch) FROM leadership")[0][0] or 0)

    def _wait_epoch(self, epoch: int) -> None:
        self.where.wait(lambda: self._epoch() >= epoch, what=f"epoch {epoch}")

    def _rest(self) -> None:
        """In Git, in the cluster and in the journal the same; also after a late call was corrected."""
        self.where.wait_ledger(self._at_rest, what=f"v{self._version} being at rest", timeout=120)

    def _at_rest(self, ledger: records.Ledger) -> bool:
        found = self.where.live("configmaps", "one", group="v1")
        good = ledger.last_good
        return bool(
            good
            and good.revision == self._good
            and ledger.rollout is None
            and ledger.outcome is outcomes.Outcome.UNCHANGED
            and found
            and found["data"]["version"] == f"v{self._version}"
            and self.where.image() == endings.image(f"v{self._version}")
        )

    def _calls(self) -> list[dict[str, object]]:
        return self.where.counted_calls(after=0)

    def _of(self, line: dict[str, object]) -> int:
        """The epoch under which a call was intended."""
        found = self.where.rows("SELECT epoch FROM intents WHERE operation = ?", str(line["auditID"]))
        return int(found[0][0]) if found else 0


def _state(pid: int) -> str:
    """One letter of the kernel: T is stopped."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


def orders(count: int, *, seed: int) -> list[str]:
    """Every order equally often, mixed."""
    chosen = [ORDERS[number % len(ORDERS)] for number in range(count)]
    random.Random(seed).shuffle(chosen)  # noqa: S311 - an order, not a secret
    return chosen


def table(tally: Tally, *, seed: int, seconds: float) -> str:
    lines = [f"{'pauses of the leader, then':36} count"]
    lines += [f"{name:36} {count:5}" for name, count in sorted(tally.pauses.items())]
    lines += [
        "",
        f"{'late calls of an overtaken batch':36} {tally.late:5}",
        f"{'problems':36} {len(tally.problems):5}",
        f"seed {seed}, {seconds:.0f} s",
        *tally.problems,
    ]
    return "\n".join(lines)
