"""A team's things in one folder: its Git repository with a work tree, and the daemon's settings."""

import os
import pathlib
import subprocess
from typing import Any

import yaml

ENVIRONMENT, CLUSTER = "production", "demo"
WHO = ("Dev", "dev@example.com")


class Team:
    """`cluster` is how the settings reach the cluster; `namespace` the one that the environment may write to."""

    def __init__(self, folder: pathlib.Path, *, cluster: dict[str, Any], namespace: str) -> None:
        self.folder = folder
        self.remote = folder / "git" / "desired.git"
        self.work = folder / "work"
        self.config = folder / "config"
        self.state = folder / "state"
        self.log_file = folder / "daemon.log"
        self._make_repository()
        self._configure(cluster, namespace)

    def _make_repository(self) -> None:
        self.remote.parent.mkdir(parents=True)
        self.work.mkdir()
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.remote))
        self.git("clone", "--quiet", str(self.remote), ".")
        self.git("checkout", "--quiet", "-B", "main")
        header = {"apiVersion": "reconciler.dev/v1", "kind": "Environment"}
        self.write(f"desired-state/{ENVIRONMENT}/environment.yaml", yaml.safe_dump(header))

    def _configure(self, cluster: dict[str, Any], namespace: str) -> None:
        """Short times, so that the story does not take long."""
        settings = {
            "stateDir": str(self.state),
            "repositories": {
                "desired": {"url": str(self.remote), "ref": "refs/heads/main", "poll": "1s", "allowLocal": True}
            },
            "clusters": {CLUSTER: cluster | {"namespace": namespace}},
            "environments": {
                ENVIRONMENT: {
                    "repository": "desired",
                    "cluster": CLUSTER,
                    "namespaces": [namespace],
                    "verify": {"progressDeadline": "45s", "observe": "2s", "restarts": 3},
                }
            },
            "metrics": {"address": "127.0.0.1:0"},
        }
        self.config.mkdir()
        (self.config / "deployment-config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))

    def git(self, *arguments: str, at: pathlib.Path | None = None) -> str:
        done = subprocess.run(  # noqa: S603 - arguments of the story
            ["git", *arguments],  # noqa: S607 - the PATH's, as the daemon takes it
            cwd=at or self.work,
            capture_output=True,
            text=True,
            check=True,
            env=_environment(),
        )
        return done.stdout.strip()

    def write(self, path: str, content: str) -> None:
        file = self.work / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    def commit(self, message: str) -> str:
        """Commit the work tree on top of the remote's head and push. Returns the revision."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        self.git("push", "--quiet", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def pull(self) -> str:
        self.git("pull", "--quiet", "--rebase", "origin", "main")
        return self.git("rev-parse", "HEAD")

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""


def _environment() -> dict[str, str]:
    """Nothing of the machine's own settings of git."""
    name, address = WHO
    who = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": address}
    whom = {"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": address}
    return os.environ | who | whom | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
