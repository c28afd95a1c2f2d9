"""`audit verify` and `doctor`: is the memory what it was, and is everything there that the daemon needs?"""

import asyncio
import pathlib

import typer
from rich import padding, text

from reconciler.app.commands import auditing, doctoring
from reconciler.cli import exits, options, screen

SYMBOLS = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}

audit = typer.Typer(no_args_is_help=True, help="The journal as evidence.")


def register(app: typer.Typer) -> None:
    audit.command("verify")(verify)
    app.add_typer(audit, name="audit")
    app.command("doctor")(doctor)


@audit.callback()
def _group() -> None:
    """Keeps `verify` a command of its own: Typer would merge an only command into its group."""


def verify(config: options.Config = options.CONFIG, output: options.OutputFormat = options.Output.TEXT) -> None:
    """Verify that no event of the journal was changed, removed or replaced since it was recorded.

    Each event carries a hash over itself and the one before. That the end was not cut off, and the whole not made
    anew, is compared with what target records in the clusters remember, as far as they can be reached; which were, is
    said.

    Examples:

    * `reconciler audit verify`
    * `reconciler audit verify -o json | jq .sound`
    """
    with screen.progress("reading the journal and the target records"):
        report = asyncio.run(auditing.verify(config))
    broken = report.audit.broken
    if output is options.Output.JSON:
        screen.as_json(auditing.data(report))
    else:
        console = screen.console()
        if broken:
            console.print(_line(False, f"broken at event {broken.sequence}: {broken.because}"))
        else:
            console.print(_line(True, f"{report.audit.events} events, each fits the one before it"))
        for where in report.compared:
            console.print(_line(True if not broken else None, f"compared with {where}"))
        for why in report.left_out:
            console.print(_line(None, f"not compared: {why}"))
    if broken:
        raise typer.Exit(exits.FAILED)


def doctor(config: options.Config = options.CONFIG, output: options.OutputFormat = options.Output.TEXT) -> None:
    """Check all that the daemon depends on: settings, state, journal, repositories, clusters, rights, versions, clock.

    Everything is asked at once and ends within 10 seconds, or a minute where much must be rendered to know which rights
    are needed. `✓` is well, `✗` must be repaired, `?` could not be found
    out. Changes nothing: run it before the daemon, beside it, or when something holds.

    Examples:

    * `reconciler doctor`
    * `reconciler doctor -o json | jq -r '.findings[] | select(.ok == false) | .remedy'`
    """
    groups = asyncio.run(_examine(config, shown=output is options.Output.TEXT))
    if output is options.Output.JSON:
        screen.as_json(doctoring.data(groups))
    if doctoring.failed(groups):
        raise typer.Exit(exits.FAILED)


async def _examine(config: pathlib.Path, *, shown: bool) -> list[tuple[str, tuple[doctoring.Finding, ...]]]:
    """Each group is shown as soon as it is there."""
    console, groups = screen.console(), []
    with screen.progress("asking repositories and clusters"):
        async for name, findings in doctoring.examine(config):
            groups.append((name, findings))
            for finding in findings if shown else ():
                subject = name if finding.subject == name else f"{name}: {finding.subject}"
                console.print(_line(finding.ok, f"{subject}: {finding.because}"))
                if finding.remedy and finding.ok is not True:
                    first, *rest = finding.remedy.splitlines()
                    console.print(padding.Padding(screen.plain(f"→ {first}", "dim"), (0, 0, 0, 2)))
                    for line in rest:  # to be pasted: as it is, and broken by nobody
                        console.print(screen.exact(f"  {line}", "dim"), soft_wrap=True)
    return groups


def _line(ok: bool | None, sentence: str) -> text.Text:
    symbol, colour = SYMBOLS[ok]
    return text.Text.assemble((symbol, colour), " ", screen.plain(sentence))
