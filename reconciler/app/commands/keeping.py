"""The journal's file as something to keep: copies of it, and what is in one."""

import pathlib

from reconciler.app import opening
from reconciler.edges.journal import backup
from reconciler.model import document

Copy = backup.Copy


async def copy(config: pathlib.Path, to: pathlib.Path) -> Copy:
    """A verified copy of the journal in use."""
    return await backup.make(pathlib.Path(opening.settings(config).journal_path), to=to)


async def look(path: pathlib.Path) -> Copy:
    """What is in a copy."""
    return await backup.look(path)


def data(path: pathlib.Path, found: Copy) -> document.Json:
    """For scripts. Names are stable."""
    broken = found.audit.broken
    return {
        "file": str(path),
        "sound": broken is None,
        "installation": found.installation,
        "epoch": found.epoch,
        "targets": found.targets,
        "events": found.audit.events,
        "head": found.audit.head,
        "broken": {"sequence": broken.sequence, "because": broken.because} if broken else None,
    }
