"""`plan`: what would change, before it does."""

import asyncio
import enum
from typing import Annotated

import typer

from reconciler.app.commands import previewing
from reconciler.cli import asking, exits, options, screen, trying
from reconciler.model import ids


class Output(enum.Enum):
    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def register(app: typer.Typer) -> None:
    app.command("plan")(plan)


def plan(
    config: options.Config = options.CONFIG,
    environment: options.Environment = None,
    application: options.Application = None,
    ref: Annotated[
        str, typer.Option("--ref", metavar="REF|SHA", help="A branch, or a commit of the deployed ref, to look at.")
    ] = "",
    sandbox: trying.Sandbox = False,
    repository: trying.Repository = "",
    output: Annotated[
        Output, typer.Option("--output", "-o", help="For a person, for a script, or for a pull request.")
    ] = Output.TEXT,
) -> None:
    """Show what would change: Git against the live cluster, dry-run and through the gates. Writes nothing.

    Works beside the daemon and without one. Secrets are masked. Exit 0: no change; 2: changes; 1: held or not known.
    With `--sandbox` against an empty cluster, which needs no credentials: whether everything renders and is accepted.

    Examples:

    * `reconciler plan -e production`
    * `reconciler plan --ref my-branch -o markdown > comment.md`
    * `reconciler plan -o json | jq '.targets[].counts'`
    * `reconciler plan --sandbox --repository .`
    """
    branch = ref if repository and not asking.SHA.fullmatch(ref) else ""
    its = trying.asked(config, sandbox=sandbox, repository=repository, ref=branch)

    async def previewed() -> previewing.Previews:
        async with trying.settings(its) as folder:
            return await previewing.preview(
                folder,
                environment=environment,
                wanted=ids.Choice(environment, application),
                ref=ref,
                empty_sandboxes=sandbox,
            )

    with screen.progress("asking Git and the clusters"):
        found = asyncio.run(previewed())
    if output is Output.JSON:
        screen.as_json(previewing.data(found))
    else:
        typer.echo(previewing.text(found) if output is Output.TEXT else previewing.markdown(found), nl=False)
    if found.held:
        raise typer.Exit(exits.FAILED)
    if found.changes:
        raise typer.Exit(exits.DIFFERENT)
