"""A person's desk: settings, a local Git repository and a journal in one folder, and the commands run on them."""

import asyncio
import os
import pathlib
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import yaml
from typer import testing

from reconciler.cli import main
from reconciler.edges.journal import journal as sql_journal
from reconciler.model import ids, outcomes, records

T = TypeVar("T")
WEB = ids.TargetKey("production", "web")
AT = "2026-01-01T10:00:00.000Z"
A, B = "a" * 40, "b" * 40
GOOD = records.Good(A, "inputs-a", "manifests-a", AT)
PRESENT = records.Present(A, "inputs-a", "manifests-a", complete=True)
WELL = records.Ledger(
    WEB, present=PRESENT, last_good=GOOD, deployed=A, outcome=outcomes.Outcome.UNCHANGED, because="in sync", since=AT
)
NOBODY = """\
apiVersion: v1
kind: Config
current-context: none
contexts: [{name: none, context: {cluster: none, user: none}}]
clusters: [{name: none, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: none, user: {token: none}}]
"""
"""A kubeconfig of a server that is not there."""


def held(reason: outcomes.HoldReason, because: str, *, digest: str = "", revision: str = B) -> records.Ledger:
    """The target at last good, and held."""
    hold = outcomes.Hold(reason, because, revision, digest)
    return replace(WELL, outcome=outcomes.Outcome.HELD, because=because, hold=hold)


class Desk:
    """`kubeconfig` and `namespace` '': there is no cluster."""

    def __init__(self, folder: pathlib.Path, *, kubeconfig: str = "", namespace: str = "web") -> None:
        self.config, self.state = folder / "config", folder / "state"
        self.remote, self.work = folder / "desired.git", folder / "work"
        self.namespace = namespace
        if not kubeconfig:
            (folder / "nobody.yaml").write_text(NOBODY)
        self.settings: dict[str, Any] = {
            "stateDir": str(self.state),
            "repositories": {"desired": {"url": str(self.remote), "ref": "refs/heads/main", "allowLocal": True}},
            "clusters": {"main": {"kubeconfig": kubeconfig or str(folder / "nobody.yaml"), "namespace": namespace}},
            "environments": {
                "production": {
                    "repository": "desired",
                    "cluster": "main",
                    "namespaces": [namespace],
                    "prune": {"count": 2, "percent": "50%"},
                    "verify": {"observe": "0s"},
                }
            },
        }
        self.config.mkdir()
        self.configure()

    def configure(self) -> None:
        (self.config / "deployment-config.yaml").write_text(yaml.safe_dump(self.settings))

    # --- commands

    def run(self, *arguments: str, columns: int = 80, **environment: str) -> testing.Result:
        """A command in this process, as on a terminal of so many columns that is none."""
        its = {"RECONCILER_CONFIG": str(self.config), "XDG_CACHE_HOME": str(self.config.with_name("cache"))}
        variables = its | {"COLUMNS": str(columns), "NO_COLOR": "1"} | environment
        return testing.CliRunner().invoke(main.app, list(arguments), env=variables)

    # --- the journal

    def journal(self, work: Callable[[sql_journal.SqlJournal, int], Awaitable[T]]) -> T:
        """Do something as the leader, and stop leading."""

        async def led() -> T:
            journal = await sql_journal.open_journal(self.state / "journal.db")
            try:
                return await work(journal, await journal.lead("the test"))
            finally:
                await journal.close()

        return asyncio.run(led())

    def remember(self, *ledgers: records.Ledger, events: tuple[records.Event, ...] = ()) -> None:
        async def write(journal: sql_journal.SqlJournal, epoch: int) -> None:
            for ledger in ledgers:
                await journal.write(ledger, events=events, epoch=epoch)

        self.journal(write)

    def requests(self) -> tuple[records.Request, ...]:
        async def read(journal: sql_journal.SqlJournal, epoch: int) -> tuple[records.Request, ...]:
            return await journal.open_requests()

        return self.journal(read)

    # --- Git

    def git(self, *arguments: str, at: pathlib.Path | None = None) -> str:
        names = {"GIT_AUTHOR_NAME": "Dev", "GIT_AUTHOR_EMAIL": "dev@example.com"}
        names |= {"GIT_COMMITTER_NAME": "Dev", "GIT_COMMITTER_EMAIL": "dev@example.com"}
        environment = os.environ | names | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        done = subprocess.run(
            ["git", *arguments], cwd=at or self.work, capture_output=True, text=True, check=True, env=environment
        )
        return done.stdout.strip()

    def commit(self, files: Mapping[str, str], *, branch: str = "main") -> str:
        """Commit these files on top of the branch (made from main) and push. Returns the revision."""
        if not self.work.exists():
            self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.remote), at=self.config)
            self.work.mkdir()
            self.git("clone", "--quiet", str(self.remote), ".")
        known = self.git("branch", "--list", branch)
        self.git("checkout", "--quiet", *([] if known else ["-b"]), branch)
        for path, text in files.items():
            (self.work / path).parent.mkdir(parents=True, exist_ok=True)
            (self.work / path).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "change")
        self.git("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
        return self.git("rev-parse", "HEAD")

    def application(self, *manifests: Mapping[str, Any], name: str = "web") -> dict[str, str]:
        """The files of an application of plain manifests."""
        header = {"apiVersion": "reconciler.dev/v1", "kind": "Environment"}
        application = {
            "apiVersion": "reconciler.dev/v1",
            "kind": "Application",
            "namespace": self.namespace,
            "source": {"manifests": {}},
        }
        folder = f"desired-state/production/{name}"
        return {
            "desired-state/production/environment.yaml": yaml.safe_dump(header),
            f"{folder}/application.yaml": yaml.safe_dump(application),
            f"{folder}/manifests/all.yaml": yaml.safe_dump_all(manifests),
        }


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
