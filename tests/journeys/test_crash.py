"""Killed at any boundary of any scenario, the next start ends where an undisturbed run does (I1, I2, I3, I22).

A boundary is a call of a port that changes something. "After" each of them is "before" the one that follows, so the
kills after every boundary of the table cover every gap between two effects.
"""

import pathlib
import re
import signal
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass, field, replace

import pytest

from reconciler.model import outcomes, records
from tests import conftest
from tests.clusterkit import access
from tests.support import dying, endings, endstate, site

LANES = 6
"""Kills at once: each mostly waits for pods and polls."""

BEGUN = ("lead", "append leading", "append revision-seen", "write rollout-started")
APPLIED = ("intend apply", "apply ConfigMap", "apply Deployment", "settle done")
WATCHED = ("write phase-entered",)
RECORDED = ("write_record", "write nothing new")
PRUNED = ("intend delete", "delete ConfigMap", "append pruned")


@dataclass(frozen=True, slots=True)
class Scenario:
    """`prepare` leads to a state at rest, `change` is what the dying daemon meets; both return the revision that is
    good in the end, '' where the one before stays."""

    prepare: Callable[[site.Site], str]
    change: Callable[[site.Site], str]
    boundaries: tuple[str, ...]
    told: tuple[str, ...] = ()
    """Boundaries at which somebody tells the daemon to end, instead of killing it (F04)."""
    reverted: bool = False
    healed: bool = False


def version(where: site.Site, name: str, *, maps: tuple[str, ...] = ("one",)) -> str:
    """Commit the application: a Deployment and ConfigMaps, all of which tell the version."""
    changing = [site.config_map(each, version=name) for each in maps]
    where.application("web", [site.deployment(image=endings.image(name)), *changing])
    return where.commit(name)


def nothing(where: site.Site) -> str:
    return ""


def edited(where: site.Site) -> str:
    """Somebody changes both objects while the daemon is away."""
    within = where.namespace
    where.cluster.patch(f"/api/v1/namespaces/{within}/configmaps/one", {"data": {"version": "edited"}})
    where.cluster.patch(f"/apis/apps/v1/namespaces/{within}/deployments/web", {"spec": {"minReadySeconds": 1}})
    change = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": endings.image("edited")}]}}}}
    path = f"/apis/apps/v1/namespaces/{within}/deployments/web?fieldManager=kubectl-edit"
    reply = where.cluster.request("PATCH", path, change, content_type="application/strategic-merge-patch+json")
    access.expected("edit", reply)
    return ""


SCENARIOS = {
    "install": Scenario(
        nothing,
        lambda where: version(where, "v1"),
        (*BEGUN, *APPLIED, *WATCHED, "keep", "write rolled-out", *RECORDED),
    ),
    "upgrade": Scenario(
        lambda where: version(where, "v1"),
        lambda where: version(where, "v2"),
        (*BEGUN, *APPLIED, *WATCHED, "keep", "write rolled-out", *RECORDED),
    ),
    "prune": Scenario(
        lambda where: version(where, "v1", maps=("one", "two")),
        lambda where: version(where, "v1"),
        (*BEGUN, "write phase-entered", *PRUNED, "settle done", "keep", "write rolled-out", *RECORDED),
    ),
    "heal": Scenario(
        lambda where: version(where, "v1"),
        edited,
        ("append drift-seen", "write rollout-started", *APPLIED, "keep", "write drift-healed", "write_record"),
        healed=True,
    ),
    "revert": Scenario(
        lambda where: version(where, "v1"),
        lambda where: version(where, "v2-crash-loop", maps=("one", "created")) and "",
        (
            "apply Deployment",
            "settle done",
            "write rollout-failed+quarantined+rollout-started",
            "write_record",
            "intend apply (2)",
            "apply Deployment (2)",
            "settle done (2)",
            "write phase-entered (2)",
            "apply ConfigMap (3)",
            "intend apply (3)",
            "apply Deployment (3)",
            "settle done (3)",
            "commit_restoring",
            "intend push",
            "push",
            "write revert-pushed",
            *PRUNED,
            "keep",
            "write reverted",
            "write_record (2)",
        ),
        told=("apply Deployment (3)", "commit_restoring", "push"),
        reverted=True,
    ),
}


