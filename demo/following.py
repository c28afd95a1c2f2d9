"""What the story sees: the events that the daemon records, and the pods that the cluster runs."""

import asyncio
import collections
import enum
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler import errors
from reconciler.edges.journal import journal as sql_journal
from reconciler.model import ids, records

AT_ONCE = 100
"""Events read in one look: more than one look's time brings."""


class Follower:
    """Reads the journal of a daemon that runs beside it, as `reconciler history` and `reconciler status` do."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._runner = asyncio.Runner()
        self._journal: sql_journal.SqlJournal | None = None
        self._after = 0

    def news(self) -> tuple[records.Event, ...]:
        """The events since the last look, oldest first; none while the daemon has not made its journal."""
        journal = self._opened()
        if journal is None:
            return ()
        found = self._runner.run(journal.events(after=self._after, limit=AT_ONCE))
        if found:
            self._after = found[-1].sequence
        return tuple(chained.event for chained in found)

    def ledger(self, target: ids.TargetKey) -> records.Ledger:
        """What the journal knows of the target now."""
        journal = self._opened()
        return self._runner.run(journal.ledger(target)) if journal else records.Ledger(target)

    def close(self) -> None:
        if self._journal:
            self._runner.run(self._journal.close())
        self._runner.close()

    def _opened(self) -> sql_journal.SqlJournal | None:
        if self._journal is None and self._path.exists():
            try:
                self._journal = self._runner.run(sql_journal.open_journal(self._path, read_only=True))
            except (errors.Transient, errors.JournalUnusable):
                return None  # the daemon is making it at this moment
        return self._journal


@dataclass(frozen=True, slots=True)
class View:
    """One look: what has happened since the last one, and how the target and its pods are now."""

    news: tuple[records.Event, ...]
    ledger: records.Ledger
    pods: "tuple[Pod, ...]"


def at_work(view: View) -> bool:
    """Whether the daemon has just read the repository."""
    return any(event.kind is records.EventKind.REVISION_SEEN for event in view.news)


class State(enum.Enum):
    """What a pod looks like to a person."""

    READY = "ready"
    STARTING = "starting"
    CRASHING = "crashing"
    ENDING = "ending"


@dataclass(frozen=True, slots=True)
class Pod:
    """`workload` is the part of the application (web, worker), `version` its image's tag."""

    workload: str
    version: str
    state: State
    name: str


def pods(listed: Sequence[dict[str, Any]]) -> tuple[Pod, ...]:
    """The pods of a list from the API server, sorted."""
    found = [
        Pod(
            workload=pod["metadata"]["labels"].get("app.kubernetes.io/component", "?"),
            version=pod["spec"]["containers"][0]["image"].rpartition(":")[2],
            state=_state(pod),
            name=pod["metadata"]["name"],
        )
        for pod in listed
    ]
    return tuple(sorted(found, key=lambda pod: (pod.workload, pod.version, pod.name)))


def workloads(found: Sequence[Pod]) -> tuple[str, ...]:
    return tuple(sorted({pod.workload for pod in found}))


def ready(found: Sequence[Pod], workload: str, *, version: str) -> int:
    """How many pods of `workload` and `version` serve."""
    return sum((pod.workload, pod.version, pod.state) == (workload, version, State.READY) for pod in found)


def only(found: Sequence[Pod], version: str, *, wanted: Mapping[str, int]) -> bool:
    """Whether every pod is of `version` and serves, in the `wanted` number by workload. Pods that end do not count."""
    there = [pod for pod in found if pod.state is not State.ENDING]
    right = [pod.workload for pod in there if pod.version == version and pod.state is State.READY]
    return len(right) == len(there) and collections.Counter(right) == collections.Counter(wanted)


def _state(pod: dict[str, Any]) -> State:
    if pod["metadata"].get("deletionTimestamp"):
        return State.ENDING
    status = pod.get("status", {})
    for container in status.get("containerStatuses", ()):
        if container.get("state", {}).get("waiting", {}).get("reason") == "CrashLoopBackOff":
            return State.CRASHING
    serves = any(found["type"] == "Ready" and found["status"] == "True" for found in status.get("conditions", ()))
    return State.READY if serves else State.STARTING
