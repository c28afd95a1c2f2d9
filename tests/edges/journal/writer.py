"""A process that writes to a journal until it is killed: `python -m tests.edges.journal.writer FILE LANES`.

It tells on its standard output what the journal has acknowledged, one line each. With lanes, each is an application of
its own, and they write beside each other.
"""

import asyncio
import dataclasses
import itertools
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.edges.journal import journal
from reconciler.model import ids, records
from tests.edges.journal import examples

ROOT = pathlib.Path(__file__).parents[3]
GROUP = 3


def keys() -> list[ids.ObjectKey]:
    return [examples.WEB._replace(name=f"web-{number}") for number in range(GROUP)]


async def write(path: pathlib.Path, *, lanes: int) -> None:
    tell("opening")
    memory = await journal.open_journal(path)
    epoch = await memory.lead(f"process {os.getpid()}")
    tell(f"led {epoch}")
    if lanes:
        await asyncio.gather(*(lane(memory, f"web-{number}", epoch=epoch) for number in range(lanes)))
    for number in itertools.count(1):
        step = f"{epoch}-{number}"
        operations = {f"{step}-{key.name}": key for key in keys()}
        await memory.intend([examples.intent(name, key=key) for name, key in operations.items()], epoch=epoch)
        tell(f"intended {step}")
        done = [
            records.Settled(name, records.Result.DONE, step, row=examples.row(key, uid=step))
            for name, key in operations.items()
        ]
        await memory.settle(done, epoch=epoch)
        tell(f"settled {step}")
        events = [examples.event(step), examples.event(step)]
        await memory.write(records.Ledger(examples.TARGET, because=step), events=events, epoch=epoch)
        tell(f"written {step}")


async def lane(memory: journal.SqlJournal, name: str, *, epoch: int) -> None:
    target = examples.TARGET._replace(application=name)
    for number in itertools.count(1):
        step = f"{epoch}-{number}-{name}"
        await memory.intend([dataclasses.replace(examples.intent(step), target=target)], epoch=epoch)
        tell(f"intended {step}")
        await memory.append([examples.event(step, target=target)], epoch=epoch)
        tell(f"appended {step}")


def tell(line: str) -> None:
    print(line, flush=True)


@contextmanager
def running(path: pathlib.Path, *, lanes: int = 0) -> Iterator["subprocess.Popen[str]"]:
    """The writer as a child process; killed with SIGKILL at the end at the latest."""
    command = [sys.executable, "-m", "tests.edges.journal.writer", str(path), str(lanes)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def lines_until(child: "subprocess.Popen[str]", word: str, *, count: int = 1) -> list[str]:
    """Its lines up to the `count`-th that begins with `word`."""
    assert child.stdout is not None
    lines: list[str] = []
    for line in child.stdout:
        lines.append(line.strip())
        count -= line.startswith(word)
        if not count:
            return lines
    raise AssertionError(f"the writer ended early, after {lines}")


if __name__ == "__main__":
    asyncio.run(write(pathlib.Path(sys.argv[1]), lanes=int(sys.argv[2])))
