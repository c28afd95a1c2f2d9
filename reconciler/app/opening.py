"""What most commands begin with, and all that many need: the settings and the journal. It loads little, so that those
answer at once."""

import contextlib
import pathlib
from collections.abc import AsyncIterator

from reconciler.edges import settings_files
from reconciler.edges.journal import journal as sql_journal
from reconciler.settings import deployment, tree


def check_config(config: pathlib.Path, *, desired_state: pathlib.Path) -> tree.CheckReport:
    """What `reconciler config check` tells of the two folders."""
    return settings_files.check(config, desired_state=desired_state)


def settings(config: pathlib.Path) -> deployment.Deployment:
    """The settings in the folder `config`. Raises `errors.InvalidInput` with every complaint."""
    return settings_files.SettingsFile(config).read()


@contextlib.asynccontextmanager
async def open_journal(its: deployment.Deployment, *, read_only: bool = False) -> AsyncIterator[sql_journal.SqlJournal]:
    """The journal, as a command beside the daemon uses it."""
    opened = await sql_journal.open_journal(pathlib.Path(its.journal_path), read_only=read_only)
    try:
        yield opened
    finally:
        await opened.close()
