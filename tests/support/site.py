"""A team's whole set-up for one test: a Git repository, a configuration, a daemon as a process, a real cluster."""

import asyncio
import contextlib
import datetime
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import yaml

from reconciler import errors
from reconciler.edges.journal import journal as sql_journal
from reconciler.model import ids, outcomes, records
from tests.clusterkit import access
from tests.support import audit

T = TypeVar("T")
ENVIRONMENT = "production"
PATIENCE = 120.0
"""Seconds a journey waits for a condition: far beyond what it takes, so that only a stuck daemon meets it."""


class Site:
    """`environments` maps an environment to its namespace; all share one repository and one cluster."""

    def __init__(self, folder: pathlib.Path, cluster: access.ClusterAccess, namespace: str) -> None:
        self.folder = folder
        self.cluster = cluster
        self.namespace = namespace
        self.remote = folder / "git" / "desired.git"
        self.work = folder / "work"
        self.config = folder / "config"
        self.state = folder / "state"
        self.log_file = folder / "daemon.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._make_repository()
        self.settings: dict[str, Any] = {
            "stateDir": str(self.state),
            "repositories": {
                "desired": {
                    "url": str(self.remote),
                    "ref": "refs/heads/main",
                    "poll": "1s",
                    "allowLocal": True,
                }
            },
            "clusters": {"test": cluster.how_to_reach | {"namespace": namespace}},
            "environments": {
                ENVIRONMENT: {
                    "repository": "desired",
                    "cluster": "test",
                    "namespaces": [namespace],
                    "verify": {"progressDeadline": "60s", "observe": "0s", "restarts": 2},
                }
            },
            "metrics": {"address": "127.0.0.1:0"},
        }
        self.configure()

    # --- configuration

    def configure(self) -> None:
        """Write `settings` to the daemon's disk."""
        self.config.mkdir(exist_ok=True)
        (self.config / "deployment-config.yaml").write_text(yaml.safe_dump(self.settings))

    # --- Git

    def git(self, *arguments: str, at: pathlib.Path | None = None) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=at or self.work, capture_output=True, text=True, check=True, env=_git_environment()
        )
        return done.stdout.strip()

    def _make_repository(self) -> None:
        self.remote.parent.mkdir(parents=True)
        self.work.mkdir()
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.remote))
        self.git("clone", "--quiet", str(self.remote), ".")
        self.git("checkout", "--quiet", "-B", "main")
        self.write(f"desired-state/{ENVIRONMENT}/environment.yaml", _header("Environment"))

    def write(self, path: str, content: str | Sequence[dict[str, Any]] | dict[str, Any]) -> None:
        """A file of the work tree: text, one YAML document or several."""
        file = self.work / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            file.write_text(content)
        else:
            file.write_text(yaml.safe_dump_all([content] if isinstance(content, dict) else content))

    def application(
        self, name: str, manifests: str | Sequence[dict[str, Any]], *, environment: str = ENVIRONMENT, **settings: Any
    ) -> None:
        """An application of plain manifests."""
        folder = f"desired-state/{environment}/{name}"
        source: dict[str, Any] = {"source": {"manifests": {}}}
        header = _header("Application") | {"namespace": self.namespace} | source | settings
        self.write(f"{folder}/application.yaml", header)
        self.write(f"{folder}/manifests/all.yaml", manifests)

    def remove(self, path: str) -> None:
        """Take a file or a folder out of the work tree."""
        self.git("rm", "-r", "--quiet", "--force", path)

    def commit(self, message: str) -> str:
        """Commit the work tree on top of the remote's head and push. Returns the revision."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        self.git("push", "--quiet", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def pull(self) -> str:
        self.git("pull", "--quiet", "--rebase", "origin", "main")
        return self.git("rev-parse", "HEAD")

    def head(self) -> str:
        return self.git("rev-parse", "refs/heads/main", at=self.remote)

    # --- the daemon

    def start(self, **environment: str) -> None:
        """Start `reconciler run` as a process of its own."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "reconciler", "run", "--config", str(self.config)],
                stdout=log,
                stderr=log,
                env=os.environ | environment,
                start_new_session=True,
            )

    def kill(self) -> None:
        """As a power cut would: SIGKILL, no goodbye."""
        if self.process and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has only just started, and leads no group yet
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout=15)

    def command(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run another `reconciler` command beside the daemon."""
        return subprocess.run(
            [sys.executable, "-m", "reconciler", *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=os.environ
            | {"RECONCILER_CONFIG": str(self.config), "NO_COLOR": "1", "XDG_CACHE_HOME": str(self.folder / "cache")},
            check=False,
        )

    def plan(self) -> str:
        """What `reconciler plan` prints."""
        return self.command("plan").stdout

    def log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""

    # --- what came of it

    def ledger(self, application: str = "web") -> records.Ledger:
        """What the journal knows of the application now: `web`, or `staging/web` of another environment."""
        environment, _, name = application.rpartition("/")
        return asyncio.run(self._ledger(ids.TargetKey(environment or ENVIRONMENT, name)))

    async def _ledger(self, key: ids.TargetKey) -> records.Ledger:
        journal = await sql_journal.open_journal(self.state / "journal.db", read_only=True)
        try:
            return await journal.ledger(key)
        finally:
            await journal.close()

    def rows(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        """Read the journal's tables; `values` fill the statement's question marks."""
        with sqlite3.connect(f"file:{self.state / 'journal.db'}?mode=ro", uri=True) as opened:
            return list(opened.execute(statement, values))

    def wait(self, condition: Callable[[], T | None], *, what: str, timeout: float = PATIENCE) -> T:
        """Wait for `condition`; fails with the daemon's log."""

        def looked() -> T | None:
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"the daemon ended with {self.process.returncode}\n{self.log()[-6000:]}")
            try:
                return condition()
            except (FileNotFoundError, sqlite3.OperationalError, errors.ReconcilerError):
                return None

        try:
            return self.cluster.wait_for(looked, timeout, what=what)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.log()[-6000:]}") from error

    def wait_ledger(
        self,
        condition: Callable[[records.Ledger], object],
        *,
        what: str,
        application: str = "web",
        timeout: float = PATIENCE,
    ) -> records.Ledger:
        """Wait until the application's ledger fulfils `condition`."""

        def looked() -> records.Ledger | None:
            ledger = self.ledger(application)
            return ledger if condition(ledger) else None

        return self.wait(looked, what=f"{application}: {what}", timeout=timeout)

    def wait_good(self, revision: str, application: str = "web") -> records.Ledger:
        """Wait until `revision` is last good and nothing is under way."""
        return self.wait_ledger(
            lambda ledger: ledger.last_good and ledger.last_good.revision == revision and ledger.rollout is None,
            what=f"{revision[:12]} being good",
            application=application,
        )

    def ask(self, kind: records.RequestKind, application: str = "web", *, argument: str = "") -> str:
        """Ask the daemon, as the commands do, for less than their second of start-up; its answer."""
        key = ids.TargetKey(ENVIRONMENT, application)
        at = datetime.datetime.now(datetime.UTC).isoformat()
        request = records.Request(str(uuid.uuid4()), kind, key, "alice", "the test wants it", at, argument)
        asyncio.run(self._ask(request))
        asked = f"SELECT answer FROM requests WHERE id = '{request.id}'"  # noqa: S608 - our own UUID
        return self.wait(lambda: str(self.rows(asked)[0][0]), what=f"an answer to {kind.value}")

    async def _ask(self, request: records.Request) -> None:
        journal = await sql_journal.open_journal(self.state / "journal.db")
        try:
            await journal.ask(request)
        finally:
            await journal.close()

    def live(self, plural: str, name: str, *, group: str = "apps/v1") -> dict[str, Any] | None:
        prefix = "/api/v1" if group == "v1" else f"/apis/{group}"
        return self.cluster.get(f"{prefix}/namespaces/{self.namespace}/{plural}/{name}")

    def image(self, name: str = "web") -> str:
        deployment = self.live("deployments", name)
        return deployment["spec"]["template"]["spec"]["containers"][0]["image"] if deployment else ""

    def counted_calls(self, *, after: int) -> list[dict[str, Any]]:
        """The daemon's creates, patches and deletes of managed objects, from the audit log (C1)."""
        return [line for line in self.calls(audit.Call.COUNTED, after=after) if self._inside(line)]

    def calls(self, *sorts: audit.Call, after: int) -> list[dict[str, Any]]:
        """The daemon's calls of these sorts, wherever they go; reads are not in the log."""
        return [line for line in audit.ours(self.cluster.audit_lines(after=after)) if audit.sort(line) in sorts]

    def _inside(self, line: dict[str, Any]) -> bool:
        return bool(line.get("objectRef", {}).get("namespace") == self.namespace)

    def events(self, kind: records.EventKind, application: str = "web") -> list[str]:
        """The reasons of the application's events of that kind, oldest first."""
        found = self.rows("SELECT kind, application, because FROM events ORDER BY sequence")
        return [because for of, about, because in found if (of, about) == (kind.value, application)]

    def wait_hold(
        self, reason: outcomes.HoldReason, application: str = "web", *, timeout: float = PATIENCE
    ) -> outcomes.Hold:
        """Wait until the application holds for that reason."""
        ledger = self.wait_ledger(
            lambda found: found.hold and found.hold.reason is reason,
            what=f"hold {reason.value}",
            application=application,
            timeout=timeout,
        )
        assert ledger.hold is not None
        return ledger.hold

    def wait_in_sync(self, application: str = "web") -> records.Ledger:
        """Wait until the newest pass found nothing to do."""
        return self.wait_ledger(
            lambda found: found.outcome is outcomes.Outcome.UNCHANGED and found.rollout is None,
            what="being in sync",
            application=application,
        )

    def close(self) -> None:
        self.kill()


def deployment(
    name: str = "web", *, image: str = "registry.example/web:v1", replicas: int = 2, **spec: Any
) -> dict[str, Any]:
    """A Deployment whose pods behave by the end of their image's tag (tests/control-plane/kwok.yaml)."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": image}]}},
        }
        | spec,
    }


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def _header(kind: str) -> dict[str, Any]:
    return {"apiVersion": "reconciler.dev/v1", "kind": kind}


def _git_environment() -> dict[str, str]:
    who = {"GIT_AUTHOR_NAME": "Dev", "GIT_AUTHOR_EMAIL": "dev@example.com"}
    whom = {"GIT_COMMITTER_NAME": "Dev", "GIT_COMMITTER_EMAIL": "dev@example.com"}
    return os.environ | who | whom | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
