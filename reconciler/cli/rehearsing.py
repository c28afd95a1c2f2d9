"""`rehearse`: what would become of a change, before it is merged."""

from typing import Annotated

import typer

from reconciler.app import rehearsing
from reconciler.cli import exits, options, planning, screen


def register(app: typer.Typer) -> None:
    app.command("rehearse")(rehearse)


def rehearse(
    config: options.Config = options.CONFIG,
    environment: options.Environment = None,
    application: options.Application = None,
    ref: Annotated[
        str,
        typer.Option("--ref", metavar="REF|SHA", help="Branch, tag or commit. Left out: what is checked out here."),
    ] = "",
    fault: Annotated[
        list[str] | None, typer.Option("--fault", metavar="FAULT", help=f"Let go wrong: {rehearsing.FAULTS}.")
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show the fields that change, too.")] = False,
    output: Annotated[
        planning.Output, typer.Option("--output", "-o", help="For a person, for a script, or for a pull request.")
    ] = planning.Output.TEXT,
) -> None:
    """Play a change through the whole daemon in virtual time, before it is merged: plan, rollout, revert, how long.

    A model of a cluster in this process stands in for the real one. Writes nothing. Exit 0: would succeed; 2: would
    not; 1: cannot tell.

    Examples:

    * `reconciler rehearse --ref my-branch`
    * `reconciler rehearse --ref my-branch --fault crash-loop`
    * `reconciler rehearse -o markdown > comment.md`
    """
    wish = rehearsing.wish(
        environment=environment, wanted=options.wanted(environment, application), ref=ref, given=tuple(fault or ())
    )
    with screen.progress("rehearsing"):
        found = rehearsing.rehearse(config, wish)
    if output is planning.Output.JSON:
        screen.as_json(rehearsing.data(found))
    else:
        shown = rehearsing.text(found, width=screen.console().width, diff=diff)
        typer.echo(shown if output is planning.Output.TEXT else rehearsing.markdown(found), nl=False)
    code = {rehearsing.Sum.GOOD: exits.OK, rehearsing.Sum.BAD: exits.DIFFERENT}.get(rehearsing.summed(found))
    raise typer.Exit(exits.FAILED if code is None else code)
