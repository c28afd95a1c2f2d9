"""A set-up to measure: a control plane whose audit log also has the reads, a repository of any size, a daemon."""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import re
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks import figures
from tests.clusterkit import access, controlplane
from tests.support import site

NAMESPACE = "bench"
RECORDS = "reconciler-records"
EVERYTHING = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
"""
"""Reads as well: a pass over what has not changed must send nothing at all."""

FILES = 100
"""Objects in one file of manifests."""


@contextlib.contextmanager
def cluster(*, controllers: bool = False) -> Iterator[access.ClusterAccess]:
    """A fresh control plane with a namespace to measure in."""
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        policy = pathlib.Path(folder) / "audit-policy.yaml"
        policy.write_text(EVERYTHING)
        with controlplane.running(api_server_flags=[f"--audit-policy-file={policy}"], controllers=controllers) as ready:
            for name in (NAMESPACE, RECORDS):
                ready.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            yield ready


class Bench(site.Site):
    """A site whose objects are written as text: dumping 10,000 documents would take longer than what is measured."""

    def __init__(self, folder: pathlib.Path, ready: access.ClusterAccess) -> None:
        super().__init__(folder, ready, NAMESPACE)
        self.settings["clusters"]["test"]["namespace"] = RECORDS
        self.settings["repositories"]["desired"]["poll"] = "1m"  # commits are noticed by the watch of the files
        self.configure()

    def config_maps(self, application: str, count: int, *, changed: dict[int, str] | None = None) -> None:
        """`count` ConfigMaps of about 200 bytes, in files of 100; `changed` names other values for some."""
        header = {"apiVersion": "reconciler.dev/v1", "kind": "Application", "namespace": self.namespace}
        self.write(
            f"desired-state/{site.ENVIRONMENT}/{application}/application.yaml", header | {"source": {"manifests": {}}}
        )
        for start in range(0, count, FILES):
            self.write(
                f"desired-state/{site.ENVIRONMENT}/{application}/manifests/{start // FILES:04}.yaml",
                "---\n".join(
                    config_map(f"{application}-{number:05}", (changed or {}).get(number, "first"))
                    for number in range(start, min(start + FILES, count))
                ),
            )

    def fill(self, objects: int, *, applications: int = 10) -> list[str]:
        """`objects` ConfigMaps in `applications`; their names."""
        names = [f"app-{number:03}" for number in range(applications)]
        for name in names:
            self.config_maps(name, objects // applications)
        return names

    def touch(self, application: str, number: int, value: str) -> None:
        """Change one object."""
        file = self.work / f"desired-state/{site.ENVIRONMENT}/{application}/manifests/{number // FILES:04}.yaml"
        before = config_map(f"{application}-{number:05}", "")
        start = before.partition("value:")[0]
        text = file.read_text()
        at = text.index(start) + len(start)
        end = text.index("\n", at)
        file.write_text(f"{text[:at]}value: {value}{text[end:]}")

    def all_good(self, revision: str, names: Sequence[str], *, timeout: float = 600.0) -> None:
        """Wait until every application has `revision`'s inputs as last good and rests."""
        wanted = len(names)
        self.wait(
            lambda: (
                self.rows(
                    f"select count(*) from targets where last_good = '{revision}' and outcome = 'unchanged'"  # noqa: S608
                )[0][0]
                >= wanted
            ),
            what=f"all {wanted} applications being good at {revision[:12]}",
            timeout=timeout,
        )

    def start(self, **environment: str) -> None:
        """With compiled modules kept beside the sources, as an installation has them: where the environment forbids
        that, each start would compile everything."""
        super().start(**({"PYTHONDONTWRITEBYTECODE": ""} | environment))

    # --- what is measured

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def cpu(self) -> float:
        """Seconds of processor our daemon has used, without its children."""
        return sum(
            int((task / "schedstat").read_text().split()[0]) / 1e9
            for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir()
        )

    def children_cpu(self) -> float:
        """Seconds of processor that its ended children (git) have used, in steps of 10 ms."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Resident MiB."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1]) / 1024

    def metrics(self) -> str:
        """The daemon's metrics page; '' while it is not up."""
        found = re.findall(r"metrics on (http://\S+)", self.log())
        if not found:
            return ""
        try:
            with urllib.request.urlopen(found[-1], timeout=5) as page:  # noqa: S310 - our own, on loopback
                return str(page.read().decode())
        except OSError:
            return ""

    def in_sync(self) -> int:
        """Applications whose newest pass, in this process, found nothing to do."""
        return len(re.findall(r'^reconciler_target_outcome\{.*outcome="unchanged".*\} 1\.0$', self.metrics(), re.M))

    def moved_at(self) -> float:
        """When the branch of the remote was moved: seconds since 1970."""
        return (self.remote / "refs/heads/main").stat().st_mtime_ns / 1e9

    def asked(self, *, after: int) -> list[dict[str, Any]]:
        """Everything the daemon asked of the API server, reads included, but target records and leases of watches
        that were open before."""
        return [
            line
            for line in self.cluster.audit_lines(after=after)
            if line.get("userAgent", "").startswith("reconciler/")
            and line["stage"] != "ResponseStarted"
            and line["verb"] != "watch"
        ]

    def writes(self, *, after: int) -> list[dict[str, Any]]:
        """Its writes of managed objects, without dry-runs."""
        return [
            line
            for line in self.asked(after=after)
            if line["verb"] in ("patch", "delete")
            and "dryRun" not in line["requestURI"]
            and line.get("objectRef", {}).get("namespace") == self.namespace
        ]


def seconds(stamp: str) -> float:
    """A time of the audit log or of the journal, as seconds since 1970."""
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def config_map(name: str, value: str) -> str:
    """About 200 bytes."""
    return (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n"
        f"  filler: {'x' * 96}\n  name: {name}\n  value: {value}\n"
    )


@contextlib.contextmanager
def bench(ready: access.ClusterAccess) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        made = Bench(pathlib.Path(folder), ready)
        try:
            yield made
        finally:
            made.close()


def main(measure: Callable[[bool], list[figures.Figure]]) -> None:
    """Run one benchmark and print its table."""
    parser = argparse.ArgumentParser(description=measure.__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that it works")
    parser.add_argument("--json", type=pathlib.Path, help="a file to write the figures to as well")
    asked = parser.parse_args()
    found = measure(asked.quick)
    if asked.json:
        asked.json.write_text(json.dumps(figures.plain(found), ensure_ascii=False))
    print(figures.table(found))
    print(f"\nload average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; n: samples")
