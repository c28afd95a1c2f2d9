"""`status` and `history`: what the journal says, with or without a running daemon."""

import asyncio
import contextlib
import datetime
import json
import pathlib
from collections.abc import Iterator
from typing import Annotated

import typer
from rich import console as consoles
from rich import live, padding, text

from reconciler.app.commands import showing
from reconciler.cli import exits, options, screen
from reconciler.model import document, ids, outcomes, records

SYMBOLS = {
    outcomes.Outcome.UNCHANGED: ("✓", "green"),
    outcomes.Outcome.ROLLED_OUT: ("✓", "green"),
    outcomes.Outcome.WAITING: ("…", "cyan"),
    outcomes.Outcome.HELD: ("‖", "yellow"),
    outcomes.Outcome.REVERTED: ("↩", "yellow"),
    outcomes.Outcome.FAILED: ("✗", "red"),
}
WIDE = 110
"""Columns from which the reason has a column of its own; below, it stands under its target."""
SHORT = 12
"""Digits of a revision: unique in every repository we know of."""
HEADINGS = ("  target", "outcome", "revision", "last good", "since")
UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def register(app: typer.Typer) -> None:
    app.command("status")(status)
    app.command("history")(history)


def status(
    config: options.Config = options.CONFIG,
    environment: options.Environment = None,
    application: options.Application = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on and show each change; Ctrl-C ends it.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 when a target is held or has failed.")] = False,
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Show every target: how its newest pass ended, what runs, what was good last, and what ends each hold.

    Reads the journal only: works beside the daemon and without one, and says which. With `--watch -o json`, one line
    of JSON for each change.

    Examples:

    * `reconciler status -e production`
    * `reconciler status --watch`
    * `reconciler status -o json | jq -r '.targets[].hold.command | values'`
    """
    wanted = ids.Choice(environment, application)
    if watch:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_watch(config, wanted, output))
        return
    found = asyncio.run(showing.status(config, wanted=wanted))
    if output is options.Output.JSON:
        screen.as_json(showing.status_data(found))
    else:
        console = screen.console()
        console.print(_whole(found, console.width), crop=False)
    if exit_code and not found.at_rest:
        raise typer.Exit(exits.FAILED)


async def _watch(config: pathlib.Path, wanted: ids.Choice, output: options.Output) -> None:
    """A live screen on a terminal; elsewhere each new state once, so that a log stays readable."""
    console = screen.console()
    states = showing.watch(config, wanted=wanted)
    if console.is_terminal and output is options.Output.TEXT:
        with live.Live(console=console, auto_refresh=False) as display:
            async for found in states:
                display.update(_whole(found, console.width, fold=True), refresh=True)
        return
    before: document.Json = {}
    async for found in states:
        data = showing.status_data(found)
        if data != before and output is options.Output.JSON:
            typer.echo(json.dumps(data, ensure_ascii=False))
        elif data != before:
            console.print(_whole(found, console.width), crop=False)
        before = data


def _whole(found: showing.Status, width: int, *, fold: bool = False) -> consoles.Group:
    """`fold`: commands wrap, because a live screen cuts what is longer than a line."""
    now = datetime.datetime.now(datetime.UTC)
    parts: list[consoles.RenderableType] = [_daemon(found), text.Text("")]
    if not found.ledgers:
        parts.append(text.Text("No target: nothing has been seen in Git yet, or the filter fits nothing."))
    elif width >= WIDE:
        parts.append(_wide(found, now))
    else:
        parts += _narrow(found, now, width)
    if holds := list(_holds(found, fold=fold)):
        parts += [text.Text(""), text.Text("held", style="bold"), *holds]
    return consoles.Group(*parts)


def _daemon(found: showing.Status) -> text.Text:
    if found.led:
        return text.Text(f"A daemon leads (epoch {found.epoch}).", style="dim")
    if found.led is None:
        return text.Text("Whether a daemon leads cannot be seen by this user.", style="yellow")
    return text.Text("No daemon leads: this is how the last one left it. Start one: reconciler run", style="yellow")


def _wide(found: showing.Status, now: datetime.datetime) -> consoles.RenderableType:
    grid = screen.grid(*HEADINGS, "because")
    for column in grid.columns[:-1]:
        column.no_wrap = True
    for ledger in found.ledgers:
        grid.add_row(*_cells(ledger, now), screen.plain(ledger.because))
    return grid


def _narrow(found: showing.Status, now: datetime.datetime, width: int) -> Iterator[consoles.RenderableType]:
    rows = [_cells(ledger, now) for ledger in found.ledgers]
    widths = [max(len(heading), *(len(row[at]) for row in rows)) for at, heading in enumerate(HEADINGS)]
    widths[0] = min(widths[0], width - sum(widths[1:]) - screen.GAP * (len(widths) - 1))
    yield screen.line([text.Text(heading, style="bold") for heading in HEADINGS], widths)
    for ledger, row in zip(found.ledgers, rows, strict=True):
        yield screen.line(row, widths)
        if ledger.because:
            yield padding.Padding(screen.plain(ledger.because, "dim"), (0, 0, 0, 4))


def _cells(ledger: records.Ledger, now: datetime.datetime) -> list[text.Text]:
    symbol, colour = SYMBOLS[ledger.outcome] if ledger.outcome else ("·", "dim")
    word = ledger.outcome.value if ledger.outcome else "not seen"
    return [
        text.Text.assemble((symbol, colour), " ", screen.plain(str(ledger.target))),
        text.Text(word, style=colour),
        text.Text(ledger.present.revision[:SHORT] if ledger.present else "–"),
        text.Text(ledger.last_good.revision[:SHORT] if ledger.last_good else "–"),
        text.Text(_age(ledger.since, now)),
    ]


def _age(at: str, now: datetime.datetime) -> str:
    """`3 m`: in the largest unit that fills once."""
    if not at:
        return "–"
    seconds = max(0.0, (now - datetime.datetime.fromisoformat(at)).total_seconds())
    size, unit = next(((size, unit) for size, unit in UNITS if seconds >= size), UNITS[-1])
    return f"{int(seconds // size)} {unit}"


def _holds(found: showing.Status, *, fold: bool) -> Iterator[consoles.RenderableType]:
    """Each hold with what ends it. The command stays on one line where it can, to be copied."""
    for ledger in found.ledgers:
        if ledger.hold is None:
            continue
        hold, key = ledger.hold, ledger.target
        yield text.Text.assemble("  ", (f"{key}", "bold"), f"  {hold.reason.value}", overflow="fold")
        yield padding.Padding(text.Text(outcomes.EXITS[hold.reason].ends), (0, 0, 0, 4))
        if command := hold.command(key.environment, key.application):
            yield text.Text(f"    $ {command}", style="cyan", no_wrap=not fold, overflow="fold" if fold else "ignore")


def history(
    target: options.Target,
    config: options.Config = options.CONFIG,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many events.")] = 20,
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Show what happened to a target, newest first.

    Examples:

    * `reconciler history production/web`
    * `reconciler history production/web -n 1000 -o json | jq -r '.[] | select(.kind == "rollout-failed") | .because'`
    """
    events = asyncio.run(showing.history(config, target, limit=limit))
    if output is options.Output.JSON:
        screen.as_json([showing.event_data(found) for found in events])
        return
    console = screen.console()
    if not events:
        console.print(f"{target}: nothing has happened yet.")
        return
    grid = screen.grid("at (UTC)", "event", "because")
    for column in grid.columns[:-1]:
        column.no_wrap = True
    for found in events:
        grid.add_row(
            screen.second(found.event.at), found.event.kind.value.replace("-", " "), screen.plain(found.event.because)
        )
    console.print(grid)
