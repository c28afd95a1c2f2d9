"""Copies of the journal: made while the daemon goes on writing, and looked at before anybody relies on one."""

import contextlib
import os
import pathlib
from dataclasses import dataclass

from reconciler import errors
from reconciler.edges.journal import audit, database
from reconciler.edges.journal import journal as sql


@dataclass(frozen=True, slots=True)
class Copy:
    """What was found in a journal's file. `targets`: how many have a ledger."""

    installation: str
    epoch: int
    targets: int
    audit: audit.Audit


async def make(source: pathlib.Path, *, to: pathlib.Path) -> Copy:
    """A verified copy of the journal `source` at `to`, for its owner alone, or none.

    The copy is one consistent state, made without keeping a daemon from writing. Raises `errors.Terminal` when `to`
    exists or cannot be written, JournalUnusable when the source is damaged.
    """
    partial = _reserved(to)
    with contextlib.ExitStack() as undo:
        undo.callback(partial.unlink)
        with contextlib.closing(database.Database(source, read_only=True)) as base:
            base.copy_to(partial)
        found = await look(partial)
        if found.audit.broken:
            raise errors.JournalUnusable(f"The journal {source} is not what was recorded: {found.audit.broken.because}")
        os.rename(partial, to)
        undo.pop_all()
    folder = os.open(to.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name, too, survives a power cut
    finally:
        os.close(folder)
    return found


def _reserved(to: pathlib.Path) -> pathlib.Path:
    """An empty file beside `to`, for its owner alone: `to` itself appears when it is complete."""
    partial = to.with_name(f".{to.name}.partial")
    try:
        if os.path.lexists(to):
            raise errors.Terminal(f"{to} exists already: a backup overwrites nothing, name another file.")
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise errors.Terminal(f"The backup {to} cannot be made: {error.strerror}.") from error
    return partial


async def look(path: pathlib.Path) -> Copy:
    """Read all of the journal at `path`: the file's structure and every event. Raises JournalUnusable when it is no
    journal of this version, or is damaged."""
    opened = await sql.open_journal(path, read_only=True)
    try:
        await opened.inspect()
        verified = await audit.verify(opened)
        return Copy(opened.installation, await opened.epoch(), len(await opened.targets()), verified)
    finally:
        await opened.close()
