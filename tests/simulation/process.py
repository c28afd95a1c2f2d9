"""One process of the daemon: the real one, on ports that die with it."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from reconciler import ports
from reconciler.model import document, ids, live, manifests, records
from reconciler.pipeline import telling
from reconciler.sandbox import cluster as sandbox
from reconciler.sandbox import objects, processes
from tests.simulation import story

Dead, Passing = processes.Dead, processes.Passing


@dataclasses.dataclass(slots=True)
class Process(processes.Process):
    """Tells what it does."""

    told: story.Story = dataclasses.field(kw_only=True)


class Journal(Passing):
    """Notes every ledger; nothing may be recorded under an epoch that is over (I2)."""

    def changes(self) -> Any:
        return self._inner.changes()

    async def write(self, new: records.Ledger, *, events: Sequence[records.Event], epoch: int) -> None:
        process = self._process

        async def call() -> None:
            await self._inner.write(new, events=events, epoch=epoch)
            told = process.told
            told.write(story.Written(told.now(), new, tuple(events), process.number))
            for event in events:
                told.tell(f"p{process.number} {telling.line(event)}")

        await process.through("journal", "write", call)

    async def append(self, events: Sequence[records.Event], *, epoch: int) -> None:
        async def call() -> None:
            await self._inner.append(events, epoch=epoch)
            for event in events:
                self._process.told.tell(f"p{self._process.number} {telling.line(event)}")

        await self._process.through("journal", "append", call)

    async def intend(self, intents: Sequence[records.Intent], *, epoch: int) -> None:
        async def call() -> None:
            await self._inner.intend(intents, epoch=epoch)
            if (newest := await self._inner.epoch()) != epoch:
                self._process.told.complain("I2", f"an intent was recorded in epoch {epoch} while {newest} led")

        await self._process.through("journal", "intend", call)

    async def lead(self, holder: str) -> int:
        return await self._process.through(
            "journal", "lead", lambda: self._inner.lead(f"process {self._process.number}")
        )


Look = Callable[[str], tuple[tuple[str, str, str, int, str, str | None] | None, int]]
"""What the journal has for an operation (see `story.Called.intent`), and its newest epoch."""


class Cluster(Passing):
    """The sandbox as one process reaches it; notes every counted call."""

    def __init__(self, process: Process, inner: sandbox.SandboxCluster, kept: objects.Objects, look: Look) -> None:
        super().__init__(process, inner, port="cluster")
        self._kept, self._look = kept, look
        self._facts: live.ClusterFacts | None = None
        self._watched: set[ports.Wanted] = set()

    @property
    def name(self) -> str:
        return str(self._inner.name)

    async def apply(self, manifest: manifests.Manifest, *, operation: str, force: bool) -> live.Applied | live.Refused:
        async def call() -> live.Applied | live.Refused:
            foreign = await self._foreign(manifest) if force else ""
            before = self._kept.get(manifest.key)
            self._process.told.sent.setdefault(manifest.key, []).append(manifest)
            reply: live.Applied | live.Refused = await self._inner.apply(manifest, operation=operation, force=force)
            self._note(
                records.Verb.APPLY,
                manifest.key,
                operation,
                before=before,
                digest=manifest.digest,
                force=force,
                foreign=foreign,
            )
            return reply

        return await self._process.through("cluster", "apply", call, manifest.key)

    async def delete(self, key: ids.ObjectKey, *, uid: str, operation: str, **more: Any) -> live.Deleted | live.Refused:
        async def call() -> live.Deleted | live.Refused:
            before = self._kept.get(key)
            reply: live.Deleted | live.Refused = await self._inner.delete(key, uid=uid, operation=operation, **more)
            self._note(records.Verb.DELETE, key, operation, before=before, uid=uid)
            return reply

        return await self._process.through("cluster", "delete", call, key)

    async def facts(self, *, fresh: bool = False) -> live.ClusterFacts:
        """Asked once: from then on no call, as on the edge."""
        if self._facts is None or fresh:
            found: live.ClusterFacts = await self._process.through(
                "cluster", "facts", lambda: self._inner.facts(fresh=fresh)
            )
            self._facts = found
        await self._process.gate()
        return self._facts

    async def watch(self, wanted: Iterable[ports.Wanted]) -> None:
        """What is watched already is no call either."""
        new = set(wanted) - self._watched
        if new:
            await self._process.through("cluster", "watch", lambda: self._inner.watch(new))
            self._watched |= new
        await self._process.gate()

    def meta(self, key: ids.ObjectKey) -> live.LiveMeta | None:
        self._process.check()
        found: live.LiveMeta | None = self._inner.meta(key)
        return found

    def listen(self, heard: Callable[[ports.Seen], None], *, lost: Callable[[ports.Lost], None]) -> None:
        def alive(told: ports.Seen | ports.Lost) -> None:
            if self._process.alive:
                heard(told) if isinstance(told, ports.Seen) else lost(told)

        self._inner.listen(alive, lost=alive)

    def followed(self, target: ids.TargetKey) -> Mapping[ids.ObjectKey, live.LiveObject]:
        self._process.check()
        found: Mapping[ids.ObjectKey, live.LiveObject] = self._inner.followed(target)
        return found

    async def _foreign(self, manifest: manifests.Manifest) -> str:
        """Which other Apply manager loses a field by this (I19)."""
        found = await self._inner.dry_run(manifest, force=False)
        conflicts = found.conflicts if isinstance(found, live.Refused) else ()
        return next((conflict.manager for conflict in conflicts if conflict.applied), "")

    def _note(
        self,
        verb: records.Verb,
        key: ids.ObjectKey,
        operation: str,
        *,
        before: objects.Stored | None,
        digest: str = "",
        force: bool = False,
        foreign: str = "",
        uid: str = "",
    ) -> None:
        after, told = self._kept.get(key), self._process.told
        intent, newest = self._look(operation)
        mark = document.text(before.body, "metadata", "annotations", ids.MARK) if before else ""
        told.called.append(
            story.Called(
                told.now(),
                self._process.number,
                operation,
                verb,
                key,
                digest,
                force,
                intent,
                newest,
                _version(before),
                _version(after),
                mark,
                uid,
                before.uid if before else "",
                foreign,
            )
        )
        changed = "" if _version(before) != _version(after) else " (no change)"
        told.tell(f"p{self._process.number} {verb.value} {key}{changed}")


def _version(found: objects.Stored | None) -> str:
    return document.text(found.body, "metadata", "resourceVersion") if found else ""


class Absent:
    """What the plain manifests of `scenery` need none of: renderers, keys, probes."""

    version = "none"

    def means(self, environment: str) -> str:
        return ""
