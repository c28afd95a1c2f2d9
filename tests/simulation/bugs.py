"""Bugs put in on purpose: each is found by a seed, or the simulation is worth nothing.

A bug is a change of the source of one module. It is put in by running the changed source in the place of the old one,
and taken out again in the same way.
"""

import contextlib
import importlib
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bug:
    """`seed`: the first one, counted from 0, that found it. `caught`: how its complaint begins."""

    name: str
    module: str
    before: str
    after: str
    seed: int
    caught: str


BUGS = (
    Bug(
        "an epoch that is over may write",
        "reconciler.edges.journal.statements",
        "    if (newest := epoch(tx)) != ours:",
        "    if (newest := epoch(tx)) < ours:",
        77,
        "I2",
    ),
    Bug(
        "a call is made before its intent is recorded",
        "reconciler.pipeline.applying",
        """    await here.journal.intend(intents, epoch=here.epoch)
    replies = await _replies(here.cluster_of(rollout.target), list(zip(changes, intents, strict=True)))
""",
        """    replies = await _replies(here.cluster_of(rollout.target), list(zip(changes, intents, strict=True)))
    await here.journal.intend(intents, epoch=here.epoch)
""",
        0,
        "I1",
    ),
    Bug(
        "an unknown outcome counts as done",
        "reconciler.pipeline.applying",
        "    return await cluster.apply(_manifest(change), operation=intent.operation, force=change.force)\n",
        """    try:
        return await cluster.apply(_manifest(change), operation=intent.operation, force=change.force)
    except errors.Transient:
        found = await cluster.read(change.key)
        if found is None:
            raise
        return live.Applied(found, created=False)
""",
        5,
        "truth",
    ),
    Bug(
        "what a dead process left open stays open",
        "reconciler.pipeline.cycle",
        "        ledger = await self._close_intents(ledger)\n",
        "",
        0,
        "I3",
    ),
    Bug(
        "a rewritten history is followed",
        "reconciler.pipeline.starting",
        "            descends = await repository.descends(choice.revision, ancestor=ledger.deployed)\n",
        "            await repository.descends(choice.revision, ancestor=ledger.deployed)\n",
        7,
        "I5",
    ),
    Bug(
        "the revert commit takes back what somebody has repaired meanwhile",
        "reconciler.pipeline.reverting",
        "        return prepared.inputs.digest == revert.failed.input_digest\n",
        "        return True\n",
        18,
        "I22",
    ),
    Bug(
        "an object that somebody deletes is not missed",
        "reconciler.pipeline.drift",
        'because = f"{seen.meta.key} was deleted" if seen.gone and _same(row, seen.meta) else ""',
        'because = ""',
        40,
        "truth",
    ),
    Bug(
        "half of the observation window is enough",
        "reconciler.rollout.rolling",
        "        left = window - rollout.spent\n",
        "        left = window / 2 - rollout.spent\n",
        0,
        "I24",
    ),
    Bug(
        "the prune limit lets everything pass",
        "reconciler.gates.gates",
        "        return rule(plan, facts)\n",
        "        verdict = rule(plan, facts)\n"
        "        return verdicts.Verdict(name, verdicts.Decision.PASS, '') if name == 'prune-limit' else verdict\n",
        8,
        "I7",
    ),
    Bug(
        "quarantined inputs are tried again",
        "reconciler.source.desired",
        "    quarantine = ledger.quarantine_of(head.digest)\n",
        "    quarantine = None if head.revision[0] in '01234567' else ledger.quarantine_of(head.digest)\n",
        1,
        "quarantine",
    ),
    Bug(
        "a target that is woken while a worker has it in hand is forgotten",
        "reconciler.daemon.queue",
        "        due = self.clock.monotonic() + after\n",
        "        if key in self._busy:\n            return\n        due = self.clock.monotonic() + after\n",
        0,
        "I3",
    ),
    Bug(
        "nobody rests after an outage",
        "reconciler.pipeline.patience",
        "        return max(min(at_least or 0.0, LONGEST), self.chance.jitter(rest))\n",
        "        return 0.1\n",
        36,
        "I20",
    ),
)


@contextlib.contextmanager
def put_in(bug: Bug) -> Iterator[None]:
    """The module behaves as the bug has it."""
    module = importlib.import_module(bug.module)
    source = pathlib.Path(str(module.__file__)).read_text()
    if source.count(bug.before) != 1:
        raise LookupError(f"{bug.name}: {bug.module} has its place {source.count(bug.before)} times: mend the bug")
    sound = dict(vars(module))
    exec(compile(source.replace(bug.before, bug.after), str(module.__file__), "exec"), vars(module))  # noqa: S102
    try:
        yield
    finally:
        vars(module).clear()
        vars(module).update(sound)