@dataclass(slots=True)
class Run:
    """One scenario carried out once, with or without a death in the middle."""

    scenario: Scenario
    where: site.Site
    death: dying.Death | None
    good: str = ""
    mark: int = 0
    outside: endstate.Outside = field(init=False)

    def __post_init__(self) -> None:
        self.outside = endstate.Outside(self.where, ("web", "one", "two", "created"))

    def go(self) -> "End":
        self.good = self.scenario.prepare(self.where)
        if self.good:
            self._live_to_the_end()
        self.mark = self.where.cluster.audit_mark()
        self.outside.mark()
        self.good = self.scenario.change(self.where) or self.good
        if self.death:
            self._start(self.death)
            assert self.where.process is not None
            ended = self.where.process.wait(site.PATIENCE)
            wanted = 0 if self.death.by is signal.SIGTERM else -self.death.by
            assert ended == wanted, f"ended with {ended} in place of {wanted}\n{self.where.log()[-3000:]}"
        self._live_to_the_end()
        return self._end()

    def _start(self, death: dying.Death | None) -> None:
        where = self.where
        trace = where.folder / "trace"
        trace.unlink(missing_ok=True)
        where.process = dying.Child(where.config, where.log_file, death=death, trace=trace)

    def _live_to_the_end(self) -> None:
        self._start(None)
        self.where.wait_ledger(self._at_rest, what="being at rest")
        if self.where.stop() != 0:
            raise AssertionError(f"SIGTERM: {self.where.log()[-3000:]}")

    def _at_rest(self, ledger: records.Ledger) -> bool:
        revert = ledger.git_revert
        pushed = revert is not None and revert.step is records.GitStep.PUSHED
        healed = self.where.rows("SELECT 1 FROM events WHERE kind = 'drift-healed'") if self.mark else True
        return bool(
            ledger.last_good
            and ledger.last_good.revision == self.good
            and ledger.rollout is None
            and ledger.outcome is outcomes.Outcome.UNCHANGED
            and ledger.hold is None
            and (not self.mark or not self.scenario.reverted or pushed)
            and (not self.scenario.healed or healed)
        )

    def _end(self) -> "End":
        where = self.where
        ledger = where.ledger()
        assert endstate.broken_chain(where) == ""
        assert where.rows("SELECT * FROM intents WHERE result IS NULL") == []
        epochs = [row[0] for row in where.rows("SELECT epoch FROM intents ORDER BY rowid")]
        assert epochs == sorted(epochs)
        self._check_audit()
        names = {self.good: "good", "": ""}
        subjects = where.git("log", "--format=%s", "main", at=where.remote).splitlines()
        return End(
            objects=tuple(sorted(self.outside.objects())),
            effects=self.outside.effects(),
            good=names.get(ledger.last_good.revision if ledger.last_good else "", "another"),
            quarantined=len(ledger.quarantined),
            commits=tuple(re.sub(r"[0-9a-f]{12}", "…", subject) for subject in subjects),
            inventory=tuple(row[0].replace(where.namespace, "…") for row in where.rows(INVENTORY)),
            record=self.outside.record(ledger),
        )

    def _check_audit(self) -> None:
        """Every counted call has one intent, and every intent that was carried out one call (I1)."""
        assert endstate.unlike_the_audit_log(self.where, after=self.mark) == []
        known = dict(self.where.rows("SELECT operation, result FROM intents WHERE verb != 'push'"))
        if self.death is None:
            assert set(known.values()) == {"done"}


INVENTORY = "SELECT object FROM inventory ORDER BY object"


@dataclass(frozen=True, slots=True)
class End:
    """What a run leaves behind; comparable between runs."""

    objects: tuple[str, ...]
    effects: dict[str, int]
    good: str
    quarantined: int
    commits: tuple[str, ...]
    inventory: tuple[str, ...]
    record: tuple[object, ...]

    def complaints(self, reference: "End") -> list[str]:
        """How this end differs from that of the undisturbed run. Fewer effects are allowed (a pause that is no longer
        needed), more are not."""
        found = [
            f"{name}: {getattr(self, name)} in place of {getattr(reference, name)}"
            for name in ("objects", "good", "quarantined", "commits", "inventory", "record")
            if getattr(self, name) != getattr(reference, name)
        ]
        more = {name: count for name, count in self.effects.items() if count > reference.effects.get(name, 0)}
        return found + ([f"doubled effects: {more}, undisturbed {reference.effects}"] if more else [])


@pytest.mark.once("what dies at a boundary must not be luck")
@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.row("F04")
def test_killed_after_each_boundary_it_ends_the_same(
    name: str, tmp_path: pathlib.Path, control_plane: access.ClusterAccess
) -> None:
    scenario = SCENARIOS[name]

    def carried_out(death: dying.Death | None) -> End:
        namespace = conftest.new_namespace(control_plane, name)
        where = site.Site(tmp_path / namespace, control_plane, namespace)
        try:
            return Run(scenario, where, death).go()
        finally:
            where.close()
            control_plane.delete(f"/api/v1/namespaces/{namespace}")

    reference = carried_out(None)
    deaths = [_after(boundary) for boundary in scenario.boundaries]
    deaths += [replace(_after(boundary), by=signal.SIGTERM) for boundary in scenario.told]
    with futures.ThreadPoolExecutor(LANES) as lanes:
        runs = {death: lanes.submit(carried_out, death) for death in deaths}
    problems = {f"{death.by.name} {death}": _problems(run, reference) for death, run in runs.items()}
    assert {death: found for death, found in problems.items() if found} == {}


def _after(boundary: str) -> dying.Death:
    found = re.fullmatch(r"(.*?)(?: \((\d+)\))?", boundary)
    assert found
    return dying.Death(found[1], after=True, nth=int(found[2] or 1))


def _problems(run: "futures.Future[End]", reference: End) -> list[str]:
    error = run.exception()
    return [f"{type(error).__name__}: {error}"] if error else run.result().complaints(reference)
