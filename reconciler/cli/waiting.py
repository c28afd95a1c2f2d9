"""`wait`: for pipelines that go on only when a commit has arrived."""

import asyncio
import re
from typing import Annotated

import typer

from reconciler.app.commands import waiting
from reconciler.cli import exits, options, screen

SHA = re.compile(r"[0-9a-f]{40}")
PATIENCE = 600.0
"""Seconds: Kubernetes' own progress deadline."""
SYMBOLS = {
    waiting.Reached.YES: ("✓", "green"),
    waiting.Reached.NO: ("✗", "red"),
    waiting.Reached.NOT_YET: ("…", "yellow"),
}


def register(app: typer.Typer) -> None:
    app.command("wait")(wait)


def wait(
    targets: options.Targets,
    goal: Annotated[
        waiting.Goal,
        typer.Option(
            "--for",
            help="`healthy`: good, nothing under way, nothing held. `rolled-out`: good, whatever is held since."
            " `reverted`: failed, and the cluster and Git are back. `held`: waits for a person.",
        ),
    ] = waiting.Goal.HEALTHY,
    revision: Annotated[
        str,
        typer.Option(
            "--revision",
            "-r",
            metavar="SHA",
            help="The full SHA of the commit that is meant; a later one that is good counts. Left out: as it stands.",
        ),
    ] = "",
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout",
            metavar="DURATION",
            parser=options.duration,
            show_default="10m",
            help="How long to wait: 30s, 10m, 1h30m.",
        ),
    ] = PATIENCE,
    config: options.Config = options.CONFIG,
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Wait until the targets are as wanted. Ends early when the opposite has happened.

    After a push, name the commit: without `--revision` a target that the daemon has not looked at again is as healthy
    as before. Holds that end by themselves (an outage) are waited for; others end it with exit 2.

    Examples:

    * `reconciler wait production/web --revision $(git rev-parse HEAD) --timeout 15m`
    * `reconciler wait staging/web staging/worker --for rolled-out -r $(git rev-parse HEAD)`
    """
    if revision and not SHA.fullmatch(revision):
        raise typer.BadParameter(f"{revision!r} is no full commit SHA: write all 40 hexadecimal digits")
    with screen.progress("reading the journal") as progress:
        found = asyncio.run(
            waiting.wait(config, targets, goal=goal, revision=revision, within=timeout, waiting=progress.say)
        )
    if output is options.Output.JSON:
        screen.as_json(waiting.data(goal, found))
    else:
        console = screen.console()
        for key, verdict in found.items():
            symbol, colour = SYMBOLS[verdict.reached]
            console.print(screen.plain(symbol, colour), screen.plain(f"{key}: {verdict.because}"), soft_wrap=True)
    if any(verdict.reached is waiting.Reached.NO for verdict in found.values()):
        raise typer.Exit(exits.DIFFERENT)
    if waiting.open_ones(found):
        raise typer.Exit(exits.LATE)
