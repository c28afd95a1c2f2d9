"""Where it happens: a control plane, a temporary repository with the folder in it, and the daemon.

Everything ends with the block; what a crash leaves is removed by the next start (`tests/clusterkit/processes.py`).
"""

import contextlib
import functools
import http
import json
import os
import pathlib
import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import yaml

from reconciler import yamltext
from reconciler.model import ids, outcomes, records, rollouts
from tests.clusterkit import access, controlplane, processes
from tests.support import audit, kustomize, site
from wild import cloud
from wild import source as sources

RECORDS = "reconciler"
"""The reconciler's own namespace."""
WELL = 15.0
"""Seconds that applied objects get to become healthy: kwok's pods are ready within one, and what waits for a controller
that does not run waits for ever here."""
APPLIED = (rollouts.Phase.WATCHING, rollouts.Phase.OBSERVING)
FLAGS = ("--allow-privileged=true",)
"""As every distribution has it: storage and network drivers need it."""
DEFINITION = "CustomResourceDefinition"


class Ground:
    """The place of one try."""

    def __init__(self, team: site.Site, source: sources.Source, *, namespace: str) -> None:
        self.team = team
        self.source = source
        self.namespace = namespace
        self.target = ids.TargetKey(site.ENVIRONMENT, source.name)

    @property
    def folder(self) -> pathlib.Path:
        """The application's, in the work tree."""
        return self.team.work / f"desired-state/{self.target}"

    def configure(self, *, namespaces: Collection[str], cluster_kinds: Collection[ids.KindKey]) -> None:
        """What the team's disk allows."""
        limits = self.team.settings["environments"][site.ENVIRONMENT]
        limits["namespaces"] = sorted(namespaces)
        limits["clusterKinds"] = sorted(str(kind) for kind in cluster_kinds)
        self.team.configure()

    def commit_source(self) -> str:
        """The folder as it is, and an application that deploys it."""
        settings = sources.application(self.source, namespace=self.namespace)
        tree = self.team.work / sources.TREE
        if self.source.root.is_dir():
            shutil.copytree(self.source.root, tree, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        else:
            tree.mkdir()
            shutil.copy(self.source.root, tree)
        for number, values in enumerate(self.source.values):
            self.team.write(f"desired-state/{self.target}/values-{number}.yaml", values.read_text())
        self._write_application(settings)
        return self.team.commit(f"{self.source.name}, as it is")

    def commit_nothing_new(self, message: str) -> str:
        """New inputs that render to the same objects."""
        (self.folder / "NOTES.md").write_text(f"A commit that changes no object.\n\n{message}\n")
        return self.team.commit(message)

    def commit_removal(self) -> str:
        """All objects taken out of Git. One takes their place: rendering to nothing never deletes (I6)."""
        self._write_application(
            {
                "apiVersion": "reconciler.dev/v1",
                "kind": "Application",
                "namespace": self.namespace,
                "source": {"manifests": {}},
            }
        )
        self.team.write(f"desired-state/{self.target}/manifests/rest.yaml", site.config_map("wild-rest", kept="yes"))
        return self.team.commit("Everything goes")

    def _write_application(self, settings: Mapping[str, Any]) -> None:
        self.team.write(f"desired-state/{self.target}/application.yaml", yaml.safe_dump(dict(settings)))

    def make_namespaces(self, names: Collection[str]) -> None:
        """Those that do not exist; what runs in them may start at once."""
        for name in sorted(names):
            if self.team.cluster.get(f"/api/v1/namespaces/{name}") is None:
                self.team.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for name in sorted(names):
            self.team.cluster.wait_for(
                functools.partial(self.team.cluster.pods_can_run_in, name),
                what=f"namespace {name}",
            )

    def give(self) -> None:
        """What the cluster has before. Definitions first, then the rest once they are served."""
        documents = [found for path in self.source.given for found in _documents(path)]
        ordered = sorted(documents, key=lambda found: found["kind"] != DEFINITION)
        for found in ordered:
            served = functools.partial(self._given, found)
            self.team.cluster.wait_for(served, what=f"{found['kind']} {found['metadata']['name']} being accepted")

    def _given(self, found: dict[str, Any]) -> bool:
        try:
            self.team.cluster.apply(found, manager="given")
        except access.RefusedError as refused:
            if refused.status == http.HTTPStatus.NOT_FOUND:
                return False  # its definition is not served yet
            raise
        return True

    def plan(self) -> dict[str, Any]:
        """What `reconciler plan` says of the target."""
        done = self.team.command("plan", "-o", "json", timeout=300)
        try:
            found = json.loads(done.stdout)
        except ValueError:
            return {"holds": [{"reason": "no plan", "because": (done.stderr or done.stdout).strip()[-2000:]}]}
        for target in found["targets"]:
            if target["target"] == str(self.target):
                return dict(target)
        return {"holds": [{"reason": "no plan", "because": "; ".join(found["troubles"]) or "the target is not seen"}]}

    def settled(
        self, revision: str, *, patience: float, held_for: float, past: outcomes.Hold | None = None
    ) -> records.Ledger:
        """The ledger once `revision` is good; applied, and not healthy after `WELL`; or, for `held_for` seconds, held
        by the same hold or waiting for the health of the same wave. As it is when `patience` is over.

        `past`: a hold that was answered, and is not believed.
        """
        deadline, before, since = time.monotonic() + patience, "", 0.0

        def at_rest() -> records.Ledger | None:
            nonlocal before, since
            ledger, now = self.team.ledger(self.target.application), time.monotonic()
            good = ledger.last_good is not None and ledger.last_good.revision == revision and ledger.rollout is None
            its = ledger.rollout if ledger.rollout and ledger.rollout.revision == revision else None
            state, long_enough = "", held_for
            if its and its.phase in APPLIED:
                state, long_enough = f"applied {revision}", WELL
            elif its and its.phase is rollouts.Phase.SETTLING and not ledger.hold:
                state = f"settling {its.wave} {ledger.because}"
            elif ledger.hold is not None:
                state = f"{ledger.hold.reason.value} {ledger.hold.because}"
                long_enough = 1.0 if ledger.hold.revision == revision and ledger.hold != past else held_for
            if state != before:
                before, since = state, now
            over = now > deadline or (state and now - since >= long_enough)
            return ledger if good or over else None

        return self.team.wait(at_rest, what="the target being at rest", timeout=patience + 10)

    def calls(self, *, after: int) -> tuple[dict[str, Any], ...]:
        """The daemon's creates, patches and deletes of managed objects, from the audit log (C1)."""
        return tuple(self.team.calls(audit.Call.COUNTED, after=after))

    def memory(self) -> int | None:
        """The most that the daemon has held in memory, in MiB; None where the system does not tell (no Linux)."""
        process = self.team.process
        status = pathlib.Path(f"/proc/{process.pid}/status") if process else None
        if status is None or not status.exists():
            return None
        found = [line.split() for line in status.read_text().splitlines()]
        return next((int(line[1]) // 1024 for line in found if line and line[0] == "VmHWM:"), None)

    def quiet(self, *, after: int, seconds: float, patience: float) -> None:
        """Wait until the daemon has made no counted call for `seconds`."""
        seen, since = -1, time.monotonic()

        def nothing_new() -> bool:
            nonlocal seen, since
            if (now := len(self.calls(after=after))) != seen:
                seen, since = now, time.monotonic()
            return time.monotonic() - since >= seconds

        with contextlib.suppress(TimeoutError):
            self.team.cluster.wait_for(nothing_new, patience, what="no more calls")


def _documents(path: pathlib.Path) -> list[dict[str, Any]]:
    files = [path] if path.is_file() else sorted(path.rglob("*.y*ml"))
    values = [found.value for file in files for found in yamltext.load_all(file.read_text(), str(file))]
    return [value for value in values if isinstance(value, dict) and "kind" in value and "metadata" in value]


@contextlib.contextmanager
def ready(source: sources.Source, *, namespace: str) -> Iterator[Ground]:
    """A control plane and an empty repository; the daemon is not started."""
    if source.shape is sources.Shape.KUSTOMIZATION and shutil.which("kustomize") is None:
        os.environ["PATH"] += f"{os.pathsep}{kustomize.binary().parent}"
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(controlplane.running(api_server_flags=FLAGS))
        stack.enter_context(cloud.over(cluster))
        folder = stack.enter_context(processes.owned_folder())
        team = site.Site(folder, cluster, RECORDS)
        team.settings["environments"][site.ENVIRONMENT]["verify"] = {
            "progressDeadline": "1h",  # a try ends before: nothing fails, nothing is quarantined
            "observe": "0s",
            "restarts": 3,
        }
        stack.callback(_stopped, team)
        yield Ground(team, source, namespace=namespace)


def start(ground: Ground) -> None:
    """The daemon; its number is kept for the start after a crash of ours."""
    ground.team.start()
    if ground.team.process is not None:
        with (ground.team.folder / "pids").open("a") as pids:
            pids.write(f"{ground.team.process.pid}\n")


def _stopped(team: site.Site) -> None:
    try:
        team.stop()
    finally:
        team.kill()


def version(cluster: access.Client) -> str:
    return str(access.expected("GET /version", cluster.request("GET", "/version"))["gitVersion"])
