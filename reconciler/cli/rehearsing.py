"""`rehearse`: what would become of a change, before it is merged."""

from typing import Annotated

import typer

from reconciler.app.rehearsal import rehearsing
from reconciler.cli import exits, options, planning, screen
from reconciler.model import ids


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
        list[str] | None, typer.Option("--fault", metavar="FAULT", help="What is to go wrong; may be repeated.")
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show the fields that change, too.")] = False,
    from_cluster: Annotated[
        bool, typer.Option("--from-cluster", help="Begin with what the real clusters hold; they are only read.")
    ] = False,
    probes_answer: Annotated[
        bool, typer.Option("--probes-answer", help="Take HTTP probes as answered; else the verdict is not known.")
    ] = False,
    output: Annotated[
        planning.Output, typer.Option("--output", "-o", help="For a person, for a script, or for a pull request.")
    ] = planning.Output.TEXT,
) -> None:
    """Play a change through the whole daemon in virtual time, before it is merged: plan, rollout, revert, how long.

    A model of a cluster in this process stands in for the real one. Writes nothing. Exit 0: would succeed; 2: would
    not; 1: cannot tell.

    Faults befall the pods that are made from changed templates:

    * `crash-loop`, `image-pull-error`, `never-ready`, `job-fails`: what they do
    * `slow-start=90s`: they get ready after so long; `fails-later=5s`: they stay so for so long
    * `probe-fails`: HTTP probes are answered with an error
    * `api-outage=30s`: the API server is away for so long, from the first write on
    * `push-refused`: the Git server refuses the revert commit
    * `killed@record`, `killed@intent`, `killed@apply`, `killed@delete`, `killed@push`: the daemon dies right after its
      first one of these, and starts again

    Examples:

    * `reconciler rehearse --ref my-branch`
    * `reconciler rehearse --ref my-branch --fault crash-loop`
    * `reconciler rehearse -o markdown > comment.md`
    """
    wish = rehearsing.wish(
        environment=environment,
        wanted=ids.Choice(environment, application),
        ref=ref,
        given=tuple(fault or ()),
        from_cluster=from_cluster,
        probes_answer=probes_answer,
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
