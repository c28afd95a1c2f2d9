"""The port: asyncio outside, threads inside. Questions to the mirror run beside each other, changes one by one."""

import asyncio
import concurrent.futures
import functools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from reconciler import ports
from reconciler.edges.git import answers, hints, kept, place, process, reading, remote, signatures, trees, writing
from reconciler.edges.git import mirror as mirrors
from reconciler.model import sources

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

THREADS = 4


class GitRepository:
    """Fulfils `ports.Repository`. A mirror that is missing, behind or damaged is fetched or cloned again on the way:
    every question about a revision can be asked without a `fetch` before it."""

    def __init__(self, where: place.Place) -> None:
        self._place = where
        self._mirror = mirrors.Mirror(where)
        self._reader = kept.Kept(where.mirror)
        self._known = trees.Known()
        self._changing = asyncio.Lock()
        self._threads = concurrent.futures.ThreadPoolExecutor(THREADS, thread_name_prefix=f"git-{where.name}")

    @property
    def name(self) -> str:
        return self._place.name

    @property
    def ref(self) -> str:
        return self._place.ref

    async def head(self) -> str:
        return await self._call(remote.head)

    def hints(self) -> AsyncIterator[None]:
        return hints.moves(self._place)

    async def default_ref(self) -> str:
        """The branch that is checked out there, fully qualified; of the ref of this one nothing is asked."""
        return await self._call(remote.default_ref)

    async def fetch(self, revision: str) -> None:
        async with self._changing:
            await self._fetch(revision)

    async def holds(self, revision: str) -> bool:
        return await self._call(reading.has, place.checked_revision(revision))

    async def keep(self, revision: str) -> None:
        async with self._changing:
            await self._healing(revision, writing.keep, revision)

    async def check_signatures(self, revision: str) -> None:
        async with self._changing:
            await self._healing(revision, signatures.check, revision)

    async def prove_signing(self) -> str:
        """The key that signs our own commits, once it has been shown that they would be trusted. Terminal if not."""
        async with self._changing:
            return await self._call(signatures.prove)

    async def descends(self, revision: str, *, ancestor: str) -> bool:
        return await self._read(revision, reading.descends, revision, ancestor=ancestor)

    async def oids(self, revision: str, paths: Sequence[str]) -> Mapping[str, str]:
        return await self._read(revision, reading.oids, revision, paths, known=self._known)

    async def reached(self, revision: str, paths: Sequence[str]) -> Mapping[str, sources.Reached]:
        return await self._read(revision, reading.reached, revision, paths, known=self._known)

    async def folders(self, revision: str, path: str) -> tuple[str, ...]:
        return await self._read(revision, reading.folders, revision, path)

    async def files(self, revision: str, paths: Sequence[str]) -> tuple[sources.File, ...]:
        return await self._read(revision, reading.files, revision, paths, known=self._known)

    async def commit_info(self, revision: str) -> sources.CommitInfo:
        (found,) = await self._read(revision, reading.log, revision, older="", limit=1)
        return found

    async def log(self, newer: str, *, older: str, limit: int) -> tuple[sources.CommitInfo, ...]:
        return await self._read(newer, reading.log, newer, older=older, limit=limit)

    async def commit_restoring(self, *, parent: str, paths: Sequence[str], source: str, message: str) -> str:
        async with self._changing:
            return await self._healing(
                parent, writing.commit_restoring, parent=parent, paths=paths, source=source, message=message
            )

    async def push(self, revision: str, *, expected: str) -> ports.Pushed:
        place.checked_revision(revision)
        place.checked_revision(expected)
        async with self._changing:
            return await self._call(remote.push, revision, expected=expected)

    async def close(self) -> None:
        """Let go of the mirror. Call it when no question is open."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._reader.close()
        self._mirror.close()

    async def _read(
        self,
        revision: str,
        question: Callable[Concatenate[process.Git, Given], Answer],
        *args: Given.args,
        **kwargs: Given.kwargs,
    ) -> Answer:
        """Ask; on an absent revision or a damaged mirror, mend it under the lock and ask once more."""
        try:
            return await self._call(question, *args, **kwargs)
        except (answers.Absent, answers.Damaged):
            async with self._changing:
                return await self._healing(revision, question, *args, **kwargs)

    async def _healing(
        self,
        revision: str,
        question: Callable[Concatenate[process.Git, Given], Answer],
        *args: Given.args,
        **kwargs: Given.kwargs,
    ) -> Answer:
        """The same for a caller that holds the lock already."""
        try:
            return await self._call(question, *args, **kwargs)
        except answers.Absent:
            await self._fetch(revision)
        except answers.Damaged as damage:
            self._mirror.set_aside(damage)
            await self._fetch(revision)
        return await self._call(question, *args, **kwargs)

    async def _fetch(self, revision: str) -> None:
        try:
            await self._call(self._fetch_once, revision)
        except answers.Damaged as damage:
            self._mirror.set_aside(damage)
            await self._call(self._fetch_once, revision)

    def _fetch_once(self, git: process.Git, revision: str) -> None:
        try:
            if remote.fetch(git, revision):
                self._mirror.roll_up(git)
        except BaseException:
            self._mirror.tidy()  # an interrupted fetch leaves its pack behind, and nothing in git removes it
            raise

    async def _call(
        self,
        question: Callable[Concatenate[process.Git, Given], Answer],
        *args: Given.args,
        **kwargs: Given.kwargs,
    ) -> Answer:
        """Run `question` in a thread. Cancelling kills its git, and waits until that is done."""
        loop = asyncio.get_running_loop()
        lock = self._mirror.held
        if lock is None:
            lock = await loop.run_in_executor(self._threads, self._mirror.lock)
        git = process.Git(self._place, lock=lock, reader=self._reader)
        answer = loop.run_in_executor(self._threads, functools.partial(self._prepared, git, question, *args, **kwargs))
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            git.halt()
            await asyncio.wait([answer])
            if not answer.cancelled():
                answer.exception()  # seen: asyncio would report it as lost
            raise

    def _prepared(
        self,
        git: process.Git,
        question: Callable[Concatenate[process.Git, Given], Answer],
        *args: Given.args,
        **kwargs: Given.kwargs,
    ) -> Answer:
        self._mirror.ready(git)
        return question(git, *args, **kwargs)
