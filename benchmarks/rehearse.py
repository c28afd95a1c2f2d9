"""An hour rehearsed: a release whose pods are slow and whose observation lasts an hour, with its return; no cluster."""

import pathlib
import resource
import subprocess
import sys
import tempfile
import time

from benchmarks import bench, figures

CONFIG = """\
stateDir: {folder}/state
repositories: {{desired: {{url: {folder}/work, ref: refs/heads/main, allowLocal: true}}}}
clusters: {{main: {{sandbox: true}}}}
environments:
  production: {{repository: desired, cluster: main, namespaces: [web], verify: {{observe: 1h}}}}
"""
ENVIRONMENT = "apiVersion: reconciler.dev/v1\nkind: Environment\n"
APPLICATION = """\
apiVersion: reconciler.dev/v1
kind: Application
namespace: web
source: {manifests: {}}
"""
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 3
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: app, image: "registry.example/web:{version}"}}]}}
"""
CASES = {"": "it succeeds", "crash-loop": "it is reverted"}


def made(folder: pathlib.Path) -> None:
    """A repository with a branch `change`, and settings for it."""
    work, root = folder / "work", folder / "work/desired-state/production"

    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=B", "-c", "user.email=b@localhost", "-C", str(work), *words], check=True
        )

    def commit(version: str) -> None:
        (root / "web/manifests/web.yaml").write_text(WEB.format(version=version))
        git("add", "--all")
        git("commit", "--quiet", "-m", version)

    (root / "web/manifests").mkdir(parents=True)
    (folder / "config").mkdir()
    (folder / "config/deployment-config.yaml").write_text(CONFIG.format(folder=folder))
    (root / "environment.yaml").write_text(ENVIRONMENT)
    (root / "web/application.yaml").write_text(APPLICATION)
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(work)], check=True)
    commit("v1")
    git("switch", "--quiet", "--create", "change")
    commit("v2")
    git("switch", "--quiet", "main")


def once(folder: pathlib.Path, fault: str) -> tuple[float, float]:
    """The whole command: seconds of processor, its git processes included, and of the clock on the wall."""
    words = [sys.executable, "-m", "reconciler", "rehearse", "-c", str(folder / "config"), "--ref", "change"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [*words, *(["--fault", fault] if fault else [])], check=False, capture_output=True, text=True, cwd=folder
    )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == (2 if fault else 0), done.stdout + done.stderr
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, seconds


def bare() -> float:
    """Processor of a command that does nothing: Python, and what every command imports."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "reconciler", "rehearse", "--help"], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(quick: bool) -> list[figures.Figure]:
    """Processor of `reconciler rehearse` for two hours of virtual time: the base comes to rest, then the change."""
    runs = 1 if quick else 5
    found = []
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as name:
        folder = pathlib.Path(name)
        made(folder)
        for fault, what in CASES.items():
            seen = [once(folder, fault) for _ in range(runs)]
            of = f"an hour rehearsed, {what}"
            found.append(figures.Figure(of, "processor, the whole command", tuple(s[0] for s in seen), "s", most=2))
            found.append(figures.Figure(of, "on the wall", tuple(s[1] for s in seen), "s"))
        found.append(
            figures.Figure("of that", "processor of `rehearse --help`", tuple(bare() for _ in range(runs)), "s")
        )
    return found


if __name__ == "__main__":
    bench.main(measure)
