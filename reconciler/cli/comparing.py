"""`diff`: what differs between Git and a cluster, field by field."""

import asyncio
import difflib
import json
from collections.abc import Iterator
from typing import Annotated

import typer
from rich import text

from reconciler import errors
from reconciler.app.commands import comparing
from reconciler.cli import exits, options, screen
from reconciler.model import differences, ids, plans

SYMBOLS = {
    differences.Side.BOTH: ("~", "yellow"),
    differences.Side.GIT: ("+", "green"),
    differences.Side.CLUSTER: ("-", "red"),
}
STYLES = {"-": "red", "+": "green", "@": "cyan"}


def register(app: typer.Typer) -> None:
    app.command("diff")(diff)


def diff(
    target: options.TargetOrAll = None,
    config: options.Config = options.CONFIG,
    environment: options.Environment = None,
    application: options.Application = None,
    ref: Annotated[
        str, typer.Option("--ref", metavar="REF|SHA", help="A branch, or a commit of the deployed ref, to look at.")
    ] = "",
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Show what differs between Git and the cluster, field by field: `-` is the cluster's, `+` is what Git makes of it.

    Compared is what the API server would store, by a dry-run of what we own: its defaults, and fields of others, are no
    difference. Secrets are masked. `reconciler plan` looks at the same and says what would be done about it: actions,
    waves, hooks, holds. A target that is held has its differences here all the same. Writes nothing.

    Exit 0: nothing differs; 1: something does; 2: something could not be compared, whatever else is equal.

    Examples:

    * `reconciler diff production/web`
    * `reconciler diff --ref my-branch -e production`
    * `reconciler diff -o json | jq -r '.targets[].objects[] | "\\(.kind) \\(.name) \\(.fields[].path)"'`
    """
    try:
        with screen.progress("asking Git and the clusters"):
            found = asyncio.run(
                comparing.compare(
                    config,
                    target,
                    environment=environment,
                    wanted=ids.Choice(environment, application),
                    ref=ref,
                )
            )
    except errors.ReconcilerError as error:
        typer.echo(f"reconciler: {error}", err=True)
        raise typer.Exit(exits.NOT_COMPARED) from error
    if output is options.Output.JSON:
        screen.as_json(comparing.data(found))
    else:
        console = screen.console()
        for line in shown(found):
            console.print(line, soft_wrap=True)
    if not found.whole:
        raise typer.Exit(exits.NOT_COMPARED)
    if found.differ:
        raise typer.Exit(exits.DIFFERING)


def shown(found: comparing.Compared) -> Iterator[text.Text]:
    """One line of text each; long ones stay whole, so that they can be searched and copied."""
    for number, one in enumerate(found.found):
        if number:
            yield text.Text("")
        at = f" at {one.revision[:12]}" if one.revision else ""
        equal = "" if one.differences or one.uncompared else ": no difference"
        yield text.Text.assemble((str(one.target), "bold"), at, equal)
        for difference in one.differences:
            symbol, colour = SYMBOLS[difference.side]
            about = screen.plain(f"{difference.key} ({difference.because})")
            yield text.Text.assemble("  ", (symbol, colour), " ", about)
            for field in difference.fields:
                yield from _field(field)
        for because in one.uncompared:
            yield text.Text.assemble(("  ? not compared: ", "yellow"), screen.plain(because))
    for trouble in found.troubles:
        yield text.Text.assemble(("? ", "yellow"), screen.plain(trouble))


def _field(field: plans.FieldChange) -> Iterator[text.Text]:
    """A value a line; a text of several lines, as a file in a ConfigMap, by its lines that differ."""
    old, new = _lines(field.before), _lines(field.after)
    if max(len(old), len(new)) < 2:
        for sign, value in (("-", field.before), ("+", field.after)):
            if value is not None:
                yield text.Text.assemble("      ", screen.exact(f"{sign} {field.path}: {value}", STYLES[sign]))
        return
    yield text.Text.assemble("      ", screen.plain(f"{field.path}:"))
    for line in [*difflib.unified_diff(old, new, n=2, lineterm="")][2:]:
        yield text.Text.assemble("        ", screen.exact(line, STYLES.get(line[0], "dim")))


def _lines(value: str | None) -> list[str]:
    """The lines of a text, which a value is as JSON; a masked one is none, and stays as it is."""
    if value is None:
        return []
    try:
        decoded = json.loads(value)
    except ValueError:
        return [value]
    return decoded.splitlines() if isinstance(decoded, str) else [value]
