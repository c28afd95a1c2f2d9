"""`journal`: copies of the daemon's memory, and what to do when it was lost."""

import asyncio
import pathlib
from typing import Annotated

import typer

from reconciler.app import keeping
from reconciler.cli import exits, options, screen

app = typer.Typer(no_args_is_help=True, help="The journal's file: backup, verification, rebuilding.")

File = Annotated[pathlib.Path, typer.Argument(metavar="FILE", help="A journal's file.")]


@app.command("backup")
def backup(
    to: Annotated[pathlib.Path, typer.Argument(metavar="FILE", help="Where the copy goes; nothing may be there yet.")],
    config: options.Config = options.CONFIG,
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Copy the journal while the daemon runs, and verify the copy. It is one consistent state, in one file.

    The file appears when it is complete and verified, never before. Keep copies on another disk.

    Example:

    * `reconciler journal backup /backup/journal-$(date +%F-%H%M).db`
    """
    with screen.progress("copying the journal"):
        found = asyncio.run(keeping.copy(config, to))
    _show(to, found, output=output)


@app.command("verify")
def verify(file: File, output: options.OutputFormat = options.Output.TEXT) -> None:
    """Read all of a journal's file, a backup say: its structure and every event of its chain. Changes nothing.

    `reconciler audit verify` compares the journal in use with what the clusters remember of it.

    Example:

    * `reconciler journal verify /backup/journal-2026-01-01-0300.db`
    """
    with screen.progress("reading the file"):
        found = asyncio.run(keeping.look(file))
    _show(file, found, output=output)
    if found.audit.broken:
        raise typer.Exit(exits.FAILED)


def _show(path: pathlib.Path, found: keeping.Copy, *, output: options.Output) -> None:
    if output is options.Output.JSON:
        screen.as_json(keeping.data(path, found))
        return
    broken = found.audit.broken
    what = f"{found.audit.events} events, {found.targets} targets, epoch {found.epoch}"
    sentence = f"broken at event {broken.sequence}: {broken.because}" if broken else f"{what}, all sound"
    console = screen.console()
    console.print(screen.plain(f"{path}: {sentence}"), soft_wrap=True)
    console.print(f"installation {found.installation}", soft_wrap=True)
