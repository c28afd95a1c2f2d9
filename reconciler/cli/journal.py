"""`journal`: copies of the daemon's memory, and what to do when it was lost."""

import asyncio
import pathlib
from typing import Annotated

import typer

from reconciler.app.commands import keeping, rebuilding
from reconciler.cli import exits, options, screen

app = typer.Typer(no_args_is_help=True, help="The journal's file: backup, verification, rebuilding.")

File = Annotated[pathlib.Path, typer.Argument(metavar="FILE", help="A journal's file.")]


def register(its: typer.Typer) -> None:
    its.add_typer(app, name="journal")


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


@app.command("rebuild")
def rebuild(
    why: Annotated[str, typer.Option("--why", "-m", help="The reason, for the journal and for your colleagues.")],
    installation: Annotated[
        str,
        typer.Option(
            "--installation",
            metavar="UUID",
            help="Whose records are ours, after the journal was lost; no other reconciler may have this name.",
        ),
    ] = "",
    config: options.Config = options.CONFIG,
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Rebuild a journal that was lost, or restored from a backup, from target records, marks and Git.

    Restored are last good, quarantine, pauses, stops and the inventory; nothing is deployed. What was under way, asked
    or confirmed is dropped. Run it as the daemon's user, while no daemon runs: it holds with `journal-behind` or
    `foreign-installation` until then.

    Examples:

    * `reconciler journal rebuild --why "disk lost on Monday, backup of Sunday"`
    * `reconciler journal rebuild --why "disk lost" --installation 6f0d…`
    """
    with screen.progress("reading target records, marks and Git"):
        report = asyncio.run(rebuilding.rebuild(config, why=" ".join(why.split()), installation=installation))
    if output is options.Output.JSON:
        screen.as_json(rebuilding.data(report))
        return
    console = screen.console()
    for target, sentence in report.targets.items():
        console.print(screen.plain(f"{target}: {sentence}"), soft_wrap=True)
    for note in report.notes:
        console.print(screen.plain(f"? {note}"), soft_wrap=True)
    end = "start the daemon" if report.targets else "the journal knew as much: nothing was changed"
    console.print(screen.plain(f"installation {report.installation}: {end}"), soft_wrap=True)


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
