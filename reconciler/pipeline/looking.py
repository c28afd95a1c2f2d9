"""What is there of a target, with the reason at each leaf that fails. Asks and lists; writes nothing."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Iterable
from typing import TypeVar

from reconciler import errors, kinds, ports
from reconciler.model import health, ids, live, records, rollouts, trees
from reconciler.pipeline import world
from reconciler.verify import branches, family, judgement

T = TypeVar("T")
AT_ONCE = 8
"""Questions under way: a person can wait, a cluster has others to serve."""
LEAVES = 5
"""Failing leaves of one target that are asked for their reasons; the others of a broken release say the same."""
LINES = 10
"""Last lines shown of one log."""
EVENTS = 5
"""Newest events shown of one object."""


async def look(here: world.World, target: ids.TargetKey) -> trees.Tree:
    """The objects that the journal says are the target's."""
    rows = await here.journal.inventory(target)
    patience = _patience(here, await here.journal.ledger(target))
    return await grown(here.cluster_of(target), target, [row.key for row in rows], patience=patience)


async def grown(
    cluster: ports.Cluster, target: ids.TargetKey, inventory: Iterable[ids.ObjectKey], *, patience: judgement.Patience
) -> trees.Tree:
    """The tree of these objects. What cannot be read is said at its place."""
    keys = sorted(inventory, key=kinds.sorting)
    try:
        await cluster.facts()
    except errors.ReconcilerError as error:
        unknown = tuple(trees.Node(key, health.State.UNKNOWN, "could not be read") for key in keys)
        return trees.Tree(target, unknown, (str(error),))
    asking = _Asking(cluster)
    found = await asking.found(keys)
    nodes = branches.grow(keys, found, patience=patience)
    failing = [node.key for node in branches.leaves(nodes)]
    because = f"not asked: {len(failing)} objects fail, and the first {LEAVES} were asked"
    proven: dict[ids.ObjectKey, tuple[trees.Evidence, ...]] = {
        key: (trees.Evidence("logs and events", (), because),) for key in failing[LEAVES:]
    }
    for key, answer in zip(
        failing, await asyncio.gather(*(asking.evidence(found, key) for key in failing[:LEAVES])), strict=False
    ):
        proven[key] = answer
    return trees.Tree(target, tuple(_with(node, proven) for node in nodes))


def _patience(here: world.World, ledger: records.Ledger) -> judgement.Patience:
    """As the daemon judges a rollout that is under way; without one, everything has had its time."""
    verify = here.settings.environments[ledger.target.environment].verify
    rollout = ledger.rollout
    observing = rollout is None or rollout.phase is rollouts.Phase.OBSERVING
    spent = rollout.spent if rollout else verify.progress_deadline
    return judgement.Patience(verify.restarts, spent, verify.progress_deadline, observing)


def _with(node: trees.Node, proven: dict[ids.ObjectKey, tuple[trees.Evidence, ...]]) -> trees.Node:
    children = tuple(_with(child, proven) for child in node.children)
    return dataclasses.replace(node, children=children, evidence=proven.get(node.key, ()))


class _Asking:
    """Every answer is a value: an error is one, too."""

    def __init__(self, cluster: ports.Cluster) -> None:
        self._cluster = cluster
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def found(self, keys: Iterable[ids.ObjectKey]) -> branches.Found:
        names = tuple(keys)
        spans = branches.spans(names)
        reads = await asyncio.gather(*(self._answer(self._cluster.read(key)) for key in names))
        lists = await asyncio.gather(*(self._answer(self._cluster.every(*span)) for span in spans))
        objects: dict[ids.ObjectKey, live.LiveObject] = {}
        for listed in lists:
            if not isinstance(listed, str):
                objects |= {one.meta.key: one for one in listed}
        objects |= {key: one for key, one in zip(names, reads, strict=True) if isinstance(one, live.LiveObject)}
        return branches.Found(
            objects,
            {key: said for key, said in zip(names, reads, strict=True) if isinstance(said, str)},
            {span: said for span, said in zip(spans, lists, strict=True) if isinstance(said, str)},
        )

    async def evidence(self, found: branches.Found, key: ids.ObjectKey) -> tuple[trees.Evidence, ...]:
        """Logs, where it is a pod; and events."""
        one = found.objects.get(key)
        if one is None:
            return ()
        asked = branches.questions(one.document()) if key.kind_key == family.POD else ()
        return (*[await self._log(key, question) for question in asked], await self._events(one.meta))

    async def _log(self, pod: ids.ObjectKey, question: branches.Question) -> trees.Evidence:
        title = f"log of container {question.container}" + (", the run before" if question.previous else "")
        answer = await self._answer(
            self._cluster.tail(pod, container=question.container, previous=question.previous, lines=LINES)
        )
        if isinstance(answer, str):
            return trees.Evidence(title, (), f"could not be read: {answer}")
        cut = "its newest lines are missing: the log was cut" if answer.cut else ""
        return trees.Evidence(title, answer.lines, cut or ("" if answer.lines else "it is empty"))

    async def _events(self, about: live.LiveMeta) -> trees.Evidence:
        answer = await self._answer(self._cluster.happenings(about))
        if isinstance(answer, str):
            return trees.Evidence("events", (), f"could not be read: {answer}")
        lines = tuple(_line(happening) for happening in answer[:EVENTS])
        return trees.Evidence("events", lines, "" if lines else "there are none (a cluster forgets them after an hour)")

    async def _answer(self, question: Awaitable[T]) -> T | str:
        """The answer, or why there is none."""
        async with self._slots:
            try:
                return await question
            except errors.ReconcilerError as error:
                return str(error)


def _line(one: live.Happening) -> str:
    times = f" ({one.count} times)" if one.count > 1 else ""
    at = one.at[: len("2026-01-01T10:00:00")].replace("T", " ")
    return f"{at} {'Warning ' if one.warning else ''}{one.reason}{times}: {one.message}"
